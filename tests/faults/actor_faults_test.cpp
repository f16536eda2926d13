// Runs a scripted life of a node on manual loops once for each of its allocations, and makes that
// one fail. The node still serves afterwards, and nothing is left behind.
#include "findings.hpp"
#include "node/onlooker.hpp"
#include "support/replaced_allocator.hpp"

#include <troupe/protocol/codec.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;
using actors::connection_info;
using test::unharmed;
using testing::memory_session;

namespace {

/// Does what its members ask for.
struct obliging final : actors::room_behavior {
  obliging() {
    on("boom", [](auto&, auto&, auto&) { throw std::runtime_error{"boom"}; });
    on("end", [](auto& room, auto&, auto&) { room.end(); });
    on("kick", [](auto& room, auto& from, auto&) { room.kick(from.key, "out"); });
    on("say", [](auto& room, auto& from, auto&) {
      room.broadcast("said", {{"n", 1}});
      room.send_to(from.key, "heard", {{"n", 2}});
    });
    on("others", [](auto& room, auto& from, auto&) {
      std::vector<actors::session_key> all;
      room.for_each_session_of(from.user_id, [&](auto& m) { all.push_back(m.key); });
      room.broadcast_except(all, "to nobody", {});
      room.broadcast_binary_except(from.key, "bytes");
      for (auto who : all)
        (void)room.queued_bytes(who);
    });
    on("slip", [](auto&, auto&, auto&) { throw std::runtime_error{"slip"}; });
  }
  actors::join_decision authorize_join(actors::room_context& room,
                                       const actors::member& m) override {
    auto* other = room.name() == "one" ? room.find_user(m.user_id) : nullptr;
    return actors::join_decision::accept_in_place_of(other ? other->key : actors::session_key{},
                                                     "another one has come");
  }
  bool on_error(actors::room_context&, const actors::member*, std::string_view what) override {
    return what == "slip";
  }
};

actors::node_options options_for(actors::node_options o) {
  o.loops = 2;
  o.connections.messages_per_second = 0;
  o.rooms.linger = 0ms;
  return o;
}

actors::endpoint_handlers echo(actors::endpoint& at) {
  actors::endpoint_handlers on;
  on.on_open = [](auto& c) { c.send("hello"); };
  on.on_message = [&at](auto& c, std::string_view text, bool) {
    c.send(text);
    c.ping("p");
    at.broadcast(text);
  };
  on.on_pong = [](auto&, auto) {};
  on.on_close = [](auto&, auto, auto) {};
  return on;
}

class world {
public:
  world() : manual(options_for({})) {
    manual.node.rooms("keep", [](auto) { return std::make_unique<obliging>(); });
    manual.node.rooms("*", [](auto) { return std::make_unique<obliging>(); });
    place = manual.node.make_endpoint("/raw", echo(place));
    settle();
    for (unsigned i = 0; i < manual.node.loops(); ++i)
      actors_at_rest.push_back(manual.node.loop(i).pinned_actors());
  }

  [[nodiscard]] std::unique_ptr<memory_session> connect(protocol::encoding e, unsigned loop,
                                                        bool raw = false) {
    connection_info info{e, "u"};
    if (raw)
      info.endpoint = place.state();
    std::unique_ptr<memory_session> session;
    try {
      session =
        std::make_unique<memory_session>(manual.node, manual.node.loop(loop), std::move(info));
    } catch (const std::bad_alloc&) {
      return nullptr; // a server closes the socket then
    }
    settle();
    return session;
  }

  void say(const std::unique_ptr<memory_session>& who, std::string_view json,
           bool msgpack = false) {
    if (!who)
      return;
    std::string text{json};
    if (msgpack) {
      unharmed scope;
      text.clear();
      protocol::transcode(protocol::codec::json, json, protocol::codec::msgpack, text);
    }
    who->say(std::move(text), msgpack);
    settle();
  }

  void settle() { manual.settle(); }

  void pass(std::chrono::milliseconds time) {
    constexpr auto step = 500ms;
    for (; time.count() > 0; time -= step) {
      manual.clock.advance(step);
      settle();
    }
  }

