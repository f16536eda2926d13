#include "core_client.hpp"

#include <troupe/actors/claims.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace troupe::actors;
using troupe::protocol::encoding;
using troupe::protocol::errc;
using troupe::protocol::shared_bytes;
using client = troupe::test::core_client;

namespace {

constexpr session_key former{7, 3, 0};
const session_name name_of_former{former, {{1, 2}}};

/// A client that may have a session, and has said welcome.
struct guest : client {
  explicit guest(encoding e = encoding::v1_json, bool is_known = false, claims_ptr rights = {},
                 std::string lobby = {})
    : client(e) {
    options.lobby = std::move(lobby);
    connection_core::config c;
    c.key = {1, 1, 0};
    c.encoding = e;
    c.user_id = "me";
    c.is_known = is_known;
    c.claims = std::move(rights);
    if (!is_plain(e))
      c.secret = session_secret{{8, 9}};
    c.options = &options;
    c.directs = &directs;
    core = std::make_unique<connection_core>(std::move(c), out);
    core->open();
    out.lines.clear();
  }

  /// Somebody says something to its user.
  errc hear(std::uint64_t number, std::size_t bytes) {
    auto what = std::make_shared<direct_message>();
    what->number = number;
    what->to = "me";
    what->bytes = shared_bytes::copy_of('"' + std::string(bytes, 'x') + '"');
    what->body = what->bytes.view();
    return core->on_direct(what);
  }

  void resume(std::string_view rooms = "[]") {
    say(R"({"type":"resume","ref":1,"resume":")" + to_text(name_of_former) + R"(","rooms":)"
        + std::string{rooms} + "}");
  }

  /// The session that it gets, whose former member is still in its rooms if `is_live`.
  void find(std::vector<session_record::room> rooms, bool is_live = false) {
    auto record = std::make_shared<session_record>();
    record->user_id = "ann";
    record->client = {5, 6};
    record->rooms = std::move(rooms);
    record->member = is_live ? former : session_key{};
    core->on_session({errc::ok, std::move(record)});
  }

  void take_in(const join_request& r, std::uint32_t key, std::uint64_t seq = 1) {
    join_reply reply{errc::ok, {}, room_key{key, 1}};
    reply.returned = std::make_shared<room_return>(room_return{"e", seq, true});
    core->on_joined({r.ticket, std::move(reply), handle});
  }
};

} // namespace

// Pins §4.97.
TEST_CASE("all but ping waits for the session, and then for all its rooms") {
  guest c;
  c.resume();
  c.say(R"({"type":"ping"})");
  c.say(R"({"type":"auth","token":"x","ref":2})");
  c.say(R"({"type":"message","text":"x"})");
  c.core->on_message({shared_bytes::copy_of("raw"), true, {}});
  CHECK(c.out.count("claim") == 1);
  CHECK(c.out.count("reply") == 1); // the pong
  c.find({{"a", {}}, {"b", {}}});
  c.take_in(c.out.requests[0], 1);
  CHECK(c.out.count("reply") == 1);
  CHECK(c.out.count("publish") == 0);

  c.take_in(c.out.requests[1], 2);

  CHECK(c.out.has(R"("type":"resumed","ref":1,"userId":"ann")"));
  CHECK(c.out.count("release") == 1);
  CHECK(c.out.count("publish") == 2);
  CHECK(c.out.has(R"("ref":2)"));
}

// Pins §4.110.
TEST_CASE("without a session the commands that wait run in the new one") {
  guest c;
  c.resume();
  c.say(R"({"type":"join","roomId":"a"})");

  c.core->on_session({errc::session_gone, nullptr});

  CHECK(c.out.has(R"("code":"session_gone")"));
  CHECK(c.out.lines.back() == "join a");
}

// Pins §4.114.
TEST_CASE("what becomes of the lobby before the session is here ends no resume") {
  for (auto is_lost : {false, true}) {
    guest c{encoding::v1_json, false, {}, "lobby"};
    c.resume();
    c.accept(c.out.last_ticket, 1);
    if (is_lost)
      c.core->on_membership_lost({room_key{1, 1}});
    CHECK_FALSE(c.out.has("resumed"));

    c.find({{"a", {}}});
    if (!is_lost) {
      CHECK(c.out.lines.back() == "drop 1");
      CHECK(c.out.requests.size() == 1);
      c.core->on_dropped();
    }
    c.take_in(c.out.requests.back(), 2);

    CHECK(c.out.has(R"("type":"resumed","ref":1,"userId":"ann")"));
    CHECK(c.out.has(R"("lost":[])"));
    CHECK(c.out.lines.back() == "release 2");
  }
}

