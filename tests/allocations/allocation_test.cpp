// How many allocations a delivery costs, in a whole server over real sockets.
#include <utility>

#include "support/raw_client.hpp"
#include "support/replaced_allocator.hpp"

#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

using namespace troupe;
using troupe::test::masked_text;
using troupe::test::raw_client;

namespace {

server_options quiet() {
  server_options options;
  options.bind = "127.0.0.1";
  options.port = 0;
  options.node.announce = false;
  options.node.connections.messages_per_second = 0;
  return options;
}

/// Allocations of the whole process for one `round` after a warm-up. It takes the minimum of
/// several batches, since a loop that is woken twice allocates once more.
template <class Round>
std::uint64_t allocations_of(Round round) {
  constexpr int rounds = 50;
  for (int i = 0; i < rounds; ++i)
    round();
  auto least = std::numeric_limits<std::uint64_t>::max();
  for (int batch = 0; batch < 5; ++batch) {
    auto before = test::allocations();
    for (int i = 0; i < rounds; ++i)
      round();
    least = std::min(least, test::allocations() - before);
  }
  return (least + rounds / 2) / rounds;
}

/// Allocations for one publish to a room of `members`. `rooms`: how many rooms each client is in;
/// all is said in the first one.
std::uint64_t allocations_per_publish(std::size_t members, int rooms = 1) {
  auto options = quiet();
  options.node.rooms.history = false; // the growth of the history is no part of a delivery
  server node{options};
  node.start();
  std::vector<raw_client> clients;
  for (std::size_t i = 0; i < members; ++i) {
    clients.push_back(rooms > 1 ? raw_client::of_v1(node.port()) : raw_client{node.port()});
    for (int r = 0; r < rooms; ++r) {
      clients.back().send(
        masked_text(R"({"type":"join","roomId":"r)" + std::to_string(r) + R"("})"));
      clients.back().await("joined", 1);
    }
  }
  auto publish = masked_text(R"({"type":"message","roomId":"r0","text":"hello"})");
  auto round = [&] {
    clients.front().send(publish);
    for (auto& c : clients)
      c.await("\"text\"", 1);
  };
  return allocations_of(round);
}

/// Allocations for a join and a leave of a room that has a member.
std::uint64_t allocations_per_visit() {
  auto options = quiet();
  options.node.loops = 1;
  server node{options};
  node.start();
  raw_client host{node.port()}, guest{node.port()};
  host.send(masked_text(R"({"type":"join","roomId":"r"})"));
  host.await("joined", 1);
  auto join = masked_text(R"({"type":"join","roomId":"r"})");
  auto leave = masked_text(R"({"type":"leave","roomId":"r","ref":1})");
  auto round = [&] {
    guest.send(join);
    guest.await("joined", 1);
    guest.send(leave);
    guest.await("ack", 1);
  };
  return allocations_of(round);
}

} // namespace

TEST_CASE("a join and a leave on one loop go through no mailbox, and allocate what they keep") {
  auto visit = allocations_per_visit();

  CAPTURE(visit);
  CHECK(visit <= 20);
}

TEST_CASE("a delivery to a member whose socket is writable allocates nothing") {
  // A hundred members at least, so that every publish takes a flush of its own in both cases.
  auto few = allocations_per_publish(100);
  auto many = allocations_per_publish(400);

  CAPTURE(few, many);
  CHECK(few < 20);
  CHECK(many <= few + 1); // with 300 more deliveries
}

TEST_CASE("nor does one to a member of several rooms") {
  auto few = allocations_per_publish(100, 3);
  auto many = allocations_per_publish(400, 3);

  CAPTURE(few, many);
  CHECK(few < 20);
  CHECK(many <= few + 1);
}
