// On which loops a node places rooms.
#include "manual_node.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;

namespace {

/// The loops of 64 rooms, one digit each.
std::string places(std::optional<std::uint64_t> seed) {
  actors::node_options options;
  options.loops = 2;
  options.hash_seed = seed;
  manual_node world{options};
  std::string all;
  for (int i = 0; i < 64; ++i)
    all += std::to_string(world.node.loop_of("room" + std::to_string(i)));
  return all;
}

} // namespace

TEST_CASE("two nodes without a seed place rooms differently") { CHECK(places({}) != places({})); }

TEST_CASE("nodes of one seed place rooms alike, others differently") {
  CHECK(places(1) == places(1));
  CHECK(places(1) != places(2));
  CHECK(places(0) != places(1));
}
