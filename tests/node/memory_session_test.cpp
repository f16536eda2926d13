#include "manual_node.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;
using strings = std::vector<std::string>;

// -- talking --------------------------------------------------------------------------------------

TEST_CASE("a client with a subprotocol is welcomed under its name, a plain one is not") {
  manual_node world;
  client v1{world, encoding::v1_json, 0, {}, "ann"}, plain{world, encoding::plain_json};

  world.settle();

  CHECK(v1.heard("welcome", "userId") == strings{"ann"});
  CHECK(plain.texts().empty());
}

TEST_CASE("a join is answered to the one and told to the others") {
  manual_node world;
  client ann{world, encoding::v1_json, 0, {}, "ann"}, bob{world, encoding::v1_json, 0, {}, "bob"};
  ann.join("r");
  world.settle();
  (void)ann.texts();

  bob.join("r");
  world.settle();

  CHECK(bob.heard("joined", "userId") == strings{"bob"});
  CHECK(ann.heard("userJoined", "userId") == strings{"bob"});
}

// Pins §10.1.
TEST_CASE("what is said in a room reaches every member, in one order") {
  manual_node world;
  client ann{world}, bob{world}, packed{world, encoding::v1_msgpack};
  ann.join("r");
  bob.join("r");
  world.settle();

  for (auto text : {"1", "2", "3"}) {
    ann.publish("r", text);
    world.settle();
  }

  auto heard = bob.heard("message", "text");
  CHECK(heard == strings{"1", "2", "3"});
  CHECK(ann.heard("message", "text") == heard);
}

// Pins §2.1.
TEST_CASE("a MessagePack client gets binary frames only") {
  manual_node world;
  client ann{world}, packed{world, encoding::v1_msgpack};
  std::string join;
  protocol::transcode(protocol::codec::json, R"({"type":"join","roomId":"r"})",
                      protocol::codec::msgpack, join);
  packed.session.say(join, true);
  ann.join("r");
  world.settle();

  ann.publish("r", "hello");
  world.settle();

  auto frames = packed.session.take_frames();
  REQUIRE_FALSE(frames.empty());
  std::string last;
  protocol::transcode(protocol::codec::msgpack, frames.back().payload, protocol::codec::json, last);
  CHECK(type_of(last) == "message");
  for (auto& f : frames)
    CHECK(f.opcode == 2);
}

TEST_CASE("a client whose socket ends leaves its rooms and is counted no more") {
  manual_node world;
  client ann{world}, bob{world, encoding::v1_json, 0, {}, "bob"};
  ann.join("r");
  bob.join("r");
  world.settle();
  (void)ann.texts();

  bob.session.disconnect();
  world.settle();

  CHECK(bob.session.ended());
  CHECK(ann.heard("userLeft", "reason") == strings{"disconnected"});
  CHECK(world.node.stats().connections == 1);
  CHECK(world.node.stats().members == 1);
}

TEST_CASE("what a client says after its end is heard by nobody") {
  manual_node world;
  client ann{world}, bob{world};
  ann.join("r");
  bob.join("r");
  world.settle();
  (void)bob.texts();

  ann.session.disconnect();
  ann.publish("r", "ghost");
  world.settle();

  CHECK(bob.heard("message", "text").empty());
}

// -- a slow socket --------------------------------------------------------------------------------

TEST_CASE("a client that stops reading gets the rest, whole and in order, once it reads again") {
  manual_node world;
  client ann{world}, slow{world};
  ann.join("r");
  slow.join("r");
  world.settle();
  (void)slow.texts();

  slow.session.set_window(3);
  strings said;
  for (int i = 0; i < 20; ++i) {
    ann.publish("r", said.emplace_back(std::to_string(i)));
    world.settle();
  }
  auto while_stalled = slow.texts();
  slow.session.set_window(std::nullopt);

  CHECK(while_stalled.empty());
  CHECK(slow.heard("message", "text") == said);
}

