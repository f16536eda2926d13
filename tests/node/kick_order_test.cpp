// A kicked client is told of the kick before any of its commands is refused because of it.
#include <utility>

#include "manual_node.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using troupe::test::client;
using troupe::test::manual_node;
using troupe::test::type_of;

namespace {

/// Kicks whoever says "out", in the hook that hears it.
struct strict final : room_behavior {
  strict() {
    on("out", [](room_context& room, const member& from, const application_message&) {
      room.kick(from.key, "out");
    });
  }
  bool on_publish(room_context& room, const member& from, const application_message& m) override {
    if (m.fields.string("text") == "out")
      room.kick(from.key, "out");
    return true;
  }
};

actors::node_options options(std::uint64_t seed) {
  actors::node_options o;
  o.loops = 2;
  o.hash_seed = seed;
  o.connections.messages_per_second = 0;
  return o;
}

} // namespace

// Pins §3.17, §10.11, §10.18.
TEST_CASE("not_joined comes behind the left that explains it, whatever runs first") {
  auto encoding = GENERATE(protocol::encoding::v1_json, protocol::encoding::plain_json);
  auto word = GENERATE(as<std::string>{}, R"({"type":"out","ref":1})",
                       R"({"type":"message","text":"out","ref":1})");
  auto is_plain = encoding == protocol::encoding::plain_json;
  auto farewell = is_plain ? std::string{R"("message":"out")"} : std::string{R"("type":"left")"};
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    manual_node world{options(seed)};
    world.node.rooms("*", [](auto) { return std::make_unique<strict>(); });
    client ann{world, encoding, 0}, bob{world, encoding, 0};
    auto room = world.room_on(seed % 2);
    ann.join(room);
    bob.join(room);
    world.settle();
    (void)ann.texts();
    testing::manual_loops drive{world.node, seed};

    ann.say(word);
    for (int ref = 2; ref < 8; ++ref) {
      ann.say(R"({"type":"message","text":"x","ref":)" + std::to_string(ref) + "}");
      for (std::uint64_t i = 0; i < seed % 7; ++i)
        drive.step();
    }
    world.settle();

    auto heard = ann.texts();
    auto at = [&](const std::string& text) {
      return std::find_if(heard.begin(), heard.end(),
                          [&](auto& t) { return t.find(text) != std::string::npos; })
           - heard.begin();
    };
    CAPTURE(seed, heard);
    auto told = at(farewell);
    for (int ref = 1; ref < 8; ++ref) {
      auto answer = at(R"("ref":)" + std::to_string(ref) + ",");
      REQUIRE(answer < static_cast<std::ptrdiff_t>(heard.size()));
      REQUIRE(heard[static_cast<std::size_t>(answer)].find("not_joined") != std::string::npos);
      REQUIRE(told < answer);
    }
  }
}

// Pins §10.18.
TEST_CASE("the command over which its sender was thrown out is answered by the room's own word, if "
          "it has one") {
  struct wordy final : room_behavior {
    bool on_publish(room_context& room, const member& from, const application_message&) override {
      room.kick(from.key, "out");
      room.refuse(protocol::errc::forbidden);
      return false;
    }
  };
  manual_node world;
  world.node.rooms("*", [](auto) { return std::make_unique<wordy>(); });
  client ann{world};
  ann.join("r");
  world.settle();
  (void)ann.texts();
  ann.say(R"({"type":"message","text":"x","ref":1})");
  ann.say(R"({"type":"message","text":"y","ref":2})");
  world.settle();
  auto heard = ann.texts();
  CAPTURE(heard);
  REQUIRE(heard.size() == 3);
  CHECK(heard[0].find(R"("type":"left")") != std::string::npos);
  CHECK(heard[1].find(R"("ref":1,"request":"message","roomId":"r","code":"forbidden")")
        != std::string::npos);
  CHECK(heard[2].find(R"("ref":2,"request":"message","roomId":"r","code":"not_joined")")
        != std::string::npos);
}
