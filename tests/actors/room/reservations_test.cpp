#include "room/reservations.hpp"

#include <catch2/catch.hpp>

#include <chrono>

using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

constexpr steady_time start{1h};

} // namespace

TEST_CASE("a held seat ends with its time, and the next end is told") {
  reservations seats;
  seats.hold("ann", 1, start + 2s);
  seats.hold("bob", 2, start + 1s);

  CHECK(seats.next_end() == start + 1s);
  CHECK_FALSE(seats.end_late(start + 1s - 1ms));
  CHECK(seats.end_late(start + 1s));
  CHECK_FALSE(seats.holds("bob"));
  CHECK(seats.holds("ann"));
  CHECK(seats.next_end() == start + 2s);
  CHECK(seats.end_late(start + 9s));
  CHECK(seats.empty());
  CHECK_FALSE(seats.next_end());
}

TEST_CASE("a user has one held seat, whose time is the latest one asked for") {
  reservations seats;
  seats.hold("ann", 1, start + 1s);
  seats.hold("ann", 2, start + 3s);
  CHECK(seats.size() == 1);
  CHECK(seats.next_end() == start + 3s);

  seats.hold("ann", 3, start + 2s);
  CHECK(seats.next_end() == start + 2s);
  seats.hold("ann", 4, start + 2s);
  CHECK(seats.end_late(start + 2s));
  CHECK(seats.empty());
  CHECK_FALSE(seats.next_end());
}

TEST_CASE("a user takes its seat once") {
  reservations seats;
  seats.hold("ann", 1, start);

  CHECK_FALSE(seats.take("bob"));
  CHECK(seats.take("ann"));
  CHECK_FALSE(seats.take("ann"));
  CHECK_FALSE(seats.next_end());
}

TEST_CASE("only the latest wish for a seat gives it up") {
  reservations seats;
  seats.hold("ann", 1, start + 1s);
  seats.hold("ann", 2, start + 1s);

  CHECK_FALSE(seats.give_up("ann", 1));
  CHECK_FALSE(seats.give_up("bob", 2));
  CHECK(seats.give_up("ann", 2));
  CHECK(seats.empty());
}
