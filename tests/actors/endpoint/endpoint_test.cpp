#include <utility>

#include <troupe/actors/endpoint.hpp>

#include "endpoint_stage.hpp"

#include "support/noted_log.hpp"

#include <catch2/catch.hpp>

#include <any>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

/// Handlers that write each call into `log`.
endpoint_handlers noting(strings& log) {
  endpoint_handlers on;
  on.on_open = [&](const raw_connection&) { log.emplace_back("open"); };
  on.on_message = [&](const raw_connection&, std::string_view m, bool binary) {
    log.push_back((binary ? "binary " : "text ") + std::string{m});
  };
  on.on_pong = [&](const raw_connection&, std::string_view payload) {
    log.push_back("pong " + std::string{payload});
  };
  on.on_error = [&](const raw_connection&, std::string_view what) {
    log.push_back("error " + std::string{what});
  };
  on.on_close = [&](const raw_connection&, std::uint16_t code, std::string_view reason) {
    log.push_back("close " + std::to_string(code) + ' ' + std::string{reason});
  };
  return on;
}

} // namespace

// -- handlers -------------------------------------------------------------------------------------

TEST_CASE("handlers are told what happens to a connection, in order") {
  strings log;
  stage s{noting(log)};
  auto a = s.connect();
  a->say("hello");
  a->say(std::string_view{"\0\xff", 2}, true);
  a->pong("p");
  a->leave(4000, "enough");
  s.settle();

  CHECK(log
        == strings{"open", "text hello", std::string{"binary \0\xff", 9}, "pong p",
                   "close 4000 enough"});
}

TEST_CASE("what the server ends a connection for is told before its end") {
  strings log;
  stage s{noting(log)};
  auto a = s.connect();
  a->leave(1002, "", "bad_frame");
  s.settle();

  CHECK(log == strings{"open", "error bad_frame", "close 1002 "});
}

// Pins §13.17.
TEST_CASE("a client that is being closed is listed no more, and why is told once, at once") {
  strings log;
  stage s{noting(log)};
  auto a = s.connect();
  auto handle = s.handle("0");
  a->begin_close("too_big");
  s.settle();
  auto at_once = log;
  auto state = handle.state();

  a->leave(1006, "", "too_big");
  s.settle();

  CHECK(at_once == strings{"open", "error too_big"});
  CHECK(state == connection_state::closing);
  CHECK(s.place.client_count() == 0);
  CHECK(log == strings{"open", "error too_big", "close 1006 "});
}

TEST_CASE("a handle that names no connection is closed, and does nothing") {
  stage s;
  auto a = s.connect();
  auto moved = s.handle("0");
  auto real = std::move(moved);
  auto message = shared_message::text("x");
  auto taken = std::move(message);

  for (auto& none : {raw_connection{}, raw_connection{nullptr}, moved}) {
    none.send("x");
    none.send_binary("x");
    none.send(taken);
    none.ping();
    none.close();
    none.terminate();
    CHECK(none.state() == connection_state::closed);
    CHECK(none.buffered_bytes() == 0);
    CHECK(none.request().target.empty());
    CHECK_FALSE(none.claims());
    none.user_data() = 1;
    CHECK_FALSE(none.user_data().has_value());
    CHECK(none == raw_connection{});
    CHECK_FALSE(none == real);
    CHECK(s.place.broadcast_except(none, "to all") == publish_result::accepted);
  }
  real.send(message); // moved from
  s.settle();

  CHECK(a->heard() == strings{"to all", "to all", "to all"});
  CHECK(a->ends.empty());
}

// -- the rate -------------------------------------------------------------------------------------

// Pins §12.16.
TEST_CASE("a client of an endpoint is closed at its first message beyond a rate that was given") {
  strings log;
  node_options o;
  o.connections.messages_per_second = 10;
  o.connections.burst_messages = 3;
  stage s{noting(log), o};
  auto a = s.connect(), b = s.connect();
  for (int i = 0; i < 3; ++i)
    a->say("a");
  s.settle();
  s.clock.advance(200ms);
  for (int i = 0; i < 5; ++i)
    a->say("more");
  b->say("b");
  s.settle();

  CHECK(a->ends == strings{"flood"});
  CHECK(b->ends.empty());
  CHECK(
    log
    == strings{"open", "open", "text a", "text a", "text a", "text more", "text more", "text b"});
  CHECK(s.counts.dropped == 3);
  CHECK(s.counts.floods == 1);
  CHECK(s.owner.stats().messages_in == 9);
}

