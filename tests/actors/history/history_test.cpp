#include "history/history.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

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

// -- who does not get an entry --------------------------------------------------------------------

namespace {

/// The clients of those numbers.
std::vector<client_id> clients(std::initializer_list<std::uint64_t> numbers) {
  std::vector<client_id> all;
  for (auto n : numbers)
    all.push_back({n, n});
  return all;
}

/// Which of the clients 1 to 4 do not get the entry of that position.
std::vector<int> left_out(const history& h, std::uint64_t seq) {
  std::vector<int> all;
  for (std::uint64_t n = 1; n <= 4; ++n)
    if (h.excludes(*h.after(seq - 1), {n, n}))
      all.push_back(static_cast<int>(n));
  return all;
}

} // namespace

TEST_CASE("a history knows whom each entry is not for, be it nobody, one or several") {
  room_limits limits;
  history h{limits};
  h.append(1, steady_time{}, event_of(1), clients({1, 3}));
  h.append(2, steady_time{}, event_of(1));
  h.append(3, steady_time{}, event_of(1), client_id{2, 2});
  h.append(4, steady_time{}, event_of(1), clients({4, 2, 9}));

  CHECK(left_out(h, 1) == std::vector<int>{1, 3});
  CHECK(left_out(h, 2).empty());
  CHECK(left_out(h, 3) == std::vector<int>{2});
  CHECK(left_out(h, 4) == std::vector<int>{2, 4});
  CHECK_FALSE(h.excludes(*h.after(0), {}));
}

TEST_CASE("lists of clients count as bytes of a history, and go with their entries") {
  room_limits limits;
  limits.history_messages = 2;
  history h{limits};
  h.append(1, steady_time{}, event_of(10), clients({1, 2, 3}));
  CHECK(h.bytes() == 10 + 3 * 16);
  h.append(2, steady_time{}, event_of(10));
  h.append(3, steady_time{}, event_of(10), clients({1, 2}));
  CHECK(h.bytes() == 20 + 2 * 16);
  CHECK(left_out(h, 3) == std::vector<int>{1, 2});

  h.drop_oldest();
  h.drop_oldest();
  CHECK(h.bytes() == 0);
  h.append(4, steady_time{}, event_of(10), clients({4}));
  CHECK(left_out(h, 4) == std::vector<int>{4});
}

TEST_CASE("an entry whose list is beyond the bound is not kept") {
  room_limits limits;
  limits.history_bytes = 40;
  history h{limits};
  h.append(1, steady_time{}, event_of(10), clients({1, 2, 3}));

  CHECK(h.entries().empty());
  CHECK(h.bytes() == 0);
}
