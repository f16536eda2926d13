#include "room_stage.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using protocol::comparison;
using protocol::errc;
using stage = troupe::test::room_stage;

namespace {

/// Does in its hooks what the test says.
struct behaviour final : room_behavior {
  std::function<void(room_context&)> create, message;
  void on_create(room_context& room) override {
    if (create)
      create(room);
  }
  void on_message(room_context& room, const member&, const application_message&) override {
    message(room);
  }
};

struct listed_room {
  explicit listed_room(std::size_t capacity = 2, std::function<void(room_context&)> create = {})
    : s{made(*this, std::move(create)), capacity, config()} {}

  static std::unique_ptr<room_behavior> made(listed_room& self,
                                             std::function<void(room_context&)> create) {
    auto b = std::make_unique<behaviour>();
    b->create = std::move(create);
    self.script = b.get();
    return b;
  }
  static room_core::config config() {
    room_core::config c;
    c.is_listed = true;
    return c;
  }

  errc hold(std::string user, std::uint64_t ticket = 1, std::chrono::milliseconds time = 15s) {
    hold_request asked;
    asked.ticket = ticket;
    asked.user_id = std::move(user);
    asked.hold = time;
    return s.core->hold(asked);
  }
  void release(std::string user, std::uint64_t ticket) {
    s.core->release({std::move(user), ticket, {}});
  }
  errc enter(std::uint32_t who, std::string user) { return s.enter(who, std::move(user)).code; }
  /// Runs it as a hook; member 1 has said something.
  void run(std::function<void(room_context&)> f) {
    script->message = std::move(f);
    s.core->input(s.input(1, "do", R"({"type":"do"})"));
  }
  void pass(std::chrono::milliseconds time) {
    s.out.time += time;
    s.core->keep_listing();
  }
  /// What the matchmaker is told of it: members, seats, reserved.
  std::string counts() {
    auto r = s.core->report().now;
    return std::to_string(r.members) + " " + std::to_string(r.seats) + " "
         + std::to_string(r.reserved) + " of " + std::to_string(r.capacity);
  }

  behaviour* script = nullptr;
  stage s;
};

} // namespace

TEST_CASE("a held seat counts, and its user takes it") {
  listed_room r;
  CHECK(r.hold("ann") == errc::ok);
  CHECK(r.enter(1, "bob") == errc::ok);
  CHECK(r.enter(2, "cid") == errc::room_full);
  CHECK(r.hold("cid", 2) == errc::room_full);
  CHECK(r.counts() == "1 0 1 of 2");

  CHECK(r.enter(2, "ann") == errc::ok);
  CHECK(r.counts() == "2 0 0 of 2");
  CHECK(r.enter(3, "ann") == errc::room_full); // a second session has none
}

