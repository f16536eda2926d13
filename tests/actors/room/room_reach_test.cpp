// How a behaviour reaches its members: by user, by bytes, all but some, and what waits for them.

#include "room_stage.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace troupe::actors;
using troupe::test::encoding;
using stage = troupe::test::room_stage;
using names = std::vector<std::string>;

namespace {

/// Does what the test says when a message comes.
struct doing final : room_behavior {
  void on_message(room_context& room, const member&, const application_message&) override {
    task(room);
  }
  std::function<void(room_context&)> task;
};

struct reaching_room {
  explicit reaching_room(room_core::config c = {}) {
    auto made = std::make_unique<doing>();
    b = made.get();
    s = std::make_unique<stage>(std::move(made), 20, c);
  }
  /// Runs `task` as a hook that member 1 has caused; forgets what was said before.
  void run(std::function<void(room_context&)> task) {
    s->out.lines.clear();
    b->task = std::move(task);
    s->core->input(s->input(1, "do", R"({"type":"do"})"));
  }

  std::unique_ptr<stage> s;
  doing* b;
};

room_core::config keeping_seats() {
  room_core::config c;
  c.keep_seat = c.resume_window = std::chrono::milliseconds{1000};
  return c;
}

/// The bytes of a whole WebSocket frame, shorter than 126 bytes.
std::string frame(char opcode, std::string_view payload) {
  return std::string{static_cast<char>('\x80' | opcode), static_cast<char>(payload.size())}.append(
    payload);
}

} // namespace

// -- users ----------------------------------------------------------------------------------------

TEST_CASE("a user is found by the session that joined last, and all of its sessions in order") {
  reaching_room r;
  r.s->enter(1, "ann");
  r.s->enter(5, "ben", R"({"n":1})");
  r.s->enter(2, "ben");
  r.s->enter(9, "ben", R"({"n":2})");
  r.s->enter(4, "ben");

  r.run([](room_context& room) {
    REQUIRE(room.find_user("ben"));
    CHECK(room.find_user("ben")->key == stage::key(4));
    CHECK(room.find_user("ann")->key == stage::key(1));
    CHECK(room.find_user("be") == nullptr);
    CHECK(room.find_user("") == nullptr);
    std::vector<std::uint32_t> slots;
    room.for_each_session_of("ben", [&](const member& m) { slots.push_back(m.key.slot); });
    CHECK(slots == std::vector<std::uint32_t>{5, 2, 9, 4});
    room.for_each_session_of("cid", [](const member&) { FAIL("nobody is of that user"); });
  });
}

TEST_CASE("sessions may be kicked as they are gone through") {
  reaching_room r;
  r.s->enter(1, "ann");
  r.s->enter(2, "ben");
  r.s->enter(3, "ben");

  r.run([](room_context& room) {
    int called = 0;
    room.for_each_session_of("ben", [&](const member& m) {
      ++called;
      room.kick(m.key);
      room.kick(stage::key(3));
    });
    CHECK(called == 2);
    CHECK(room.find_user("ben") == nullptr);
  });
}

TEST_CASE("of a user's sessions one that is here is found before one that is away") {
  reaching_room r{keeping_seats()};
  r.s->enter(1, "ann");
  r.s->enter(2, "ben");
  r.s->enter(3, "ben");
  auto lose = [&](std::uint32_t who) {
    r.s->core->leave({stage::key(who), leave_reason::disconnected, false, nullptr, {}, true});
  };
  auto found = [&] {
    session_key who;
    r.run([&](room_context& room) { who = room.find_user("ben")->key; });
    return who;
  };

  lose(3);
  CHECK(found() == stage::key(2));
  lose(2);
  CHECK(found() == stage::key(3));
}

// -- what waits -----------------------------------------------------------------------------------

TEST_CASE("what waits for a member is known at once on the room's loop, else as told last") {
  reaching_room r;
  r.s->join(1); // on loop 1
  r.s->join(2); // on loop 0, as the room
  auto waits = [&](std::uint32_t who) {
    std::size_t bytes = 0;
    r.run([&](room_context& room) { bytes = room.queued_bytes(stage::key(who)); });
    return bytes;
  };

  CHECK(waits(2) == 102);
  CHECK_FALSE(r.s->out.said("read"));

  CHECK(waits(1) == 0);
  CHECK(r.s->out.said("read 1"));
  CHECK(waits(1) == 0);
  CHECK_FALSE(r.s->out.said("read")); // one question at a time
  REQUIRE(r.s->out.readings.size() == 1);
  r.s->out.readings[0]->note(77);
  CHECK(waits(1) == 77);
  CHECK(r.s->out.said("read 1"));

  CHECK(waits(8) == 0);
  CHECK_FALSE(r.s->out.said("read"));
}

