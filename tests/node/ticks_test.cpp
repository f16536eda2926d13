#include <utility>

#include "manual_node.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using actors::member;
using actors::room_behavior;
using actors::room_context;
using actors::tick_info;
using strings = std::vector<std::string>;

namespace {

/// Does in each tick what the test says; notes messages and ticks.
struct ticking final : room_behavior {
  struct script {
    std::function<void(room_context&, const tick_info&)> tick = [](auto&, auto&) {};
    std::function<void(room_context&, const member&, const std::string&)> message = [](auto&, auto&,
                                                                                       auto&) {};
    std::vector<actors::steady_time> due;
    strings said;
  };
  explicit ticking(script& s) : script_(s) {}
  void on_message(room_context& room, const member& from,
                  const actors::application_message& m) override {
    script_.said.emplace_back(m.type);
    script_.message(room, from, script_.said.back());
  }
  void on_tick(room_context& room, const tick_info& t) override {
    CHECK(room.steady_now() == t.due + t.late);
    script_.due.push_back(t.due);
    script_.tick(room, t);
  }
  script& script_;
};

/// Counts the writes to a socket that it would make.
struct counting_socket final : actors::sink {
  void write(const protocol::shared_bytes& b, std::span<const actors::byte_range> parts,
             std::uint32_t n) override {
    frames += n;
    for (auto p : parts)
      bytes += b.view().substr(p.begin, p.size());
    if (!is_queued)
      ++writes;
  }
  void append(const protocol::shared_bytes& b, actors::byte_range p, std::uint32_t n,
              actors::output_kind) override {
    frames += n;
    bytes += b.view().substr(p.begin, p.size());
    is_queued = true;
  }
  void flush() override { writes += std::exchange(is_queued, false); }
  void ping(std::string_view) override {}
  void close(protocol::errc, std::string_view) override {}
  void close_with(std::uint16_t, std::string_view) override {}
  void cut(protocol::errc) override {}
  void terminate(protocol::errc) override {}
  void resume_reading() override {}
  actors::steady_time last_inbound() const override { return {}; }
  std::size_t queued_bytes() const override { return 0; }
  std::optional<actors::steady_time> oldest_queued() const override { return {}; }
  void forget() {
    writes = 0;
    frames = 0;
    bytes.clear();
  }

  int writes = 0;
  std::uint32_t frames = 0;
  bool is_queued = false;
  std::string bytes;
};

actors::node_options quiet(unsigned loops) {
  actors::node_options o;
  o.loops = loops;
  o.heartbeat.interval = 0ms;
  o.connections.messages_per_second = 0;
  return o;
}

actors::room_options at(unsigned rate) {
  actors::room_options o;
  o.tick.rate = rate;
  return o;
}

/// A node with a room on loop 0 that ticks.
struct ticking_node {
  explicit ticking_node(unsigned loops = 2, actors::room_options of = at(10))
    : world(quiet(loops)) {
    world.node.rooms(
      "*", [this](auto) { return std::make_unique<ticking>(script); }, std::move(of));
  }

  ticking::script script;
  manual_node world;
};

} // namespace

TEST_CASE("a room ticks at its times, the first within a period, whatever else goes on") {
  ticking_node n;
  client ann{n.world};
  ann.join("r");
  n.world.settle();
  auto made = n.world.clock.now();

  n.world.pass(10s);

  auto& due = n.script.due;
  REQUIRE(due.size() == 100);
  CHECK(due.front() > made);
  CHECK(due.front() <= made + 100ms);
  for (std::size_t i = 1; i < due.size(); ++i)
    CHECK(due[i] - due[i - 1] == 100ms);
  auto stats = n.world.node.stats();
  CHECK(stats.ticks == 100);
  CHECK(stats.skipped_ticks == 0);
  CHECK(stats.tick_delays.count() == 100);
  CHECK(stats.tick_delays.sum == 0ns);
  CHECK(stats.tick_times.count() == 100);
}

