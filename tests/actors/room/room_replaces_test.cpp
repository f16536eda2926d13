// A join that takes the place of a member, in one step.

#include "room_stage.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace troupe::actors;
using troupe::protocol::errc;
using troupe::test::encoding;
using stage = troupe::test::room_stage;
using names = std::vector<std::string>;

namespace {

/// Lets each candidate in instead of `victim`, and notes its hooks.
struct taking_over final : room_behavior {
  join_decision authorize_join(room_context& room, const member& candidate) override {
    said.push_back("ask " + candidate.user_id);
    if (kicks)
      room.kick(victim);
    return join_decision::accept_in_place_of(kicks ? session_key{} : victim, "taken over");
  }
  void on_join(room_context& room, const member& m) override {
    said.push_back("join " + m.user_id + " " + std::to_string(room.member_count()));
  }
  void on_leave(room_context& room, const member& m, leave_reason why) override {
    said.push_back("leave " + m.user_id + " " + std::string{to_string(why)} + " "
                   + std::to_string(room.member_count()));
    if (leaves)
      leaves(room);
  }
  session_key victim;
  bool kicks = false;
  std::function<void(room_context&)> leaves;
  names said;
};

/// A room with place for two, and two members; hooks and lines are noted from then on.
struct full_room {
  full_room() {
    auto made = std::make_unique<taking_over>();
    b = made.get();
    s = std::make_unique<stage>(std::move(made), 2);
    s->enter(1, "ann");
    s->enter(2, "ben");
    b->said.clear();
    s->out.lines.clear();
  }
  std::unique_ptr<stage> s;
  taking_over* b;
};

} // namespace

// Pins §4.168.
TEST_CASE("a join takes the place of a member of a full room, who is told that it was kicked") {
  full_room r;
  r.b->victim = stage::key(1);

  auto reply = r.s->enter(3, "cid");

  CHECK(reply.code == errc::ok);
  CHECK(reply.room);
  CHECK(r.b->said == names{"ask cid", "leave ann kicked 2", "join cid 2"});
  auto& out = r.s->out;
  auto left = out.at(R"(remove 1 )");
  CHECK(out.lines.at(left).find(R"("reason":"kicked","message":"taken over")")
        != std::string::npos);
  auto told = out.at("connection told");
  auto gone = out.at(R"({"type":"userLeft","roomId":"hall","userId":"ann","reason":"kicked"})");
  auto come = out.at(R"({"type":"userJoined","roomId":"hall","userId":"cid"})");
  auto joined = out.at("subscribe 3");
  CHECK(left < told);
  CHECK(told < gone);
  CHECK(gone < come);
  CHECK(come < joined);
  CHECK(joined < out.lines.size());
  CHECK_FALSE(out.said("empty"));
}

// Pins §4.168.
TEST_CASE("a session that takes the place of its user's other one is noticed by nobody else") {
  full_room r;
  r.b->victim = stage::key(1);

  auto reply = r.s->enter(3, "ann");

  CHECK(reply.code == errc::ok);
  CHECK(r.b->said == names{"ask ann", "leave ann kicked 2", "join ann 2"});
  CHECK(r.s->out.said(R"("reason":"kicked","message":"taken over")"));
  CHECK_FALSE(r.s->out.said("all("));
}

TEST_CASE("whose other session is replaced shows its own profile from then on") {
  full_room r;
  r.s->leave(1);
  r.s->out.lines.clear();
  auto before = GENERATE(as<std::string>{}, "", R"({"n":1})");
  auto after = GENERATE(as<std::string>{}, "", R"({"n":1})", R"({"n":2})");
  r.b->victim = {};
  r.s->enter(4, "ann", before);
  r.s->out.lines.clear();
  r.b->victim = stage::key(4);

  r.s->enter(5, "ann", after);

  CAPTURE(before, after);
  CHECK(r.s->out.said("$profile") == (before != after));
  CHECK_FALSE(r.s->out.said("userLeft"));
  CHECK_FALSE(r.s->out.said("userJoined"));
}

