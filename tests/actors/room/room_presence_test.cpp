// Who is in a room: what its members are told, and what they may ask.
#include "room/room_core.hpp"

#include "room_stage.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace troupe::actors;
using troupe::protocol::encoding;
using troupe::protocol::errc;
using troupe::test::ref;
using stage = troupe::test::room_stage;

// Pins §5.18, §5.12.
TEST_CASE("the others are told of a user's first session and of its last, and of none between") {
  stage s;
  s.enter(1, "ann");
  s.enter(2, "bob");
  CHECK(s.out.said(R"("userJoined","roomId":"hall","userId":"bob")"));

  auto from = s.out.lines.size();
  s.enter(3, "bob");
  s.enter(4, "bob");
  s.leave(2);
  s.leave(4, leave_reason::disconnected);
  CHECK_FALSE(s.out.said("userJoined", from));
  CHECK_FALSE(s.out.said("userLeft", from));

  s.leave(3);
  CHECK(s.out.said(R"("userLeft","roomId":"hall","userId":"bob","reason":"left")", from));
  s.enter(2, "bob");
  CHECK(s.out.said(R"("userJoined","roomId":"hall","userId":"bob")", from));
}

// Pins §5.18.
TEST_CASE("of several sessions of a user that are thrown out, the last is told") {
  struct bouncer final : room_behavior {
    bouncer() {
      on("out", [](room_context& room, const member&, const application_message& message) {
        room.for_each_member([&](const member& m) {
          if (m.user_id == message.fields.string("user"))
            room.kick(m.key);
        });
      });
    }
  };
  stage s{std::make_unique<bouncer>()};
  s.enter(1, "ann");
  s.enter(2, "bob");
  s.enter(3, "bob");
  auto from = s.out.lines.size();

  s.core->input(s.input(1, "out", R"({"type":"out","user":"bob"})"));

  auto first = s.out.at(R"("userLeft")");
  REQUIRE(first > from);
  CHECK(s.out.lines[first].find(R"("userId":"bob","reason":"kicked")") != std::string::npos);
  CHECK_FALSE(s.out.said(R"("userLeft")", first + 1));
  CHECK_FALSE(s.out.said("remove", first + 1)); // no session of the user is there any more
}

TEST_CASE("a behaviour hears of each session, whatever members hear of users") {
  struct counting final : room_behavior {
    explicit counting(std::vector<std::string>& l) : log(l) {}
    void on_join(room_context&, const member& m) override { log.push_back("in " + m.user_id); }
    void on_leave(room_context&, const member& m, leave_reason) override {
      log.push_back("out " + m.user_id);
    }
    std::vector<std::string>& log;
  };
  std::vector<std::string> log;
  stage s{std::make_unique<counting>(log)};
  s.enter(1, "ann");
  s.enter(2, "ann");
  s.leave(1);

  CHECK(log == std::vector<std::string>{"in ann", "in ann", "out ann"});
}

// Pins §4.59, §4.60.
TEST_CASE("presence lists each user once, in order, with its sessions and latest profile") {
  stage s;
  s.enter(1, "bob", R"({"n":1})");
  s.enter(2, "ann");
  s.enter(3, "bob", R"({"n":2})");
  s.enter(4, "bob");
  auto from = s.out.lines.size();

  s.core->list(s.presence(2, "7"));
  s.core->leave({s.key(3), leave_reason::left, false, nullptr, {}});
  s.core->leave({s.key(4), leave_reason::left, false, nullptr, {}});
  auto later = s.out.lines.size();
  s.core->list(s.presence(2, "8"));

  CHECK(s.out.said(R"("ref":7,"roomId":"hall","members":[{"userId":"ann"},)"
                   R"({"userId":"bob","sessions":3,"profile":{"n":2}}],"total":2,"complete":true})",
                   from));
  CHECK(s.out.said(R"("ref":8,"roomId":"hall","members":[{"userId":"ann"},)"
                   R"({"userId":"bob","profile":{"n":1}}],"total":2,"complete":true})",
                   later));
}

// -- joined.members -------------------------------------------------------------------------------

