// What a tick costs that tells all members of a room where 64 players are, in allocations: from the
// behaviour's call until each member's sink has got it.
#include <utility>

#include "../node/manual_node.hpp"
#include "support/replaced_allocator.hpp"
#include "support/sink_of_nothing.hpp"

#include <troupe/actors/node.hpp>
#include <troupe/protocol/object_writer.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;
using protocol::encoding;
using protocol::object_writer;

namespace {

struct player {
  std::string name = "a player whose name is long";
  std::array<double, 2> at{1.5, -2.25};
  int score = 7;
  bool alive = true;
};

/// At a message `idle` or `tick` the room asks nobody, and hears so in a hook of its own, which is
/// charged to the room as a tick is; after `tick` it tells the state there.
struct arena final : actors::room_behavior {
  arena() {
    on("idle", [this](auto& room, auto&, auto&) { wake(room, false); });
    on("tick", [this](auto& room, auto&, auto&) { wake(room, true); });
  }
  void wake(actors::room_context& room, bool tells) {
    room.ask({}, std::vector<protocol::field>{}, 1s,
             [this, tells](actors::room_context& of, const actors::request_result&) {
               if (tells)
                 tell(of);
             });
  }
  void tell(actors::room_context& room) {
    actors::broadcast_event state{"state"};
    state.stored = false;
    room.broadcast(state, [&](object_writer& out) {
      out.field("tick", ++number);
      out.objects("players", players, [](object_writer& o, const player& p) {
        o.field("name", p.name);
        o.values("at", p.at);
        o.field("score", p.score);
        o.field("alive", p.alive);
      });
    });
  }

  std::uint64_t number = 1'000'000;
  std::vector<player> players{64};
};

struct taker final : test::sink_of_nothing {
  void write(const protocol::shared_bytes& bytes, std::span<const actors::byte_range> parts,
             std::uint32_t) override {
    for (auto part : parts)
      taken += part.end - part.begin;
    largest = std::max(largest, bytes.size());
  }
  std::size_t taken = 0, largest = 0;
};

actors::node_options quiet(unsigned loops) {
  actors::node_options o;
  o.loops = loops;
  o.announce = false;
  o.connections.messages_per_second = 0;
  o.heartbeat.interval = 0ms;
  return o;
}

/// A room with 64 members that speak these encodings by turns, on all loops by turns. It lives on
/// the first loop.
struct crowd {
  crowd(unsigned loops, std::vector<encoding> spoken) : world(quiet(loops)), sinks(64) {
    world.node.rooms("*", [](auto) { return std::make_unique<arena>(); });
    auto join =
      protocol::shared_bytes::copy_of(R"({"type":"join","roomId":")" + world.room_on(0) + "\"}");
    for (std::size_t i = 0; i < sinks.size(); ++i) {
      auto in = spoken[i / loops % spoken.size()];
      auto& home = world.node.loop(static_cast<unsigned>(i % loops));
      ports.push_back(world.node.open(home, sinks[i], {in}));
      std::string command;
      protocol::transcode(protocol::codec::json, join.view(), codec_of(in), command);
      ports[i].deliver(protocol::shared_bytes::copy_of(command),
                       codec_of(in) == protocol::codec::msgpack);
      world.settle();
    }
  }
  ~crowd() {
    for (auto& p : ports)
      p.closed();
    world.settle();
  }

  /// Allocations for one such message of the first member and all that follows: the least of three
  /// measurements, since CAF's own threads allocate at times, too.
  double allocations_of(std::string_view type) {
    std::string command;
    protocol::transcode(protocol::codec::json, R"({"type":")" + std::string{type} + "\"}",
                        codec_of(first), command);
    auto message = protocol::shared_bytes::copy_of(command);
    auto round = [&] {
      ports[0].deliver(message, codec_of(first) == protocol::codec::msgpack);
      world.pass(20ms);
    };
    constexpr int rounds = 100;
    for (int i = 0; i < rounds; ++i)
      round();
    auto least = std::numeric_limits<double>::max();
    for (int times = 0; times < 3; ++times) {
      auto before = test::allocations();
      for (int i = 0; i < rounds; ++i)
        round();
      least = std::min(least, static_cast<double>(test::allocations() - before) / rounds);
    }
    return least;
  }

  /// Of one broadcast, until all members have got it.
  double allocations_of_a_tick() {
    auto idle = allocations_of("idle");
    auto before = sinks.back().taken;
    auto ticking = allocations_of("tick");
    CHECK(sinks.back().taken - before > 200 * sinks.size() * 20); // it has got all of them
    return ticking - idle;
  }

  encoding first = encoding::v1_msgpack;
  test::manual_node world;
  std::deque<taker> sinks;
  std::vector<actors::connection_port> ports;
};

} // namespace

TEST_CASE("a tick of 64 players in one codec, for one loop, allocates at most twice") {
  crowd c{1, {encoding::v1_msgpack}};

  auto each = c.allocations_of_a_tick();

  CAPTURE(each);
  CHECK(each <= 2); // the frame, and the credit that the room takes for it
}

TEST_CASE("a tick allocates once more for a second codec") {
  crowd c{1, {encoding::v1_msgpack, encoding::v1_json}};

  auto each = c.allocations_of_a_tick();

  CAPTURE(each);
  CHECK(each <= 3);
}

TEST_CASE("a tick allocates three times more for a second loop") {
  crowd c{2, {encoding::v1_msgpack}};

  auto each = c.allocations_of_a_tick();

  CAPTURE(each);
  CHECK(each <= 5); // a message for each loop, and what wakes the other one
}
