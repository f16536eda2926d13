// What a room gives to members that say where they left off: `since`, and catching up in slices.
#include "room/room_core.hpp"

#include "room_stage.hpp"

#include <troupe/protocol/command.hpp>
#include <troupe/protocol/frame.hpp>
#include <troupe/protocol/stored_event.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace troupe::actors;
using troupe::protocol::codec;
using troupe::protocol::document_view;
using troupe::protocol::encoding;
using troupe::protocol::errc;
using troupe::protocol::event_frames;
using strings = std::vector<std::string>;

namespace {

constexpr std::size_t slice = replay::slice_bytes;

/// The texts of a run of frames, each as its type and its `seq`: `message 7`; a binary frame as
/// `bytes`.
strings names_of(std::string_view frames) {
  strings names;
  for (std::size_t at = 0; at < frames.size();) {
    auto frame = frames.substr(at);
    auto is_text = (frame.front() & 0x0f) == 1;
    document_view text{codec::json, troupe::protocol::frame_payload(frame)};
    auto seq = is_text ? std::string{text.raw("seq")} : std::string{};
    names.push_back(is_text ? text.string("type").value() + (seq.empty() ? "" : " " + seq)
                            : "bytes");
    at += troupe::protocol::frame_length(frame);
  }
  return names;
}

struct stage : troupe::test::room_stage {
  explicit stage(room_limits limits = {}, std::unique_ptr<room_behavior> b = {})
    : room_stage(b ? std::move(b) : std::make_unique<room_behavior>(), 10, {.limits = limits}) {
    join(1);
  }

  void say(std::uint32_t who, int times = 1, std::size_t size = 0) {
    auto body = '"' + std::string(size, 'x') + '"';
    for (; times > 0; --times) {
      auto in = input(who, "message", "{}");
      in.body = body;
      core->input(in);
    }
  }
  void say_to_others(std::uint32_t who) {
    auto in = input(who, "message", "{}");
    in.echo = false;
    core->input(in);
  }
  void ask_for_ack(std::uint32_t who, bool echo = true) {
    auto in = input(who, "message", "{}");
    in.ref = troupe::test::ref("1");
    in.echo = echo;
    core->input(in);
  }

  /// Member 2 comes back.
  join_reply come_back(std::uint64_t seq, std::size_t first_slice = slice, std::string epoch = "e1",
                       client_id former = {}, encoding e = encoding::v1_json,
                       bool resumed = false) {
    join_request r;
    r.resumed = resumed;
    r.who = key(2);
    r.client = client(2);
    r.user_id = "u2";
    r.encoding = e;
    auto since = std::make_shared<replay_start>();
    since->epoch = std::move(epoch);
    since->seq = seq;
    since->client = former;
    since->first_slice_bytes = first_slice;
    since->account = account;
    r.since = since;
    auto reply = core->join(r);
    places[2] = reply.place;
    return reply;
  }

  /// The latest of member 2.
  [[nodiscard]] const subscribe& last() const {
    return *std::find_if(out.subscribed.rbegin(), out.subscribed.rend(),
                         [](auto& s) { return s.who == key(2); });
  }
  [[nodiscard]] bool is_level() const { return last().behind == 0; }

