#include "room/room_core.hpp"

#include "room_stage.hpp"

#include <troupe/protocol/stored_event.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace troupe::actors;
using troupe::protocol::encoding;
using troupe::protocol::errc;
using troupe::test::ref;
using stage = troupe::test::room_stage;

// Pins §5.12.
TEST_CASE("a join tells the others first, then subscribes the new one") {
  stage s;
  CHECK(s.join(1).code == errc::ok);
  auto from = s.out.lines.size();

  CHECK(s.join(2).code == errc::ok);

  REQUIRE(s.out.lines.size() == from + 2);
  CHECK(s.out.lines[from].find("all(1)") == 0);
  CHECK(s.out.lines[from].find(R"("userJoined")") != std::string::npos);
  CHECK(s.out.lines[from + 1].find("subscribe 2") == 0);
  CHECK(s.out.lines[from + 1].find(R"("joined")") != std::string::npos);
}

// Pins §4.23.
TEST_CASE("a second join of a held room answers joined and tells nobody") {
  stage s;
  s.join(1);
  s.join(2);
  auto from = s.out.lines.size();

  CHECK(s.join(2).code == errc::ok);

  REQUIRE(s.out.lines.size() == from + 1);
  CHECK(s.out.lines[from].find("to 2") == 0);
}

// Pins §4.121, §4.126.
TEST_CASE("values are named by room, sender and key, and by nothing else") {
  auto names = [](troupe::actors::room_core::config c) {
    stage s{std::make_unique<room_behavior>(), 10, std::move(c)};
    s.join(1);
    s.join(2);
    s.out.for_behind.clear();
    auto say = [&](std::uint32_t who, bool is_volatile, std::uint64_t value) {
      auto in = s.input(who, "message", R"({"type":"message","text":"hi"})");
      in.is_volatile = is_volatile;
      in.value = value;
      s.core->input(in);
    };
    say(1, false, 0);
    say(1, true, 0);
    for (auto who : {1u, 1u, 2u})
      say(who, true, 5);
    say(1, true, 7);
    CHECK(s.core->seq() == 1);
    return s.out.for_behind;
  };
  troupe::actors::room_core::config one, other;
  one.key = troupe::actors::hash_key::from(1);
  other.key = troupe::actors::hash_key::from(2);

  auto first = names(one), again = names(one), secret = names(other);

  REQUIRE(first.size() == 6);
  CHECK(first[0] == troupe::actors::if_behind::queue);
  CHECK(first[1] == troupe::actors::if_behind::skip);
  CHECK(first[2] == first[3]);
  CHECK(std::set(first.begin(), first.end()).size() == 5);
  CHECK(first == again);
  CHECK(first[2] != secret[2]);
}

// Pins §4.18.
TEST_CASE("a full room refuses the next member") {
  stage s{std::make_unique<room_behavior>(), 1};
  s.join(1);
  CHECK(s.join(2).code == errc::room_full);
}

// Pins §10.3, §10.6.
TEST_CASE("messages are numbered in order, and the ack follows its own frame") {
  stage s;
  s.join(1);
  auto from = s.out.lines.size();
  auto in = s.input(1, "message", R"({"type":"message","text":"hi"})");
  in.ref = ref("5");

  s.core->input(in);
  s.core->input(s.input(1, "message", R"({"type":"message","text":"hi"})"));

  REQUIRE(s.out.lines.size() == from + 3);
  CHECK(s.out.lines[from].find(R"("seq":1)") != std::string::npos);
  CHECK(s.out.lines[from + 1].find(R"("ack")") != std::string::npos);
  CHECK(s.out.lines[from + 1].find(R"("ref":5)") != std::string::npos);
  CHECK(s.out.lines[from + 2].find(R"("seq":2)") != std::string::npos);
  CHECK(in.ref->answered);
  CHECK(s.core->stored().entries().size() == 2);
}

TEST_CASE("echo off leaves the sender out") {
  stage s;
  s.join(1);
  s.join(2);
  auto in = s.input(1, "message", "{}");
  in.echo = false;
  s.core->input(in);
  CHECK(s.out.said("but 1"));
}

