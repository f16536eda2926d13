#include "fanout/dispatcher.hpp"

#include "support/fake_sink.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace troupe::actors;
using troupe::protocol::encoding;
using troupe::protocol::errc;
using troupe::protocol::shared_bytes;
using troupe::test::fake_sink;

namespace {

struct bench {
  session_key connect() {
    auto& s = *sinks.emplace_back(std::make_unique<fake_sink>());
    return table.open(s);
  }
  fake_sink& at(session_key key) { return static_cast<fake_sink&>(*table.find(key)); }

  room_identity_ptr room(std::uint32_t key, std::uint32_t generation = 1) {
    auto identity = std::make_shared<room_identity>();
    identity->key = room_key{key, generation};
    identity->name = "room " + std::to_string(key);
    return identity;
  }
  void subscribe_to(const room_identity_ptr& r, session_key who, std::string first = {}) {
    core.on_subscribe(
      {r, who, encoding::v1_json, first.empty() ? shared_bytes{} : shared_bytes::copy_of(first)});
  }
  void say(const room_identity_ptr& r, std::string text, session_key except = {},
           credit token = {}) {
    core.on_fan_out({r->key, {shared_bytes::copy_of(text), {}, {}}, except, std::move(token), {}});
  }
  void flush_all() {
    while (core.flush()) {}
  }
  /// Sums over all sessions: `writes` counts single batches, `gathered` the gathered ones.
  int writes() const {
    int sum = 0;
    for (auto& s : sinks)
      sum += s->writes;
    return sum;
  }
  int gathered() const {
    int sum = 0;
    for (auto& s : sinks)
      sum += s->sends;
    return sum;
  }

  session_table table{0};
  std::vector<std::unique_ptr<fake_sink>> sinks;
  loop_counts counts;
  dispatcher core{table, nullptr, counts};
};

struct listening_owner final : session_owner {
  explicit listening_owner(std::vector<room_key>& h) : heard(h) {}
  void room_closed(room_key room) override { heard.push_back(room); }
  void goodbye(bool) override {}
  void give_up() noexcept override {}
  std::vector<room_key>& heard;
};

} // namespace

TEST_CASE("a broadcast leaves out several members, whatever they speak") {
  bench b;
  auto r = b.room(1);
  auto ann = b.connect(), ben = b.connect(), cid = b.connect(), dan = b.connect();
  b.subscribe_to(r, ann);
  b.subscribe_to(r, ben);
  for (auto who : {cid, dan})
    b.core.on_subscribe({r, who, encoding::v1_msgpack, {}});

  fan_out some{r->key, {}, {}, {}, {}};
  some.frames[index_of(encoding::v1_json)] = shared_bytes::copy_of("json");
  some.frames[index_of(encoding::v1_msgpack)] = shared_bytes::copy_of("pack");
  some.except_also = std::make_shared<const std::vector<session_key>>(
    std::vector<session_key>{ann, dan, session_key{77, 1, 0}});
  b.core.on_fan_out(some);
  b.flush_all();

  CHECK(b.at(ann).bytes.empty());
  CHECK(b.at(ben).bytes == "json");
  CHECK(b.at(cid).bytes == "pack");
  CHECK(b.at(dan).bytes.empty());
}

// Pins §4.104.
TEST_CASE("a room that ends a membership before the session is released has its last word behind") {
  bench b;
  auto kicks = b.room(1), ends = b.room(2), unknown = b.room(3);
  auto a = b.connect();
  for (auto& r : {kicks, ends, unknown}) {
    subscribe s{r, a, encoding::v1_json};
    s.missed = std::make_shared<std::vector<missed_frames>>();
    s.behind = 1;
    s.is_held = true;
    b.core.on_subscribe(s);
  }
  b.core.on_member_frame({kicks->key, a, shared_bytes::copy_of("left"), true});
  b.core.on_room_closed({ends->key, room_end::ended});
  b.core.on_member_frame({unknown->key, a, shared_bytes::copy_of("never told"), true});
  b.flush_all();
  CHECK(b.at(a).bytes.empty());

  b.core.on_release({a, {kicks->key, ends->key}});

  b.flush_all();
  CHECK(b.at(a).bytes.starts_with("left"));
  CHECK(b.at(a).bytes.find("roomClosed") != std::string::npos);
  CHECK(b.at(a).bytes.find("never told") == std::string::npos);
}

