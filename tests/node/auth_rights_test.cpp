// What happens to a client's memberships when its claims change.
#include "manual_node.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;

namespace {

/// A token is the list of rooms that it opens, separated by spaces. All tokens are one user's.
actors::node_options with_tokens(unsigned loops = 1) {
  actors::node_options o;
  o.loops = loops;
  o.verify_token = [](std::string_view token, protocol::wall_time) -> actors::claims_ptr {
    actors::claims c;
    c.subject = "ann";
    c.rooms.emplace();
    while (!token.empty()) {
      auto room = token.substr(0, token.find(' '));
      c.rooms->emplace_back(room);
      token.remove_prefix(std::min(room.size() + 1, token.size()));
    }
    return std::make_shared<const actors::claims>(std::move(c));
  };
  return o;
}

struct ann final : client {
  explicit ann(manual_node& world, encoding e = encoding::v1_json, unsigned loop = 0)
    : client(world, e, loop, {}, "ann") {}
  void authenticate(const std::string& rooms) {
    say(R"({"type":"auth","token":")" + rooms + R"(","ref":"auth"})");
  }
  void publish_ref(const std::string& room, const std::string& ref) {
    say(R"({"type":"message","roomId":")" + room + R"(","text":"x","ref":")" + ref + "\"}");
  }
};

std::size_t count(const std::vector<std::string>& texts, std::string_view part) {
  return static_cast<std::size_t>(std::count_if(
    texts.begin(), texts.end(), [&](auto& t) { return t.find(part) != std::string::npos; }));
}

} // namespace

TEST_CASE("new claims end the memberships that they do not open, and no others") {
  auto loops = GENERATE(1u, 2u, 3u);
  manual_node world{with_tokens(loops)};
  ann a{world};
  client others{world, encoding::v1_json, loops - 1, {}, "bob"};
  for (auto room : {"a1", "a2", "b"}) {
    a.join(room);
    others.join(room);
  }
  world.settle();
  (void)a.texts();
  (void)others.texts();

  a.authenticate("b c");
  world.settle();

  auto heard = a.texts();
  CHECK(count(heard, R"("ack","ref":"auth")") == 1);
  CHECK(count(heard, R"("type":"left")") == 2);
  CHECK(count(heard, R"("type":"left","roomId":"a1","seq":0,"reason":"forbidden")") == 1);
  CHECK(count(heard, R"("type":"left","roomId":"a2","seq":0,"reason":"forbidden")") == 1);
  auto told = others.texts();
  CHECK(count(told, R"("userLeft")") == 2);
  CHECK(count(told, R"("userLeft","roomId":"a1","userId":"ann","reason":"forbidden")") == 1);
  a.publish_ref("a1", "1");
  a.publish_ref("b", "2");
  a.say(R"({"type":"join","roomId":"a1","ref":"3"})");
  a.join("c");
  others.publish("a1", "not for ann");
  world.settle();
  heard = a.texts();
  CHECK(count(heard, R"("error","ref":"1","request":"message","roomId":"a1","code":"forbidden")")
        == 1);
  CHECK(count(heard, R"("ack","ref":"2")") == 1);
  CHECK(count(heard, R"("error","ref":"3","request":"join","roomId":"a1","code":"forbidden")")
        == 1);
  CHECK(count(heard, R"("joined","roomId":"c")") == 1);
  CHECK(count(heard, "not for ann") == 0);
}

// Pins §4.39.
TEST_CASE("what was said before the claims changed is done and answered before the room is left") {
  manual_node world{with_tokens(2)};
  ann a{world};
  a.join("a");
  world.settle();
  (void)a.texts();

  a.publish_ref("a", "1");
  a.authenticate("b");
  a.publish_ref("a", "2");
  world.settle();

  auto heard = a.texts();
  CHECK(count(heard, R"("ack","ref":"1","roomId":"a","seq":1)") == 1);
  CHECK(count(heard, R"("left","roomId":"a","seq":1,"reason":"forbidden")") == 1);
  CHECK(count(heard, R"("error","ref":"2","request":"message","roomId":"a","code":"forbidden")")
        == 1);
}