TEST_CASE("a session waits until its client has come into the lobby and left it") {
  guest c{encoding::v1_json, false, {}, "lobby"};
  c.resume();
  auto lobby = c.out.last_ticket;
  c.find({{"a", {}}}, true);
  CHECK(c.out.requests.size() == 1);

  c.accept(lobby, 1);
  CHECK(c.out.count("leave") == 1);
  CHECK(c.out.lines.back() == "drop 1");
  c.core->on_dropped();

  REQUIRE(c.out.requests.size() == 2);
  CHECK(c.out.requests[1].resumed);
}

TEST_CASE("a connection that ends while its session waits gives that up") {
  guest c{encoding::v1_json, false, {}, "lobby"};
  c.resume();
  c.find({{"a", {}}}, true);
  c.core->say_goodbye(true);
  c.core->end_input();
  REQUIRE(c.core->finished());

  c.core->leave_all(leave_reason::disconnected);

  CHECK(c.out.count("leave behind the join of a") == 1);
}

// Pins §10.31.
TEST_CASE("a connection that is closed for a broken rule gives its session to nobody") {
  guest c{encoding::v1_msgpack};
  c.say("text");
  CHECK(c.out.lines.back() == "close wrong_frame_type");

  CHECK(c.core->hand_over({}).code == errc::session_gone);
}

// Pins §4.112.
TEST_CASE("a resume behind another command or another resume is a bad request") {
  guest a, b;
  a.say(R"({"type":"join","roomId":"a"})");
  a.resume();
  CHECK(a.out.has(R"("code":"bad_request")"));

  b.resume();
  b.core->on_session({errc::session_gone, nullptr});
  b.resume();
  CHECK(b.out.has(R"("code":"bad_request")"));
  CHECK(a.out.count("claim") + b.out.count("claim") == 1);
}

// Pins §4.113.
TEST_CASE("a plain client has no session and resumes none") {
  guest c{encoding::plain_json};
  c.resume();
  CHECK(c.out.has(R"("code":"unsupported")"));
  CHECK(c.out.count("claim") == 0);
}

TEST_CASE("a client whose user is known claims sessions of that user only") {
  guest known{encoding::v1_json, true}, unknown;
  known.resume();
  unknown.resume();
  CHECK(known.out.lines.back().ends_with(" of me"));
  CHECK(unknown.out.lines.back().ends_with(" of "));
}

TEST_CASE("each room is asked with what the client named, in the place of the former member") {
  guest c;
  auto profile = std::make_shared<kept_profile>();
  profile->text = R"({"x":1})";
  profile->is_there = true;
  c.resume(R"([{"roomId":"b","epoch":"eb","seq":9},{"roomId":"a","epoch":"ea","seq":4}])");

  c.find({{"a", profile}, {"b", {}}, {"c", {}}}, true);

  REQUIRE(c.out.requests.size() == 3);
  for (auto& r : c.out.requests) {
    CHECK(r.resumed);
    CHECK(r.replaced == former);
    CHECK(r.user_id == "ann");
    CHECK(r.client == client_id{5, 6});
    CHECK(r.since->client == client_id{5, 6});
  }
  CHECK(c.out.requests[0].since->epoch == "ea");
  CHECK(c.out.requests[0].since->seq == 4);
  CHECK(c.out.requests[0].profile == R"({"x":1})");
  CHECK(c.out.requests[1].since->epoch == "eb");
  CHECK(c.out.requests[2].since->epoch.empty());
}

// Pins §4.101.
TEST_CASE("a room that refuses, or that the token does not open, loses its former member") {
  auto rights = std::make_shared<claims>();
  rights->rooms = {"a", "b"};
  guest c{encoding::v1_json, false, rights};
  c.resume();
  c.find({{"a", {}}, {"b", {}}, {"c", {}}}, true);
  CHECK(c.out.count("leave behind the join of c") == 1);
  c.take_in(c.out.requests[0], 1);

  c.refuse(c.out.requests[1].ticket, errc::room_full);

  CHECK(c.out.count("leave behind the join of b") == 1);
  CHECK(c.out.count("leave behind the join of a") == 0);
  CHECK(c.out.has(R"("rooms":[{"roomId":"a","epoch":"e","seq":1,"recovered":true}])"));
  CHECK(
    c.out.has(R"("lost":[{"roomId":"c","code":"forbidden"},{"roomId":"b","code":"room_full"}])"));
}

// Pins §4.101.
TEST_CASE("a room that ends before the client is told that it is back is lost") {
  guest c;
  c.resume();
  c.find({{"a", {}}, {"b", {}}});
  c.take_in(c.out.requests[0], 1);
  c.core->on_membership_lost({room_key{1, 1}});

  c.take_in(c.out.requests[1], 2);

  CHECK(c.out.has(R"("rooms":[{"roomId":"b")"));
  CHECK(c.out.has(R"("lost":[{"roomId":"a","code":"room_closed"}])"));
}