TEST_CASE("nothing waits for a member that is away, and a reading goes with its member") {
  reaching_room r{keeping_seats()};
  r.s->join(1);
  r.s->join(2);
  r.s->join(3);
  auto bytes_of = [](std::uint32_t who, std::size_t& bytes) {
    return [&bytes, who](room_context& room) { bytes = room.queued_bytes(stage::key(who)); };
  };
  std::size_t bytes = 1;
  r.run(bytes_of(3, bytes));
  r.s->out.readings[0]->note(50);
  r.s->core->leave({stage::key(2), leave_reason::disconnected, false, nullptr, {}, true});

  r.run(bytes_of(2, bytes));
  CHECK(bytes == 0);

  std::weak_ptr<queue_reading> kept = r.s->out.readings[0];
  r.s->out.readings.clear();
  CHECK_FALSE(kept.expired());
  r.s->leave(3);
  CHECK(kept.expired());
}

// -- bytes ----------------------------------------------------------------------------------------

// Pins §7.13.
TEST_CASE("a behaviour says bytes to all, each in its codec, and the history keeps them") {
  reaching_room r;
  r.s->join(1);
  r.s->join(2, encoding::v1_msgpack);
  r.s->join(3, encoding::plain_json);

  r.run([](room_context& room) { room.broadcast_binary("\x01\x02"); });

  auto& frames = r.s->out.last_frames;
  auto announced =
    frame(1, R"({"type":"binary","roomId":"hall","seq":1,"bytes":2})") + frame(2, "\x01\x02");
  CHECK(frames[index_of(encoding::v1_json)].view() == announced);
  CHECK(frames[index_of(encoding::plain_json)].view() == announced);
  CHECK(frames[index_of(encoding::v1_msgpack)].view()
        == frame(2, "\x84\xa4type\xa6"
                    "binary\xa6roomId\xa4hall\xa3seq\x01\xa4"
                    "data\xc4\x02\x01\x02"));
  REQUIRE(r.s->core->stored().entries().size() == 1);
  CHECK(r.s->core->stored().entries()[0].seq == 1);
  CHECK(r.s->out.for_behind.back() == if_behind::queue);
}

TEST_CASE("bytes in passing have no position, and members that are behind skip them") {
  auto latest = GENERATE(false, true);
  reaching_room r;
  r.s->join(1);

  r.run([&](room_context& room) {
    room.broadcast_binary({.bytes = "x", .is_volatile = !latest, .is_latest = latest, .key = "k"});
  });

  CHECK(r.s->out.said(R"({"type":"binary","roomId":"hall","bytes":1})"));
  CHECK(r.s->core->seq() == 0);
  CHECK(r.s->core->stored().entries().empty());
  CHECK(is_value(r.s->out.for_behind.back()) == latest);
  CHECK((r.s->out.for_behind.back() == if_behind::skip) == !latest);
}

// Pins §7.13.
TEST_CASE("bytes go to one member, or to all but some") {
  reaching_room r;
  for (auto who : {1U, 2U, 3U})
    r.s->join(who);

  r.run([](room_context& room) { room.send_binary_to(stage::key(2), "to you"); });
  CHECK(r.s->out.said("to 2 "));
  CHECK(r.s->out.said(R"({"type":"binary","roomId":"hall","bytes":6})"));
  CHECK(r.s->out.said("to you"));

  r.run([](room_context& room) { room.send_binary_to(stage::key(9), "to nobody"); });
  CHECK(r.s->out.lines.empty());

  r.run([](room_context& room) { room.broadcast_binary_except(stage::key(3), "others"); });
  CHECK(r.s->out.said("all(2) but 3"));
  CHECK(r.s->core->stored().entries()[0].excluded == stage::client(3));
}

