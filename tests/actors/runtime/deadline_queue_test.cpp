#include <troupe/actors/deadline_queue.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

const steady_time start{1000h};

struct probe final : deadline_queue::entry {
  explicit probe(std::function<void()> f = {}) : action(std::move(f)) {}
  void on_deadline() override {
    ++fired;
    if (action)
      action();
  }
  int fired = 0;
  std::function<void()> action;
};

} // namespace

TEST_CASE("a precise deadline fires at its nanosecond, and only once") {
  deadline_queue queue;
  probe p;
  queue.arm(p, start + 25ns);

  CHECK_FALSE(queue.fire_next(start + 24ns));
  CHECK(p.fired == 0);
  CHECK(queue.next() == start + 25ns);
  CHECK(queue.fire_next(start + 25ns));
  CHECK(p.fired == 1);
  CHECK_FALSE(queue.fire_next(start + 1h));
  CHECK(queue.empty());
  CHECK_FALSE(queue.next());
}

TEST_CASE("precise deadlines fire in their order, those of one time in the order of arming") {
  std::mt19937 random{7};
  deadline_queue queue;
  std::vector<std::unique_ptr<probe>> all;
  std::vector<std::pair<steady_time, int>> fired;
  for (int i = 0; i < 500; ++i) {
    auto due = start + std::chrono::nanoseconds{std::uniform_int_distribution<>{0, 50}(random)};
    all.push_back(std::make_unique<probe>([&fired, due, i] { fired.emplace_back(due, i); }));
    queue.arm(*all.back(), due);
  }

  while (queue.fire_next(start + 1us)) {}

  CHECK(fired.size() == 500);
  CHECK(std::is_sorted(fired.begin(), fired.end()));
}

TEST_CASE("a precise deadline that is cancelled, destroyed or armed anew does not fire as before") {
  deadline_queue queue;
  probe cancelled, moved;
  queue.arm(cancelled, start);
  queue.arm(moved, start);
  cancelled.cancel();
  queue.arm(moved, start + 1s);
  {
    probe destroyed;
    queue.arm(destroyed, start);
  }

  CHECK(queue.armed_entries() == 1);
  CHECK_FALSE(queue.fire_next(start));
  CHECK(queue.fire_next(start + 1s));
  CHECK(cancelled.fired == 0);
  CHECK(moved.fired == 1);
}

TEST_CASE("a precise deadline may arm itself and cancel others from within") {
  deadline_queue queue;
  probe other;
  probe p;
  p.action = [&] {
    other.cancel();
    queue.arm(p, start + 2s);
  };
  queue.arm(p, start);
  queue.arm(other, start + 1s);

  CHECK(queue.fire_next(start + 1s));
  CHECK_FALSE(queue.fire_next(start + 1s));
  CHECK(queue.fire_next(start + 2s));
  CHECK(p.fired == 2);
  CHECK(other.fired == 0);
}

TEST_CASE("an exception out of a precise deadline leaves the others armed") {
  deadline_queue queue;
  probe bad{[] { throw std::runtime_error{"bad"}; }};
  probe good;
  queue.arm(bad, start);
  queue.arm(good, start);

  CHECK_THROWS_AS(queue.fire_next(start), std::runtime_error);
  CHECK(queue.fire_next(start));
  CHECK(good.fired == 1);
}

TEST_CASE("entries may outlive their queue of precise deadlines") {
  probe p;
  {
    deadline_queue queue;
    queue.arm(p, start);
  }
  CHECK_FALSE(p.armed());
  p.cancel();
}