TEST_CASE("a broadcast is kept once, as the frame of its members that is not deflated") {
  struct row {
    std::vector<encoding> members;
    encoding kept;
    bool is_a_members = true; ///< not made for the history alone
  };
  const row rows[] = {
    {{encoding::v1_json}, encoding::v1_json},
    {{encoding::v1_msgpack}, encoding::v1_msgpack},
    {{encoding::v1_msgpack, encoding::v1_json}, encoding::v1_json},
    {{encoding::plain_json, encoding::v1_msgpack}, encoding::v1_msgpack},
    {{encoding::plain_json}, encoding::v1_json, false},
    {{encoding::v1_json_deflated}, encoding::v1_json, false},
    {{encoding::v1_msgpack_deflated, encoding::plain_json}, encoding::v1_msgpack, false},
  };
  for (auto& r : rows) {
    stage s;
    std::uint32_t who = 0;
    for (auto e : r.members)
      s.join(++who, e);
    auto in = s.input(1, "message", std::string(300, ' '));
    auto text = '"' + std::string(200, 'x') + '"';
    in.body = text;
    s.core->input(in);

    REQUIRE(s.core->stored().entries().size() == 1);
    auto& kept = s.core->stored().entries().front();
    CHECK(codec_of(kept.event) == codec_of(r.kept));
    CHECK(kept.seq == 1);
    CHECK(kept.bytes == kept.event.size());
    auto& members = s.out.last_frames[index_of(r.kept)];
    CHECK(kept.event.same_buffer(members) == r.is_a_members);
  }
}

TEST_CASE("what an observer alone hears, or nobody, is kept as well") {
  stage s;
  const std::vector<troupe::protocol::field> fields{{"n", 1}};
  s.core->outside({"hall", std::make_shared<owned_event>(broadcast_event{"news", fields}), {}});

  REQUIRE(s.core->stored().entries().size() == 1);
  CHECK(s.core->stored().entries().front().event.view().find(R"("seq":1,"n":1)")
        != std::string::npos);
}

TEST_CASE("the history knows who did not get a broadcast") {
  struct whisperer final : room_behavior {
    whisperer() {
      on("psst", [](room_context& room, const member& from, const application_message&) {
        room.broadcast_except(from.key, "psst", {});
      });
    }
  };
  stage s{std::make_unique<whisperer>()};
  s.join(1);
  s.join(2);
  auto silent = s.input(2, "message", "{}");
  silent.echo = false;
  s.core->input(silent);
  s.core->input(s.input(1, "psst", R"({"type":"psst"})"));
  s.core->input(s.input(1, "message", "{}"));

  auto& kept = s.core->stored().entries();
  REQUIRE(kept.size() == 3);
  CHECK(kept[0].excluded == stage::client(2));
  CHECK(kept[1].excluded == stage::client(1));
  CHECK_FALSE(kept[2].excluded);
}

TEST_CASE("a message of one who is no member is answered not_joined") {
  stage s;
  s.join(1);
  s.core->input(s.input(9, "message", "{}"));
  CHECK(s.out.said("not_joined"));
  CHECK(s.core->seq() == 0);
}

// Pins §4.45.
TEST_CASE("an application type without a handler is answered unknown_type") {
  stage s;
  s.join(1);
  s.core->input(s.input(1, "dance", R"({"type":"dance"})"));
  CHECK(s.out.said("unknown_type"));
}

// Pins §5.16.
TEST_CASE("each encoding in use is encoded once, and no other") {
  stage s;
  s.join(1, encoding::v1_json);
  s.join(2, encoding::plain_json);
  auto from = s.out.lines.size();
  s.core->input(s.input(1, "message", "{}"));

  auto& line = s.out.lines[from];
  CHECK(line.find(R"("roomId":"hall")") != std::string::npos);
  CHECK(line.find(R"({"type":"message","text":"hi","userId":"u1"})") != std::string::npos);
}

TEST_CASE("the last member's leave reports the room empty") {
  stage s;
  s.join(1);
  s.core->leave({s.key(1), leave_reason::left, true, nullptr, {}});
  CHECK(s.out.lines.back() == "empty");
}

// Pins §10.25.
TEST_CASE("an empty room that keeps something is to live on") {
  stage s;
  s.join(1);
  s.core->input(s.input(1, "message", "{}"));
  s.core->leave({s.key(1), leave_reason::left, true, nullptr, {}});
  CHECK(s.out.lines.back() == "empty for 60000");
}

TEST_CASE("a leave of one who is not in does nothing but look whether the room is empty") {
  stage s;
  s.core->leave({s.key(5), leave_reason::disconnected, false, nullptr, {}});
  CHECK(s.out.lines == std::vector<std::string>{"empty"});
}