TEST_CASE("bytes count as the room's own output, unless a command pays") {
  reaching_room r;
  r.s->join(1);

  r.run([](room_context& room) {
    auto before = room.pressure();
    room.broadcast_binary(std::string(10'000, 'x'));
    room.send_binary_to(stage::key(1), std::string(10'000, 'y'));
    CHECK(room.pressure() > before + 0.018); // of 1 MiB
  });
}

// -- all but some ---------------------------------------------------------------------------------

TEST_CASE("a broadcast leaves out several members, and the history knows them") {
  reaching_room r;
  for (auto who : {1U, 2U, 3U, 4U})
    r.s->join(who);

  std::vector<session_key> some{stage::key(2), stage::key(7), stage::key(3)};
  r.run([&](room_context& room) { room.broadcast_except(some, "secret", {}); });

  auto& except = r.s->out.except_also.back();
  REQUIRE(except);
  CHECK(*except == std::vector<session_key>{stage::key(2), stage::key(3)}); // 7 is no member
  auto& stored = r.s->core->stored();
  REQUIRE(stored.entries().size() == 1);
  auto& kept = stored.entries()[0];
  for (auto who : {1U, 4U, 7U})
    CHECK_FALSE(stored.excludes(kept, stage::client(who)));
  for (auto who : {2U, 3U})
    CHECK(stored.excludes(kept, stage::client(who)));
}

TEST_CASE("leaving out one of several members that has left is leaving out one, or nobody") {
  reaching_room r;
  r.s->join(1);
  r.s->join(2);
  std::vector<session_key> some{stage::key(8), stage::key(2)};

  r.run([&](room_context& room) { room.broadcast_except(some, "news", {}); });
  CHECK(r.s->out.said("all(2) but 2"));
  CHECK_FALSE(r.s->out.except_also.back());

  some.pop_back();
  r.run([&](room_context& room) { room.broadcast_except(some, "news", {}); });
  CHECK(r.s->out.said("all(2) "));
  CHECK_FALSE(r.s->out.said("but"));
  r.run(
    [&](room_context& room) { room.broadcast_except(std::span<const session_key>{}, "news", {}); });
  CHECK_FALSE(r.s->out.said("but"));
}

TEST_CASE("what a member asks of the history lacks what it was left out of with others") {
  reaching_room r;
  for (auto who : {1U, 2U, 3U})
    r.s->join(who);
  std::vector<session_key> some{stage::key(2), stage::key(3)};
  r.run([&](room_context& room) {
    room.broadcast_except(some, "secret", {});
    room.broadcast("open", {});
  });

  for (auto who : {1U, 3U}) {
    history_request asked{stage::key(who), r.s->places[who], encoding::v1_json};
    asked.limit = 100;
    r.s->out.lines.clear();
    r.s->core->recall(asked);
    CHECK(r.s->out.said("open"));
    CHECK(r.s->out.said("secret") == (who == 1));
  }
}

// -- from outside ---------------------------------------------------------------------------------

TEST_CASE("what a posted function says is the room's own, and keeps its call under way") {
  reaching_room r;
  r.s->join(1);
  auto account = std::make_shared<credit_account>(credit_limits{});
  auto say = [](room_context& room) { room.broadcast("x", {}); };
  outside_task task{"hall", std::make_shared<outside_work>(posted_function{say}), account->take(1)};

  r.s->core->outside(task);

  CHECK(r.s->out.last_own);
  CHECK(r.s->out.last_source); // given back once the frame has begun to leave
  task = {};
  CHECK(account->held_messages() == 0); // nobody else holds it
}

TEST_CASE("what is said to a user from outside is charged to whoever says it") {
  reaching_room r{keeping_seats()};
  r.s->enter(1, "ann");
  r.s->enter(2, "ann");
  r.s->core->leave({stage::key(2), leave_reason::disconnected, false, nullptr, {}, true});
  auto account = std::make_shared<credit_account>(credit_limits{});
  auto work = std::make_shared<outside_work>(std::in_place_type<event_for_user>, "ann",
                                             broadcast_event{"x", {{"n", 1}}, {}});
  r.s->out.lines.clear();

  r.s->core->outside({"hall", work, account->take(1)});

  REQUIRE(r.s->out.lines.size() == 1); // the other one is away
  CHECK(r.s->out.said("to 1 "));
  CHECK(r.s->out.last_source);
  CHECK_FALSE(r.s->out.last_own);
}

namespace {

/// A room that has ended, and the labels of what was counted.
struct ended_room {
  ended_room() {
    room_core::config c;
    c.counters = &counters;
    room.emplace(c);
    room->s->join(1);
    room->run([](room_context& r) { r.end(); });
  }
  [[nodiscard]] room_core& core() const { return *room->s->core; }

  struct : troupe::protocol::event_counters {
    void count(troupe::protocol::counter, std::string_view label, std::uint64_t) noexcept override {
      all += label;
    }
    std::string all;
  } counters;
  std::optional<reaching_room> room;
};

} // namespace

TEST_CASE("a room that ends does nothing more for those outside, and counts that") {
  ended_room r;

  auto ran = false;
  auto work = std::make_shared<outside_work>(posted_function{[&](room_context&) { ran = true; }});
  r.core().outside({"hall", work, {}});

  CHECK_FALSE(ran);
  CHECK(r.counters.all == "no_such_room");
}

TEST_CASE("a broadcast from outside that meets a room's end is counted") {
  ended_room r;

  r.core().outside(
    outside_event{"hall", std::make_shared<const owned_event>(broadcast_event{"x"}), {}});

  CHECK(r.counters.all == "no_such_room");
}
