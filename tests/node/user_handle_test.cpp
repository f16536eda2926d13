#include <utility>

#include "guest.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

using namespace troupe;
using namespace troupe::test;
using actors::publish_result;
using presence = actors::user_handle::presence;

namespace {

presence count_of(stage& s, std::string_view user) {
  std::optional<presence> told;
  CHECK(s.node().user(user).count([&](presence p) { told = p; }) == publish_result::accepted);
  s.settle();
  REQUIRE(told);
  return *told;
}

std::string resume_with(std::string_view name) {
  return R"({"type":"resume","ref":"r","direct":0,"resume":")" + std::string{name} + R"("})";
}

} // namespace

TEST_CASE("the server says something to all sessions of a user") {
  stage stage{many_messages(2)};
  auto one = connect(stage, "bob"), two = connect(stage, "bob", 1);
  auto away = connect(stage, "bob", 1);
  away->drop();
  auto bob = stage.node().user("bob");

  CHECK(bob.send("you win") == publish_result::accepted);
  CHECK(bob.send({{"gold", 5}, {"item", "sword"}}) == publish_result::accepted);

  for (auto& g : {one, two}) {
    auto text = g->expect("direct");
    CHECK(text.json()
          == R"({"type":"direct","seq":1,"timestamp":")" + text.text("timestamp")
               + R"(","text":"you win"})");
    CHECK(has(g->expect("direct"), R"("data":{"gold":5,"item":"sword"}})"));
  }
  auto back = connect(stage, "bob");
  back->say(resume_with(away.resume)).expect("resumed");
  CHECK(back->expect("direct").text("text") == "you win");
  CHECK(back->expect("direct").number("seq") == 2);
}

TEST_CASE("a user's connections and kept sessions are counted on all loops") {
  stage stage{many_messages(3)};
  auto one = connect(stage, "bob"), two = connect(stage, "bob", 1),
       three = connect(stage, "bob", 2);
  three->drop();
  two->drop();

  CHECK(count_of(stage, "bob").connections == 1);
  CHECK(count_of(stage, "bob").kept_sessions == 2);
  CHECK(count_of(stage, "bob").is_online());
  CHECK_FALSE(count_of(stage, "eve").is_online());
  auto back = connect(stage, "bob", 1);
  back->say(resume_with(three.resume)).expect("resumed");
  CHECK(count_of(stage, "bob").connections == 2);
  CHECK(count_of(stage, "bob").kept_sessions == 1);
}

// Pins §13.31.
TEST_CASE("a user is disconnected for good") {
  stage stage{many_messages(2)};
  auto bob = connect(stage, "bob"), other = connect(stage, "bob", 1), away = connect(stage, "bob");
  auto eve = connect(stage, "eve");
  join(eve, "hall");
  join(bob, "hall");
  away->drop();
  eve->take_all();

  CHECK(stage.node().user("bob").disconnect() == publish_result::accepted);

  bob->take_all();
  CHECK(bob->expect_end() == 1008);
  CHECK(other->expect_end() == 1008);
  CHECK(types(eve) == names{"userLeft"});
  for (auto& g : {bob, other, away}) {
    auto back = connect(stage, "bob");
    CHECK(has(back->say(resume_with(g.resume)).expect("error"), "session_gone"));
  }
}

TEST_CASE("a session on its way to another connection ends, too") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    stage stage{many_messages(3), seed};
    auto bob = connect(stage, {}, 1); // without a token each connection is a user of its own
    auto user = stage.node().user(bob->user());
    if (seed % 2 == 0)
      bob->drop();
    auto back = connect(stage, {}, 2);

    stage.together([&] {
      back->say(resume_with(bob.resume));
      user.disconnect();
    });

    auto heard = back->take_all();
    auto is_gone = !heard.empty() && has(heard.front(), "session_gone");
    CHECK((is_gone || back->has_ended()));
    if (back->has_ended())
      CHECK(back->expect_end() == 1008);
  }
}

TEST_CASE("the seats of a user's kept sessions end with them") {
  stage stage;
  actors::room_options o;
  o.keep_seat = std::chrono::seconds{30};
  stage.node().rooms(
    "hall", [](std::string_view) { return std::make_unique<actors::room_behavior>(); }, o);
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob");
  join(ann, "hall");
  join(bob, "hall");
  bob->drop();
  ann->take_all();

  stage.node().user("bob").drop_kept_sessions();

  stage.settle();
  CHECK(types(ann) == names{"userLeft"});
}

TEST_CASE("a user's kept sessions are dropped, and connections stay") {
  stage stage{many_messages(2)};
  auto here = connect(stage, "bob"), away = connect(stage, "bob", 1);
  away->drop();

  CHECK(stage.node().user("bob").drop_kept_sessions() == publish_result::accepted);

  CHECK(count_of(stage, "bob").connections == 1);
  CHECK(count_of(stage, "bob").kept_sessions == 0);
  auto back = connect(stage, "bob");
  CHECK(has(back->say(resume_with(away.resume)).expect("error"), "session_gone"));
}

TEST_CASE("a user named from outside takes no more than is allowed to be under way") {
  auto o = many_messages();
  o.rooms.max_pending_bytes = 1000;
  stage stage{std::move(o)};
  auto bob = connect(stage, "bob");
  auto handle = stage.node().user("bob");
  const std::string large(600, 'x');

  CHECK(handle.send(large) == publish_result::accepted);
  CHECK(handle.send(large) == publish_result::accepted);
  CHECK(handle.send("x") == publish_result::overloaded);
  stage.settle();
  CHECK(handle.send("x") == publish_result::accepted);
}

TEST_CASE("what cannot be said to a user is refused") {
  stage stage;
  auto bob = connect(stage, "bob");
  auto handle = stage.node().user("bob");

  CHECK_THROWS_AS(handle.send({{"__proto__", 1}}), std::invalid_argument);
  CHECK_THROWS_AS(handle.send({{"a", 1}, {"a", 2}}), std::invalid_argument);
  CHECK_THROWS_AS(handle.send(std::string(70'000, 'x')), std::invalid_argument);
  CHECK_THROWS_AS(handle.count(nullptr), std::invalid_argument);
  stage.settle();
  bob->expect_nothing();
  const actors::user_handle none;
  CHECK(none.send("x") == publish_result::gone);
  CHECK(none.disconnect() == publish_result::gone);
  CHECK(none.drop_kept_sessions() == publish_result::gone);
  CHECK(none.count([](presence) {}) == publish_result::gone);
}

TEST_CASE("a user's handle outlives the node") {
  actors::user_handle handle;
  {
    stage stage;
    handle = stage.node().user("bob");
  }
  CHECK(handle.send("x") == publish_result::gone);
  CHECK(handle.count([](presence) { FAIL("nobody is told"); }) == publish_result::gone);
}