// Pins §5.20.
TEST_CASE("who joins is told the users in the room, itself included, where the room is set to it") {
  stage s{std::make_unique<room_behavior>(), 10, {.list_members = true}};
  s.enter(1, "bob", R"({"n":1})");
  s.enter(2, "ann");
  s.enter(3, "bob", {}, encoding::plain_json);
  auto from = s.out.lines.size();

  s.enter(4, "bob", R"({"n":2})");
  CHECK(s.out.said(R"("epoch":"e1","seq":0,"members":[{"userId":"ann"},)"
                   R"({"userId":"bob","sessions":3,"profile":{"n":2}}],"total":2})",
                   from));
  s.leave(4);
  from = s.out.lines.size();
  s.enter(2, "ann");
  CHECK(s.out.said(R"("members":[{"userId":"ann"},)"
                   R"({"userId":"bob","sessions":2,"profile":{"n":1}}],"total":2})",
                   from));
  s.enter(5, "eve", {}, encoding::plain_json);
  CHECK(s.out.lines.back().ends_with(R"({"type":"joined","roomId":"hall"})"));
}

// Pins §5.20.
TEST_CASE("the list in joined has at most 100 users and 64 KiB, and the number of all") {
  stage s{std::make_unique<room_behavior>(), 0, {.list_members = true}};
  auto joined = [&](std::uint32_t who, std::string profile = {}) {
    s.enter(who, "u" + std::to_string(who), std::move(profile));
    return s.out.lines.back();
  };
  auto users_in = [](const std::string& line) {
    std::size_t users = 0;
    for (auto at = line.find(R"({"userId":)"); at != std::string::npos;
         at = line.find(R"({"userId":)", at + 1))
      ++users;
    return users;
  };
  for (std::uint32_t i = 2000; i < 2149; ++i)
    joined(i);
  auto line = joined(2149);
  CHECK(users_in(line) == 100);
  CHECK(line.find(R"("userId":"u2099"}],"total":150})") != std::string::npos);

  for (std::uint32_t i = 100; i < 130; ++i)
    line = joined(i, "{\"x\":\"" + std::string(4000, 'x') + "\"}");
  CHECK(users_in(line) == 16);
  CHECK(line.size() < 66'000);
  CHECK(line.ends_with(R"("total":180})"));
}

// Pins §5.21.
TEST_CASE("a list in joined counts in the byte rate of who joins, also at a second join") {
  stage s{std::make_unique<room_behavior>(), 0, {.list_members = true}};
  for (std::uint32_t i = 1; i <= 100; ++i)
    s.join(i);
  auto account = std::make_shared<credit_account>(credit_limits{});
  join_request r;
  r.who = stage::key(101);
  r.user_id = "u101";
  r.encoding = encoding::v1_json;
  r.token = account->take(30);

  (void)s.core->join(r);
  auto first = account->take_charged();
  (void)s.core->join(r);
  auto second = account->take_charged();

  CHECK(first > 100 * 15);
  CHECK(second > 100 * 15);
  CHECK(second < 2 * first);
}

// -- profiles -------------------------------------------------------------------------------------

// Pins §4.65, §4.67, §5.19.
TEST_CASE("a new profile is told to all but who brought it, and then acked") {
  stage s;
  s.enter(1, "ann");
  s.enter(2, "bob", R"({"n":1})");
  auto from = s.out.lines.size();
  auto in = s.profile(2, R"({"n":2})");
  in.ref = ref("5");

  s.core->input(in);

  REQUIRE(s.out.lines.size() == from + 2);
  CHECK(s.out.lines[from].find("all(2) but 2") == 0);
  CHECK(s.out.lines[from].ends_with(
    R"({"type":"$profile","roomId":"hall","userId":"bob","profile":{"n":2}})"));
  CHECK(s.out.lines[from + 1].ends_with(R"({"type":"ack","ref":5,"roomId":"hall","seq":0})"));
  CHECK(in.ref->answered);
  CHECK(s.core->seq() == 0);
  CHECK(s.core->stored().entries().empty());
  s.core->list(s.presence(1, "6"));
  CHECK(s.out.said(R"({"userId":"bob","profile":{"n":2}})"));
}

// Pins §4.67, §5.19.
TEST_CASE("the latest profile of a user is told and shown, whichever session brings it or goes") {
  stage s;
  s.enter(1, "ann");
  s.enter(2, "bob", R"({"n":1})");
  auto told = [&] { return s.out.lines.back(); };
  auto shown = [&] {
    s.core->list(s.presence(1, "1"));
    return s.out.lines.back();
  };
  auto has = [](std::string line, std::string_view text) {
    return line.find(text) != std::string::npos;
  };

  s.enter(3, "bob", R"({"n":2})");
  CHECK(has(s.out.lines[s.out.lines.size() - 2], R"("$profile","roomId":"hall","userId":"bob",)"
                                                 R"("profile":{"n":2}})"));
  CHECK(has(shown(), R"({"userId":"bob","sessions":2,"profile":{"n":2}})"));
  s.core->input(s.profile(2, R"({"n":3})"));
  CHECK(has(told(), R"("userId":"bob","profile":{"n":3}})"));
  CHECK(has(shown(), R"({"userId":"bob","sessions":2,"profile":{"n":3}})"));
  s.leave(2);
  CHECK(has(told(), R"("userId":"bob","profile":{"n":2}})"));
  CHECK(has(shown(), R"({"userId":"bob","profile":{"n":2}})"));
  s.enter(4, "bob");
  s.leave(3);
  CHECK(has(told(), R"("$profile","roomId":"hall","userId":"bob"})"));
  CHECK(has(shown(), R"({"userId":"bob"})"));
}

// Pins §5.19.
TEST_CASE("a profile that is what it was is told to nobody, whatever its codec") {
  stage s;
  s.enter(1, "ann");
  s.enter(2, "bob", R"({"n":1})");
  auto from = s.out.lines.size();

  s.enter(3, "bob", "\x81\xa1n\x01", encoding::v1_msgpack);
  s.core->input(s.profile(3, "\x81\xa1n\x01", encoding::v1_msgpack));
  s.core->input(s.profile(2, R"({"n":1})"));
  s.enter(4, "bob");
  s.leave(3);

  CHECK_FALSE(s.out.said("$profile", from));
}

// Pins §5.11.
TEST_CASE("a room that does not tell who comes tells no profiles, and takes them") {
  stage s{std::make_unique<room_behavior>(), 10, {.announce = false}};
  s.enter(1, "ann");
  auto from = s.out.lines.size();
  s.enter(2, "bob", R"({"n":1})");
  s.core->input(s.profile(2, R"({"n":2})"));
  s.enter(3, "bob", R"({"n":3})");
  s.leave(3);

  CHECK_FALSE(s.out.said("$profile", from));
  CHECK_FALSE(s.out.said("userJoined", from));
  s.core->list(s.presence(1, "6"));
  CHECK(s.out.said(R"({"userId":"bob","profile":{"n":2}})", from));
}

// Pins §4.67.
TEST_CASE("a behaviour may swallow a profile, refuse it, or throw out who brought it") {
  struct strict final : room_behavior {
    bool on_profile(room_context& room, const member& from,
                    const troupe::protocol::document_view& profile) override {
      auto name = profile.string("name").value_or("");
      if (name == "rude")
        room.refuse(errc::bad_request, "no such name");
      if (name == "bad")
        room.kick(from.key);
      return name != "quiet";
    }
  };
  stage s{std::make_unique<strict>()};
  s.enter(1, "ann");
  s.enter(2, "bob", R"({"name":"Bob"})");
  auto say = [&](std::string name) {
    auto in = s.profile(2, R"({"name":")" + name + "\"}");
    in.ref = ref("5");
    s.core->input(in);
  };
  auto from = s.out.lines.size();

  say("quiet");
  CHECK(s.out.lines.back().find(R"("ack")") != std::string::npos);
  say("rude");
  CHECK(s.out.said(R"("ref":5,"request":"$profile","roomId":"hall","code":"bad_request")", from));
  s.core->list(s.presence(1, "6"));
  CHECK(s.out.said(R"({"userId":"bob","profile":{"name":"Bob"}})", from));
  say("bad");
  CHECK(s.out.said(R"("userLeft")", from));
  CHECK_FALSE(s.out.said(R"("type":"$profile")", from));
}