// Pins §4.100.
TEST_CASE("the default room is the session's latest, whatever has been sent meanwhile") {
  guest c;
  c.resume();
  for (int i = 0; i < 3; ++i)
    c.say(R"({"type":"message","text":"x"})");
  c.say(R"({"type":"join","roomId":"c"})");
  c.find({{"a", {}}, {"b", {}}});
  c.take_in(c.out.requests[0], 1);
  c.take_in(c.out.requests[1], 2);
  c.accept(c.out.last_ticket, 3);
  c.say(R"({"type":"leave","ref":7})");
  c.say(R"({"type":"leave","ref":8})");

  CHECK(c.core->rooms() == 1); // `a`: `c`, which was joined last, then `b`
  c.say(R"({"type":"message","roomId":"a","text":"y"})");
  CHECK(c.out.has(R"(publish {"type":"message","roomId":"a")"));
}

// Pins §4.103.
TEST_CASE("the name by which a session was taken over is forgotten with the next command") {
  guest c;
  c.resume();
  c.find({});
  CHECK(c.out.has(R"("resumed")"));
  c.say(R"({"type":"ping"})");
  CHECK(c.out.count("forget") == 0);

  c.say(R"({"type":"dance"})");

  CHECK(c.out.count("forget 7") == 1);
}

// Pins §4.103.
TEST_CASE("who resumes by a session's latest name makes the one before it invalid") {
  guest c;
  c.resume();
  c.find({});
  auto record = c.core->hand_over({}).record;
  REQUIRE(record);
  CHECK(record->former == former);

  for (auto before : {former, session_key{6, 2, 0}}) {
    guest next;
    next.resume();
    record->former = before;
    next.core->on_session({errc::ok, record});
    CHECK(next.out.count("forget 6") == (before == former ? 0 : 1));
    CHECK(next.out.count("forget 7") == 0);
  }
}

// Pins §4.108.
TEST_CASE(
  "a connection that hands its session over gives its rooms away and takes back its joins") {
  guest c;
  c.enter("a", 1);
  c.say(R"({"type":"join","roomId":"b"})");
  c.say(R"({"type":"message","roomId":"b","text":"too late"})");
  auto ticket = c.out.last_ticket;

  auto answer = c.core->hand_over("me");

  REQUIRE(answer.record);
  CHECK(answer.record->member == session_key{1, 1, 0});
  REQUIRE(answer.record->rooms.size() == 1);
  CHECK(answer.record->rooms[0].name == "a");
  CHECK(c.out.count("leave behind the join of b") == 1);
  CHECK(c.out.lines.back() == "close replaced");
  c.accept(ticket, 2);
  c.say(R"({"type":"ping"})");
  c.core->end_input();
  CHECK(c.core->finished());
  c.core->leave_all(leave_reason::disconnected, true);
  CHECK(c.out.lines.back() == "close replaced");
  CHECK(c.core->take_record() == nullptr);
  CHECK(c.core->hand_over({}).code == errc::session_gone);
}

TEST_CASE("who claims a session gives its own to nobody, and the one that it gets in turn") {
  guest c;
  c.resume();

  CHECK(!c.core->is_moving());
  CHECK(c.core->hand_over({}).code == errc::session_gone);

  c.find({{"a", {}}});
  CHECK(c.core->is_moving());
  c.take_in(c.out.requests.at(0), 1);
  CHECK(!c.core->is_moving());
  auto answer = c.core->hand_over("ann");
  REQUIRE(answer.record);
  CHECK(answer.record->rooms.size() == 1);
}

// Pins §4.111.
TEST_CASE("a session that is another user's is not handed over") {
  guest c;
  c.enter("a", 1);

  CHECK(c.core->hand_over("bob").code == errc::identity_mismatch);

  CHECK(c.out.count("close") == 0);
  CHECK(c.core->rooms() == 1);
}

// Pins §4.98, §10.26.
TEST_CASE("what is kept of a session are its rooms in the order of joining, with their profiles") {
  guest c;
  c.enter("a", 1);
  c.say(R"({"type":"join","roomId":"b","profile":{"n":1}})");
  c.accept(c.out.last_ticket, 2);
  c.say(R"({"type":"$profile","roomId":"b","profile":{"n":2}})");
  c.say(R"({"type":"$profile","roomId":"b","profile":{"n":"refused"}})");
  c.enter("a", 1);
  c.say(R"({"type":"join","roomId":"pending"})");
  c.core->end_input();
  CHECK_FALSE(c.core->finished());
  c.refuse(c.out.last_ticket, errc::room_full);
  c.core->leave_all(leave_reason::disconnected, true);

  auto record = c.core->take_record();

  REQUIRE(record);
  REQUIRE(record->rooms.size() == 2);
  CHECK(record->rooms[0].name == "b");
  CHECK(record->rooms[0].profile); // which its room fills
  CHECK(record->rooms[1].name == "a");
  CHECK_FALSE(record->member);
}