// Pins §12.16.
TEST_CASE("clients of an endpoint have no rate unless one is given above 0") {
  auto rate = GENERATE(std::optional<double>{}, std::optional<double>{0.0});
  std::size_t heard = 0;
  endpoint_handlers on;
  on.on_message = [&](const raw_connection&, std::string_view, bool) { ++heard; };
  node_options o;
  o.connections.messages_per_second = rate;
  stage s{std::move(on), o};
  auto a = s.connect();

  for (int i = 0; i < 1000; ++i)
    a->say("x");
  s.settle();

  CHECK(heard == 1000);
  CHECK(a->ends.empty());
}

TEST_CASE("an endpoint without handlers takes everything and says nothing") {
  stage s;
  auto a = s.connect();
  a->say("hello");
  a->pong("p");
  a->leave(1002, "", "bad_frame");
  s.settle();

  CHECK(a->heard().empty());
  CHECK(s.counts.errors == 0);
  CHECK(s.place.client_count() == 0);
}

TEST_CASE("a connection keeps what it asked for, who it is and what the application puts there") {
  strings log;
  endpoint_handlers on;
  on.on_open = [](const raw_connection& c) { c.user_data() = std::string{"mine"}; };
  on.on_message = [&](const raw_connection& c, std::string_view, bool) {
    log = {c.request().target, c.claims()->subject, std::any_cast<std::string>(c.user_data())};
  };
  stage s{std::move(on)};
  connection_info info;
  info.request = std::make_shared<const handshake>(handshake{"/raw?x=1", {}, "203.0.113.9"});
  claims who;
  who.subject = "ann";
  info.claims = std::make_shared<const claims>(who);
  auto a = s.connect(0, std::move(info));
  auto other = s.connect();
  a->say("x");
  s.settle();

  CHECK(log == strings{"/raw?x=1", "ann", "mine"});
  CHECK(s.place.clients().size() == 2);
  for (auto& c : s.place.clients())
    CHECK((c.request().target == "/raw?x=1") == (c.claims() != nullptr)); // neither has the other's
}

// -- clients --------------------------------------------------------------------------------------

TEST_CASE("clients are those that are open now") {
  stage s{{}, two_loops()};
  CHECK(s.place.clients().empty());

  auto a = s.connect(0), b = s.connect(1);
  CHECK(s.place.client_count() == 2);
  CHECK(s.handle("0") == s.handle("0"));
  CHECK_FALSE(s.handle("0") == s.handle("1"));

  a->leave();
  s.settle();
  REQUIRE(s.place.clients().size() == 1);
  CHECK(s.place.clients().front().request().target == "1");
}

TEST_CASE("a client is no longer listed when its end is told") {
  endpoint place;
  std::vector<std::size_t> left;
  endpoint_handlers on;
  on.on_close = [&](const raw_connection& c, std::uint16_t, std::string_view) {
    left.push_back(place.client_count());
    CHECK(c.state() == connection_state::closed);
  };
  stage s{std::move(on)};
  place = s.place;
  auto a = s.connect(), b = s.connect();
  a->leave();
  s.settle();

  CHECK(left == std::vector<std::size_t>{1});
}

// -- one connection -------------------------------------------------------------------------------

TEST_CASE(
  "what is sent to one client reaches it alone, from its loop at once and from elsewhere soon") {
  stage s{{}, two_loops()};
  auto a = s.connect(0), b = s.connect(1);
  auto to_a = s.handle("0");
  std::size_t here = 0, elsewhere = 1;

  to_a.send("1");
  CHECK(a->heard().empty());
  s.settle();
  s.on_loop(0, [&] {
    to_a.send_binary("22");
    here = to_a.buffered_bytes();
  });
  s.on_loop(1, [&] {
    to_a.send("3");
    elsewhere = to_a.buffered_bytes();
  });

  CHECK(a->frames()
        == strings{"\x81\x01"
                   "1",
                   "\x82\x02"
                   "22",
                   "\x81\x01"
                   "3"});
  CHECK(b->heard().empty());
  CHECK(here == 3 + 4);
  CHECK(elsewhere == 0);
}

TEST_CASE("a client to which more is on its way from other threads than 64 MiB is cut, and the "
          "rest does not come") {
  stage s;
  auto busy = s.connect(), other = s.connect();
  auto handle = s.handle("0");
  std::string large(1'000'000, 'x');
  for (int round = 0; round < 2; ++round) { // what has arrived no longer counts
    for (int i = 0; i < 60; ++i)
      handle.send(large);
    s.settle();
    CHECK(busy->heard().size() == 60);
    CHECK(busy->ends.empty());
  }

  for (int i = 0; i < 68; ++i)
    handle.send(large);
  handle.close(1000);
  handle.ping("late");
  s.handle("1").send("hello");
  CHECK(handle.state() == connection_state::closing);
  s.settle();

  CHECK(busy->heard().size() == 67); // what fits the bound
  CHECK(busy->ends == strings{"cut slow_consumer"});
  CHECK(busy->pings.empty());
  CHECK(other->heard() == strings{"hello"});
}