// Pins §4.125.
TEST_CASE("what a member that is behind is told by itself comes behind the values before it") {
  bench b;
  auto r = b.room(1), silent = b.room(2);
  auto a = b.connect(), quick = b.connect();
  for (auto who : {a, quick})
    for (auto& room : {r, silent})
      b.subscribe_to(room, who);
  b.at(a).unread = 1;
  auto value = [&](std::string text) {
    fan_out f{r->key, {shared_bytes::copy_of(text), {}, {}}, {}, {}, {}};
    f.for_behind = if_behind{7};
    b.core.on_fan_out(f);
  };

  value("v");
  b.core.on_member_frame({r->key, a, shared_bytes::copy_of("ack"), false});
  b.at(a).fate = value_fate::replaced;
  value("w");
  b.core.on_member_frame({r->key, a, shared_bytes::copy_of("left"), true});
  value("x");
  b.flush_all();

  CHECK(b.at(a).bytes == "[7:v]ack[7:w]left");
  CHECK(b.at(quick).bytes == "vwx");
  CHECK(b.counts.replaced == 1);
  CHECK(b.counts.skipped == 0);
  CHECK(b.counts.deliveries[index_of(encoding::v1_json)] == 2 + 3);
  b.subscribe_to(r, a);
  b.at(a).fate = value_fate::dropped;
  value("y");
  b.core.on_room_closed({r->key, room_end::ended});
  CHECK(b.counts.skipped == 1);
  CHECK(b.at(a).bytes.find("[7:y]") < b.at(a).bytes.find("roomClosed"));
}

// Pins §4.114.
TEST_CASE("a membership that is dropped ends without a word, and the next one hears all") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect();
  b.subscribe_to(r, a);
  b.core.on_drop({r->key, a});
  b.say(r, "unheard");
  b.core.on_member_frame({r->key, a, shared_bytes::copy_of("left"), true});

  b.subscribe_to(r, a, "joined ");
  b.say(r, "heard");

  b.flush_all();
  CHECK(b.at(a).bytes == "joined heard");
}

// Pins §10.5.
TEST_CASE("joined comes before what the room says after the join") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect();
  b.subscribe_to(r, a, "joined ");
  b.say(r, "1");

  b.flush_all();

  CHECK(b.at(a).bytes == "joined 1");
}

// Pins §10.9.
TEST_CASE("a frame for one member comes after all that was said before it") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect(), c = b.connect();
  b.subscribe_to(r, a);
  b.subscribe_to(r, c);
  b.say(r, "1");
  b.core.on_member_frame({r->key, a, shared_bytes::copy_of("ack"), false});
  b.say(r, "2");

  b.flush_all();

  CHECK(b.at(a).bytes == "1ack2");
  CHECK(b.at(c).bytes == "12");
}

// Pins §10.5.
TEST_CASE("a member that leaves gets what came before and nothing after") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect();
  b.subscribe_to(r, a);
  b.say(r, "1");
  b.core.on_member_frame({r->key, a, shared_bytes::copy_of("left"), true});
  b.say(r, "2");

  b.flush_all();

  CHECK(b.at(a).bytes == "1left");
  CHECK(b.core.rooms() == 0);
}

