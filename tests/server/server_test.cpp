// The rooms and endpoints of a whole server in this process, over real sockets.
#include <utility>

#include "server/quiet_server.hpp"
#include "server/stopping.hpp"
#include "support/raw_client.hpp"

#include <troupe/testing/manual_clock.hpp>
#include <troupe/testing/manual_loops.hpp>
#include <troupe/testing/memory_session.hpp>
#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <any>
#include <future>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

using namespace troupe;
using troupe::test::ask;
using troupe::test::masked_text;
using troupe::test::quiet;
using troupe::test::raw_client;

namespace {

/// Throws on command: a std::exception, or something that is none.
struct fragile : room_behavior {
  fragile() {
    on("boom", [](room_context&, const member&, const application_message&) {
      throw std::runtime_error{"boom"};
    });
    on("bang", [](room_context&, const member&, const application_message&) { throw 7; });
  }
};

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

// Pins that acks, which catch a member up frame by frame, do not fill its queue within a turn in
// which its socket was offered nothing.
TEST_CASE("many acked messages of one turn cut nobody who reads") {
  constexpr int members = 64;
  constexpr int messages = 32; // per member, as many as its credit allows
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
    all.push_back(std::make_unique<testing::memory_session>(
      node, node.loop(0), actors::connection_info{protocol::encoding::v1_json}));
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

// -- endpoints ------------------------------------------------------------------------------------

TEST_CASE("an endpoint's handlers are told of everything that happens to a connection") {
  server node{quiet(2)};
  std::mutex mutex;
  std::vector<std::string> log;
  auto note = [&](std::string line) {
    std::lock_guard guard{mutex};
    log.push_back(std::move(line));
  };
  std::promise<void> closed;
  endpoint_handlers on;
  on.on_listening = [&] { note("listening"); };
  on.on_open = [&](const raw_connection& c) {
    note("open " + c.request().target);
    c.user_data() = 0;
    c.ping("p");
  };
  on.on_message = [&](const raw_connection& c, std::string_view m, bool binary) {
    auto n = ++std::any_cast<int&>(c.user_data());
    note((binary ? "binary " : "text ") + std::string{m} + ' ' + std::to_string(n));
    if (m == "throw")
      throw std::runtime_error{"thrown"};
  };
  on.on_pong = [&](const raw_connection&, std::string_view payload) {
    note("pong " + std::string{payload});
  };
  on.on_error = [&](const raw_connection&, std::string_view what) {
    note("error " + std::string{what});
  };
  on.on_close = [&](const raw_connection&, std::uint16_t, std::string_view) {
    note("close");
    closed.set_value();
  };
  on.on_stop = [&] { note("stop"); };
  auto e = node.endpoint("/raw", std::move(on));
  node.start();

  raw_client client{node.port(), raw_client::upgrade_of("/raw?x=1")};
  client.await("\r\n\r\n");
  client.send({"\x8a\x81\0\0\0\0p", 7});
  client.send(masked_text("hello"));
  client.send(masked_text("throw"));
  client.await("internal");
  client.send({"\x88\x82\0\0\0\0\x03\xf3", 8});
  closed.get_future().wait();
  node.stop();

  std::vector<std::string> expected{"listening",    "open /raw?x=1", "pong p", "text hello 1",
                                    "text throw 2", "error thrown",  "close",  "stop"};
  CHECK(log == expected);
  CHECK(e.client_count() == 0);
}

TEST_CASE("a ping and a reason are cut to what a control frame takes") {
  server node{quiet(1)};
  endpoint_handlers on;
  on.on_open = [](const raw_connection& c) {
    c.ping(std::string(126, 'p'));
    c.close(1000, std::string(123, 'r') + "more");
  };
  (void)node.endpoint("/raw", std::move(on));
  node.start();
  raw_client client{node.port(), raw_client::upgrade_of("/raw")};
  client.await("\x89\x7d" + std::string(125, 'p') + "\x88\x7d\x03\xe8" + std::string(123, 'r'));
  client.send({"\x88\x82\0\0\0\0\x03\xe8", 8});
  auto rest = client.read_all();
  CHECK(rest.find("more") == std::string::npos);
}

// Pins §4.57.
TEST_CASE("a message that has begun behind one that stopped the reading has its time once reading "
          "goes on") {
  auto options = quiet(1);
  options.node.connections.bytes_per_second = 40'000;
  options.node.heartbeat.interval = std::chrono::milliseconds{0};
  options.assembly_deadline = std::chrono::milliseconds{100};
  options.close_deadline = std::chrono::milliseconds{100};
  server node{std::move(options)};
  node.start();
  raw_client client{node.port()};

  // This message exceeds the byte rate by half a second.
  auto large = R"({"type":"message","text":")" + std::string(60'000 - 28, 'x') + "\"}";
  client.send(std::string{"\x81\xfe\xea\x60\0\0\0\0", 8} + large + "\x81");

  client.await("assembly_timeout");
}

TEST_CASE("what handlers throw is logged with the path that they answer at") {
  test::fixture f;
  server node{f.options()};
  node.get("/users/:id", [](const transport::http_request&) -> transport::http_response {
    throw std::runtime_error{"no"};
  });
  endpoint_handlers on;
  on.on_message = [](const raw_connection&, std::string_view, bool) {
    throw std::runtime_error{"not that"};
  };
  on.on_stop = [] { throw std::runtime_error{"not yet"}; };
  (void)node.endpoint("/raw", std::move(on));
  node.start();

  CHECK(ask(node.port(), "GET", "/users/7").starts_with("HTTP/1.1 500"));
  raw_client client{node.port(), raw_client::upgrade_of("/raw")};
  client.await("\r\n\r\n");
  client.send(masked_text("x"));
  client.await("internal");
  node.stop();

  CHECK(f.log.has("/users/7: no\n"));
  CHECK(f.log.has("/raw in on_message: not that\n"));
  CHECK(f.log.has("/raw: not yet\n"));
}

TEST_CASE("a handler that takes long before it closes leaves the peer its time to answer") {
  auto options = quiet(1);
  options.close_deadline = std::chrono::milliseconds{1000};
  server node{std::move(options)};
  std::promise<std::uint16_t> closed;
  endpoint_handlers on;
  on.on_message = [](const raw_connection& c, std::string_view, bool) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1100}); // longer than the deadline
    c.close(1000, "bye");
  };
  on.on_close = [&](const raw_connection&, std::uint16_t code, std::string_view) {
    closed.set_value(code);
  };
  auto e = node.endpoint("/slow", std::move(on));
  node.start();

  raw_client client{node.port(), raw_client::upgrade_of("/slow")};
  client.await("\r\n\r\n");
  client.send(masked_text("x"));
  client.await("bye");
  client.send({"\x88\x82\0\0\0\0\x03\xe8", 8});

  CHECK(closed.get_future().get() == 1000);
}
