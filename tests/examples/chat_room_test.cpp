#include "node/manual_node.hpp"

#include "chat/chat_room.hpp"
#include "chat/names.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;
using strings = std::vector<std::string>;

namespace {

std::string a_message(std::string type, std::string fields) {
  return R"({"type":")" + type + "\"," + fields + "}";
}

/// A node whose rooms are chat rooms, as in the chat node.
struct chat {
  chat() {
    world.node.rooms("*", [](auto) { return std::make_unique<examples::chat_room>(); });
  }

  static actors::node_options options() {
    actors::node_options o;
    o.lobby = "lobby";
    o.announce = false;
    return o;
  }

  void say(client& who, std::string type, std::string fields) {
    who.say(a_message(std::move(type), std::move(fields)));
    world.settle();
  }

  /// Discards what the client has received so far.
  void forget(client& c) {
    world.settle();
    (void)c.texts();
  }

  manual_node world{options()};
};

std::string field(const std::string& json, std::string_view key) {
  protocol::document_view view{protocol::codec::json, json};
  return view.string(key).value_or(std::string{view.raw(key)});
}

const auto ann_name = examples::default_name("ann");
const auto bob_name = examples::default_name("bob");

} // namespace

// Pins §17.15.
TEST_CASE("a profile may name only what is a name, and does not rename") {
  chat c;
  client ann{c.world, encoding::v1_json, 0, {}, "ann"};
  c.world.settle();
  c.forget(ann);

  c.say(ann, "$profile", R"("profile":{"name":""},"ref":1)");
  CHECK(ann.heard("error", "code") == strings{"bad_request"});
  c.say(ann, "$profile", R"("profile":{"name":"Kim"},"ref":2)");
  CHECK(ann.heard("ack", "ref") == strings{"2"});
  c.say(ann, "presence", R"("limit":1)");
  CHECK(ann.heard("presence", "members")
        == strings{R"([{"userId":"ann","profile":{"name":"Kim"}}])"});
  c.say(ann, "chat", R"("text":"hi")");
  CHECK(ann.heard("chat", "username") == strings{ann_name});
}

// -- plain clients: the tutorial's frames ---------------------------------------------------------

// Pins §5.11, §6.9, §6.12, §17.1, §17.12.
TEST_CASE("a plain client starts in the lobby and gets exactly the tutorial's two frames") {
  chat c;
  client ann{c.world, encoding::plain_json, 0, {}, "ann"};

  c.world.settle();

  CHECK(ann.texts()
        == strings{R"({"type":"system","message":")" + ann_name + R"(님이 입장했습니다."})",
                   R"({"type":"info","userCount":1})"});
}

// Pins §5.11, §6.12, §17.2, §17.4, §17.5, §17.6.
TEST_CASE("plain clients talk, rename themselves, type and leave in the tutorial's frames") {
  chat c;
  client ann{c.world, encoding::plain_json, 0, {}, "ann"},
    bob{c.world, encoding::plain_json, 0, {}, "bob"};
  c.forget(ann);
  c.forget(bob);

  c.say(ann, "setUsername", R"("username":"Kim")");
  c.say(ann, "chat", R"("text":"안녕")");
  c.say(ann, "typing", R"("x":1)");
  auto to_ann = ann.texts();
  ann.session.disconnect();
  c.world.settle();

  auto to_bob = bob.texts();
  REQUIRE(to_bob.size() == 4);
  CHECK(to_bob[0]
        == R"({"type":"system","message":")" + ann_name
             + R"(님이 Kim(으)로 이름을 변경했습니다."})");
  CHECK(
    to_bob[1]
    == R"({"type":"chat","username":"Kim","message":"안녕","timestamp":"2023-11-14T22:13:20.000Z"})");
  CHECK(to_bob[2] == R"({"type":"typing","username":"Kim"})");
  CHECK(to_bob[3] == R"({"type":"system","message":"Kim님이 퇴장했습니다."})");
  CHECK(to_ann == strings{to_bob[0], to_bob[1]});
}