TEST_CASE("one message from another thread fits, whatever its size") {
  stage s;
  auto client = s.connect();
  s.handle("0").send(std::string(70 * 1024 * 1024, 'x'));
  s.settle();
  CHECK(client->heard().size() == 1);
  CHECK(client->ends.empty());
}

TEST_CASE("calls without bytes count on their way, too, and a client is terminated all the same") {
  stage s;
  auto client = s.connect();
  auto handle = s.handle("0");
  for (int i = 0; i < 262'145; ++i) // a call costs 256 bytes: 64 MiB and one
    handle.ping();
  handle.terminate();
  handle.terminate();
  s.settle();
  CHECK(client->ends == strings{"cut slow_consumer", "terminated ok"});
}

TEST_CASE("a client is closed with the code and reason of the application") {
  stage s;
  auto a = s.connect(), b = s.connect();
  auto client = s.handle("0");
  client.close(3001, "enough");

  CHECK(client.state() == connection_state::closing);
  CHECK(s.handle("1").state() == connection_state::open);
  s.settle();
  CHECK(a->ends == strings{"3001 enough"});
  CHECK(b->ends.empty());

  a->leave(3001, "enough");
  s.settle();
  CHECK(client.state() == connection_state::closed);
}

TEST_CASE("a code that an application may not send counts as 1000") {
  stage s;
  auto a = s.connect();
  for (int code : {0, 999, 1000, 1001, 1005, 1006, 1015, 2999, 3000, 4999, 5000, 65535})
    s.handle("0").close(static_cast<std::uint16_t>(code));
  s.settle();

  CHECK(a->ends
        == strings{"1000 ", "1000 ", "1000 ", "1000 ", "1000 ", "1000 ", "1000 ", "1000 ", "3000 ",
                   "4999 ", "1000 ", "1000 "});
}

TEST_CASE("a client is terminated without a close frame, and pinged with what is asked for") {
  stage s;
  auto a = s.connect(), b = s.connect();
  s.handle("0").ping("p");
  s.handle("0").terminate();
  s.settle();

  CHECK(a->pings == strings{"p"});
  CHECK(a->ends == strings{"terminated ok"});
  CHECK(b->pings.empty());
  CHECK(b->ends.empty());
}

TEST_CASE("a handle of a client that has gone is safe and does nothing") {
  stage s;
  auto a = s.connect();
  auto gone = s.handle("0");
  a->leave();
  s.settle();
  auto b = s.connect(); // reuses the slot
  gone.send("x");
  gone.send_binary("x");
  gone.ping();
  gone.close();
  gone.terminate();
  s.settle();

  CHECK(gone.state() == connection_state::closed);
  CHECK(a->heard().empty());
  CHECK(a->ends.empty());
  CHECK(b->heard().empty());
  CHECK(b->ends.empty());
  CHECK(b->pings.empty());
}

TEST_CASE("a client may be closed out of its own handlers") {
  endpoint_handlers on;
  on.on_open = [](const raw_connection& c) {
    c.send("no");
    c.close(4001, "not now");
  };
  stage s{std::move(on)};
  auto a = s.connect();

  CHECK(a->heard() == strings{"no"});
  CHECK(a->ends == strings{"4001 not now"});
}

// -- handlers that throw --------------------------------------------------------------------------

TEST_CASE("a handler that throws ends its client alone") {
  auto where = GENERATE(as<std::string>{}, "open", "message", "pong");
  strings log;
  auto on = noting(log);
  auto boom = [&](const raw_connection& c, std::string_view at) {
    if (c.request().target == "0" && at == where)
      throw std::runtime_error{"boom"};
  };
  on.on_open = [=](const raw_connection& c) { boom(c, "open"); };
  on.on_message = [=](const raw_connection& c, std::string_view m, bool) {
    boom(c, "message");
    c.send("heard " + std::string{m});
  };
  on.on_pong = [=](const raw_connection& c, std::string_view) { boom(c, "pong"); };
  stage s{std::move(on)};
  auto bad = s.connect(), good = s.connect();
  bad->pong("");
  bad->say("x");
  good->say("y");
  s.settle();

  CHECK(bad->ends == strings{"internal"});
  CHECK(log == strings{"error boom"});
  CHECK(s.counts.errors == 1);
  CHECK(s.handle("0").state() == connection_state::closing);
  CHECK(good->heard() == strings{"heard y"});
  CHECK(good->ends.empty());
  (void)s.place.broadcast("still here");
  s.settle();
  CHECK(good->heard() == strings{"still here"});
}

TEST_CASE("what is thrown need not be an exception") {
  strings log;
  auto on = noting(log);
  on.on_message = [](const raw_connection&, std::string_view, bool) { throw 7; };
  stage s{std::move(on)};
  auto a = s.connect();
  a->say("x");
  s.settle();

  CHECK(a->ends == strings{"internal"});
  CHECK(log == strings{"open", "error an exception that is no std::exception"});
}

TEST_CASE("what a handler throws is told once, however its connection ends then, and logged with "
          "the endpoint's path") {
  strings log;
  noted_log lines;
  auto on = noting(log);
  on.on_message = [](const raw_connection&, std::string_view, bool) {
    throw std::runtime_error{"boom"};
  };
  node_options options;
  options.log = &lines;
  stage s{std::move(on), options};
  auto a = s.connect();
  a->say("x");
  s.settle();
  a->leave(1006, "", "internal"); // the client has answered no close frame
  s.settle();

  CHECK(log == strings{"open", "error boom", "close 1011 "});
  CHECK(lines.lines == strings{"endpoint: /raw in on_message: boom"});
  CHECK(s.counts.errors == 1);
}

TEST_CASE("an on_error that throws about an end is counted and logged, not told to itself") {
  strings log;
  noted_log lines;
  auto on = noting(log);
  on.on_error = [&](const raw_connection&, std::string_view what) {
    log.push_back("error " + std::string{what});
    throw std::runtime_error{"boom"};
  };
  node_options options;
  options.log = &lines;
  stage s{std::move(on), options};
  auto a = s.connect();
  a->leave(1002, "", "bad_frame");
  s.settle();

  CHECK(log == strings{"open", "error bad_frame", "close 1002 "});
  CHECK(lines.lines == strings{"endpoint: /raw in on_error: boom"});
  CHECK(s.counts.errors == 1);
}

TEST_CASE("an on_error that throws as well is counted and ends nothing more") {
  endpoint_handlers on;
  on.on_message = [](const raw_connection&, std::string_view, bool) {
    throw std::runtime_error{"boom"};
  };
  on.on_error = [](const raw_connection&, std::string_view) {
    throw std::runtime_error{"boom again"};
  };
  stage s{std::move(on)};
  auto bad = s.connect(), good = s.connect();
  bad->say("x");
  s.settle();

  CHECK(s.counts.errors == 2);
  CHECK(bad->ends == strings{"internal"});
  CHECK(good->ends.empty());
  CHECK(s.place.client_count() == 2); // it counts until its socket ends
}

TEST_CASE("a handler that throws at the end leaves its connection closed") {
  strings log;
  auto on = noting(log);
  on.on_close = [](const raw_connection&, std::uint16_t, std::string_view) {
    throw std::runtime_error{"boom"};
  };
  stage s{std::move(on)};
  auto a = s.connect(), b = s.connect();
  auto client = s.handle("0");
  a->leave();
  s.settle();

  CHECK(client.state() == connection_state::closed);
  CHECK(log == strings{"open", "open", "error boom"});
  CHECK(s.counts.errors == 1);
  CHECK(s.place.client_count() == 1);
}

// -- the end of the node --------------------------------------------------------------------------

TEST_CASE("a drain closes every client behind what was said before it") {
  auto kind = GENERATE(drain_kind::restart, drain_kind::shutdown);
  stage s{{}, two_loops()};
  auto a = s.connect(0), b = s.connect(1);
  (void)s.place.broadcast("last");
  s.owner.drain(kind, 0ms);
  s.settle();

  auto why = std::string{
    info(kind == drain_kind::restart ? protocol::errc::restart : protocol::errc::shutdown).name};
  CHECK(a->ends == strings{why});
  CHECK(b->ends == strings{why});
  CHECK(a->heard() == strings{"last"});
  CHECK(s.handle("0").state() == connection_state::closing);
}

TEST_CASE("a node that stops tells every client's end once") {
  strings log;
  stage s{noting(log)};
  auto a = s.connect(), b = s.connect();
  auto client = s.handle("0");
  s.owner.stop();

  CHECK(a->ends == strings{"terminated shutdown"});
  CHECK(log == strings{"open", "open", "close 1006 ", "close 1006 "});
  CHECK(s.place.client_count() == 0);
  CHECK(client.state() == connection_state::closed);
}

TEST_CASE("an endpoint whose node has stopped is safe and reaches nobody") {
  stage s;
  auto a = s.connect();
  auto client = s.handle("0");
  a->leave();
  s.owner.stop();

  (void)s.place.broadcast("late");
  (void)s.place.broadcast_except(client, "late");
  client.send("late");
  client.close();

  CHECK(a->heard().empty());
  CHECK(s.place.clients().empty());
}