TEST_CASE("the last frame of a session comes after all that its rooms have said, and closes it") {
  bench b;
  auto one = b.room(1), two = b.room(2), of_others = b.room(3);
  auto a = b.connect(), c = b.connect(), d = b.connect();
  b.subscribe_to(one, a);
  b.subscribe_to(two, a);
  b.subscribe_to(one, c);
  b.subscribe_to(of_others, d);
  b.say(one, "1");
  b.say(two, "2");
  b.say(one, "3");
  b.say(of_others, "4");

  b.core.on_last_frame({{one->key, room_key{7, 1}, of_others->key, two->key},
                        a,
                        shared_bytes::copy_of("goodbye"),
                        errc::restart});
  auto at_once = b.at(a).bytes;
  auto caught_up = b.counts.deliveries[index_of(encoding::v1_json)].load();
  b.flush_all();

  CHECK(at_once == "132goodbye");
  CHECK(caught_up == 3);
  CHECK(b.at(a).bytes == at_once);
  CHECK(b.at(a).closed == errc::restart);
  CHECK(b.at(c).bytes == "13");
  CHECK_FALSE(b.at(c).closed);
  CHECK(b.at(d).bytes == "4");
}

TEST_CASE("a last frame that is empty only closes, behind what was said before") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect(), c = b.connect();
  b.subscribe_to(r, a);
  b.say(r, "1");

  b.core.on_last_frame({{r->key}, a, {}, errc::shutdown});
  b.core.on_last_frame({{}, c, {}, errc::shutdown});

  CHECK(b.at(a).bytes == "1");
  CHECK(b.at(a).frames == 1);
  CHECK(b.at(a).closed == errc::shutdown);
  CHECK(b.at(c).frames == 0);
  CHECK(b.at(c).closed == errc::shutdown);
}

TEST_CASE("a last frame for a session that is gone reaches nobody") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect(), c = b.connect();
  b.subscribe_to(r, a);
  b.subscribe_to(r, c);
  b.say(r, "1");
  b.table.close(a);

  b.core.on_last_frame({{r->key}, a, shared_bytes::copy_of("goodbye"), errc::restart});
  b.flush_all();

  CHECK(b.sinks.front()->bytes.empty());
  CHECK_FALSE(b.sinks.front()->closed);
  CHECK(b.at(c).bytes == "1");
  CHECK_FALSE(b.at(c).closed);
}

TEST_CASE("a subscription of a session that is gone keeps nothing") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect();
  b.table.close(a);
  b.subscribe_to(r, a);

  CHECK(b.core.rooms() == 0);
}

TEST_CASE("a huge room does not hold up a small one") {
  bench b;
  auto huge = b.room(1), small = b.room(2);
  for (int i = 0; i < 1000; ++i)
    b.subscribe_to(huge, b.connect());
  auto a = b.connect();
  b.subscribe_to(small, a);
  b.say(huge, "x");
  b.say(small, "y");

  b.core.flush();

  CHECK(b.at(a).bytes == "y");
}

TEST_CASE("members of another encoding do not wait for one that always has more") {
  bench b;
  auto r = b.room(1);
  constexpr int members = 200; // per encoding: more than one slice
  for (int i = 0; i < members; ++i)
    b.subscribe_to(r, b.connect());
  for (int i = 0; i < members; ++i)
    b.core.on_subscribe({r, b.connect(), encoding::v1_msgpack, {}});

  for (int turn = 0; turn < 16; ++turn) {
    b.core.on_fan_out(
      {r->key, {shared_bytes::copy_of("j"), shared_bytes::copy_of("m")}, {}, {}, {}});
    b.core.flush();
  }

  int json = 0, msgpack = 0;
  for (int i = 0; i < members; ++i) {
    json += b.sinks[static_cast<std::size_t>(i)]->writes;
    msgpack += b.sinks[static_cast<std::size_t>(members + i)]->writes;
  }
  CHECK(json + msgpack == 16 * 128);
  CHECK(std::abs(json - msgpack) <= 64);
}

TEST_CASE("one turn sends no more than its bound") {
  bench b;
  auto r = b.room(1);
  for (int i = 0; i < 1000; ++i)
    b.subscribe_to(r, b.connect());
  b.say(r, "x");

  CHECK(b.core.flush());

  CHECK(b.writes() == 128);
}

