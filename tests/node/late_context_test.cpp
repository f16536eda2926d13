#include <utility>

#include "manual_node.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <span>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using actors::member;
using actors::room_behavior;
using actors::room_context;

namespace {

/// Every call of a room's context, with its name.
struct call {
  std::string name;
  std::function<void(room_context&)> make;
};

std::vector<call> calls() {
  return {
    {"broadcast", [](room_context& r) { r.broadcast("late", {}); }},
    {"broadcast", [](room_context& r) { r.broadcast(actors::broadcast_event{"late"}); }},
    {"broadcast_except",
     [](room_context& r) { r.broadcast_except(actors::session_key{}, "late", {}); }},
    {"send_to", [](room_context& r) { r.send_to({}, "late", {}); }},
    {"ask", [](room_context& r) { r.ask({}, {}, 1s, [](auto&, auto&) {}); }},
    {"kick", [](room_context& r) { r.kick({}); }},
    {"end", [](room_context& r) { r.end(); }},
    {"refuse", [](room_context& r) { r.refuse(protocol::errc::forbidden); }},
    {"every", [](room_context& r) { r.every(1s, [](auto&) {}); }},
    {"after", [](room_context& r) { r.after(1s, [](auto&) {}); }},
    {"cancel", [](room_context& r) { r.cancel({1}); }},
    {"name", [](room_context& r) { (void)r.name(); }},
    {"find", [](room_context& r) { (void)r.find({}); }},
    {"member_count", [](room_context& r) { (void)r.member_count(); }},
    {"for_each_member", [](room_context& r) { r.for_each_member([](auto&) {}); }},
    {"steady_now", [](room_context& r) { (void)r.steady_now(); }},
    {"now", [](room_context& r) { (void)r.now(); }},
    {"pressure", [](room_context& r) { (void)r.pressure(); }},
    {"find_user", [](room_context& r) { (void)r.find_user("ann"); }},
    {"for_each_session_of", [](room_context& r) { r.for_each_session_of("ann", [](auto&) {}); }},
    {"queued_bytes", [](room_context& r) { (void)r.queued_bytes({}); }},
    {"broadcast_except",
     [](room_context& r) {
       r.broadcast_except(std::span<const actors::session_key>{}, "late", {});
     }},
    {"broadcast", [](room_context& r) { r.broadcast("late", [](auto&) {}); }},
    {"broadcast_except",
     [](room_context& r) { r.broadcast_except(actors::session_key{}, "late", [](auto&) {}); }},
    {"send_to", [](room_context& r) { r.send_to({}, "late", [](auto&) {}); }},
    {"broadcast_binary", [](room_context& r) { r.broadcast_binary("late"); }},
    {"broadcast_binary_except", [](room_context& r) { r.broadcast_binary_except({}, "late"); }},
    {"send_binary_to", [](room_context& r) { r.send_binary_to({}, "late"); }},
    {"reply_later", [](room_context& r) { (void)r.reply_later(); }},
    {"set_metadata", [](room_context& r) { r.set_metadata({}); }},
    {"metadata", [](room_context& r) { (void)r.metadata(); }},
    {"set_locked", [](room_context& r) { r.set_locked(true); }},
    {"is_locked", [](room_context& r) { (void)r.is_locked(); }},
  };
}

/// What a call says that is refused; empty: it is not.
std::string complaint(const std::function<void(room_context&)>& make, room_context& room) {
  try {
    make(room);
  } catch (const std::logic_error& e) {
    return e.what();
  }
  return {};
}

void check_all_refused(room_context& room) {
  for (auto& c : calls()) {
    INFO(c.name);
    CHECK(complaint(c.make, room)
          == "room_context::" + c.name
               + ": called outside of a hook of its room. A room_context is valid in the hooks of "
                 "its own room only, on the thread that runs them; from elsewhere use a "
                 "room_handle.");
  }
}

/// Keeps the context of each of its rooms; runs in hooks what the test says.
struct keeper final : room_behavior {
  struct script {
    std::vector<room_context*> kept;
    std::function<void(room_context&)> in_hook = [](auto&) {};
    std::function<void(room_context&)> in_leave = [](auto&) {};
    int alive = 0;
  };
  explicit keeper(script& s) : script_(s) { ++s.alive; }
  ~keeper() override {
    --script_.alive;
    if (own_)
      own_->broadcast("last words", {}); // which reach nobody
  }
  void on_create(room_context& room) override {
    own_ = &room;
    script_.kept.push_back(&room);
  }
  void on_message(room_context& room, const member&, const actors::application_message&) override {
    script_.in_hook(room);
  }
  void on_leave(room_context& room, const member&, actors::leave_reason) override {
    script_.in_leave(room);
  }
  script& script_;
  room_context* own_ = nullptr;
};

struct kept_rooms {
  kept_rooms() {
    world.node.rooms("*", [this](auto) { return std::make_unique<keeper>(script); });
    ann.join("a");
    world.settle();
    bob.join("b");
    world.settle();
    REQUIRE(script.kept.size() == 2);
  }
  void run(std::function<void(room_context&)> step) {
    script.in_hook = std::move(step);
    ann.say(R"({"type":"go"})");
    world.settle();
  }
  room_context& a() { return *script.kept[0]; }
  room_context& b() { return *script.kept[1]; }

