#include "runtime/tick_clock.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <utility>

using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

const steady_time start{1000h};

/// The next tick of a clock at that time, as {number, skipped}; {0, 0} if none is due.
std::pair<std::uint64_t, std::uint64_t> take(tick_clock& c, steady_time now,
                                             std::uint64_t most_before = 0) {
  auto t = c.take(now, most_before);
  return t ? std::pair{t->number, t->skipped} : std::pair{std::uint64_t{0}, std::uint64_t{0}};
}

} // namespace

TEST_CASE("tick n is due at start + n / rate, rounded down to a nanosecond, without drift") {
  tick_clock c{start, 30};
  CHECK(c.step() == 33'333'333ns);
  CHECK(c.due(1) - start == 33'333'333ns);
  CHECK(c.due(2) - start == 66'666'666ns);
  CHECK(c.due(3) - start == 100ms);
  CHECK(c.due(std::uint64_t{30} * 3600 * 24 * 365 * 10) - start == 24h * 365 * 10); // ten years
}

TEST_CASE("a tick clock counts the ticks that are due, to the nanosecond, at every rate") {
  for (unsigned rate = 1; rate <= tick_clock::highest_rate; ++rate) {
    INFO("rate " << rate);
    tick_clock c{start, rate};
    for (std::uint64_t n : {1u, 2u, 3u, 29u, 127u, 128u, 129u, 1'000'003u}) {
      CHECK(c.count_at(c.due(n)) == n);
      CHECK(c.count_at(c.due(n) - 1ns) == n - 1);
    }
    CHECK(c.count_at(start - 1s) == 0);
  }
}

TEST_CASE("a tick clock gives each tick once") {
  tick_clock c{start, 10};
  CHECK(take(c, start + 99ms).first == 0);
  CHECK(take(c, start + 100ms) == std::pair<std::uint64_t, std::uint64_t>{1, 0});
  CHECK(take(c, start + 199ms).first == 0);
  CHECK(c.next_due() == start + 200ms);
  CHECK(take(c, start + 250ms) == std::pair<std::uint64_t, std::uint64_t>{2, 0});
}

TEST_CASE("a late tick clock skips all ticks but the last") {
  tick_clock c{start, 10};
  CHECK(take(c, start + 799ms) == std::pair<std::uint64_t, std::uint64_t>{7, 6});
  CHECK(take(c, start + 799ms).first == 0);
  CHECK(take(c, start + 800ms) == std::pair<std::uint64_t, std::uint64_t>{8, 0});
}

TEST_CASE("a late tick clock catches up as many ticks as it may, and skips the older ones") {
  tick_clock c{start, 10};
  auto now = start + 799ms;
  CHECK(take(c, now, 2) == std::pair<std::uint64_t, std::uint64_t>{5, 4});
  CHECK(take(c, now, 2) == std::pair<std::uint64_t, std::uint64_t>{6, 0});
  CHECK(take(c, now, 2) == std::pair<std::uint64_t, std::uint64_t>{7, 0});
  CHECK(take(c, now, 2).first == 0);
}