TEST_CASE("one turn sends fewer large messages: bytes cost, too") {
  bench b;
  auto r = b.room(1);
  for (int i = 0; i < 1000; ++i)
    b.subscribe_to(r, b.connect());
  b.say(r, std::string(64 * 1024, 'x')); // costs 5 per member

  CHECK(b.core.flush());

  CHECK(b.writes() == 26);
}

TEST_CASE("what is gathered for one client costs by all of its bytes") {
  bench b;
  auto big = b.room(1), other = b.room(2);
  for (int i = 0; i < 100; ++i) {
    auto who = b.connect();
    b.subscribe_to(big, who);
    b.subscribe_to(other, who);
  }
  b.say(big, std::string(40 * 1024, 'x'));
  b.say(other, std::string(40 * 1024, 'y')); // the two cost 6 per member

  CHECK(b.core.flush());

  CHECK(b.gathered() == 22);
}

TEST_CASE("a huge room does not hold up a small one whose members are in both") {
  bench b;
  auto huge = b.room(1), small = b.room(2);
  for (int i = 0; i < 1000; ++i)
    b.subscribe_to(huge, b.connect());
  std::vector<session_key> both{b.connect(), b.connect()};
  for (auto who : both) {
    b.subscribe_to(huge, who);
    b.subscribe_to(small, who);
  }
  b.say(huge, "x");
  b.say(small, "y");

  b.core.flush();

  for (auto who : both)
    CHECK(b.at(who).bytes == "xy");
}

TEST_CASE("rooms that speak fill a turn by their members, not by their messages, and a huge one "
          "does not alone") {
  bench b;
  auto huge = b.room(99);
  for (int i = 0; i < 1000; ++i)
    b.subscribe_to(huge, b.connect());
  std::vector<room_identity_ptr> small;
  for (std::uint32_t k = 0; k < 10; ++k) {
    small.push_back(b.room(k));
    for (int i = 0; i < 10; ++i)
      b.subscribe_to(small.back(), b.connect());
  }

  b.say(huge, "x");
  CHECK_FALSE(b.core.has_full_turn());
  b.flush_all();
  for (auto& r : small) {
    CHECK_FALSE(b.core.has_full_turn());
    b.say(r, "x");
    if (r != small.back())
      b.say(r, "y");
  }
  CHECK(b.core.has_full_turn());
  b.core.flush();
  CHECK_FALSE(b.core.has_full_turn());
}

// Pins §5.10.
TEST_CASE(
  "members of a closed room get what it had said, then roomClosed, and their owners are told") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect();
  std::vector<room_key> heard;
  b.table.bind(a, std::make_unique<listening_owner>(heard));
  b.subscribe_to(r, a);
  b.say(r, "1");

  b.core.on_room_closed({r->key, room_end::crashed});
  b.flush_all();

  CHECK(b.at(a).bytes.starts_with("1"));
  CHECK(b.at(a).bytes.find("\"roomClosed\"") != std::string::npos);
  CHECK(b.at(a).bytes.find("\"crashed\"") != std::string::npos);
  REQUIRE(heard.size() == 1);
  CHECK(heard.front() == r->key);
}

// Pins §5.10.
TEST_CASE("members of a closed room are told why") {
  for (auto [end, reason] : {std::pair{room_end::crashed, "crashed"},
                             {room_end::ended, "ended"},
                             {room_end::overloaded, "overloaded"}}) {
    bench b;
    auto r = b.room(1);
    auto a = b.connect();
    b.subscribe_to(r, a);
    b.core.on_room_closed({r->key, end});

    CHECK(b.at(a).bytes.ends_with(R"({"type":"roomClosed","roomId":"room 1","reason":")"
                                  + std::string{reason} + "\"}"));
  }
}

// Pins §10.16.
TEST_CASE("frames of an incarnation that is closed are dropped") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect();
  b.subscribe_to(r, a);
  b.core.on_room_closed({r->key, room_end::ended});
  b.at(a).take();
  b.say(r, "late");
  b.flush_all();

  CHECK(b.at(a).bytes.empty());
}