TEST_CASE("rooms that tick at one rate share one deadline of their loop, and are spread") {
  ticking_node n{1, at(30)};
  std::deque<client> all;
  for (int i = 0; i < 64; ++i) {
    all.emplace_back(n.world);
    all.back().join("r" + std::to_string(i));
  }
  n.world.settle();
  CHECK(n.world.node.loop(0).deadlines().armed_entries() == 1);

  n.world.pass(33'333'334ns);

  auto due = n.script.due;
  CHECK(due.size() == 64);
  CHECK(std::is_sorted(due.begin(), due.end()));
  auto widest = 0ns;
  for (std::size_t i = 1; i < due.size(); ++i)
    widest = std::max<std::chrono::nanoseconds>(widest, due[i] - due[i - 1]);
  CHECK(widest < 2'100us); // they tick at 16 instants of the period
}

TEST_CASE("a room that has ended ticks no more, and others of its rate go on") {
  ticking_node n{1};
  client ann{n.world}, bob{n.world};
  ann.join("a");
  bob.join("b");
  n.world.settle();
  n.world.pass(1s);
  CHECK(n.script.due.size() == 20);
  ann.say(R"({"type":"leave"})");
  n.world.settle();
  n.world.pass(1s);
  CHECK(n.script.due.size() == 30);
}

TEST_CASE("what a room says in a tick leaves as one write to each member, on every loop") {
  for (bool is_single : {true, false}) {
    ticking_node n{2};
    manual_node& world = n.world;
    auto name = world.room_on(0);
    std::vector<std::unique_ptr<counting_socket>> sockets;
    std::vector<actors::connection_port> ports;
    for (unsigned i = 0; i < 4; ++i) {
      sockets.push_back(std::make_unique<counting_socket>());
      ports.push_back(world.node.open(world.node.loop(i % 2), *sockets.back(),
                                      {encoding::v1_json, "u" + std::to_string(i)}));
      ports.back().deliver(
        protocol::shared_bytes::copy_of(R"({"type":"join","roomId":")" + name + "\"}"), false);
      world.settle();
    }
    // Loop 1 takes what has reached it in the middle of the tick, as a thread of its own might.
    auto run_other_loop = [&] {
      while (world.node.loop(1).run_turn()) {}
    };
    n.script.message = [&](room_context& room, const member& from, const std::string& type) {
      room.broadcast_except(from.key, type, {{"a", 1}});
      run_other_loop();
    };
    n.script.tick = [&](room_context& room, const tick_info& t) {
      room.broadcast("state", {{"n", static_cast<std::int64_t>(t.number)}});
      run_other_loop();
      if (is_single)
        return;
      room.broadcast({"passing", {}, {}, true, false, true});
      room.for_each_member([&](const member& m) { room.send_to(m.key, "own", {{"b", 2}}); });
      run_other_loop();
      room.broadcast("last", {});
    };
    for (unsigned i : {0u, 1u})
      ports[i].deliver(protocol::shared_bytes::copy_of(R"({"type":"shot","ref":1})"), false);
    world.settle();
    for (auto& s : sockets)
      s->forget();

    world.pass(100ms);

    REQUIRE(n.script.due.size() == 1);
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      INFO("member " << i << (is_single ? ", one message: " : ": ") << sockets[i]->bytes);
      CHECK(sockets[i]->writes == 1);
      auto shots = i < 2 ? 1u : 2u, acks = i < 2 ? 1u : 0u;
      CHECK(sockets[i]->frames == shots + acks + (is_single ? 1u : 4u));
    }
    for (auto& p : ports)
      p.closed();
    world.settle();
  }
}

TEST_CASE("all loops hear a tick in the order of the room, also who is kicked in it") {
  ticking_node n;
  client near{n.world, encoding::v1_json, 0, {}, "near"},
    far{n.world, encoding::v1_json, 1, {}, "far"};
  auto name = n.world.room_on(0);
  near.join(name);
  far.join(name);
  n.world.settle();
  n.script.tick = [](room_context& room, const tick_info& t) {
    if (t.number > 1)
      return;
    room.broadcast("one", {});
    room.for_each_member([&](const member& m) {
      if (m.user_id == "far")
        room.kick(m.key, "out");
    });
    room.broadcast("two", {});
  };
  (void)near.texts();
  (void)far.texts();

  n.world.pass(200ms);
  far.say(R"({"type":"presence","ref":7})");
  n.world.settle();

  CHECK(types_of(far.texts()) == strings{"one", "left", "error"});
  CHECK(types_of(near.texts()) == strings{"one", "userLeft", "two"});
}