TEST_CASE("a client that reads a few bytes at a time misses nothing") {
  manual_node world;
  client ann{world}, slow{world};
  ann.join("r");
  slow.join("r");
  world.settle();
  (void)slow.texts();

  strings said, heard;
  for (int i = 0; i < 30; ++i) {
    ann.publish("r", said.emplace_back(std::to_string(i)));
    slow.session.set_window(static_cast<std::size_t>(i % 7) * 30);
    world.settle();
    for (auto& text : slow.heard("message", "text"))
      heard.push_back(text);
  }
  slow.session.set_window(std::nullopt);
  for (auto& text : slow.heard("message", "text"))
    heard.push_back(text);

  CHECK(heard == said);
}

// Pins §10.12, §13.8, §13.11, §13.12.
TEST_CASE("a client beyond its bound is cut: the frame that is half written, what is no data, "
          "1013, and nothing more") {
  manual_node world;
  client ann{world}, slow{world, encoding::v1_json, 0, {1024 * 1024, 8}};
  ann.join("r");
  slow.join("r");
  world.settle();
  (void)slow.texts();
  (void)ann.texts();

  slow.session.set_window(5);
  ann.publish("r", "half");
  world.settle();
  slow.say(R"({"type":"ping","ref":"kept"})");
  world.settle();
  for (int i = 0; i < 20; ++i) {
    ann.publish("r", "dropped");
    world.settle();
  }
  slow.session.set_window(std::nullopt);
  auto frames = slow.session.take_frames();

  REQUIRE(frames.size() == 3);
  CHECK(type_of(frames[0].payload) == "message");
  CHECK(frames[0].payload.find("half") != std::string::npos);
  CHECK_FALSE(frames[0].after_cut);
  CHECK(type_of(frames[1].payload) == "pong");
  CHECK(frames[1].after_cut);
  CHECK(frames[2].close_code() == 1013);
  CHECK(frames[2].payload.substr(2) == "slow_consumer");
  CHECK(ann.heard("message", "text").size() == 21);
}

TEST_CASE("a server waits for a client without a socket for as long as it is told to") {
  using namespace std::chrono_literals;
  manual_node world;
  testing::memory_session deaf{world.node,
                               world.node.loop(0),
                               {encoding::v1_json, "deaf"},
                               {},
                               transport::session_deadlines{}};
  testing::memory_session mute{world.node,
                               world.node.loop(0),
                               {encoding::v1_msgpack, "mute"},
                               {},
                               transport::session_deadlines{}};
  client patient{world};
  world.settle();
  deaf.set_window(0);
  patient.session.set_window(0);
  for (auto* who : {&deaf, &patient.session})
    who->say(R"({"type":"ping","ref":"1"})");
  mute.say("no MessagePack"); // this makes the server close it, and it does not answer
  world.settle();

  world.pass(4s);
  CHECK_FALSE(mute.ended());
  world.pass(2s);
  CHECK(mute.ended());
  CHECK_FALSE(deaf.ended());
  world.pass(5s);
  CHECK(deaf.ended());
  CHECK_FALSE(patient.session.ended());
}