// Pins §4.55.
TEST_CASE("a new profile that grows in another codec is charged to who brought it") {
  stage s;
  s.join(1);
  s.join(2, encoding::v1_msgpack);
  auto account = std::make_shared<credit_account>(credit_limits{});
  auto in = s.profile(2, "\x81\xa1x\xda\x0f\xa0" + std::string(4000, '\x01'), encoding::v1_msgpack);
  in.token = account->take(in.bytes.size());

  s.core->input(in);

  CHECK(account->take_charged() > 5 * 4000);
}

// -- many members: changes are gathered -----------------------------------------------------------

namespace {

/// A room that gathers while more than two are to be told. Three members are there.
struct crowd : stage {
  explicit crowd(room_core::config c = {.gather_beyond = 2})
    : stage{std::make_unique<room_behavior>(), 0, std::move(c)} {
    enter(1, "a1");
    enter(2, "a2");
    enter(3, "a3");
    from = out.lines.size();
  }
  /// What the room tells of the changes that it has gathered.
  std::string changes() {
    auto before = out.lines.size();
    core->tell_changes();
    std::string told;
    for (auto i = before; i < out.lines.size(); ++i)
      told += out.lines[i].substr(out.lines[i].find("{\"type\""));
    return told;
  }
  std::size_t from;
};

std::string presence_frame(std::string_view joined, std::string_view left, std::string_view changed,
                           int total) {
  return R"({"type":"$presence","roomId":"hall","joined":[)" + std::string{joined} + R"(],"left":[)"
       + std::string{left} + R"(],"changed":[)" + std::string{changed} + R"(],"total":)"
       + std::to_string(total) + "}";
}

} // namespace

