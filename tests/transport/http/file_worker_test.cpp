#include "http/file_worker.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <thread>
#include <vector>

using troupe::transport::file_worker;
using namespace std::chrono_literals;

namespace {

/// Work that lasts until the test lets it go on, as on a disk that hangs.
struct hanging {
  [[nodiscard]] file_worker::work work() const {
    return [started = started, go_on = go_on.get_future().share()] {
      started->set_value();
      go_on.wait();
    };
  }
  void await_start() const {
    REQUIRE(started->get_future().wait_for(10s) == std::future_status::ready);
  }
  std::shared_ptr<std::promise<void>> started = std::make_shared<std::promise<void>>();
  mutable std::promise<void> go_on;
};

} // namespace

TEST_CASE("work is done elsewhere, in the order given") {
  std::vector<int> done;
  std::promise<std::thread::id> last;
  file_worker worker{{.threads = 1}};

  for (int i = 0; i < 10; ++i)
    REQUIRE(worker.begin([&done, i] { done.push_back(i); }));
  REQUIRE(worker.begin([&last] { last.set_value(std::this_thread::get_id()); }));

  CHECK(last.get_future().get() != std::this_thread::get_id());
  CHECK(done == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("while too much waits nothing new begins, but what has begun goes on") {
  hanging disk;
  std::promise<void> went_on;
  file_worker worker{{.threads = 1, .most_waiting = 2}};
  REQUIRE(worker.begin(disk.work()));
  disk.await_start();

  CHECK(worker.begin([] {}));
  CHECK(worker.begin([] {}));
  CHECK_FALSE(worker.begin([] {}));
  CHECK(worker.go_on([&] { went_on.set_value(); }));
  disk.go_on.set_value();

  CHECK(went_on.get_future().wait_for(10s) == std::future_status::ready);
  CHECK(worker.begin([] {}));
}

// Pins §16.52, §16.54.
TEST_CASE("unless told otherwise 1,024 pieces wait, 256 of one client") {
  hanging one, other; // one for each thread
  file_worker worker;
  REQUIRE(worker.begin(one.work()));
  REQUIRE(worker.begin(other.work()));
  one.await_start();
  other.await_start();
  auto taken = [&](const std::string& client) {
    int n = 0;
    while (n < 2000 && worker.begin([] {}, client))
      ++n;
    return n;
  };

  CHECK(taken("greedy") == 256);
  CHECK(taken("") == 1024 - 256);
  one.go_on.set_value();
  other.go_on.set_value();
}

// Pins §16.54.
TEST_CASE("one client has a share of what waits, and gives it back") {
  hanging disk;
  file_worker worker{{.threads = 1, .most_waiting = 4, .most_of_one = 2}};
  REQUIRE(worker.begin(disk.work(), "greedy"));
  disk.await_start();
  std::promise<void> done;

  CHECK(worker.begin([] {}, "greedy"));
  CHECK(worker.begin([] {}, "greedy"));
  CHECK_FALSE(worker.begin([] {}, "greedy"));
  CHECK(worker.begin([] {}, "other"));
  CHECK(worker.begin([&] { done.set_value(); }, "other"));
  CHECK_FALSE(worker.begin([] {}, "third")); // too much waits in all
  disk.go_on.set_value();

  REQUIRE(done.get_future().wait_for(10s) == std::future_status::ready);
  CHECK(worker.begin([] {}, "greedy"));
}

TEST_CASE("one piece that hangs does not keep the others waiting") {
  hanging disk;
  std::promise<void> done;
  file_worker worker;
  REQUIRE(worker.begin(disk.work()));
  disk.await_start();

  REQUIRE(worker.begin([&] { done.set_value(); }));

  CHECK(done.get_future().wait_for(10s) == std::future_status::ready);
  disk.go_on.set_value();
}

TEST_CASE("a stop drops what waits, takes nothing more, and does not wait for a disk that hangs") {
  hanging disk;
  auto touched = std::make_shared<std::atomic<bool>>(false);
  file_worker worker{{.threads = 1}};
  REQUIRE(worker.begin(disk.work()));
  disk.await_start();
  REQUIRE(worker.begin([touched] { *touched = true; }));

  auto began = std::chrono::steady_clock::now();
  worker.stop();
  auto took = std::chrono::steady_clock::now() - began;
  disk.go_on.set_value();

  CHECK(took < 5s);
  CHECK_FALSE(worker.begin([] {}));
  CHECK_FALSE(worker.go_on([] {}));
  worker.stop();
  CHECK(touched.use_count() == 1); // dropped
  CHECK_FALSE(*touched);
}
