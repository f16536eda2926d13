// A whole server in this process, over real sockets.
#include <utility>

#include "support/raw_client.hpp"

#include <troupe/testing/manual_clock.hpp>
#include <troupe/testing/manual_loops.hpp>
#include <troupe/testing/memory_session.hpp>
#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <stdexcept>
#include <system_error>

using namespace troupe;
using troupe::test::masked_text;
using troupe::test::raw_client;

namespace {

/// Throws when told to, something that is no std::exception included.
struct fragile : room_behavior {
  fragile() {
    on("boom", [](room_context&, const member&, const application_message&) { throw std::runtime_error{"boom"}; });
    on("bang", [](room_context&, const member&, const application_message&) { throw 7; });
  }
};

server_options quiet(unsigned loops) {
  server_options options;
  options.bind = "127.0.0.1";
  options.port = 0;
  options.node.loops = loops;
  options.node.announce = false;
  options.log_level = protocol::log_level::error;
  return options;
}

raw_client member_of(server& node, const std::string& room) {
  raw_client client{node.port()};
  client.send(masked_text(R"({"type":"join","roomId":")" + room + "\"}"));
  client.await(R"("joined")");
  return client;
}

} // namespace

TEST_CASE("a behaviour that throws takes down its room alone") {
  auto loops = GENERATE(1u, 2u);
  auto what = GENERATE("boom", "bang");
  server node{quiet(loops)};
  node.rooms("fragile", [](auto) { return std::make_unique<fragile>(); });
  node.start();
  auto victim = member_of(node, "fragile");
  auto other_victim = member_of(node, "fragile");
  auto witness = member_of(node, "elsewhere");

  victim.send(masked_text(std::string{R"({"type":")"} + what + "\"}"));
  victim.await(R"("room_closed")");
  other_victim.await(R"("room_closed")");

  witness.send(masked_text(R"({"type":"message","text":"still here"})"));
  witness.await("still here");
  victim.send(masked_text(R"({"type":"join","roomId":"fragile"})"));
  victim.await(R"("joined")");
  victim.send(masked_text(R"({"type":"message","text":"again"})"));
  victim.await("again");
}

TEST_CASE("a port that is taken is a set-up mistake, thrown at start") {
  server first{quiet(1)};
  first.start();
  auto options = quiet(1);
  options.port = first.port();

  server second{options};

  CHECK_THROWS_AS(second.start(), std::system_error);
}

TEST_CASE("what another thread publishes reaches the room's members") {
  server node{quiet(2)};
  node.rooms("news", [](auto) { return std::make_unique<room_behavior>(); });
  node.start();
  auto reader = member_of(node, "news");

  auto published = node.room("news").publish("headline", {{"text", "from outside"}});

  CHECK(published == actors::publish_result::accepted);
  reader.await("from outside");
}

// Pins that acks, which catch a member up frame by frame, do not fill its queue in a turn that never offered it a byte.
TEST_CASE("many acked messages of one turn cut nobody who reads") {
  constexpr int members = 64;
  constexpr int messages = 32; // each, as many as credit allows
  testing::manual_clock clock;
  caf::actor_system_config config;
  compat::set_worker_threads(config, 1);
  caf::actor_system system{config};
  actors::node_options options;
  options.clock = &clock;
  options.connections.messages_per_second = 0;
  options.announce = false;
  actors::node node{system, options};
  testing::manual_loops loops{node};
  std::vector<std::unique_ptr<testing::memory_session>> all;
  for (int i = 0; i < members; ++i) {
    all.push_back(std::make_unique<testing::memory_session>(node, node.loop(0), actors::connection_info{protocol::encoding::v1_json}));
    all.back()->say(R"({"type":"join","roomId":"r"})");
  }
  loops.settle();
  for (auto& s : all)
    (void)s->take_frames();

  for (int n = 0; n < messages; ++n)
    for (auto& s : all)
      s->say(R"({"type":"message","text":"x","ref":)" + std::to_string(n) + "}");
  loops.settle();

  for (auto& s : all)
    CHECK(s->take_frames().size() == static_cast<std::size_t>(members * messages + messages));
  all.clear();
  node.stop();
}