TEST_CASE("credits of a room within its bound go back as its flush begins") {
  bench b;
  auto r = b.room(1);
  for (int i = 0; i < 500; ++i)
    b.subscribe_to(r, b.connect());
  auto account = std::make_shared<credit_account>(credit_limits{});
  b.say(r, "x", {}, account->take(10));
  CHECK(account->held_messages() == 1);

  b.core.flush();

  CHECK(account->held_messages() == 0);
  CHECK(b.core.flush()); // some members still wait
}

TEST_CASE(
  "a session that closed is forgotten by the flush that finds it, and the others get theirs") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect(), c = b.connect();
  b.subscribe_to(r, a);
  b.subscribe_to(r, c);
  b.table.close(a);
  b.say(r, "1");

  b.flush_all();

  CHECK(b.at(c).bytes == "1");
  CHECK(b.counts.members.load() == 1);
}

TEST_CASE("of a room that the node has stopped members get what it said, no roomClosed, and it is "
          "forgotten") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect();
  b.core.on_subscribe({r, a, encoding::v1_json, {}});
  b.say(r, "1");

  b.core.on_room_closed({r->key, room_end::stopped});
  b.flush_all();

  CHECK(b.at(a).bytes == "1");
  CHECK(b.core.rooms() == 0);
}

TEST_CASE("a late frame of a former room does not reach the next room of its slot") {
  bench b;
  auto former = b.room(1, 1), next = b.room(1, 2);
  auto a = b.connect(), c = b.connect();
  b.subscribe_to(former, a);
  b.core.on_room_closed({former->key, room_end::ended});
  auto farewell = b.at(a).bytes;
  b.subscribe_to(next, c);

  b.say(former, "late");
  b.core.on_member_frame({former->key, c, shared_bytes::copy_of("to you"), false, true});
  b.core.on_room_closed({former->key, room_end::crashed});
  b.core.forget(former->key, c);
  b.say(next, "1");
  b.flush_all();

  CHECK(b.at(a).bytes == farewell);
  CHECK(b.at(c).bytes == "1");
  CHECK(b.core.rooms() == 1);
}

TEST_CASE("a room takes the slot of a former one that had members here") {
  bench b;
  auto former = b.room(1, 1), next = b.room(1, 2);
  auto a = b.connect(), c = b.connect();
  b.subscribe_to(former, a);

  b.subscribe_to(next, c);
  b.say(former, "late");
  b.say(next, "1");
  b.flush_all();

  CHECK(b.at(a).bytes.empty());
  CHECK(b.at(c).bytes == "1");
  CHECK(b.core.rooms() == 1);
  CHECK(b.counts.members == 1);
}

// Pins §4.26.
TEST_CASE("a client that is in one room at a time gets nothing of the old room after it has joined "
          "the next") {
  bench b;
  auto old = b.room(1), next = b.room(2);
  auto a = b.connect();
  b.core.on_subscribe({old, a, encoding::v1_json, {}, true});
  b.say(old, "1");
  b.core.on_subscribe({next, a, encoding::v1_json, shared_bytes::copy_of("joined"), true});
  b.say(old, "2");
  b.core.on_member_frame({old->key, a, shared_bytes::copy_of("to you"), false, true});
  // an answer is owed even so
  b.core.on_member_frame({old->key, a, shared_bytes::copy_of("ack"), false});
  b.say(next, "3");
  b.core.on_member_frame({old->key, a, {}, true}); // the old room learns of the move last

  b.flush_all();

  CHECK(b.at(a).bytes == "1joinedack3");
  CHECK(b.core.rooms() == 1);
}

// -- what is counted ------------------------------------------------------------------------------

