#include "file/upload_writer.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

using namespace troupe::examples;
using namespace std::chrono_literals;

namespace {

/// A disk that writes nothing until the test releases it.
struct held_disk {
  upload_writer::save save() {
    return [this](const upload& u) {
      begun.fetch_add(1);
      begun.notify_all();
      go_on.wait();
      std::lock_guard guard{mutex};
      written.push_back(u.name);
      return [answer = u.answer, text = "saved " + u.name] { answer(text); };
    };
  }

  std::promise<void> release;
  std::shared_future<void> go_on{release.get_future()};
  std::atomic<int> begun{0};
  std::mutex mutex;
  std::vector<std::string> written; ///< guarded by mutex
};

upload file_named(std::string name, std::function<void(std::string_view)> answer) {
  return {"a", 1, std::move(name), "x", std::move(answer)};
}

} // namespace

TEST_CASE("files are written in order, and each client is told") {
  held_disk disk;
  disk.release.set_value();
  std::vector<std::string> answers;
  {
    upload_writer writer{{}, disk.save()};
    for (auto name : {"1", "2", "3"})
      CHECK(
        writer.offer(file_named(name, [&](std::string_view text) { answers.emplace_back(text); })));
    writer.finish(1min);
  }

  CHECK(disk.written == std::vector<std::string>{"1", "2", "3"});
  CHECK(answers == std::vector<std::string>{"saved 1", "saved 2", "saved 3"});
}

TEST_CASE("a writer that has finished takes no more") {
  held_disk disk;
  disk.release.set_value();
  upload_writer writer{{}, disk.save()};

  writer.finish(1min);
  writer.finish(1min);

  CHECK_FALSE(writer.offer(file_named("late", {})));
}

// Pins that a stalled disk does not delay the end, and that no client of a server that has gone is
// answered.
TEST_CASE("a disk that stalls is left behind, and nobody is answered after the end") {
  auto disk = std::make_shared<held_disk>(); // the writer's thread outlives the writer
  auto answers = std::make_shared<std::atomic<int>>(0);
  {
    upload_writer writer{{}, [disk, save = disk->save()](const upload& u) { return save(u); }};
    for (auto name : {"1", "2"})
      REQUIRE(writer.offer(file_named(name, [answers](std::string_view) { ++*answers; })));
    disk->begun.wait(0);

    writer.finish(1ms);
    CHECK_FALSE(writer.offer(file_named("3", {})));
  }

  std::weak_ptr<held_disk> gone = disk;
  disk->release.set_value();
  disk.reset();
  while (!gone.expired()) // the writer's thread ends by itself
    std::this_thread::yield();
  CHECK(*answers == 0);
}

TEST_CASE("the line's bounds hold while the disk stalls") {
  held_disk disk;
  upload_writer writer{{4, 1000}, disk.save()};
  int taken = 0;
  while (writer.offer(file_named("x", [](std::string_view) {})))
    ++taken;

  CHECK(taken == 2); // as many as then fit
  disk.release.set_value();
}
