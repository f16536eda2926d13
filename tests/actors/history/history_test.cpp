#include "history/history.hpp"

#include <catch2/catch.hpp>

using namespace troupe::actors;
using troupe::protocol::shared_bytes;
using namespace std::chrono_literals;

namespace {

shared_bytes event_of(std::size_t bytes) { return shared_bytes::copy_of(std::string(bytes, 'x')); }

} // namespace

// Pins §16.6.
TEST_CASE("a history keeps the latest messages up to its count") {
  room_limits limits;
  limits.history_messages = 3;
  history h{limits};
  for (std::uint64_t seq = 1; seq <= 5; ++seq)
    h.append(seq, steady_time{}, event_of(1));

  REQUIRE(h.entries().size() == 3);
  CHECK(h.entries().front().seq == 3);
}

// Pins §16.6.
TEST_CASE("a history is bounded in bytes") {
  room_limits limits;
  limits.history_bytes = 100;
  history h{limits};
  for (std::uint64_t seq = 1; seq <= 5; ++seq)
    h.append(seq, steady_time{}, event_of(40));

  CHECK(h.bytes() == 80);
}

// Pins §16.6.
TEST_CASE("a history forgets what is too old") {
  room_limits limits;
  limits.history_age = 60s;
  history h{limits};
  h.append(1, steady_time{0s}, event_of(1));
  h.append(2, steady_time{50s}, event_of(1));
  h.append(3, steady_time{100s}, event_of(1));

  CHECK(h.entries().front().seq == 2);
}

TEST_CASE("a message larger than the bound is not kept") {
  room_limits limits;
  limits.history_bytes = 10;
  history h{limits};
  h.append(1, steady_time{}, event_of(11));

  CHECK(h.entries().empty());
  CHECK(h.bytes() == 0);
}
