#include <troupe/actors/gather_pace.hpp>

#include <catch2/catch.hpp>

using troupe::actors::gather_pace;

namespace {

/// How many turns may not wait before the next one that may.
unsigned left_out(gather_pace& pace) {
  unsigned turns = 0;
  while (!pace.allows())
    ++turns;
  return turns;
}

} // namespace

TEST_CASE("turns wait while that gains something") {
  gather_pace pace;
  for (int i = 0; i < 100; ++i) {
    CHECK(left_out(pace) == 0);
    pace.note(true);
  }
}

TEST_CASE("after each wait in vain twice as many turns go without one, at most 63") {
  gather_pace pace;
  for (unsigned expected : {0u, 1u, 3u, 7u, 15u, 31u, 63u, 63u, 63u}) {
    CHECK(left_out(pace) == expected);
    pace.note(false);
  }
}

TEST_CASE("a wait that gains brings the next one nearer, not at once") {
  gather_pace pace;
  for (int i = 0; i < 6; ++i) {
    left_out(pace);
    pace.note(false);
  }
  for (unsigned expected : {63u, 15u, 3u, 0u}) {
    CHECK(left_out(pace) == expected);
    pace.note(true);
  }
}
