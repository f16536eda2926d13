#include "match_stage.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using protocol::comparison;
using protocol::errc;
using stage = troupe::test::match_stage;
using names = std::vector<std::string>;

TEST_CASE("a wish without a room makes one, with the metadata that it names") {
  stage s;

  s.wish("ann", {}, {{"mode", "duel"}});

  REQUIRE(s.rooms_asked() == names{"new1"});
  CHECK(s.asked[0].request.wanted->text("mode") == "duel");
  CHECK(s.asked[0].request.hold == 15s);
  CHECK(s.take_heard().empty());
  s.answer(0, errc::ok, true);
  CHECK(s.take_heard() == names{"ann: ok new1 made"});
  CHECK(s.core.open_wishes() == 0);
  CHECK(s.core.held() == 1);
}

TEST_CASE("a room that is being made takes the next wishes, as many as it has seats for") {
  stage s;

  for (auto* user : {"ann", "bob", "cid"})
    s.wish(user);

  CHECK(s.rooms_asked() == names{"new1", "new1", "new2"});
  CHECK_FALSE(s.asked[1].request.wanted);
  s.answer(0, errc::ok, true);
  s.answer(1, errc::ok, false, 2);
  s.wish("dan");
  CHECK(s.rooms_asked().back() == "new2");
}

TEST_CASE("the fullest room that has a seat is asked first, the older one of equals") {
  stage s{{false, 5, 0}};
  s.report("empty", 0, 5);
  s.report("old", 2, 5);
  s.report("young", 2, 5);
  s.report("locked", 4, 5, {}, true);
  s.report("full", 5, 5);

  s.wish("ann");
  s.answer(0, errc::room_full);
  s.answer(1, errc::room_full);
  s.answer(2, errc::room_full);

  CHECK(s.rooms_asked() == names{"old", "young", "empty", "new1"});
}

TEST_CASE("only rooms that fit the filter are asked") {
  stage s;
  s.report("race", 1, 2, {{"mode", "race"}});
  s.report("duel", 0, 2, {{"mode", "duel"}});

  s.wish("ann", {{"mode", comparison::equal, "duel"}});

  CHECK(s.rooms_asked() == names{"duel"});
  CHECK(*s.asked[0].request.filter
        == protocol::metadata_filter{{"mode", comparison::equal, "duel"}});
}

TEST_CASE("after eight refusals a room is made, and only one") {
  stage s;
  for (int i = 0; i < 10; ++i)
    s.report("r" + std::to_string(i), 1, 2);

  s.wish("ann");
  for (std::size_t i = 0; i < 8; ++i)
    s.answer(i, errc::forbidden);
  REQUIRE(s.rooms_asked().size() == 9);
  CHECK(s.rooms_asked().back() == "new1");
  s.answer(8, errc::node_room_limit);

  CHECK(s.take_heard() == names{"ann: node_room_limit"});
  CHECK(s.asked.size() == 9);
}

TEST_CASE("a wish whose new room has ended at once makes no other") {
  stage s;
  s.wish("ann");

  s.answer(0, errc::room_closed);

  CHECK(s.take_heard() == names{"ann: room_closed"});
  CHECK(s.asked.size() == 1);
  s.wish("ann"); // a new wish may
  CHECK(s.rooms_asked().back() == "new2");
}

TEST_CASE("who was led to a room that was not made goes on to another") {
  stage s;
  s.wish("ann");
  s.wish("bob");

  s.answer(0, errc::node_room_limit);
  s.wish("cid"); // before bob's refusal: nobody else is led there
  s.answer(1, errc::room_closed);

  CHECK(s.rooms_asked() == names{"new1", "new1", "new2", "new2"});
}

TEST_CASE("a room that ends is not asked any more, and its successor is") {
  stage s;
  s.report("r", 0, 2);
  s.wish("ann");
  s.answer(0, errc::room_closed);
  REQUIRE(s.rooms_asked() == names{"r", "new1"});

  s.core.on_unlisted({"r", {stage::slot_of("r"), 1}});
  s.report("r", 3, 4, {}, false, 2);
  s.core.on_unlisted({"r", {stage::slot_of("r"), 1}}); // late: it is the former one's
  s.wish("bob");

  CHECK(s.rooms_asked().back() == "r");
  CHECK(s.asked.back().request.room == room_key{stage::slot_of("r"), 2});
}

