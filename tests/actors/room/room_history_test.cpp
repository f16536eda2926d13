// What a room tells of what was said before.
#include "room/room_core.hpp"

#include "room_stage.hpp"

#include <troupe/protocol/command.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe::actors;
using troupe::protocol::codec;
using troupe::protocol::document_view;
using troupe::protocol::encoding;
using troupe::protocol::errc;
using position = std::optional<std::uint64_t>;
using positions = std::vector<std::uint64_t>;

namespace {

struct stage : troupe::test::room_stage {
  explicit stage(room_limits limits = {})
    : room_stage(std::make_unique<room_behavior>(), 10, {.limits = limits}) {}

  void say(std::uint32_t who, int times = 1) {
    for (; times > 0; --times)
      core->input(input(who, "message", "{}"));
  }
  void say_to_others(std::uint32_t who) {
    auto in = input(who, "message", "{}");
    in.echo = false;
    core->input(in);
  }

  history_request asking(std::uint32_t who, position after = {}, position before = {},
                         std::int64_t limit = 100) {
    history_request r{key(who), places[who]};
    r.encoding = encoding::v1_json;
    r.ref = troupe::test::ref("7");
    r.after = after;
    r.before = before;
    r.limit = limit;
    return r;
  }

  struct page {
    positions seqs;
    bool complete = false;
    std::uint64_t dropped = 0;
    std::string text;
  };
  page ask(const history_request& r) {
    core->recall(r);
    auto& line = out.lines.back();
    page p;
    p.text = line.substr(line.find('{'));
    document_view answer{codec::json, p.text};
    REQUIRE(answer.string("type") == "history");
    p.complete = answer.boolean("complete").value();
    p.dropped = answer.unsigned_integer("dropped").value_or(0);
    auto messages = answer.raw("messages");
    constexpr std::string_view key = R"("seq":)";
    for (auto at = messages.find(key); at != std::string_view::npos;
         at = messages.find(key, at + 1))
      p.seqs.push_back(std::stoull(std::string{messages.substr(at + key.size(), 20)}));
    return p;
  }
};

positions from_to(std::uint64_t first, std::uint64_t last) {
  positions all;
  for (auto n = first; n <= last; ++n)
    all.push_back(n);
  return all;
}

} // namespace

// Pins §4.79, §4.80, §3.12.
TEST_CASE("history repeats events as they were, with the room's epoch") {
  stage s;
  s.join(1);
  s.say(1);
  auto said = s.out.lines.back();
  said = said.substr(said.find('{'));

  auto page = s.ask(s.asking(1));

  CHECK(page.text
        == R"({"type":"history","ref":7,"roomId":"hall","epoch":"e1","messages":[)" + said
             + R"(],"complete":true})");
}

// Pins §4.81, §4.83.
TEST_CASE("history behind a position begins with the first message behind it") {
  struct row {
    std::uint64_t after;
    std::int64_t limit;
    positions seqs;
    bool complete;
  };
  const row rows[] = {
    {0, 100, from_to(1, 10), true},
    {0, 4, from_to(1, 4), false},
    {4, 4, from_to(5, 8), false},
    {8, 4, from_to(9, 10), true},
    {6, 4, from_to(7, 10), true},
    {9, 1, {10}, true},
    {10, 1, {}, true},
    {11, 1, {}, true},
    {~std::uint64_t{0}, 1, {}, true},
  };
  stage s;
  s.join(1);
  s.say(1, 10);
  for (auto& r : rows) {
    CAPTURE(r.after, r.limit);

    auto page = s.ask(s.asking(1, r.after, {}, r.limit));

    CHECK(page.seqs == r.seqs);
    CHECK(page.complete == r.complete);
    CHECK(page.dropped == 0);
  }
}