  keeper::script script;
  manual_node world;
  client ann{world, encoding::v1_json, 0, {}, "ann"}, bob{world, encoding::v1_json, 0, {}, "bob"};
};

} // namespace

TEST_CASE("a room's context is refused outside of its hooks, each call by its name") {
  kept_rooms k;
  check_all_refused(k.a());
  bool ran = false;
  k.world.node.loop(0).post([&] {
    check_all_refused(k.a()); // also on the loop itself
    ran = true;
  });
  k.world.settle();
  CHECK(ran);
}

TEST_CASE("a room's context is refused on another thread, while one of its hooks runs") {
  kept_rooms k;
  std::vector<std::string> said;
  k.run([&](room_context& room) {
    std::thread{[&] { said.push_back(complaint(calls().front().make, room)); }}.join();
    room.broadcast("in time", {});
  });
  REQUIRE(said.size() == 1);
  CHECK(said.front().starts_with("room_context::broadcast: called outside of a hook"));
  CHECK(k.ann.heard("in time", "type").size() == 1);
}

TEST_CASE("a room's context is refused in another room's hook, and its own is valid there") {
  kept_rooms k;
  bool ran = false;
  k.run([&](room_context& room) {
    REQUIRE(&room == &k.a());
    check_all_refused(k.b());
    CHECK(room.member_count() == 1);
    ran = true;
  });
  CHECK(ran);
}

TEST_CASE("a room's context is valid in hooks that run inside of others, and afterwards") {
  kept_rooms k;
  int inside = 0;
  k.script.in_leave = [&](room_context& room) {
    CHECK(room.name() == "a");
    CHECK(complaint(calls().front().make, k.b()) != "");
    ++inside;
  };
  k.run([&](room_context& room) {
    room.for_each_member([&](const member& m) { room.kick(m.key); });
    CHECK(inside == 1);
    CHECK(room.member_count() == 0);
    room.broadcast("on", {});
  });
  CHECK(inside == 1);
  k.script.in_leave = [](auto&) {};
}

TEST_CASE("a late use that nobody catches in a hook crashes the room of that hook alone") {
  kept_rooms k;
  (void)k.bob.texts();
  k.run([&](room_context&) { k.b().kick({}); });
  CHECK(k.ann.heard("roomClosed", "reason") == std::vector<std::string>{"crashed"});
  CHECK(k.bob.texts().empty());
  k.bob.publish("b", "hi");
  k.world.settle();
  CHECK(k.bob.heard("message", "text") == std::vector<std::string>{"hi"});
}

TEST_CASE("a late use in a job of the loop's is logged and counted, and hurts nobody") {
  kept_rooms k;
  k.world.node.loop(0).post([&] { k.a().end(); });
  k.world.settle();
  k.ann.publish("a", "hi");
  k.world.settle();
  CHECK(k.ann.heard("message", "text") == std::vector<std::string>{"hi"});
}

TEST_CASE("a behaviour that says something as it is destroyed ends nothing but itself") {
  kept_rooms k;
  CHECK(k.world.node.room("a").end() == actors::publish_result::accepted);
  k.world.settle();
  CHECK(k.script.alive == 1);
}