  test::manual_node manual;
  actors::endpoint place;
  test::onlooker watcher{manual.system};
  std::vector<std::size_t> actors_at_rest;
};

/// Runs a call of the application, which may throw `std::bad_alloc`.
template <class F>
void attempt(F&& f) {
  try {
    f();
  } catch (const std::bad_alloc&) {}
}

/// The clients that are still connected after one life of the node.
struct cast {
  std::unique_ptr<memory_session> packed, plain, raw, mate;
};

cast play(world& w) {
  cast c;
  attempt([&] { c.packed = w.connect(protocol::encoding::v1_msgpack, 0); });
  attempt([&] { w.say(c.packed, R"({"type":"join","roomId":"a","ref":1})", true); });
  attempt([&] { w.say(c.packed, R"({"type":"message","roomId":"a","text":"hi","ref":2})", true); });
  attempt([&] { w.say(c.packed, R"({"type":"say","roomId":"a","ref":3})", true); });
  attempt([&] { c.mate = w.connect(protocol::encoding::v1_json, 1); });
  attempt([&] { w.say(c.mate, R"({"type":"join","roomId":"b","ref":1})"); });
  attempt([&] { w.say(c.packed, R"({"type":"join","roomId":"b","ref":4})", true); });
  attempt([&] {
    w.say(c.packed, R"({"type":"message","roomId":"b","text":"hi","echo":false,"ref":5})", true);
  });
  attempt([&] { w.say(c.packed, R"({"type":"leave","roomId":"a","ref":6})", true); });
  attempt([&] { w.manual.node.observe("b", w.watcher.handle()); });
  w.settle();
  attempt([&] { (void)w.manual.node.room("b").publish("news", {{"n", 7}}); });
  w.settle();
  attempt([&] { w.manual.node.unobserve("b", w.watcher.handle()); });
  w.settle();
  attempt([&] { w.say(c.packed, R"({"type":"others","roomId":"b","ref":10})", true); });
  attempt([&] { w.say(c.packed, R"({"type":"slip","roomId":"b","ref":11})", true); });
  for (auto* who : {&c.mate, &c.packed})
    attempt([&] { w.say(*who, R"({"type":"join","roomId":"one","ref":12})", who == &c.packed); });
  actors::room_handle one;
  attempt([&] { one = w.manual.node.room("one"); });
  attempt(
    [&] { (void)one.post([](actors::room_context& room) { room.broadcast_binary("posted"); }); });
  attempt([&] { (void)one.send_to_user("u", "gift", {{"n", 1}}); });
  w.settle();
  attempt([&] { (void)one.kick("u", "enough"); });
  w.settle();
  attempt([&] { w.say(c.packed, R"({"type":"kick","roomId":"b","ref":8})", true); });
  attempt([&] { c.plain = w.connect(protocol::encoding::plain_json, 0); });
  attempt([&] { w.say(c.plain, R"({"type":"join","roomId":"a"})"); });
  attempt([&] { w.say(c.plain, R"({"type":"join","roomId":"b"})"); });
  attempt([&] { w.say(c.plain, R"({"type":"message","text":"hi"})"); });
  attempt([&] { w.say(c.mate, R"({"type":"boom","roomId":"b","ref":2})"); });
  attempt([&] { w.say(c.mate, R"({"type":"join","roomId":"c","ref":3})"); });
  attempt([&] { w.say(c.packed, R"({"type":"join","roomId":"c","ref":9})", true); });
  attempt([&] { w.say(c.mate, R"({"type":"end","roomId":"c","ref":4})"); });
  attempt([&] { c.raw = w.connect(protocol::encoding::plain_json, 1, true); });
  attempt([&] { w.say(c.raw, "echo"); });
  attempt([&] { (void)w.place.broadcast("all"); });
  w.settle();
  attempt([&] { w.say(c.plain, "no JSON"); });
  w.pass(40s); // long enough for a heartbeat
  for (auto* s : {&c.packed, &c.raw})
    if (*s)
      (*s)->disconnect();
  w.settle();
  return c;
}

bool was_told_to_go(const std::vector<testing::received_frame>& frames) {
  return std::any_of(frames.begin(), frames.end(), [](auto& f) { return f.opcode == 8; });
}

bool holds(const std::vector<testing::received_frame>& frames, std::string_view text) {
  return std::any_of(frames.begin(), frames.end(),
                     [&](auto& f) { return f.payload.find(text) != std::string::npos; });
}

/// Says what is wrong with the node afterwards; empty: nothing.
std::string judge(world& w, cast c, std::unique_ptr<memory_session> witness) {
  std::string wrong;
  auto must = [&](bool is, std::string_view what) {
    if (!is)
      wrong += std::string{what} + "; ";
  };
  auto fresh = w.connect(protocol::encoding::v1_json, 0);
  w.say(fresh, R"({"type":"join","roomId":"a","ref":1})");
  w.say(fresh, R"({"type":"message","roomId":"a","text":"fresh","ref":2})");
  w.say(fresh, R"({"type":"join","roomId":"c","ref":3})");
  w.say(fresh, R"({"type":"leave","roomId":"c","ref":4})");
  (void)w.manual.node.room("a").publish("outside", {{"n", 1}});
  w.settle();
  auto heard = fresh->take_frames();
  must(holds(heard, R"("type":"ack")"), "a fresh client has no ack");
  must(holds(heard, R"("text":"fresh")"), "a fresh client does not hear itself");
  must(holds(heard, R"("outside")"), "a fresh client does not hear from outside");
  must(holds(heard, R"("ref":3)") && holds(heard, R"("type":"left")"),
       "a fresh client cannot join and leave");
  auto witnessed = witness->take_frames();
  must(was_told_to_go(witnessed) || witness->ended() || holds(witnessed, "roomClosed")
         || holds(witnessed, R"("text":"fresh")"),
       "the witness is deaf");
  for (auto* s : {&c.mate, &c.plain}) {
    if (!*s)
      continue;
    auto before = (*s)->take_frames();
    w.say(*s, R"({"type":"ping","ref":77})");
    if (s == &c.plain) // all room commands of a plain client wait behind a join
      w.say(*s, R"({"type":"join","roomId":"d"})");
    auto after = (*s)->take_frames();
    must(was_told_to_go(before) || was_told_to_go(after) || (*s)->ended() || holds(after, "pong"),
         "a client is deaf");
    must(s != &c.plain || (*s)->ended() || was_told_to_go(before) || was_told_to_go(after)
           || holds(after, "joined") || holds(after, "error"),
         "a plain client waits for ever");
    must((*s)->ended() || was_told_to_go(before) || was_told_to_go(after)
           || (*s)->held_messages() == 0,
         "a client's credit is lost");
  }
  auto link = w.connect(protocol::encoding::plain_json, 0, true);
  w.say(link, "x");
  must(holds(link->take_frames(), "x"), "the endpoint is dead");
  w.manual.node.unobserve("b", w.watcher.handle()); // in case the script's call failed
  for (auto* s : {&fresh, &witness, &c.mate, &c.plain, &link})
    s->reset();
  c = {};
  w.settle();
  w.pass(20s);
  auto left = w.manual.node.stats();
  must(left.rooms == 0, std::to_string(left.rooms) + " rooms are left");
  must(left.members == 0, std::to_string(left.members) + " members are left");
  must(left.connections == 0, std::to_string(left.connections) + " connections are left");
  must(w.place.client_count() == 0, "the endpoint has clients left");
  for (unsigned i = 0; i < w.manual.node.loops(); ++i) {
    must(w.manual.node.loop(i).sessions().size() == 0, "a session is left");
    must(w.manual.node.loop(i).pinned_actors() == w.actors_at_rest[i], "actors are left or lost");
  }
  (void)w.watcher.take();
  must(w.manual.node.stats().output_bytes == 0, "output is left");
  return wrong;
}

/// Plays a life in which `count` allocations fail, from the `nth` on. Returns whether one failed;
/// appends what was wrong to `found`.
bool play_at(std::size_t nth, std::size_t count, std::vector<std::string>& found) {
  world w;
  auto witness = w.connect(protocol::encoding::v1_json, 1);
  w.say(witness, R"({"type":"join","roomId":"a"})");
  (void)w.watcher.take();
  test::arm(nth, count);
  auto c = play(w);
  test::disarm();
  auto failed = test::has_failed();
  if (auto wrong = judge(w, std::move(c), std::move(witness)); !wrong.empty())
    found.push_back(std::to_string(nth) + ": " + wrong);
  return failed;
}

/// Counts live blocks after the threads of an ended actor system have freed theirs.
std::ptrdiff_t live_blocks_at_rest() {
  auto blocks = test::live_blocks();
  for (int unchanged = 0; unchanged < 3; ++unchanged) {
    std::this_thread::sleep_for(1ms);
    if (auto now = test::live_blocks(); now != blocks) {
      blocks = now;
      unchanged = 0;
    }
  }
  return blocks;
}

/// As `play_at`, and checks that all memory was freed.
bool fail_at(std::size_t nth, std::size_t count, std::vector<std::string>& found) {
  auto before = live_blocks_at_rest();
  auto known = found.size();
  auto failed = play_at(nth, count, found);
  if (auto kept = live_blocks_at_rest() - before; kept > 0 && found.size() == known)
    found.push_back(std::to_string(nth) + ": " + std::to_string(kept)
                    + " blocks of memory are left");
  return failed;
}

/// Plays with every `step`-th allocation failing, or only the one that `TROUPE_FAULT_AT` names.
void sweep(std::size_t count, std::size_t step) {
  std::vector<std::string> found;
  found.reserve(1000);
  (void)play_at(std::size_t{1} << 40, 1, found); // afterwards all that a thread keeps is allocated
  std::size_t n = 0;
  if (auto* at = std::getenv("TROUPE_FAULT_AT")) {
    (void)fail_at(static_cast<std::size_t>(std::atol(at)), count, found);
  } else {
    for (bool any = true; any; n += step) {
      INFO("allocation " << n);
      any = fail_at(n, count, found);
    }
    WARN(n << " places");
  }
  INFO(test::one_line_each(found));
  CHECK(found.empty());
}

} // namespace