// Pins §5.22, §5.23.
TEST_CASE("while many are to be told, who comes and goes is told once a second, net") {
  crowd s;
  s.enter(4, "bob", R"({"n":1})");
  s.enter(5, "eve");
  s.leave(1, leave_reason::disconnected);
  s.enter(6, "dan");
  s.leave(6); // came and went
  s.core->input(s.profile(2, R"({"n":2})"));

  CHECK_FALSE(s.out.said("userJoined", s.from));
  CHECK_FALSE(s.out.said("userLeft", s.from));
  CHECK_FALSE(s.out.said("$profile", s.from));
  REQUIRE(s.out.due.size() == 1);
  CHECK(s.out.due[0] == steady_time{} + std::chrono::seconds{1});
  CHECK(s.changes()
        == presence_frame(R"({"userId":"bob","profile":{"n":1}},{"userId":"eve"})",
                          R"({"userId":"a1","reason":"disconnected"})",
                          R"({"userId":"a2","profile":{"n":2}})", 4));
  CHECK(s.changes().empty());
}

// Pins §5.23.
TEST_CASE("who has left and come back within the second is news only with another profile") {
  crowd s;
  s.enter(4, "bob", R"({"n":1})");
  s.enter(5, "eve", R"({"n":1})");
  (void)s.changes();

  s.leave(4);
  s.enter(6, "bob", R"({"n":1})");
  s.leave(5);
  s.enter(7, "eve", R"({"n":2})");

  CHECK(s.changes() == presence_frame("", "", R"({"userId":"eve","profile":{"n":2}})", 5));
}

// Pins §5.23.
TEST_CASE("who has been listed meanwhile is told, though it has gone again or come back") {
  crowd s;
  s.enter(4, "bob");
  s.leave(1);
  s.core->list(s.presence(2, "7"));
  s.leave(4);
  s.enter(1, "a1");

  CHECK(s.changes()
        == presence_frame(R"({"userId":"a1"})", R"({"userId":"bob","reason":"left"})", "", 3));
}

// Pins §5.22.
TEST_CASE("a room that shrinks tells each change by itself, once nothing gathered waits") {
  crowd s;
  s.enter(4, "bob");
  s.leave(1);
  s.leave(2);
  s.leave(3);
  CHECK_FALSE(s.out.said("userLeft", s.from));
  (void)s.changes();
  auto later = s.out.lines.size();
  s.enter(5, "eve");

  CHECK(s.out.said("userJoined", later));
  CHECK(s.out.due.size() == 1);
}

// Pins §5.22, §6.13.
TEST_CASE("plain clients are told each change at once, however many are there") {
  crowd s;
  s.enter(9, "pat", {}, encoding::plain_json);
  auto before = s.out.lines.size();
  s.enter(4, "bob", R"({"n":1})");
  s.leave(4);

  CHECK(s.out.lines[before].ends_with(R"({"type":"userJoined","userId":"bob"})"));
  CHECK(s.out.lines[before].find("roomId") == std::string::npos);
  CHECK(s.out.said(R"({"type":"userLeft","userId":"bob"})", before));
  CHECK(s.changes() == presence_frame(R"({"userId":"pat"})", "", "", 4));
}