  /// What the latest `subscribe` holds.
  [[nodiscard]] strings got() const {
    auto names = names_of(last().first.view());
    if (last().missed)
      for (auto& m : *last().missed) {
        auto more = names_of(m.bytes.view());
        names.insert(names.end(), more.begin(), more.end());
      }
    return names;
  }
  /// What member 2 gets as it takes slice after slice.
  strings take_all() {
    auto all = got();
    while (!is_level()) {
      core->continue_replay(key(2));
      auto more = got();
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }

  std::shared_ptr<credit_account> account =
    std::make_shared<credit_account>(credit_limits{1024, 1024 * 1024});
};

strings messages(int first, int last) {
  strings all;
  for (; first <= last; ++first)
    all.push_back("message " + std::to_string(first));
  return all;
}

strings operator+(strings a, const strings& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

} // namespace

// -- since ----------------------------------------------------------------------------------------

// Pins §4.90.
TEST_CASE("who comes back gets what it has missed, and is level at once") {
  stage s;
  s.say(1, 5);

  s.come_back(2);

  CHECK(s.is_level());
  CHECK(s.got() == strings{"joined 5"} + messages(3, 5));
  CHECK(s.out.said(R"("seq":5,"recovered":true)"));
}

// Pins §4.90.
TEST_CASE("who has missed nothing gets nothing, again and again") {
  stage s;
  s.say(1, 3);
  for (int i = 0; i < 3; ++i) {
    s.come_back(3);

    CHECK(s.is_level());
    CHECK(s.got() == strings{"joined 3"});
    CHECK(s.out.lines.back().find(R"("recovered":true)") != std::string::npos);
    s.core->leave({s.key(2), leave_reason::disconnected, false, nullptr, {}});
  }
}

// Pins §4.91.
TEST_CASE("nothing is recovered of another epoch, of the future, or if the room has lost some") {
  struct row {
    std::string epoch;
    std::uint64_t seq;
    bool recovered;
  };
  const row rows[] = {
    {"e2", 290, false}, {"e1", 301, false}, {"e1", ~std::uint64_t{0}, false},
    {"e1", 300, true},  {"e1", 44, true},   {"e1", 43, false},
    {"e1", 0, false},
  };
  for (auto& r : rows) {
    stage s;
    s.say(1, 300);

    s.come_back(r.seq, slice, r.epoch);

    CAPTURE(r.epoch, r.seq);
    auto answer = r.recovered ? R"("recovered":true)" : R"("recovered":false)";
    CHECK(s.last().first.view().find(answer) != std::string_view::npos);
    CHECK(s.last().first.view().find(R"("seq":300)") != std::string_view::npos);
    if (!r.recovered)
      CHECK(s.got() == strings{"joined 300"});
    else
      CHECK(s.take_all().size() == 1 + 300 - r.seq);
  }
}

// Pins §4.91.
TEST_CASE("without a history who has missed nothing is told so, and who has is told so, too") {
  room_limits off;
  off.history = false;
  for (auto seq : {3u, 2u}) {
    stage s{off};
    s.say(1, 3);

    s.come_back(seq);

    CHECK(s.got() == strings{"joined 3"});
    CHECK(s.out.said(seq == 3 ? R"("recovered":true)" : R"("recovered":false)"));
  }
}

// Pins §4.92.
TEST_CASE("what was not for the client's former id, or is not for its own, is not repeated") {
  stage s;
  s.join(2);
  s.say_to_others(2);
  s.say(2);
  s.core->leave({s.key(2), leave_reason::disconnected, false, nullptr, {}});
  s.say_to_others(1);

  for (auto& [former, expected] :
       {std::pair{s.client(2), strings{"joined 3", "message 2", "message 3"}},
        std::pair{s.client(1), strings{"joined 3", "message 2"}},
        std::pair{client_id{}, strings{"joined 3", "message 2", "message 3"}},
        std::pair{client_id{9, 9}, strings{"joined 3", "message 2", "message 3"}}}) {
    s.come_back(0, slice, "e1", former);
    CHECK(s.got() == expected);
    s.core->leave({s.key(2), leave_reason::disconnected, false, nullptr, {}});
  }
}

TEST_CASE("what was missed comes in the codec of the client, whoever was there") {
  for (auto e : {encoding::v1_json, encoding::v1_msgpack, encoding::v1_json_deflated,
                 encoding::v1_msgpack_deflated}) {
    stage s;
    auto binary = s.input(1, "binary", "\x01\x02");
    binary.what = room_input::kind::binary;
    binary.body = binary.bytes.view();
    s.core->input(binary);
    s.say(1);
    auto first = s.core->stored().entries()[0].event, second = s.core->stored().entries()[1].event;

    s.come_back(0, slice, "e1", {}, e);

    REQUIRE(s.last().missed);
    REQUIRE(s.last().missed->size() == 1);
    auto to = codec_of(e);
    auto expected = std::string{event_frames(to, first, nullptr).view()}
                  + std::string{event_frames(to, second, nullptr).view()};
    CHECK(s.last().missed->front().bytes.view() == expected);
    CHECK(s.last().missed->front().frames == 2);
  }
}

// Pins §6.11.
TEST_CASE("a plain client gets nothing of what it has missed") {
  stage s;
  s.say(1, 5);

  s.come_back(2, slice, "e1", {}, encoding::plain_json);

  CHECK(s.is_level());
  CHECK(s.got() == strings{"joined"});
}

// Pins §4.93.
TEST_CASE("a second join tells whether the client has all, and repeats nothing") {
  struct row {
    std::uint64_t first, second;
    const char* answer;
  };
  const row rows[] = {{2, 2, "true"},  {2, 5, "true"}, {2, 1, "false"},
                      {2, 6, "false"}, {9, 5, "true"}, {9, 4, "false"}};
  for (auto& r : rows) {
    stage s;
    s.say(1, 5);
    s.come_back(r.first); // 9: of the future

    s.come_back(r.second);

    CAPTURE(r.first, r.second);
    CHECK(s.out.lines.back().find("to 2") == 0);
    CHECK(s.out.lines.back().find(std::string{R"("seq":5,"recovered":)"} + r.answer)
          != std::string::npos);
  }
}

// -- catching up ----------------------------------------------------------------------------------

// Pins §10.20.
TEST_CASE("much that was missed comes in slices of 64 KiB, and the member gets live messages "
          "behind the last one") {
  stage s;
  s.say(1, 10, 20'000);

  s.come_back(0);
  auto first = s.got();
  auto was_level = s.is_level();
  s.say(1, 2, 20'000);
  auto all = first;
  while (!s.is_level()) {
    s.core->continue_replay(s.key(2));
    std::size_t bytes = 0;
    for (auto& m : *s.last().missed)
      bytes += m.bytes.size();
    CHECK(bytes <= slice);
    all = all + s.got();
  }

  CHECK_FALSE(was_level);
  CHECK(first == strings{"joined 10"} + messages(1, 3));
  CHECK(all == strings{"joined 10"} + messages(1, 12));
  auto slices = s.out.subscribed.size();
  s.core->continue_replay(s.key(2)); // one that was asked for twice
  CHECK(s.out.subscribed.size() == slices);
}

// Pins §10.20.
TEST_CASE("a slice has 256 frames at most, and one that is larger than a slice comes alone") {
  room_limits large;
  large.history_messages = 0;
  stage s{large};
  s.say(1, 300);
  s.say(1, 2, 100'000);

  s.come_back(0);
  CHECK(s.got().size() == 1 + 256);
  s.core->continue_replay(s.key(2));
  CHECK(s.got() == messages(257, 300));
  s.core->continue_replay(s.key(2));
  CHECK(s.got() == messages(301, 301));
  s.core->continue_replay(s.key(2));
  CHECK(s.got() == messages(302, 302));
  CHECK(s.is_level());
}

TEST_CASE("a client that can take nothing at once gets joined alone, unless it lacks nothing") {
  stage s;
  s.say(1, 2);
  s.say_to_others(1);

  s.come_back(0, 0);
  auto first = s.got();
  auto was_level = s.is_level();
  auto all = s.take_all();
  s.core->leave({s.key(2), leave_reason::left, false, nullptr, {}});
  s.come_back(2, 0, "e1", s.client(1));

  CHECK(first == strings{"joined 3"});
  CHECK_FALSE(was_level);
  CHECK(all == strings{"joined 3"} + messages(1, 3));
  CHECK(s.is_level());
  CHECK(s.got() == strings{"joined 3"});
}

// Pins §10.6, §10.21.
TEST_CASE("an ack comes behind what was said before it, while its sender catches up") {
  stage s;
  s.say(1, 2);
  s.come_back(0, 0);
  s.ask_for_ack(2);
  s.ask_for_ack(2, false);
  s.say(1);

  CHECK(
    s.take_all()
    == strings{"joined 2", "message 1", "message 2", "message 3", "ack 3", "ack 4", "message 5"});
}

// Pins §10.21.
TEST_CASE("who comes and goes is told in its place to who catches up, and what is passing is not") {
  struct typist final : room_behavior {
    typist() {
      on("type", [](room_context& room, const member& from, const application_message&) {
        room.broadcast({"typing", {}, {}, true, false});
        room.send_to(from.key, "only you", {});
      });
    }
  };
  stage s{{}, std::make_unique<typist>()};
  s.say(1);
  s.come_back(0, 0);
  s.join(3);
  s.say(1);
  s.core->input(s.input(2, "type", R"({"type":"type"})"));
  s.core->leave({s.key(3), leave_reason::left, false, nullptr, {}});

  CHECK(s.take_all()
        == strings{"joined 1", "message 1", "userJoined", "message 2", "only you", "userLeft"});
}

// Pins §10.22.
TEST_CASE("whom the history overruns is told so, and gets what follows") {
  room_limits few;
  few.history_messages = 5;
  stage s{few};
  s.say(1, 3);
  s.come_back(0, 0);
  s.ask_for_ack(2);
  s.say(1, 5);

  s.core->continue_replay(s.key(2));

  CHECK(s.got() == strings{"ack 4", "joined 9"});
  CHECK(s.is_level());
  auto& frames = s.last().missed->back();
  CHECK(frames.bytes.view().find(R"("epoch":"e1","seq":9,"recovered":false)")
        != std::string_view::npos);
  CHECK(frames.kind == output_kind::control);
  s.come_back(4);
  CHECK(s.out.lines.back().find(R"("recovered":false)") != std::string::npos);
}

// Pins §4.92.
TEST_CASE("what a session was left out of with others does not come back") {
  /// Says what comes to all but the sender and member 4.
  struct discreet final : room_behavior {
    void on_message(room_context& room, const member& from, const application_message&) override {
      const std::vector<session_key> some{from.key, stage::key(4)};
      room.broadcast_except(some, "said", {});
    }
  };
  stage s{{}, std::make_unique<discreet>()};
  s.join(3);
  s.join(4);
  s.say(1);
  for (auto who : {1U, 3U})
    s.core->input(s.input(who, "x", R"({"type":"x"})"));

  s.come_back(0, slice, "e1", s.client(1));
  CHECK(s.take_all() == strings{"joined 3", "message 1", "said 3"});
  s.leave(2);
  s.come_back(0, slice, "e1", s.client(4));
  CHECK(s.take_all() == strings{"joined 3", "message 1"});
}

// Pins §10.22.
TEST_CASE("a session lacks nothing if the history loses only what it was excluded from") {
  room_limits few;
  few.history_messages = 3;
  stage s{few};
  s.say_to_others(1);
  s.say(1, 2);
  s.come_back(0, 0, "e1", s.client(1), encoding::v1_json, true);
  s.say(1);

  s.core->continue_replay(s.key(2));

  CHECK(s.got() == messages(2, 4));
}

// Pins §10.23.
TEST_CASE("who leaves while it catches up has got what its left says, and its answers") {
  stage s;
  s.say(1, 4, 30'000);
  s.come_back(0);
  s.ask_for_ack(2);
  auto from = s.out.lines.size();
  leave_request request{s.key(2), leave_reason::left, true, troupe::test::ref("9"), {}};

  s.core->leave(request);

  REQUIRE(s.out.lines.size() >= from + 2);
  CHECK(s.got() == strings{"ack 5"});
  CHECK_FALSE(s.is_level());
  CHECK(s.out.lines[from + 1].find("remove 2") == 0);
  CHECK(s.out.lines[from + 1].find(R"("ref":9,"roomId":"hall","seq":2)") != std::string::npos);
  auto slices = s.out.subscribed.size();
  s.core->continue_replay(s.key(2));
  s.say(1);
  CHECK(s.out.subscribed.size() == slices);
}

// Pins §10.23.
TEST_CASE("who is kicked while it catches up gets its answers, then left") {
  struct bouncer final : room_behavior {
    bouncer() {
      on("out", [](room_context& room, const member&, const application_message&) {
        room.kick({2, 1, 0});
      });
    }
  };
  stage s{{}, std::make_unique<bouncer>()};
  s.say(1, 2);
  s.come_back(1, 0);
  s.ask_for_ack(2);
  auto from = s.out.lines.size();

  s.core->input(s.input(1, "out", R"({"type":"out"})"));

  CHECK(s.got() == strings{"ack 3"});
  CHECK(s.out.lines[from + 1].find("remove 2") == 0);
  CHECK(s.out.lines[from + 1].find(R"("seq":1,"reason":"kicked")") != std::string::npos);
}

// Pins §10.24.
TEST_CASE("as a room ends or crashes, who catches up gets the answers that wait for it") {
  auto crashes = GENERATE(false, true);
  stage s;
  s.say(1, 2);
  s.come_back(0, 0);
  s.ask_for_ack(2);

  if (crashes)
    s.core->crash();
  else
    s.core->close(room_end::ended);

  CHECK(s.got() == strings{"ack 3"});
  CHECK_FALSE(s.is_level());
  if (!crashes)
    CHECK(s.out.at("ended") == s.out.lines.size() - 1);
  auto slices = s.out.subscribed.size();
  s.core->continue_replay(s.key(2));
  CHECK(s.out.subscribed.size() == slices);
}

// Pins §16.60.
TEST_CASE("for whom too much waits while it catches up is cut, once") {
  stage s;
  s.account = std::make_shared<credit_account>(credit_limits{3, 1024 * 1024});
  s.say(1);
  s.come_back(0, 0);

  for (int i = 0; i < 5; ++i)
    s.ask_for_ack(2);

  auto cuts = 0;
  for (auto& line : s.out.lines)
    cuts += line == "cut 2" ? 1 : 0;
  CHECK(cuts == 1);
  CHECK_FALSE(s.account->positive());
  s.core->leave({s.key(2), leave_reason::disconnected, false, nullptr, {}});
  CHECK(s.account->held_messages() == 0);
}

// Pins §10.21.
TEST_CASE("a client's own commands are under way until it takes their answers, those of others are "
          "not") {
  stage s;
  auto credits = std::make_shared<credit_account>(credit_limits{});
  s.say(1);
  s.come_back(0, 0);
  auto own = s.input(2, "message", "{}");
  own.ref = troupe::test::ref("1");
  own.token = credits->take(10);
  s.core->input(own);
  own.token = {};
  auto held = credits->held_messages();

  (void)s.take_all();

  CHECK(held == 1);
  CHECK(credits->held_messages() == 0);
}