TEST_CASE("who joins instead of its other session is listed once") {
  room_core::config c;
  c.list_members = true;
  auto made = std::make_unique<taking_over>();
  made->victim = stage::key(1);
  stage s{std::move(made), 1, c};
  s.enter(1, "ann");
  s.out.lines.clear();

  s.enter(3, "ann");

  CHECK(s.out.said(R"("members":[{"userId":"ann"}],"total":1)"));
}

TEST_CASE("a plain client that is replaced hears it as an error") {
  auto made = std::make_unique<taking_over>();
  auto& b = *made;
  stage s{std::move(made), 1};
  s.join(1, encoding::plain_json);
  b.victim = stage::key(1);

  s.join(2);

  auto& line = s.out.lines.at(s.out.at("remove 1 "));
  CHECK(line.find(R"({"type":"error","roomId":"hall","code":"not_joined","message":"taken over")")
        != std::string::npos);
}

// Pins §4.18.
TEST_CASE("a full room asks its behaviour, and refuses whom that lets in instead of nobody") {
  full_room r;
  auto nobody = GENERATE(session_key{}, stage::key(7));
  r.b->victim = nobody;

  auto reply = r.s->enter(3, "cid");

  CHECK(reply.code == errc::room_full);
  CHECK(r.b->said == names{"ask cid"});
  CHECK(r.s->out.lines.empty());
}

TEST_CASE("a behaviour that kicks a member of a full room has made a place") {
  full_room r;
  r.b->victim = stage::key(1);
  r.b->kicks = true;

  CHECK(r.s->enter(3, "cid").code == errc::ok);
  CHECK(r.b->said == names{"ask cid", "leave ann kicked 1", "join cid 2"});
}

TEST_CASE("a refused join replaces nobody") {
  struct refusing final : room_behavior {
    join_decision authorize_join(room_context&, const member& m) override {
      auto d = m.user_id == "u2" ? join_decision::refuse("no") : join_decision::accept();
      d.replaces = stage::key(1);
      return d;
    }
  };
  stage s{std::make_unique<refusing>()};
  s.join(1);
  s.out.lines.clear();

  CHECK(s.join(2).code == errc::forbidden);
  CHECK(s.out.lines.empty());
}

TEST_CASE("the on_leave of whom a client replaces may throw out that client, too") {
  full_room r;
  r.b->victim = stage::key(1);
  r.b->leaves = [&](room_context& room) {
    r.b->leaves = nullptr;
    room.kick(stage::key(3), "neither");
  };

  auto reply = r.s->enter(3, "cid");

  CHECK(reply.code == errc::ok);
  CHECK_FALSE(reply.room);
  CHECK(r.b->said == names{"ask cid", "leave ann kicked 2", "leave cid kicked 1"});
  CHECK(r.s->out.said(R"("message":"neither")"));
}

TEST_CASE("the only member of a room may be replaced without the end of the room") {
  auto made = std::make_unique<taking_over>();
  auto& b = *made;
  stage s{std::move(made), 1};
  s.join(1);
  b.victim = stage::key(1);
  s.out.lines.clear();

  CHECK(s.join(2).code == errc::ok);
  CHECK_FALSE(s.out.said("empty"));
}

TEST_CASE("a client that takes its own seat again replaces that alone") {
  room_core::config c;
  c.keep_seat = std::chrono::milliseconds{1000};
  c.resume_window = std::chrono::milliseconds{1000};
  auto made = std::make_unique<taking_over>();
  auto& b = *made;
  stage s{std::move(made), 1, c};
  s.join(1);
  b.victim = stage::key(1);
  s.core->leave({stage::key(1), leave_reason::disconnected, false, nullptr, {}, true});
  s.out.lines.clear();
  b.said.clear();

  join_request back;
  back.who = stage::key(2);
  back.user_id = "u1";
  back.encoding = encoding::v1_json;
  back.claims = std::make_shared<const claims>();
  auto reply = s.core->join(back);

  CHECK(reply.code == errc::ok);
  CHECK(b.said == names{"ask u1", "leave u1 disconnected 1", "join u1 1"}); // on_return
  CHECK_FALSE(s.out.said("kicked"));
}