TEST_CASE("deliveries count by encoding, those that catch up as well") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect(), c = b.connect(), d = b.connect();
  b.core.on_subscribe({r, a, encoding::v1_json, {}});
  b.core.on_subscribe({r, c, encoding::v1_msgpack, {}});
  b.core.on_subscribe({r, d, encoding::plain_json, {}});
  auto say = [&] {
    b.core.on_fan_out(
      {r->key,
       {shared_bytes::copy_of("j"), shared_bytes::copy_of("m"), shared_bytes::copy_of("p")},
       {},
       {},
       {}});
  };

  say();
  b.core.on_member_frame({r->key, a, shared_bytes::copy_of("left"), true});
  say();
  b.flush_all();
  say();
  b.core.on_room_closed({r->key, room_end::ended});

  auto& n = b.counts.deliveries;
  CHECK(n[index_of(encoding::v1_json)] == 1);
  CHECK(n[index_of(encoding::v1_msgpack)] == 3);
  CHECK(n[index_of(encoding::plain_json)] == 3);
}

TEST_CASE("what is gathered from several rooms counts as all of its frames") {
  bench b;
  auto one = b.room(1), two = b.room(2);
  auto a = b.connect();
  b.subscribe_to(one, a);
  b.subscribe_to(two, a);
  b.say(one, "1");
  b.say(one, "2");
  b.say(two, "3");

  b.flush_all();

  CHECK(b.gathered() == 1);
  CHECK(b.counts.deliveries[index_of(encoding::v1_json)] == 3);
}

TEST_CASE("a turn is full by the members that are in one room alone: what others get is gathered") {
  bench b;
  auto one = b.room(1), two = b.room(2), three = b.room(3);
  std::vector<session_key> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(b.connect());
    b.subscribe_to(one, all.back());
  }
  for (int i = 0; i < 40; ++i)
    b.subscribe_to(two, b.connect());
  std::size_t in_several = 0;
  bool is_half = true, is_most = false;
  bool both_speak = false;
  SECTION("a room fills half a turn, its slice") {}
  SECTION("and so it does with 80 of its members in no other room") { in_several = 20; }
  SECTION("but not with 40") { in_several = 60, is_half = false; }
  SECTION("two rooms fill most of a turn") { both_speak = is_most = true; }
  SECTION("but not if members of one are in others, too") { both_speak = true, in_several = 60; }
  for (std::size_t i = 0; i < in_several; ++i)
    b.subscribe_to(three, all[i]);

  b.say(one, "x");
  if (both_speak)
    b.say(two, "y");

  CHECK(b.core.has_half_a_turn() == is_half);
  CHECK(b.core.has_full_turn() == is_most);
}

TEST_CASE("a batch counts once all of a room's members here have got it, from when its first frame "
          "was heard") {
  using namespace std::chrono_literals;
  bench b;
  const steady_time start{1h};
  auto huge = b.room(1), quiet = b.room(2);
  for (int i = 0; i < 100; ++i) // more than a room may serve in one turn
    b.subscribe_to(huge, b.connect());
  b.subscribe_to(quiet, b.connect());
  auto hear = [&](const room_identity_ptr& r, steady_time at) {
    b.core.on_fan_out(
      {r->key, {shared_bytes::copy_of(std::string(16 * 1024, 'x'))}, {}, {}, {}, at});
  };
  auto seen = [&] {
    time_counts all;
    b.counts.delivery_times.add_to(all);
    return std::pair{all.count(), all.sum};
  };

  hear(huge, start);
  hear(huge, start + 1ms);
  b.core.flush();
  b.core.note_delivered(start + 5ms);
  CHECK(seen() == std::pair{std::uint64_t{0}, std::chrono::nanoseconds{0}});
  while (b.core.flush()) {}
  b.core.note_delivered(start + 7ms);
  b.core.note_delivered(start + 9ms); // each batch counts once
  CHECK(seen() == std::pair{std::uint64_t{1}, std::chrono::nanoseconds{7ms}});

  b.core.on_fan_out({quiet->key, {shared_bytes::copy_of("nobody knows when")}, {}, {}, {}});
  b.core.flush();
  b.core.note_delivered(start + 10ms);
  CHECK(seen().first == 1);
}