TEST_CASE(
  "what a room has said in a tick that crashes reaches its members, then that it is closed") {
  ticking_node n;
  client near{n.world}, far{n.world, encoding::v1_json, 1};
  auto name = n.world.room_on(0);
  near.join(name);
  far.join(name);
  n.world.settle();
  n.script.tick = [](room_context& room, const tick_info&) {
    room.broadcast("one", {});
    room.broadcast("two", {});
    throw std::runtime_error{"boom"};
  };
  (void)near.texts();
  (void)far.texts();

  n.world.pass(100ms);

  CHECK(types_of(near.texts()) == strings{"one", "two", "roomClosed"});
  CHECK(types_of(far.texts()) == strings{"one", "two", "roomClosed"});
  n.world.pass(1s);
  CHECK(n.script.due.size() == 1);
}

TEST_CASE("a room that ends in a tick says all of that first") {
  ticking_node n;
  client far{n.world, encoding::v1_json, 1};
  far.join(n.world.room_on(0));
  n.world.settle();
  n.script.tick = [](room_context& room, const tick_info&) {
    room.broadcast("one", {});
    room.end();
    room.broadcast("two", {});
  };
  (void)far.texts();
  n.world.pass(100ms);
  CHECK(types_of(far.texts()) == strings{"one", "two", "roomClosed"});
  CHECK(n.script.due.size() == 1);
}

TEST_CASE("messages that wait for a tick hold no credit of their client") {
  auto options = quiet(1);
  options.connections.credits.messages = 4;
  ticking::script script;
  manual_node world{options};
  world.node.rooms(
    "*", [&](auto) { return std::make_unique<ticking>(script); }, at(1));
  client ann{world};
  ann.join("r");
  world.settle();

  for (int i = 0; i < 20; ++i)
    ann.say(R"({"type":"shot"})");
  world.settle();

  CHECK(ann.session.unread() == 0);
  CHECK(ann.session.held_messages() == 0);
  CHECK(script.said.empty());
  world.pass(1s);
  CHECK(script.said.size() == 20);
}

// Pins §10.62.
TEST_CASE("a client that leaves, closes or is lost has all its messages handled before that") {
  for (std::string how : {"leave", "close", "drop"}) {
    ticking_node n;
    client ann{n.world, encoding::v1_json, 1}, bob{n.world};
    auto name = n.world.room_on(0);
    bob.join(name);
    n.world.settle();
    ann.join(name);
    n.world.settle();
    n.script.message = [](room_context& room, const member&, const std::string& type) {
      room.broadcast(type, {});
    };
    (void)bob.texts();
    ann.say(R"({"type":"shot","ref":1})");
    if (how == "leave")
      ann.say(R"({"type":"leave"})");
    else if (how == "close")
      ann.session.close(1000, {});
    else
      ann.session.disconnect();
    n.world.settle();

    INFO(how);
    CHECK(types_of(bob.texts()) == strings{"shot", "userLeft"});
    if (how == "leave")
      CHECK(types_of(ann.texts()) == strings{"welcome", "joined", "shot", "ack", "left"});
  }
}

TEST_CASE(
  "a client that changes rooms hears what it has caused in the old one before the new one") {
  ticking_node n;
  client ann{n.world, encoding::plain_json};
  ann.join("a");
  n.world.settle();
  n.script.message = [](room_context& room, const member&, const std::string& type) {
    room.broadcast(type, {});
  };
  (void)ann.texts();
  ann.say(R"({"type":"shot","ref":1})");
  ann.join("b");
  n.world.settle();
  CHECK(types_of(ann.texts()) == strings{"shot", "ack", "joined"});
}

TEST_CASE("a client that changes rooms is let go by a room that crashes over what has waited") {
  ticking_node n;
  client ann{n.world, encoding::plain_json};
  ann.join("a");
  n.world.settle();
  n.script.message = [](room_context&, const member&, const std::string&) {
    throw std::runtime_error{"boom"};
  };
  (void)ann.texts();
  ann.say(R"({"type":"shot","ref":1})");
  ann.join("b");
  n.world.settle();
  auto heard = types_of(ann.texts());
  CHECK(std::count(heard.begin(), heard.end(), "joined") == 1);
}