TEST_CASE("a client that was cut no longer holds what it was to get") {
  manual_node world;
  client ann{world}, slow{world, encoding::v1_json, 0, {20'000, 1000}};
  ann.join("r");
  slow.join("r");
  world.settle();
  slow.session.set_window(0);

  auto before = world.node.stats().output_bytes;
  for (int i = 0; i < 3; ++i) {
    ann.publish("r", std::string(8000, 'x'));
    world.settle();
  }
  slow.session.set_window(std::nullopt);
  ann.session.disconnect();
  slow.session.disconnect();
  world.settle();

  CHECK(slow.close_code() == 1013);
  CHECK(world.node.stats().rooms == 0);
  CHECK(world.node.stats().output_bytes <= before);
}

// Pins §13.16.
TEST_CASE("of a client that goes on behind the server's close 1 MiB is read") {
  manual_node world;
  auto raw = world.node.make_endpoint(
    "/raw", {.on_message = [](auto& c, std::string_view, bool) { c.close(1000); }});
  testing::memory_session mute{world.node, world.node.loop(0), {.endpoint = raw.state()}};
  constexpr std::size_t messages = 30, size = 60'000;

  for (std::size_t i = 0; i < messages; ++i) {
    mute.say(std::string(size, 'x'));
    world.settle();
  }

  auto sent = messages * (size + 8); // a header of 8 bytes
  CHECK(sent - mute.unread_bytes() - (size + 8) == 1024 * 1024);
}

// -- a socket that ends ---------------------------------------------------------------------------

// Pins §10.14.
TEST_CASE("all that a client sent before a reset takes effect, though no answer can be sent") {
  auto loops = GENERATE(1u, 2u);
  actors::node_options options;
  options.loops = loops;
  manual_node world{std::move(options)};
  auto room = world.room_on(loops - 1);
  client ann{world}, bob{world};
  ann.join(room);
  bob.join(room);
  world.settle();
  strings said;
  for (int i = 0; i < 150; ++i)
    ann.publish(room, said.emplace_back(std::to_string(i)));
  (void)bob.texts();

  ann.session.disconnect();
  world.settle();

  CHECK(ann.session.ended());
  auto heard = bob.texts();
  REQUIRE(heard.size() == said.size() + 1);
  for (std::size_t i = 0; i < said.size(); ++i)
    CHECK(heard[i].find("\"" + said[i] + "\"") != std::string::npos);
  CHECK(type_of(heard.back()) == "userLeft");
}

// Pins §10.19.
TEST_CASE("a client that can be sent nothing is read on at its rate, for the time of a close") {
  using namespace std::chrono_literals;
  actors::node_options options;
  options.connections.bytes_per_second = 1000;
  manual_node world{std::move(options)};
  client ann{world, encoding::v1_json, 0, {}, "ann", {}}, bob{world};
  ann.join("r");
  bob.join("r");
  world.settle();
  for (int i = 0; i < 30; ++i)
    ann.publish("r", std::string(900, 'x'));
  (void)bob.texts();

  ann.session.disconnect(); // what comes back to it is the first that cannot be sent
  world.settle();
  auto at_once = bob.heard("message", "seq").size();
  world.pass(4900ms);
  auto later = bob.heard("message", "seq").size();
  auto lives = !ann.session.ended();
  world.pass(200ms);

  CHECK(at_once <= 2);
  CHECK(later >= 4);
  CHECK(lives);
  CHECK(ann.session.ended());
  CHECK(ann.session.unread() > 20);
  CHECK(types_of(bob.texts()) == strings{"userLeft"});
}

// Pins §10.14.
TEST_CASE("a client that lags, sends and is reset has said all of it") {
  manual_node world;
  client slow{world, encoding::v1_json, 0, {200'000, 1024}}, bob{world};
  slow.join("r");
  bob.join("r");
  world.settle();
  slow.session.set_window(3);
  strings said;
  for (int i = 0; i < 150; ++i)
    slow.publish("r", said.emplace_back(std::to_string(i) + std::string(2000, 'x')));
  world.settle();
  REQUIRE(slow.session.unread() > 0);
  REQUIRE(slow.session.heeded());

  slow.session.disconnect();
  world.settle();

  CHECK(slow.session.ended());
  CHECK(bob.heard("message", "text") == said);
}

// Pins §13.17.
TEST_CASE("members are told of a close when it begins, not when its socket ends") {
  manual_node world;
  client ann{world}, bob{world}, packed{world, encoding::v1_msgpack};
  bob.join("r");
  ann.join("r");
  std::string join;
  protocol::transcode(protocol::codec::json, R"({"type":"join","roomId":"r"})",
                      protocol::codec::msgpack, join);
  packed.session.say(join, true);
  world.settle();
  (void)bob.texts();

  packed.session.say("no MessagePack", false); // and it never answers the close
  world.settle();

  CHECK(bob.heard("userLeft", "reason") == strings{"disconnected"});
  CHECK_FALSE(packed.session.ended());
  CHECK(world.node.stats().members == 2);
  CHECK(world.node.stats().connections == 3);
}