TEST_CASE("the count goes to the one who enters and counts that one") {
  chat c;
  client ann{c.world, encoding::plain_json}, bob{c.world, encoding::plain_json};
  c.forget(ann);

  client cid{c.world, encoding::plain_json};
  c.world.settle();

  CHECK(cid.heard("info", "userCount") == strings{"3"});
  CHECK(types_of(ann.texts()) == strings{"system"});
}

// -- troupe.v1 clients: more ----------------------------------------------------------------------

TEST_CASE("a troupe.v1 client is told who is there, by id and name") {
  chat c;
  client ann{c.world, encoding::v1_json, 0, {}, "ann"};
  c.world.settle();
  client bob{c.world, encoding::v1_json, 0, {}, "bob"};
  c.world.settle();

  auto rosters = bob.heard("roster", "members");
  REQUIRE(rosters.size() == 1);
  CHECK(rosters[0].find(R"({"userId":"ann","username":")" + ann_name + "\"}") != std::string::npos);
  CHECK(rosters[0].find(R"({"userId":"bob","username":")" + bob_name + "\"}") != std::string::npos);
}

// Pins §17.4, §17.5, §17.11.
TEST_CASE("a troupe.v1 client learns what happened as fields, not only as text") {
  chat c;
  client ann{c.world, encoding::v1_json, 0, {}, "ann"},
    bob{c.world, encoding::v1_json, 0, {}, "bob"};
  c.forget(ann);
  c.forget(bob);

  c.say(bob, "setUsername", R"("username":"Lee")");
  c.say(bob, "chat", R"("text":"hi")");
  c.say(bob, "typing", R"("x":1)");
  bob.session.disconnect();
  c.world.settle();

  auto texts = ann.texts();
  REQUIRE(types_of(texts) == strings{"system", "userRenamed", "chat", "typing", "system"});
  CHECK(field(texts[0], "event") == "renamed");
  CHECK(field(texts[0], "oldName") == bob_name);
  CHECK(field(texts[1], "username") == "Lee");
  CHECK(field(texts[2], "userId") == "bob");
  CHECK(field(texts[2], "roomId") == "lobby");
  CHECK(field(texts[3], "userId") == "bob");
  CHECK(field(texts[4], "event") == "left");
}

// Pins §4.7, §17.3, §17.10.
TEST_CASE("a name that comes with the join is the name of that room only") {
  chat c;
  client ann{c.world, encoding::v1_json, 0, {}, "ann"},
    bob{c.world, encoding::v1_json, 0, {}, "bob"};
  ann.join("other");
  c.forget(ann);

  c.say(bob, "join", R"("roomId":"other","profile":{"name":"Lee"})");
  auto entered = ann.texts();
  c.say(bob, "chat", R"("roomId":"other","text":"x")");
  c.say(bob, "chat", R"("roomId":"lobby","text":"y")");

  REQUIRE(entered.size() == 1);
  CHECK(field(entered[0], "username") == "Lee");
  CHECK(ann.heard("chat", "username") == strings{"Lee", bob_name});
}

// -- refusals -------------------------------------------------------------------------------------

// Pins §4.19, §17.3.
TEST_CASE("a join whose profile has no good name is refused") {
  chat c;
  client ann{c.world};
  c.forget(ann);

  c.say(ann, "join", R"("roomId":"r","profile":{"name":""})");

  CHECK(ann.heard("error", "code") == strings{"bad_request"});
}

// Pins §17.4, §17.5.
TEST_CASE("commands with wrong fields are refused, and change nothing") {
  chat c;
  client ann{c.world, encoding::plain_json, 0, {}, "ann"},
    bob{c.world, encoding::plain_json, 0, {}, "bob"};
  c.forget(ann);
  c.forget(bob);

  for (auto [type, fields] : {std::pair{"setUsername", R"("x":1)"},
                              {"setUsername", R"("username":5)"},
                              {"setUsername", R"("username":" ")"},
                              {"setUsername", R"("username":"a\nb")"},
                              {"chat", R"("x":1)"},
                              {"chat", R"("text":{})"},
                              {"dance", R"("x":1)"}})
    c.say(ann, type, fields);
  auto errors = ann.texts();
  c.say(ann, "chat", R"("text":"still me")");

  CHECK(types_of(errors) == strings(7, "error"));
  CHECK(bob.heard("chat", "username") == strings{ann_name});
}