TEST_CASE("an open ref of a room that ends before its tick is answered with room_closed") {
  ticking_node n;
  client ann{n.world};
  ann.join("r");
  n.world.settle();
  (void)ann.texts();
  ann.say(R"({"type":"shot","ref":5})");
  n.world.settle();
  CHECK(n.world.node.room("r").end() == actors::publish_result::accepted);
  n.world.settle();
  auto texts = ann.texts();
  REQUIRE(types_of(texts) == strings{"roomClosed", "error"});
  CHECK(texts.back().find(R"("ref":5)") != std::string::npos);
  CHECK(texts.back().find("room_closed") != std::string::npos);
}

TEST_CASE("a room without members ticks as long as it lives") {
  auto of = at(10);
  of.keep_when_empty = true;
  ticking_node n{1, of};
  {
    client ann{n.world};
    ann.join("r");
    n.world.settle();
    ann.session.disconnect();
    n.world.settle();
  }
  n.world.pass(1s);
  CHECK(n.script.due.size() == 10);
}

TEST_CASE("a tick, or a timer, of a room with messages in its mailbox runs behind them, once") {
  for (unsigned rate : {10u, 0u}) {
    // Of two rooms of loop 0, the first one lets a client of the other say something through loop 1
    // while loop 0 is about to find that the other one is due.
    struct waking final : room_behavior {
      explicit waking(std::function<void(room_context&)>& f) : act(f) {}
      void on_message(room_context& room, const member&,
                      const actors::application_message&) override {
        act(room);
      }
      std::function<void(room_context&)>& act;
    };
    std::function<void(room_context&)> act;
    ticking::script script;
    manual_node world{quiet(2)};
    strings order;
    auto other = world.room_on(0);
    std::string first = "waking";
    while (world.node.loop_of(first) != 0)
      first += 'g';
    world.node.rooms(first, [&](auto) { return std::make_unique<waking>(act); });
    world.node.rooms(
      "*", [&](auto) { return std::make_unique<ticking>(script); }, at(rate));
    client near{world}, far{world, encoding::v1_json, 1};
    near.join(first);
    far.join(other);
    world.settle();
    script.tick = [&](auto&, auto&) { order.emplace_back("due"); };
    script.message = [&](room_context& room, const member&, const std::string& type) {
      order.push_back(type);
      if (type == "start")
        room.after(50ms, [&](auto&) { order.emplace_back("due"); });
    };
    if (rate == 0) {
      far.say(R"({"type":"start"})");
      world.settle();
    }
    order.clear();
    auto due = *world.loops.next_deadline();
    act = [&](room_context& room) {
      room.after(due - world.clock.now() - 1ns, [&](room_context&) {
        world.clock.advance(1ns);
        far.say(R"({"type":"said"})");
        while (world.node.loop(1).run_turn()) {}
      });
    };
    near.say(R"({"type":"go"})");
    world.settle();

    world.clock.advance(due - world.clock.now() - 1ns);
    world.settle();

    INFO("rate " << rate);
    CHECK(order == strings{"said", "due"});
    world.pass(99ms);
    CHECK(order == strings{"said", "due"});
    if (rate > 0) {
      world.pass(1ms);
      CHECK(order == strings{"said", "due", "due"});
    }
  }
}

TEST_CASE("a loop that is late skips ticks, counts them, and is on time again") {
  ticking_node n;
  client ann{n.world};
  ann.join("r");
  n.world.settle();
  n.world.pass(100ms);
  REQUIRE(n.script.due.size() == 1);
  n.world.clock.advance(1050ms);
  n.world.settle();
  CHECK(n.script.due.size() == 2);
  n.world.pass(1s);

  auto stats = n.world.node.stats();
  CHECK(stats.ticks == n.script.due.size());
  CHECK(stats.ticks + stats.skipped_ticks == 21);
  CHECK(stats.skipped_ticks == 9);
}
