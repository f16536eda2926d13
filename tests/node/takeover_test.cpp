// A user's next tab takes over from the one before, in one step.
#include <utility>

#include "guest.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>

using namespace troupe;
using namespace troupe::test;
using actors::join_decision;
using actors::member;
using actors::room_behavior;
using actors::room_context;

namespace {

/// Lets each user have one session: the latest.
struct one_tab final : room_behavior {
  join_decision authorize_join(room_context& room, const member& candidate) override {
    auto* other = room.find_user(candidate.user_id);
    return other ? join_decision::accept_in_place_of(other->key, "taken over")
                 : join_decision::accept();
  }
};

/// A node with such rooms, each for two.
struct tabs {
  explicit tabs(unsigned loops = 1) : s{many_messages(loops)} {
    s.node().rooms("duel", [](auto) { return std::make_unique<one_tab>(); }, {.max_members = 2});
  }
  stage s;
};

} // namespace

// Pins §4.168.
TEST_CASE("the next tab of a user takes its place in a full room, and the opponent hears nothing") {
  tabs t{2};
  auto ann = connect(t.s, "ann", 0);
  auto ben = connect(t.s, "ben", 1);
  auto next = connect(t.s, "ann", 1);
  auto other = connect(t.s, "cid", 0);
  join(ann, "duel");
  join(ben, "duel");
  (void)ann->take_all();

  join(next, "duel");

  auto left = ann->expect("left");
  CHECK(left.text("reason") == "kicked");
  CHECK(left.text("message") == "taken over");
  ann->expect_nothing();
  ben->expect_nothing();
  CHECK(other->join("duel").expect("error").text("code") == "room_full");
  next->publish("duel", "hi").expect("message");
  CHECK(ben->expect("message").text("userId") == "ann");
  CHECK(ann->publish("duel", "hi").expect("error").text("code") == "forbidden");
  CHECK(t.s.node().stats().members == 2);
}

TEST_CASE("what a client had under way as it was replaced is answered by not_joined") {
  tabs t;
  auto ann = connect(t.s, "ann");
  auto next = connect(t.s, "ann");
  join(ann, "duel");

  t.s.together([&] {
    next->join("duel");
    ann->say(R"({"type":"message","roomId":"duel","text":"1","ref":1})");
  });

  auto all = ann->take_all();
  REQUIRE(all.size() >= 2);
  auto answered_first = all[0].type() != "left";
  auto& answer = answered_first ? all[0] : all.back();
  CHECK(
    (answered_first || answer.text("code") == "not_joined" || answer.text("code") == "forbidden"));
  next->expect("joined");
}

TEST_CASE("who was replaced is not joined again as its session comes back") {
  tabs t;
  auto ann = connect(t.s, "ann");
  join(ann, "duel");
  auto next = connect(t.s, "ann");
  join(next, "duel");
  ann->expect("left");
  ann->drop();

  auto back = connect(t.s, "ann");
  auto resumed = back->say(resume_of(ann.resume, {})).expect("resumed");

  CHECK(has(resumed, R"("rooms":[])"));
  next->expect_nothing();
  CHECK(t.s.node().stats().members == 1);
}

TEST_CASE("of three tabs at once one stays, and each other one is told") {
  tabs t{2};
  std::vector<guest> all;
  for (unsigned i = 0; i < 3; ++i)
    all.push_back(connect(t.s, "ann", i % 2));

  t.s.together([&] {
    for (auto& g : all)
      g->join("duel");
  });

  int told = 0, inside = 0;
  for (auto& g : all) {
    auto heard = types(g);
    CHECK(heard.front() == "joined");
    auto has_left = heard.back() == "left";
    told += has_left;
    inside += !has_left;
  }
  CHECK(told == 2);
  CHECK(inside == 1);
  CHECK(t.s.node().stats().members == 1);
}