// Pins §4.81, §4.83.
TEST_CASE("history before a position ends right below it, and without one at the latest message") {
  struct row {
    position before;
    std::int64_t limit;
    positions seqs;
    bool complete;
  };
  const row rows[] = {
    {{}, 100, from_to(1, 10), true},
    {{}, 4, from_to(7, 10), false},
    {7, 4, from_to(3, 6), false},
    {3, 4, from_to(1, 2), true},
    {3, 2, from_to(1, 2), true},
    {2, 1, {1}, true},
    {1, 1, {}, true},
    {0, 1, {}, true},
    {11, 1, {10}, false},
    {~std::uint64_t{0}, 2, {9, 10}, false},
  };
  stage s;
  s.join(1);
  s.say(1, 10);
  for (auto& r : rows) {
    CAPTURE(r.before.value_or(0), r.limit);

    auto page = s.ask(s.asking(1, {}, r.before, r.limit));

    CHECK(page.seqs == r.seqs);
    CHECK(page.complete == r.complete);
  }
}

// Pins §4.83.
TEST_CASE("history tells the latest position that the room does not keep any more") {
  stage s;
  s.join(1);
  s.say(1, 300);

  auto behind = s.ask(s.asking(1, 10, {}, 2));
  auto first = s.ask(s.asking(1, {}, 47, 100));
  auto below = s.ask(s.asking(1, {}, 45, 100));

  CHECK(behind.seqs == positions{45, 46});
  CHECK(behind.dropped == 44);
  CHECK(first.seqs == positions{45, 46});
  CHECK(first.complete);
  CHECK(first.dropped == 44);
  CHECK(below.seqs.empty());
  CHECK(below.complete);
}

// Pins §4.87.
TEST_CASE("a room that keeps no history says so by the position that it has dropped") {
  room_limits off;
  off.history = false;
  stage s{off};
  s.join(1);
  auto before = s.ask(s.asking(1));
  s.say(1, 3);

  auto page = s.ask(s.asking(1));

  CHECK(before.dropped == 0);
  CHECK(page.seqs.empty());
  CHECK(page.complete);
  CHECK(page.dropped == 3);
}

// Pins §4.86.
TEST_CASE("history leaves out what its asker was excluded from, and what is left out needs no "
          "further page") {
  stage s;
  s.join(1);
  s.join(2);
  s.say(1, 2);
  s.say_to_others(1);
  s.say(1);
  s.say_to_others(1);

  auto own = s.ask(s.asking(1));
  auto behind = s.ask(s.asking(1, 2, {}, 1));
  auto others = s.ask(s.asking(2));

  CHECK(own.seqs == positions{1, 2, 4});
  CHECK(own.complete);
  CHECK(behind.seqs == positions{4});
  CHECK(behind.complete);
  CHECK(others.seqs == from_to(1, 5));
}

// Pins §4.88.
TEST_CASE("a plain client reads history as troupe.v1 has it") {
  stage s;
  s.join(1, encoding::plain_json);
  s.say(1);
  auto asked = s.asking(1);
  asked.encoding = encoding::plain_json;

  auto page = s.ask(asked);

  CHECK(page.text.find(R"("messages":[{"type":"message","roomId":"hall","userId":"u1","seq":1,)")
        != std::string::npos);
}

// Pins §3.15, §4.84.
TEST_CASE("history is answered once, whatever becomes of its asker") {
  stage s;
  s.join(1);
  s.join(2);
  auto asked = s.asking(1);
  auto late = s.asking(2);
  s.core->leave({s.key(2), leave_reason::left, false, nullptr, {}});

  s.core->recall(asked);
  s.core->recall(late);

  CHECK(asked.ref->answered);
  CHECK(late.ref->answered);
  CHECK(s.out.said(R"("ref":7,"request":"history","roomId":"hall","code":"not_joined")"));
}

// Pins §4.85.
TEST_CASE("a page of history counts in the byte rate of who asks for it, and weighs a seventh") {
  stage s;
  s.join(1);
  s.say(1, 50);
  auto account = std::make_shared<credit_account>(credit_limits{});
  auto asked = s.asking(1);
  asked.token = account->take(30);

  auto page = s.ask(asked);

  CHECK(account->take_charged() >= page.text.size());
  CHECK(s.out.last_frame.weight() == s.out.last_frame.size() / 7);
}
