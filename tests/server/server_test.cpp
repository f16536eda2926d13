// A whole server in this process, over real sockets.
#include <utility>

#include "support/raw_client.hpp"

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