// Pins §5.9.
TEST_CASE("the others are told why a member has gone") {
  struct bouncer final : room_behavior {
    bouncer() {
      on("out", [](room_context& room, const member& from, const application_message&) {
        room.kick(from.key);
      });
    }
  };
  for (auto why : {leave_reason::left, leave_reason::disconnected, leave_reason::kicked,
                   leave_reason::forbidden}) {
    stage s{std::make_unique<bouncer>()};
    s.join(1);
    s.join(2);
    if (why == leave_reason::kicked)
      s.core->input(s.input(2, "out", R"({"type":"out"})"));
    else
      s.core->leave({s.key(2), why, false, nullptr, {}});

    CHECK(s.out.said(R"({"type":"userLeft","roomId":"hall","userId":"u2","reason":")"
                     + std::string{to_string(why)} + "\"}"));
  }
}

TEST_CASE("a member's place goes to the next one, and what the former says late is refused") {
  stage s;
  s.join(1);
  s.join(2);
  auto late = s.input(1, "message", R"({"type":"message","text":"late"})");
  late.ref = troupe::test::ref("5");
  s.core->leave({s.key(1), leave_reason::left, false, nullptr, {}});
  s.join(3);
  auto before = s.out.lines.size();

  s.core->input(late);
  s.core->input(s.input(3, "message", R"({"type":"message","text":"hi"})"));

  CHECK(late.place == s.places[3]);
  CHECK(s.places[2] != s.places[3]);
  CHECK(s.out.said("not_joined", before));
  CHECK(s.core->seq() == 1);
}

// -- the end of a room ----------------------------------------------------------------------------

/// Notes the ends of members and of the room.
struct mourning : room_behavior {
  explicit mourning(std::vector<std::string>& l) : log(l) {
    on("end", [](room_context& room, const member&, const application_message&) {
      room.end();
      room.broadcast("last", {{"words", true}});
    });
  }
  void on_leave(room_context& room, const member& m, leave_reason why) override {
    log.push_back(m.user_id + " " + std::string{to_string(why)});
    room.broadcast("too late", {{"n", 1}});
  }
  void on_close(room_context& room) override {
    log.push_back("close " + std::to_string(room.member_count()));
    room.for_each_member([&](const member& m) { room.kick(m.key); });
    room.broadcast("too late", {{"n", 2}});
  }
  std::vector<std::string>& log;
};

TEST_CASE("a room says its end behind all else; its behaviour then hears of each member's end, and "
          "of its own") {
  std::vector<std::string> log;
  stage s{std::make_unique<mourning>(log)};
  s.join(1);
  s.join(2);
  s.core->input(s.input(1, "end", R"({"type":"end"})"));
  CHECK(s.out.said("last"));
  s.core->close(room_end::ended);

  CHECK(s.out.lines.back() == "ended(2)");
  std::sort(log.begin(), log.end());
  CHECK(log == std::vector<std::string>{"close 0", "u1 closed", "u2 closed"});
}

TEST_CASE("a room that is stopped tells its dispatchers, one that is empty nobody") {
  std::vector<std::string> log;
  stage s{std::make_unique<mourning>(log)}, empty{std::make_unique<mourning>(log)};
  s.join(1);
  s.core->close(room_end::stopped);
  CHECK(s.out.lines.back() == "ended(1)"); // clients hear that the node stops
  CHECK(log == std::vector<std::string>{"u1 closed", "close 0"});

  empty.core->close(room_end::empty);
  CHECK_FALSE(empty.out.said("ended("));
}

TEST_CASE("a room that has asked for its end handles nothing more") {
  std::vector<std::string> log;
  stage s{std::make_unique<mourning>(log)};
  s.join(1);
  s.core->input(s.input(1, "end", R"({"type":"end"})"));
  auto from = s.out.lines.size();

  auto in = s.input(1, "message", R"({"type":"message","text":"hi"})");
  in.ref = ref("1");
  s.core->input(in);
  s.core->leave({s.key(1), leave_reason::left, true, nullptr, {}});

  CHECK(s.out.lines.size() == from);
  CHECK_FALSE(in.ref->answered); // the connection answers when it hears that the room is closed
  CHECK(s.core->ending());
}

TEST_CASE("a room that crashes tells its behaviour each member's end, whatever those hooks do, and "
          "nothing else") {
  struct bad final : mourning {
    using mourning::mourning;
    void on_leave(room_context& room, const member& m, leave_reason why) override {
      mourning::on_leave(room, m, why);
      throw 1;
    }
  };
  std::vector<std::string> log;
  stage s{std::make_unique<bad>(log)};
  s.join(1);
  s.join(2);
  auto from = s.out.lines.size();

  s.core->crash();

  std::sort(log.begin(), log.end());
  CHECK(log == std::vector<std::string>{"u1 closed", "u2 closed"});
  CHECK(s.out.failed_hooks == 2);
  CHECK(s.out.failed_hook == "on_leave");
  CHECK(s.out.lines.size() == from); // the shard tells it
}