TEST_CASE("a wish is answered after five seconds, and gives up what it gets later") {
  stage s;
  s.wish("ann");
  CHECK(s.wakes == s.time + match_core::wish_time);

  s.time += match_core::wish_time;
  s.core.on_deadline();
  REQUIRE(s.take_heard() == names{"ann: timed_out"});
  s.answer(0, errc::ok, true);

  CHECK(s.take_heard().empty());
  REQUIRE(s.released.size() == 1);
  CHECK(s.released[0].room == "new1");
  CHECK(s.released[0].request.ticket == s.asked[0].request.ticket);
  CHECK(s.core.held() == 0);
}

TEST_CASE("what a late answer has held is given up, but not the seat that its user had before") {
  stage s;
  s.wish("ann");
  s.answer(0, errc::ok, true);
  s.wish("ann");
  s.time += match_core::wish_time;
  s.core.on_deadline();

  SECTION("it has taken that one meanwhile") {
    s.answer(1, errc::ok);
    REQUIRE(s.released.size() == 1);
    CHECK(s.released[0].request.ticket == s.asked[1].request.ticket);
    return;
  }
  s.answer(1, errc::ok, false, 1, true);
  CHECK(s.released.empty());
  s.wish("ann", {}, {{"mode", "race"}});
  s.answer(2, errc::room_full);
  s.answer(3, errc::ok, true);

  REQUIRE(s.released.size() == 1);
  CHECK(s.released[0].room == "new1");
  CHECK(s.released[0].request.ticket == s.asked[1].request.ticket);
}

TEST_CASE("only wishes that have waited too long end, and the next deadline is asked for") {
  stage s;
  s.wish("ann");
  s.time += 2s;
  s.wish("bob");
  auto of_bob = s.time + match_core::wish_time;
  s.time += 3s;

  s.core.on_deadline();

  CHECK(s.take_heard() == names{"ann: timed_out"});
  CHECK(s.wakes == of_bob);
}

TEST_CASE("a user gets its held seat again, also in a room that is locked or full") {
  stage s;
  s.wish("ann");
  s.answer(0, errc::ok, true);
  s.report("busy", 1, 2);
  for (bool locked : {false, true}) {
    auto full = stage::report_of("new1", 1, 2, {}, locked);
    full.now.reserved = 1;
    s.core.on_report(full);

    s.wish("ann");
    CHECK(s.rooms_asked().back() == "new1");
    s.answer(s.asked.size() - 1, errc::ok);
  }
  CHECK(s.released.empty());
  CHECK(s.core.held() == 1);
}

TEST_CASE("a seat elsewhere is given up for a new one") {
  stage s;
  s.wish("ann", {}, {{"mode", "duel"}});
  s.answer(0, errc::ok, true);

  s.wish("ann", {{"mode", comparison::equal, "race"}}, {{"mode", "race"}});
  REQUIRE(s.rooms_asked() == names{"new1", "new2"});
  CHECK(s.released.empty()); // not before there is another
  s.answer(1, errc::ok, true);

  REQUIRE(s.released.size() == 1);
  CHECK(s.released[0].room == "new1");
  CHECK(s.released[0].request.ticket == s.asked[0].request.ticket);
  CHECK(s.core.held() == 1);
}

TEST_CASE("a seat whose time is over is not asked for again") {
  stage s;
  s.wish("ann");
  s.answer(0, errc::ok, true);
  s.report("busy", 1, 2);
  s.report("new1", 0, 2);

  s.time += 15s;
  s.wish("ann");
  s.answer(1, errc::ok);

  CHECK(s.rooms_asked() == names{"new1", "busy"});
  CHECK(s.released.empty());
}

TEST_CASE("the wishes of one user are served one after the other") {
  stage s;
  s.wish("ann");
  s.wish("ann");
  CHECK(s.asked.size() == 1);
  CHECK(s.core.open_wishes() == 2);

  s.answer(0, errc::ok, true);
  REQUIRE(s.rooms_asked() == names{"new1", "new1"});
  s.answer(1, errc::ok);

  CHECK(s.take_heard() == names{"ann: ok new1 made", "ann: ok new1"});
  CHECK(s.core.open_wishes() == 0);
}

