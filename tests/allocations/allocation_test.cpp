// What a delivery costs in allocations, over real sockets of a whole server.
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

/// Allocations of the whole process for one publish to a room of `members`, once all is warm: the least of several batches, since
/// a loop that is woken twice allocates once more.
std::uint64_t allocations_per_publish(std::size_t members) {
  server_options options;
  options.bind = "127.0.0.1";
  options.port = 0;
  options.node.announce = false;
  options.node.connections.messages_per_second = 0;
  options.node.rooms.history = false; // a ring's growth is not a delivery's
  server node{options};
  node.start();
  std::vector<raw_client> clients;
  for (std::size_t i = 0; i < members; ++i) {
    clients.emplace_back(node.port());
    clients.back().send(masked_text(R"({"type":"join","roomId":"r"})"));
    clients.back().await("joined", 1);
  }
  auto publish = masked_text(R"({"type":"message","text":"hello"})");
  auto round = [&] {
    clients.front().send(publish);
    for (auto& c : clients)
      c.await("\"text\"", 1);
  };
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

} // namespace

TEST_CASE("a delivery to a member whose socket is writable allocates nothing") {
  // A hundred, so that every publish takes a flush of its own in both.
  auto few = allocations_per_publish(100);
  auto many = allocations_per_publish(400);

  CAPTURE(few, many);
  CHECK(few < 20);
  CHECK(many <= few + 1); // for 300 deliveries more
}