TEST_CASE("a seat that is not taken in time is free again") {
  listed_room r{1};
  CHECK(r.hold("ann") == errc::ok);

  r.pass(14'990ms);
  CHECK(r.enter(1, "bob") == errc::room_full);
  r.pass(10ms);
  CHECK(r.enter(1, "bob") == errc::ok);
}

TEST_CASE("a user that is here already gives its held seat back as it joins again") {
  listed_room r;
  CHECK(r.enter(1, "ann") == errc::ok);
  CHECK(r.hold("ann") == errc::ok);
  CHECK(r.counts() == "1 0 1 of 2");

  CHECK(r.enter(1, "ann") == errc::ok);

  CHECK(r.counts() == "1 0 0 of 2");
}

TEST_CASE("a user holds one seat, anew with each wish") {
  listed_room r{1};
  CHECK(r.hold("ann", 1) == errc::ok);
  r.pass(10s);
  CHECK(r.hold("ann", 2) == errc::ok);
  r.pass(10s);
  CHECK(r.counts() == "0 0 1 of 1");

  r.release("ann", 1); // of the first wish
  CHECK(r.counts() == "0 0 1 of 1");
  r.release("ann", 2);
  CHECK(r.counts() == "0 0 0 of 1");
}

TEST_CASE("who is refused by the behaviour keeps its held seat") {
  struct refusing final : room_behavior {
    join_decision authorize_join(room_context&, const member&) override {
      return join_decision::refuse("no");
    }
  };
  stage s{std::make_unique<refusing>(), 1, listed_room::config()};
  hold_request asked;
  asked.user_id = "ann";
  asked.hold = 15s;
  REQUIRE(s.core->hold(asked) == errc::ok);

  CHECK(s.enter(1, "ann").code == errc::forbidden);

  CHECK(s.core->report().now.reserved == 1);
}

TEST_CASE("a room with a held seat is not empty, and is once that has ended") {
  listed_room r;
  CHECK(r.hold("ann") == errc::ok);
  CHECK(r.enter(1, "bob") == errc::ok);
  r.s.leave(1);
  CHECK_FALSE(r.s.out.said("empty"));

  SECTION("by its time") { r.pass(15s); }
  SECTION("given up") { r.release("ann", 1); }
  CHECK(r.s.out.said("empty"));
}

TEST_CASE("a room says that it is empty also after a wish that it refuses") {
  listed_room r{2, [](room_context& room) { room.set_locked(true); }};

  CHECK(r.hold("ann") == errc::forbidden);

  CHECK(r.s.out.said("empty"));
}

TEST_CASE("in a locked room nobody new gets a seat") {
  listed_room r{4};
  CHECK(r.enter(1, "ann") == errc::ok);
  CHECK(r.hold("bob") == errc::ok);
  r.run([](room_context& room) {
    room.set_locked(true);
    CHECK(room.is_locked());
  });

  CHECK(r.hold("cid", 2) == errc::forbidden);
  CHECK(r.enter(3, "cid") == errc::forbidden);
  CHECK(r.hold("bob", 3) == errc::ok);
  CHECK(r.enter(2, "bob") == errc::ok);
  r.run([](room_context& room) { room.set_locked(false); });
  CHECK(r.enter(3, "cid") == errc::ok);
}

TEST_CASE("the room looks whether it fits, and whether it is locked, unless it was made for the "
          "wish") {
  listed_room r{2, [](room_context& room) {
                  room.set_metadata({{"mode", "race"}});
                  room.set_locked(true);
                }};
  hold_request asked;
  asked.user_id = "ann";
  asked.hold = 15s;
  asked.filter = std::make_shared<const protocol::metadata_filter>(
    protocol::metadata_filter{{"mode", comparison::equal, "duel"}});

  CHECK(r.s.core->hold(asked) == errc::forbidden);
  asked.made = true;
  CHECK(r.s.core->hold(asked) == errc::ok);
  asked.made = false;
  asked.ticket = 2;
  CHECK(r.s.core->hold(asked) == errc::forbidden); // its own seat, but the room does not fit
}

TEST_CASE("a room has the metadata that it was made with until its behaviour sets others") {
  auto c = listed_room::config();
  c.metadata = std::make_shared<const protocol::metadata>(protocol::metadata{{"mode", "duel"}});
  auto b = std::make_unique<behaviour>();
  std::string seen;
  b->create = [&](room_context& room) {
    seen = room.metadata().text("mode").value_or("none");
    room.set_metadata({{"level", 3}});
    CHECK(room.metadata() == protocol::metadata{{"level", 3}});
    CHECK_THROWS_AS(room.set_metadata({{"a", 1}, {"a", 2}}), std::invalid_argument);
  };

  stage s{std::move(b), 2, c};

  CHECK(seen == "duel");
  CHECK(*s.core->report().now.metadata == protocol::metadata{{"level", 3}});
}

TEST_CASE("the matchmaker is told of all changes of a moment at once") {
  listed_room r{10};
  auto& told = r.s.out.reports;
  r.pass(100ms); // of the room's making
  REQUIRE(told.size() == 1);
  for (std::uint32_t i = 1; i < 6; ++i)
    CHECK(r.enter(i, "u" + std::to_string(i)) == errc::ok);
  r.s.leave(5);
  r.run([](room_context& room) {
    room.set_metadata({{"level", 3}});
    room.set_locked(true);
  });
  r.pass(90ms);
  CHECK(told.size() == 1);

  r.pass(10ms);

  REQUIRE(told.size() == 2);
  CHECK(told[1].now.name == "hall");
  CHECK(told[1].room == room_key{7, 1});
  CHECK(told[1].now.members == 4);
  CHECK(told[1].now.locked);
  CHECK(told[1].now.metadata->integer("level") == 3);
  r.pass(1s);
  CHECK(told.size() == 2);
}

TEST_CASE("what changes nothing is not told") {
  listed_room r;
  CHECK(r.enter(1, "ann") == errc::ok);
  r.pass(100ms);
  auto before = r.s.out.reports.size();

  r.run([](room_context& room) {
    room.set_locked(false);
    room.broadcast("news", {{"a", 1}});
  });
  r.pass(1s);

  CHECK(r.s.out.reports.size() == before);
}

TEST_CASE("an answer to a wish says all, so that nothing else is told") {
  listed_room r;
  (void)r.hold("ann");
  (void)r.s.core->report(); // goes along with the answer
  r.pass(1s);

  CHECK(r.s.out.reports.empty());
}

TEST_CASE("a room that is not listed tells nobody") {
  stage s;
  s.enter(1, "ann");
  s.leave(1);

  CHECK(s.out.listing_due.empty());
  s.core->keep_listing();
  CHECK(s.out.reports.empty());
}

TEST_CASE("members that are away are seats of their own") {
  auto c = listed_room::config();
  c.keep_seat = 30s;
  c.resume_window = 30s;
  stage s{std::make_unique<room_behavior>(), 2, c};
  s.enter(1, "ann");
  leave_request lost{stage::key(1), leave_reason::disconnected, false, nullptr, {}, true};
  s.core->leave(lost);

  auto now = s.core->report().now;
  CHECK(now.members == 0);
  CHECK(now.seats == 1);
  hold_request asked;
  asked.user_id = "bob";
  asked.hold = 15s;
  CHECK(s.core->hold(asked) == errc::ok);
  CHECK(s.enter(3, "cid").code == errc::room_full);
}

TEST_CASE("a locked room that is made for a join says that it is empty") {
  listed_room r{2, [](room_context& room) { room.set_locked(true); }};

  CHECK(r.enter(1, "ann") == errc::forbidden);

  CHECK(r.s.out.said("empty"));
}