// Pins §4.37.
TEST_CASE("a join that is pending when claims change ends with the room left, and each ref is "
          "answered once") {
  auto loops = GENERATE(1u, 2u, 3u);
  manual_node world{with_tokens(loops)};
  ann a{world};
  client others{world, encoding::v1_json, 0, {}, "bob"};
  others.join("a");
  world.settle();

  a.say(R"({"type":"join","roomId":"a","ref":"1"})");
  a.publish_ref("a", "2");
  a.authenticate("b");
  a.publish_ref("a", "3");
  world.settle();
  others.publish("a", "not for ann");
  world.settle();

  auto heard = a.texts();
  for (auto ref : {"1", "2", "3", "auth"}) {
    INFO(ref);
    CHECK(count(heard, R"("ref":")" + std::string{ref} + '"') == 1);
  }
  CHECK(count(heard, R"("error","ref":"3")") == 1);
  CHECK(count(heard, "not for ann") == 0);
  CHECK(count(heard, R"("type":"joined")") == count(heard, R"("type":"left")"));
  a.publish_ref("a", "4");
  world.settle();
  CHECK(count(a.texts(), R"("code":"forbidden")") == 1);
}

// Pins §4.38.
TEST_CASE("a plain client is told of a room that it has lost by an error") {
  manual_node world{with_tokens(2)};
  ann a{world, encoding::plain_json};
  a.join("a");
  world.settle();
  (void)a.texts();

  a.authenticate("b");
  world.settle();

  auto heard = a.texts();
  CHECK(count(heard, R"("type":"left")") == 0);
  CHECK(count(heard, R"("error","roomId":"a","code":"forbidden")") == 1);
  a.say(R"({"type":"message","text":"x","ref":"1"})");
  world.settle();
  CHECK(count(a.texts(), R"("code":"not_joined")") == 1);
}

TEST_CASE("a plain client whose pending room is lost is in no room, and knows it") {
  manual_node world{with_tokens(2)};
  ann a{world, encoding::plain_json};
  a.join("old");
  world.settle();
  (void)a.texts();

  a.say(R"({"type":"join","roomId":"new","ref":"1"})");
  a.authenticate("old");
  a.say(R"({"type":"message","text":"x","ref":"2"})");
  world.settle();

  auto heard = a.texts();
  CHECK(count(heard, R"("ref":"1")") == 1);
  CHECK(count(heard, R"("ref":"2")") == 1);
  a.say(R"({"type":"message","text":"x","ref":"3"})");
  world.settle();
  auto in_a_room = count(heard, R"("joined","ref":"1")") == 0; // if refused, it stays there
  CHECK(count(a.texts(), in_a_room ? R"("ack","ref":"3")" : R"("code":"not_joined")") == 1);
}

// Pins §4.37.
TEST_CASE("the lobby is left as any other room") {
  auto options = with_tokens();
  options.lobby = "lobby";
  manual_node world{options};
  ann a{world};
  world.settle();
  (void)a.texts();

  a.authenticate("elsewhere");
  world.settle();

  CHECK(count(a.texts(), R"("left","roomId":"lobby","seq":0,"reason":"forbidden")") == 1);
}

TEST_CASE("a room left by new claims is told of it, and ends with its last member") {
  struct witness final : actors::room_behavior {
    explicit witness(std::vector<actors::leave_reason>& r) : reasons(r) {}
    void on_leave(actors::room_context&, const actors::member&, actors::leave_reason why) override {
      reasons.push_back(why);
    }
    std::vector<actors::leave_reason>& reasons;
  };
  std::vector<actors::leave_reason> reasons;
  manual_node world{with_tokens()};
  world.node.rooms("*", [&](auto) { return std::make_unique<witness>(reasons); });
  ann a{world};
  a.join("a");
  world.settle();

  a.authenticate("b");
  world.settle();

  CHECK(reasons == std::vector{actors::leave_reason::forbidden});
  CHECK(world.node.stats().rooms == 0);
}

// Pins that a behaviour which reads claims sees the current ones, for instance of a user who is no
// longer a moderator.
// Pins §4.30.
TEST_CASE("a behaviour sees the claims of the latest token, in the order of what is said") {
  struct moderated final : actors::room_behavior {
    explicit moderated(std::vector<bool>& s) : seen(s) {
      on("clear", [this](auto&, auto& who, auto&) {
        seen.push_back(who.claims && who.claims->may_join("moderators"));
      });
    }
    std::vector<bool>& seen;
  };
  auto loops = GENERATE(1u, 2u, 3u);
  std::vector<bool> seen;
  manual_node world{with_tokens(loops)};
  world.node.rooms("*", [&](auto) { return std::make_unique<moderated>(seen); });
  ann a{world};
  auto clear = [&] { a.say(R"({"type":"clear","roomId":"a"})"); };

  a.join("a");
  a.authenticate("a moderators"); // before the join is answered
  clear();
  world.settle();
  a.authenticate("a");
  clear();
  a.authenticate("a moderators");
  clear();
  a.authenticate("b");
  clear();
  world.settle();

  CHECK(seen == std::vector{true, false, true});
}

TEST_CASE("a token that expires as it is taken ends the connection once it is answered") {
  auto options = with_tokens();
  options.verify_token = [](std::string_view, protocol::wall_time now) {
    actors::claims c;
    c.subject = "ann";
    c.expires_at = now;
    return std::make_shared<const actors::claims>(std::move(c));
  };
  manual_node world{options};
  ann a{world};
  world.settle();

  a.authenticate("x");
  world.settle();

  CHECK(a.close_code() == 1008);
}

// Pins §1.15.
TEST_CASE("a token ends within 5 s of a step of the wall clock, and not when it is set back") {
  auto options = with_tokens(2);
  options.verify_token = [](std::string_view, protocol::wall_time now) {
    actors::claims c;
    c.subject = "ann";
    c.expires_at = now + std::chrono::hours{8};
    return std::make_shared<const actors::claims>(std::move(c));
  };
  options.heartbeat.interval = {};
  manual_node world{options};
  ann a{world, encoding::v1_json, 1};
  a.authenticate("x");
  world.settle();

  world.clock.set_wall_by(-std::chrono::hours{24});
  world.pass(std::chrono::seconds{5});
  CHECK(a.close_code() == 0);
  world.clock.set_wall_by(std::chrono::hours{33});
  world.pass(std::chrono::seconds{5});

  CHECK(a.close_code() == 1008);
}