// -- catching up ----------------------------------------------------------------------------------

namespace {

/// A slice of what a member has missed, after which it is `behind` by so many frames.
subscribe slice_of(const room_identity_ptr& r, session_key who, std::string text,
                   std::uint64_t behind) {
  subscribe s{r, who, encoding::v1_json};
  s.missed = std::make_shared<std::vector<missed_frames>>(
    std::vector<missed_frames>{{shared_bytes::copy_of(text), 1, output_kind::data}});
  s.behind = behind;
  return s;
}

} // namespace

// Pins §10.20.
TEST_CASE("a member that catches up gets slices, and what is said only once it is level") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect(), c = b.connect();
  b.subscribe_to(r, c);
  auto first = slice_of(r, a, "1", 2);
  first.first = shared_bytes::copy_of("joined ");
  b.core.on_subscribe(first);
  b.say(r, "not yet");
  b.core.on_subscribe(slice_of(r, a, "2", 1));
  b.flush_all();
  b.core.on_subscribe(slice_of(r, a, "3", 0));
  b.say(r, "4");

  b.flush_all();

  CHECK(b.at(a).bytes == "joined 1234");
  CHECK(b.counts.members == 2);
  CHECK(b.counts.deliveries[0] == 3 + 1 + 2);
}

TEST_CASE("a member that leaves while it catches up gets nothing behind its left") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect();
  b.core.on_subscribe(slice_of(r, a, "1", 2));
  b.core.on_member_frame({r->key, a, shared_bytes::copy_of("left"), true});
  b.core.on_room_closed({r->key, room_end::ended});

  b.flush_all();

  CHECK(b.at(a).bytes == "1left");
  CHECK(b.core.rooms() == 0);
}

// Pins §10.24.
TEST_CASE("members that catch up are told that their room has closed, like all others") {
  auto alone = GENERATE(true, false);
  bench b;
  auto r = b.room(1), other = b.room(2);
  auto a = b.connect(), c = b.connect();
  std::vector<room_key> heard;
  for (auto who : {a, c})
    b.table.bind(who, std::make_unique<listening_owner>(heard));
  b.core.on_subscribe(slice_of(r, a, "1", 2));
  b.core.on_subscribe(slice_of(other, a, "2", 2));
  if (!alone)
    b.subscribe_to(r, c);

  b.core.on_room_closed({r->key, room_end::crashed});

  CHECK(b.at(a).bytes.find(R"({"type":"roomClosed","roomId":"room 1","reason":"crashed"})")
        != std::string::npos);
  CHECK(heard == std::vector<room_key>(alone ? 1 : 2, r->key));
}

TEST_CASE("as the node stops, members that catch up are not told that their room has closed") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect();
  b.core.on_subscribe(slice_of(r, a, "1", 2));

  b.core.on_room_closed({r->key, room_end::stopped});

  CHECK(b.at(a).bytes == "1");
}

TEST_CASE("what cannot be said in a room closes those that catch up in it, too") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect();
  b.core.on_subscribe(slice_of(r, a, "1", 2));

  b.core.give_up(r->key);

  CHECK(b.at(a).closed == errc::internal);
}

TEST_CASE("a turn comes once more for a session that catches up and is flushed at its end") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect();
  b.core.on_subscribe(slice_of(r, a, "1", 2));
  b.at(a).unread = 100'000;
  auto before = b.core.flush();
  b.table.flush_touched();
  auto after = b.core.flush();

  CHECK(before);
  CHECK_FALSE(after);
}

TEST_CASE("a session that is gone catches up no more") {
  bench b;
  auto r = b.room(1);
  auto a = b.connect();
  b.core.on_subscribe(slice_of(r, a, "1", 2));
  b.table.close(a);

  CHECK_FALSE(b.core.flush());
  b.core.on_room_closed({r->key, room_end::ended});
  CHECK(b.core.rooms() == 0);
}
