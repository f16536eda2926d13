#include <utility>

#include <troupe/actors/endpoint.hpp>

#include "endpoint_stage.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test;

TEST_CASE("a broadcast reaches every client of every loop once, in one order") {
  stage s{{}, two_loops()};
  auto a = s.connect(0), b = s.connect(1), c = s.connect(1);

  for (auto text : {"1", "2", "3"})
    CHECK(s.place.broadcast(text) == publish_result::accepted);
  s.settle();

  CHECK(a->heard() == strings{"1", "2", "3"});
  CHECK(b->heard() == strings{"1", "2", "3"});
  CHECK(c->heard() == strings{"1", "2", "3"});
}

TEST_CASE("a broadcast is one text or binary frame, as it was said") {
  stage s;
  auto a = s.connect();

  (void)s.place.broadcast("hi");
  (void)s.place.broadcast_binary(std::string_view{"\0\xff", 2});
  (void)s.place.broadcast("");
  s.settle();

  CHECK(a->frames()
        == strings{"\x81\x02hi", std::string{"\x82\x02\0\xff", 4}, std::string{"\x81\0", 2}});
}

TEST_CASE("a broadcast with an exception reaches everybody else, on whatever loop") {
  stage s{{}, two_loops()};
  auto a = s.connect(0), b = s.connect(0), c = s.connect(1);

  (void)s.place.broadcast_except(s.handle("0"), "not a");
  (void)s.place.broadcast_binary_except(s.handle("2"), "not c");
  (void)s.place.broadcast("all");
  s.settle();

  CHECK(a->heard() == strings{"not c", "all"});
  CHECK(b->heard() == strings{"not a", "not c", "all"});
  CHECK(c->heard() == strings{"not a", "all"});
}

TEST_CASE("an exception that has left does not shadow the client in its place") {
  stage s;
  auto a = s.connect();
  auto gone = s.handle("0");
  a->leave();
  s.settle();
  auto b = s.connect(); // reuses the slot

  (void)s.place.broadcast_except(gone, "all");
  s.settle();

  CHECK(b->heard() == strings{"all"});
  CHECK(a->heard().empty());
}

TEST_CASE("a client hears what is said after it came and before it left") {
  stage s;
  auto a = s.connect();
  (void)s.place.broadcast("1");
  s.settle();
  auto b = s.connect();
  (void)s.place.broadcast("2");
  s.settle();
  a->leave();
  (void)s.place.broadcast("3");
  s.settle();

  CHECK(a->heard() == strings{"1", "2"});
  CHECK(b->heard() == strings{"2", "3"});
}

TEST_CASE("from its opening on a client misses no broadcast") {
  endpoint place;
  endpoint_handlers on;
  on.on_open = [&](const raw_connection&) { (void)place.broadcast("welcome"); };
  stage s{std::move(on)};
  place = s.place;
  auto a = s.connect();

  CHECK(a->heard() == strings{"welcome"});
}

TEST_CASE("a broadcast out of a handler answers everybody, the speaker included") {
  endpoint place;
  endpoint_handlers on;
  on.on_message = [&](const raw_connection& c, std::string_view m, bool) {
    (void)place.broadcast("all " + std::string{m});
    (void)place.broadcast_except(c, "others " + std::string{m});
  };
  stage s{std::move(on)};
  place = s.place;
  auto a = s.connect(), b = s.connect();
  a->say("x");
  s.settle();

  CHECK(a->heard() == strings{"all x"});
  CHECK(b->heard() == strings{"all x", "others x"});
}

TEST_CASE("two endpoints of one node do not hear each other") {
  stage s;
  auto other_place = s.owner.make_endpoint("/other", {});
  auto a = s.connect();
  peer b{s.owner, 0, other_place};
  (void)s.place.broadcast("here");
  (void)other_place.broadcast("there");
  s.settle();

  CHECK(a->heard() == strings{"here"});
  CHECK(b.heard() == strings{"there"});
  CHECK(s.place.client_count() == 1);
}

TEST_CASE("clients that take deflated frames get them, the others plain ones") {
  stage s;
  connection_info info;
  info.encoding = protocol::encoding::plain_json_deflated;
  auto plain = s.connect(), deflating = s.connect(0, std::move(info));
  std::string text(1000, 'a');
  auto frame = protocol::make_frame(protocol::opcode::text, text);

  (void)s.place.broadcast(text);
  s.handle("0").send(text);
  s.handle("1").send(text);
  s.settle();

  auto as_is = std::string{frame.view()},
       deflated = std::string{protocol::deflated_frame(frame).view()};
  CHECK(plain->frames() == strings{as_is, as_is});
  CHECK(deflating->frames() == strings{deflated, deflated});
}

TEST_CASE("broadcasts that nobody carries away are refused until they are") {
  node_options options;
  options.rooms.max_pending_bytes = 1000;
  stage s{{}, options};
  auto a = s.connect();
  int accepted = 0;
  while (accepted < 1000 && s.place.broadcast(std::string(98, 'x')) == publish_result::accepted)
    ++accepted;

  CHECK(accepted == 10);
  CHECK(s.place.broadcast_except(s.handle("0"), "x") == publish_result::overloaded);
  s.settle();
  CHECK(a->heard().size() == 10);
  CHECK(s.place.broadcast("again") == publish_result::accepted);
}

TEST_CASE("a broadcast out of a handler is paid for by the message that it answers, any other by "
          "the endpoint") {
  constexpr auto accepted = publish_result::accepted, refused = publish_result::overloaded;
  endpoint place;
  std::vector<publish_result> results;
  auto say_three = [&] {
    for (int i = 0; i < 3; ++i)
      results.push_back(place.broadcast(std::string(100, 'x')));
  };
  endpoint_handlers on;
  on.on_message = [&](const raw_connection&, std::string_view, bool) { say_three(); };
  node_options options;
  options.rooms.max_pending_bytes = 100;
  stage s{std::move(on), options};
  place = s.place;
  auto a = s.connect();

  a->say("x");
  s.settle();
  CHECK(std::exchange(results, {}) == std::vector{accepted, accepted, accepted});
  say_three();
  CHECK(results == std::vector{accepted, refused, refused});
}