// Pins §4.46, §17.4.
TEST_CASE("a refused command with a ref is answered once") {
  chat c;
  client ann{c.world};
  c.forget(ann);

  c.say(ann, "setUsername", R"("username":"","ref":"r1")");
  c.say(ann, "chat", R"("text":"x","ref":"r2")");

  auto texts = ann.texts();
  REQUIRE(types_of(texts) == strings{"error", "chat", "ack"});
  CHECK(field(texts[0], "ref") == "r1");
  CHECK(field(texts[2], "ref") == "r2");
}

// -- coming and going -----------------------------------------------------------------------------

TEST_CASE("a plain client that joins another room leaves the lobby, which is told") {
  chat c;
  client ann{c.world, encoding::plain_json, 0, {}, "ann"},
    bob{c.world, encoding::plain_json, 0, {}, "bob"};
  c.forget(ann);
  c.forget(bob);

  ann.join("other");
  c.world.settle();

  CHECK(bob.texts()
        == strings{R"({"type":"system","message":")" + ann_name + R"(님이 퇴장했습니다."})"});
  CHECK(types_of(ann.texts()).back() == "info");
}

// Pins §5.2, §17.12.
TEST_CASE("a troupe.v1 client that enters is told where it is, then what the chat says, in order") {
  chat c;
  client ann{c.world, encoding::v1_json, 0, {}, "ann"};
  c.world.settle();

  CHECK(types_of(ann.texts()) == strings{"welcome", "joined", "system", "info", "roster"});
}

// Pins §17.13.
TEST_CASE("a second join of a held room brings joined alone, and the name stays") {
  chat c;
  client ann{c.world, encoding::v1_json, 0, {}, "ann"};
  c.say(ann, "join", R"("roomId":"r","profile":{"name":"Kim"})");
  c.forget(ann);

  c.say(ann, "join", R"("roomId":"r","profile":{"name":"Lee"})");
  auto entered = ann.texts();
  c.say(ann, "chat", R"("roomId":"r","text":"x")");

  CHECK(types_of(entered) == strings{"joined"});
  CHECK(ann.heard("chat", "username") == strings{"Kim"});
}

// Pins §17.14.
TEST_CASE("a client that joins another room at once has that as its default room") {
  chat c;
  client ann{c.world, encoding::v1_json, 0, {}, "ann"};
  ann.join("other");
  c.forget(ann);

  c.say(ann, "chat", R"("text":"x")");

  CHECK(ann.heard("chat", "roomId") == strings{"other"});
}

// Pins §17.10.
TEST_CASE("two may have one name") {
  chat c;
  client ann{c.world, encoding::v1_json, 0, {}, "ann"},
    bob{c.world, encoding::v1_json, 0, {}, "bob"};
  c.forget(ann);
  for (auto* who : {&ann, &bob}) {
    c.say(*who, "setUsername", R"("username":"Kim")");
    c.say(*who, "chat", R"("text":"x")");
  }

  CHECK(ann.heard("chat", "username") == strings{"Kim", "Kim"});
}

TEST_CASE("a crowd comes and goes without a trace") {
  chat c;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<client>> all;
    for (int i = 0; i < 300; ++i)
      all.push_back(
        std::make_unique<client>(c.world, i % 2 ? encoding::v1_json : encoding::plain_json));
    c.world.settle();
    CHECK(all.back()->heard("info", "userCount") == strings{"300"});
    all.clear();
    c.world.settle();
  }

  CHECK(c.world.node.stats().rooms == 0);
  CHECK(c.world.node.stats().output_bytes == 0);
}

TEST_CASE("a roster names at most 200, but counts all") {
  chat c;
  std::vector<std::unique_ptr<client>> all;
  for (int i = 0; i < 250; ++i)
    all.push_back(std::make_unique<client>(c.world));
  c.world.settle();

  std::string roster;
  for (auto& text : all.back()->texts())
    if (type_of(text) == "roster")
      roster = text;
  std::size_t named = 0;
  for (auto at = roster.find("username"); at != std::string::npos;
       at = roster.find("username", at + 1))
    ++named;

  CHECK(named == 200);
  CHECK(field(roster, "userCount") == "250");
}