// Pins §5.22.
TEST_CASE("without a bound each change is told by itself, however many are there") {
  crowd s{{.gather_beyond = 0}};
  s.enter(4, "bob");
  s.leave(4);

  CHECK(s.out.said("userJoined", s.from));
  CHECK(s.out.said("userLeft", s.from));
  CHECK(s.out.due.empty());
}

// Pins §5.24.
TEST_CASE("gathered changes come in frames of 64 KiB, eight a second, and none is lost") {
  crowd s;
  s.enter(4, "m", {}, encoding::v1_msgpack);
  (void)s.changes();
  s.out.due.clear();
  for (std::uint32_t i = 100; i < 300; ++i)
    s.enter(i, "u" + std::to_string(i), "{\"x\":\"" + std::string(4000, 'x') + "\"}");
  std::size_t users = 0, seconds = 0;
  for (std::size_t before = 0; s.out.due.size() > before; ++seconds) {
    before = s.out.due.size();
    auto first = s.out.lines.size();
    s.core->tell_changes();
    CHECK(s.out.lines.size() - first <= 8);
    for (auto i = first; i < s.out.lines.size(); ++i) {
      auto json = s.out.lines[i].substr(s.out.lines[i].find("{\"type\""));
      CHECK(s.out.lines[i].size() < 2 * 66'000); // one in each codec
      for (auto at = json.find(R"({"userId":"u)"); at != std::string::npos;
           at = json.find(R"({"userId":"u)", at + 1))
        ++users;
    }
  }

  CHECK(users == 200);
  CHECK(seconds == 2);
  CHECK(s.out.due.size() == 2);
}

// Pins §16.57.
TEST_CASE("changes are told sooner if more of them wait than twice the members") {
  crowd s;
  for (std::uint32_t i = 10; i < 40; ++i)
    s.enter(i, "u" + std::to_string(i));
  (void)s.changes();
  s.out.due.clear();
  for (std::uint32_t i = 10; i < 38; ++i)
    s.leave(i);

  REQUIRE(s.out.due.size() > 1);
  CHECK(s.out.due.front() == steady_time{} + std::chrono::seconds{1});
  CHECK(s.out.due.back() == steady_time{});
}

TEST_CASE("gathered changes are nobody's, and a room that ends keeps them to itself") {
  crowd s;
  auto account = std::make_shared<credit_account>(credit_limits{});
  join_request r;
  r.who = stage::key(4);
  r.user_id = "bob";
  r.encoding = encoding::v1_json;
  r.token = account->take(30);
  (void)s.core->join(r);
  (void)s.changes();
  CHECK_FALSE(s.out.last_source);
  CHECK_FALSE(s.out.last_own);

  s.leave(4);
  s.core->close(room_end::ended);
  CHECK(s.changes().empty());
}

// Pins §4.56.
TEST_CASE("a profile that is gathered is charged to the join in the codec that takes most") {
  crowd s;
  auto account = std::make_shared<credit_account>(credit_limits{});
  join_request r;
  r.who = stage::key(4);
  r.user_id = "u4";
  r.encoding = encoding::v1_msgpack;
  r.profile = "\x81\xa1x\xda\x0f\xa0" + std::string(4000, '\x01');
  r.token = account->take(r.profile.size());

  REQUIRE(s.core->join(r).code == errc::ok);

  CHECK(account->take_charged() > 5 * 4000);
}

// -- pages of presence ----------------------------------------------------------------------------

// Pins §4.61.
TEST_CASE("presence comes page by page, whoever leaves meanwhile") {
  stage s{std::make_unique<room_behavior>(), 0};
  for (std::uint32_t i = 10; i < 20; ++i)
    s.join(i);
  auto ask = [&](std::string after) {
    auto from = s.out.lines.size();
    auto r = s.presence(10, "1");
    r.after = std::move(after);
    r.limit = 4;
    s.core->list(r);
    return s.out.lines[from];
  };

  auto first = ask("");
  s.core->leave({s.key(13), leave_reason::left, false, nullptr, {}}); // the last of the first page
  auto second = ask("u13");
  auto third = ask("u17");

  CHECK(first.find(R"([{"userId":"u10"},{"userId":"u11"},{"userId":"u12"},{"userId":"u13"}],)"
                   R"("total":10,"complete":false)")
        != std::string::npos);
  CHECK(second.find(R"([{"userId":"u14"},{"userId":"u15"},{"userId":"u16"},{"userId":"u17"}],)"
                    R"("total":9,"complete":false)")
        != std::string::npos);
  CHECK(third.find(R"([{"userId":"u18"},{"userId":"u19"}],"total":9,"complete":true)")
        != std::string::npos);
}

// Pins §4.61.
TEST_CASE("presence of large profiles comes in pages of 64 KiB, and each user once") {
  stage s{std::make_unique<room_behavior>(), 0};
  for (std::uint32_t i = 10; i < 40; ++i) {
    join_request r;
    r.who = stage::key(i);
    r.user_id = "u" + std::to_string(i);
    r.encoding = encoding::v1_json;
    r.profile = "{\"x\":\"" + std::string(4000, 'x') + "\"}";
    s.places[i] = s.core->join(r).place;
  }
  std::vector<std::string> heard;
  int pages = 0;
  for (bool more = true; more && pages < 10; ++pages) {
    auto r = s.presence(10, "1");
    r.after = heard.empty() ? "" : heard.back();
    auto from = s.out.lines.size();
    s.core->list(r);
    auto& page = s.out.lines[from];
    for (auto at = page.find(R"("userId":")"); at != std::string::npos;
         at = page.find(R"("userId":")", at + 1))
      heard.push_back(page.substr(at + 10, 3));
    more = page.find(R"("complete":false)") != std::string::npos;
    CHECK(page.size() < 66'000);
  }

  CHECK(pages == 2);
  CHECK(heard.size() == 30);
  CHECK(std::is_sorted(heard.begin(), heard.end()));
}

// Pins §3.15.
TEST_CASE("presence is answered once, whatever becomes of its room") {
  stage s;
  s.join(1);
  auto r = s.presence(1, "7");

  s.core->list(r);

  CHECK(r.ref->answered);
}

// Pins §4.63.
TEST_CASE("who is no member any more is not told who is in the room") {
  stage s;
  s.join(1);
  s.join(2);
  auto late = s.presence(1, "5");
  s.core->leave({s.key(1), leave_reason::left, false, nullptr, {}});
  auto from = s.out.lines.size();

  s.core->list(late);

  CHECK(s.out.said(R"("ref":5,"request":"presence","roomId":"hall","code":"not_joined")", from));
  CHECK(late.ref->answered);
}

// Pins §4.64.
TEST_CASE("a page of presence counts in the byte rate of who asks for it") {
  stage s{std::make_unique<room_behavior>(), 0};
  for (std::uint32_t i = 1; i <= 100; ++i)
    s.join(i);
  auto account = std::make_shared<credit_account>(credit_limits{});
  auto r = s.presence(1, "1");
  r.token = account->take(30);

  s.core->list(r);

  CHECK(account->take_charged() > 100 * 15);
}

// Pins §4.56.
TEST_CASE("a profile that is told in another codec is charged to the join") {
  stage s;
  s.join(1);
  auto account = std::make_shared<credit_account>(credit_limits{});
  join_request r;
  r.who = stage::key(2);
  r.user_id = "u2";
  r.encoding = encoding::v1_msgpack;
  r.profile = "\x81\xa1x\xda\x0f\xa0" + std::string(4000, '\x01');
  r.token = account->take(r.profile.size());

  REQUIRE(s.core->join(r).code == errc::ok);
  auto charged = account->take_charged();

  CHECK(charged > 5 * 4000);
  CHECK(charged < 6 * 4000);
}

TEST_CASE(
  "any number of lost connections does not end a room, whatever its behaviour says about each") {
  struct mourner final : room_behavior {
    void on_leave(room_context& room, const member& m, leave_reason) override {
      room.broadcast("gone", {{"who", std::string(1000, 'x')}, {"userId", m.user_id}});
    }
  };
  stage s{std::make_unique<mourner>(), 0};
  for (std::uint32_t i = 1; i <= 10'000; ++i)
    s.join(i);
  s.out.own.clear(); // the output of the joins has left

  for (std::uint32_t i = 1; i < 10'000; ++i)
    s.core->leave({s.key(i), leave_reason::disconnected, false, nullptr, {}});

  CHECK(s.out.ends.empty());
}