TEST_CASE("beyond the bound of held seats wishes are refused until one has ended") {
  stage s{{false, 10, 2}};
  s.wish("ann");
  s.answer(0, errc::ok, true);
  s.time += 1s;
  s.wish("bob");
  s.answer(1, errc::ok);
  (void)s.take_heard();

  s.wish("cid");
  CHECK(s.take_heard() == names{"cid: overloaded"});
  s.wish("bob"); // has one
  s.answer(2, errc::ok);
  CHECK(s.take_heard() == names{"bob: ok new1"});
  s.time += 14s; // ann's is over
  s.wish("cid");
  CHECK(s.asked.size() == 4);
  CHECK(s.core.held() == 1);
}

TEST_CASE("a pattern that is one name has one room") {
  struct one final : match_output {
    void hold(const std::string& room, hold_request) override { asked.push_back(room); }
    void release(const std::string&, release_request) override {}
    std::string new_name() override { return "hall"; }
    void wake_at(steady_time) override {}
    steady_time now() const override { return {}; }
    names asked;
  } out;
  match_core core{{true, 1, 0}, out};
  names heard;
  auto wish = [&](std::string user) {
    auto question = std::make_shared<seat_question>(
      reservation_request{"hall", std::move(user)},
      [&](const reservation_result& r) { heard.emplace_back(to_string(r.code)); },
      waiting_place{nullptr}, protocol::null_logger(), protocol::null_counters());
    core.reserve(std::move(question));
  };

  wish("ann");
  wish("bob");

  CHECK(out.asked == names{"hall"});
  CHECK(heard == names{"room_full"});
}

TEST_CASE("rooms are listed by pages, in the order of their names, once they exist") {
  stage s;
  s.wish("ann"); // its room does not exist yet
  for (auto* name : {"c", "a", "b"})
    s.report(name, 1, 2);
  auto page = [&](std::string after, std::size_t limit) {
    names found;
    page_question asked{{std::move(after), limit},
                        [&](const room_page& p) {
                          for (auto& r : p.rooms)
                            found.push_back(r.name);
                          found.emplace_back(p.complete ? "all" : "more");
                        },
                        waiting_place{nullptr},
                        protocol::null_logger(),
                        protocol::null_counters()};
    s.core.list(asked);
    return found;
  };

  CHECK(page("", 2) == names{"a", "b", "more"});
  CHECK(page("b", 2) == names{"c", "all"});
  CHECK(page("", 3) == names{"a", "b", "c", "all"});
  CHECK(page("c", 3) == names{"all"});
  s.answer(0, errc::ok, true);
  CHECK(page("c", 3) == names{"new1", "all"});
}

TEST_CASE("a question that nobody has answered hears that the room is closed") {
  names heard;
  auto ask = [&](bool is_sent) {
    seat_question question{
      {},
      [&](const reservation_result& r) { heard.emplace_back(to_string(r.code)); },
      waiting_place{nullptr},
      protocol::null_logger(),
      protocol::null_counters()};
    question.set_sent(is_sent);
  };

  ask(false);
  CHECK(heard.empty());
  ask(true);
  CHECK(heard == names{"room_closed"});
}

TEST_CASE("a count of what waits lets in as many as it has places") {
  auto two = std::make_shared<waiting_count>(2);
  std::vector<waiting_place> inside;
  inside.emplace_back(two);
  inside.emplace_back(two);

  CHECK_FALSE(waiting_place{two});
  inside.pop_back();
  CHECK(waiting_place{two});
  CHECK(waiting_place{std::make_shared<waiting_count>(0)});
}

TEST_CASE("held seats without a bound are forgotten once their time is over") {
  stage s;

  for (int i = 0; i < 17'000; ++i) {
    s.wish("guest" + std::to_string(i));
    s.answer(s.asked.size() - 1, errc::ok, true);
    s.time += 1min;
  }

  CHECK(s.core.held() < 16'500);
}

TEST_CASE("a room of one name that is not listed yet refuses wishes as one without a seat") {
  stage s{{true, 2, 0}};
  s.wish("ann");
  REQUIRE(s.asked.size() == 1);

  s.answer(0, errc::forbidden, false);

  CHECK(s.take_heard() == names{"ann: room_full"});
}
