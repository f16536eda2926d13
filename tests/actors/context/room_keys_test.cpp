#include "context/room_keys.hpp"

#include <catch2/catch.hpp>

using namespace troupe::actors;

TEST_CASE("a room takes the slot of one that has ended, under another key") {
  room_keys keys;
  auto first = keys.take(), second = keys.take();
  keys.give_back(first);
  auto third = keys.take();

  CHECK(first);
  CHECK(first.slot != second.slot);
  CHECK(third.slot == first.slot);
  CHECK_FALSE(third == first);
  CHECK(keys.take().slot == 2);
}