// Pins §10.31, §10.32.
TEST_CASE("a session ends with its token and with its node") {
  guest expired, stopped;
  expired.core->end(errc::token_expired);
  stopped.core->say_goodbye(true);
  for (auto* c : {&expired, &stopped}) {
    CHECK(c->core->hand_over({}).code == errc::session_gone);
    c->core->leave_all(leave_reason::disconnected, true);
    CHECK(c->core->take_record() == nullptr);
  }
}

TEST_CASE("a session that comes when its connection has ended for good leaves its rooms") {
  guest c;
  c.resume();
  c.core->say_goodbye(true);

  c.find({{"a", {}}}, true);

  CHECK(c.out.count("leave behind the join of a") == 1);
  CHECK(c.out.count("join") == 0);
}

TEST_CASE("a connection that ends waits for its session, and gives it up in order") {
  guest c;
  c.resume();
  c.core->end_input();
  CHECK_FALSE(c.core->finished());
  c.find({{"a", {}}});
  CHECK_FALSE(c.core->finished());
  c.take_in(c.out.requests[0], 1);

  CHECK(c.core->finished());
  c.core->leave_all(leave_reason::disconnected, true);
  auto record = c.core->take_record();
  REQUIRE(record);
  CHECK(record->user_id == "ann");
  CHECK(record->rooms.size() == 1);
}

// Pins §4.103.
TEST_CASE("a command that was sent before resumed was read does not use up the former name") {
  guest c;
  c.resume();
  c.say(R"({"type":"dance"})");
  c.find({});
  CHECK(c.out.has(R"("resumed")"));
  CHECK(c.out.count("forget") == 0);

  c.core->on_message({shared_bytes::copy_of("raw"), true, {}});

  CHECK(c.out.count("forget 7") == 1);
}

// Pins §4.96.
TEST_CASE("a command that waits is a command before a resume, too") {
  guest c;
  c.say(R"({"type":"join","roomId":"a"})");
  c.say(R"({"type":"leave","roomId":"a"})");
  c.resume();
  CHECK(c.out.has(R"("code":"bad_request")"));
  CHECK(c.out.count("claim") == 0);
}

// Pins §16.70, §16.73.
TEST_CASE("a connection that is closing keeps no more directs than its session may") {
  guest c;
  c.core->end_input();
  for (std::uint64_t i = 1; i <= 100; ++i)
    CHECK(c.hear(i, 30'000) == errc::ok);
  CHECK(c.directs.meter.used_bytes() < 100'000);
  c.directs.bytes = 1;

  CHECK(c.hear(101, 10) == errc::user_away);

  c.core->leave_all(leave_reason::disconnected, true);
  auto kept = c.core->take_record();
  REQUIRE(kept);
  CHECK(kept->directs->last() == 100);
}

TEST_CASE("a direct holds nothing of its command but the body") {
  guest c;
  c.options.directs.allowed = direct_policy::all;

  c.say(R"({"type":"direct","to":"bob","text":"x","pad":")" + std::string(10'000, 'p') + "\"}");

  REQUIRE(c.out.said);
  CHECK(c.out.said->bytes.view() == R"("x")");
  CHECK(c.out.said->weight() < 500);
}

TEST_CASE("who goes on saying directs does not keep its session from another connection") {
  guest c;
  c.options.directs.allowed = direct_policy::all;
  c.say(R"({"type":"direct","to":"bob","text":"1"})");
  CHECK(c.core->is_moving());

  c.core->await_hand_over({});
  c.say(R"({"type":"direct","to":"bob","text":"2"})");
  CHECK(c.out.count("say to") == 1);

  c.core->on_direct_answer(c.out.last_ticket, errc::ok);
  CHECK_FALSE(c.core->is_moving());
  CHECK(c.core->hand_over({}).record);
}

TEST_CASE("a claim for another user changes nothing for who says directs") {
  guest c;
  c.options.directs.allowed = direct_policy::all;
  c.say(R"({"type":"direct","to":"bob","text":"1"})");

  c.core->await_hand_over("eve");
  c.say(R"({"type":"direct","to":"bob","text":"2"})");

  CHECK(c.out.count("say to") == 2);
}