TEST_CASE("a node serves and nothing is left, whichever allocation of its actors has failed") {
  sweep(1, 1);
}

TEST_CASE("a node serves and nothing is left after several failed allocations in a row") {
  auto is_long = std::getenv("TROUPE_LONG") != nullptr;
  for (std::size_t count : {2, 3, 7, 40})
    sweep(count, is_long ? 1 : 11);
}

// Pins §4.22, §13.7.
TEST_CASE(
  "a join that finds no memory is answered internal, or the connection is closed with 1011") {
  std::vector<std::string> found;
  (void)play_at(std::size_t{1} << 40, 1, found); // afterwards all that a thread keeps is allocated
  int answered = 0, closed = 0;
  for (std::size_t n = 0;; ++n) {
    world w;
    auto ann = w.connect(protocol::encoding::v1_json, 0);
    (void)ann->take_frames();
    test::arm(n, 1);
    attempt([&] { w.say(ann, R"({"type":"join","roomId":"c","ref":1})"); });
    test::disarm();
    auto failed = test::has_failed();
    w.settle();
    auto heard = ann->take_frames();
    INFO("allocation " << n);
    if (holds(heard, R"("ref":1,"request":"join","roomId":"c","code":"internal")")) {
      ++answered;
      w.say(ann, R"({"type":"join","roomId":"c","ref":2})");
      CHECK(holds(ann->take_frames(), R"("type":"joined","ref":2)"));
    }
    closed += std::any_of(heard.begin(), heard.end(), [](auto& f) {
      return f.opcode == 8 && f.close_code() == 1011 && f.payload.substr(2) == "internal";
    });
    if (!failed)
      break;
  }
  CHECK(answered > 0);
  CHECK(closed > 0);
}
