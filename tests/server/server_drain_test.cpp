// What happens to work under way when a server stops, and what outlives the server. tests/node
// covers the steps of a drain.
#include <utility>

#include "server/stopping.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Pins §15.8.
TEST_CASE("an answer that is given later still comes when the server stops meanwhile") {
  fixture f;
  server s{f.options(2)};
  std::promise<transport::http_reply> asked;
  s.route_later("GET", "/later",
                [&](auto&, transport::http_reply reply) { asked.set_value(reply); });
  s.start();
  raw_client silent{s.port()}; // answers no close frame
  auto client = asking(s, "/later");
  auto reply = asked.get_future().get();

  std::thread stopper{[&] { s.stop(); }};
  ::poll(nullptr, 0, 300);
  reply.send(text("here it is"));

  CHECK(client.read_all().ends_with("here it is"));
  stopper.join();
}

// Pins §15.4, §15.8.
TEST_CASE("a request that has begun when the server stops is read and answered, as the last one") {
  fixture f;
  server s{f.options(2)};
  s.route("POST", "/echo", [](auto& r) { return text(r.body); });
  s.start();
  raw_client header{s.port(), "POST /echo HTTP/1.1\r\nHo"};
  raw_client body{s.port(), "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbo"};
  asking(s, "/healthz").await("ok"); // by then both have been read

  std::thread stopper{[&] { s.stop(); }};
  ::poll(nullptr, 0, 300);
  header.send("st: x\r\nContent-Length: 4\r\n\r\nbody");
  body.send("dy");

  for (auto* client : {&header, &body}) {
    auto answer = client->read_all();
    CHECK(answer.ends_with("\r\n\r\nbody"));
    CHECK(answer.find("Connection: close") != std::string::npos);
  }
  stopper.join();
}

// Pins §15.8.
TEST_CASE("no WebSocket waits for an HTTP answer when the server stops") {
  fixture f;
  server s{f.options(2)};
  std::promise<transport::http_reply> asked;
  s.route_later("GET", "/later",
                [&](auto&, transport::http_reply reply) { asked.set_value(reply); });
  s.start();
  raw_client socket{s.port()};
  auto client = asking(s, "/later");
  auto reply = asked.get_future().get();

  std::thread stopper{[&] { s.stop(); }};
  auto began = steady_clock::now();
  socket.await("\x88"); // its close frame
  auto waited = steady_clock::now() - began;
  reply.send(text("here it is"));

  CHECK(waited < 1s);
  CHECK(client.read_all().ends_with("here it is"));
  stopper.join();
}

// Pins §15.12.
TEST_CASE("connections that wait for another request end at once when the server stops") {
  fixture f;
  server s{f.options(2)};
  std::promise<transport::http_reply> asked;
  s.route_later("GET", "/later",
                [&](auto&, transport::http_reply reply) { asked.set_value(reply); });
  s.start();
  std::vector<raw_client> idle;
  for (int i = 0; i < 4; ++i) {
    idle.emplace_back(s.port(), "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    idle.back().await("ok");
  }
  raw_client late{s.port(), "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"};
  auto reply = asked.get_future().get();

  std::thread stopper{[&] { s.stop(); }};
  for (auto& client : idle)
    CHECK(comes([&] { return client.has_ended(); }));
  CHECK_FALSE(late.has_ended());
  reply.send(text("here it is"));

  auto answer = late.read_all();
  CHECK(answer.ends_with("here it is"));
  CHECK(answer.find("Connection: close") != std::string::npos);
  stopper.join();
}

/// The last answer of a connection could be lost to a reset, which input to a closed socket causes.
// Pins §15.8.
TEST_CASE("a server that stops waits for the end of what comes behind a refusal") {
  fixture f;
  server s{f.options(1)};
  s.start();
  raw_client uploads{s.port(), "POST /none HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"};
  uploads.await_input(); // it is refused
  std::atomic<bool> has_stopped{false};

  std::thread stopper{[&] { s.stop(), has_stopped = true; }};
  for (int i = 0; i < 12; ++i) {
    uploads.send(std::string(1000, 'x'));
    ::poll(nullptr, 0, 100);
  }

  CHECK_FALSE(has_stopped);
  CHECK(uploads.read_all().starts_with("HTTP/1.1 413"));
  CHECK(comes([&] { return has_stopped.load(); }, 3s)); // though the client keeps its socket
  stopper.join();
}

TEST_CASE("a client that keeps its socket behind the last answer delays no stop") {
  fixture f;
  server s{f.options(1)};
  s.start();
  auto client = asking(s, "/healthz");
  CHECK(client.read_all().ends_with("ok\n"));
  auto began = steady_clock::now();

  s.stop();

  CHECK(steady_clock::now() - began < 2s);
}

// Pins §15.3.
TEST_CASE("during the drain delay the server is not ready, and serves who comes") {
  fixture f;
  auto options = f.options(2);
  options.drain_delay = 700ms;
  server s{options};
  s.start();
  CHECK(asking(s, "/readyz").read_all().starts_with("HTTP/1.1 200"));

  std::thread stopper{[&] { s.stop(); }};
  ::poll(nullptr, 0, 200);
  CHECK(asking(s, "/readyz").read_all().starts_with("HTTP/1.1 503"));
  raw_client late{s.port()};
  late.send(masked_text(R"({"type":"join","roomId":"r"})"));
  late.await("joined");

  late.await("\x03\xe9"); // 1001
  stopper.join();
}

TEST_CASE("endpoints hear of the stop once the drain delay is over") {
  fixture f;
  auto options = f.options(2);
  options.drain_delay = 400ms;
  server s{options};
  std::atomic<bool> has_heard{false};
  endpoint_handlers on;
  on.on_stop = [&] { has_heard = true; };
  s.endpoint("/raw", on);
  s.start();

  std::thread stopper{[&] { s.stop(); }};
  ::poll(nullptr, 0, 150);
  CHECK_FALSE(has_heard);
  stopper.join();
  CHECK(has_heard);
}

/// The loop that accepts is kept busy, so that the port cannot close yet.
TEST_CASE("as long as somebody may still come, everybody is heard") {
  fixture f;
  auto options = f.options(2);
  options.drain_timeout = 20s; // an eighth of it for the port to close
  server s{options};
  std::promise<void> stops, busy, go;
  endpoint_handlers on;
  on.on_stop = [&] { stops.set_value(); };
  s.endpoint("/raw", on);
  s.get("/busy", [&](auto&) {
    busy.set_value();
    go.get_future().wait();
    return text("done");
  });
  s.start();
  std::vector<raw_client> clients;
  clients.emplace_back(s.port()); // on the loop that accepts; the second one is on the other
  auto& member = clients.emplace_back(s.port());
  std::string name = "r";
  while (s.node().loop_of(name) != 1)
    name += 'x';
  member.send(masked_text(R"({"type":"join","roomId":")" + name + "\"}"));
  member.await("joined");
  auto blocking = asking(s, "/busy");
  busy.get_future().wait();

  std::thread stopper{[&] { s.stop(); }};
  stops.get_future().wait();
  ::poll(nullptr, 0, 100);
  member.send(masked_text(R"({"type":"message","text":"still here"})"));
  auto is_heard = comes([&] { return member.has_ended(); }, 1s);
  CHECK_NOTHROW(raw_client{s.port(), ""});
  go.set_value();
  clients.clear();
  stopper.join();

  CHECK(is_heard);
}

// Pins §15.5.
TEST_CASE("the probes' port answers until the end") {
  fixture f;
  auto options = f.options(2);
  options.admin_bind = "127.0.0.1:0";
  options.drain_timeout = 1000ms;
  server s{options};
  s.start();
  raw_client silent{s.port()}; // answers no close frame: the drain takes its full time
  std::atomic<bool> has_stopped{false};
  auto began = steady_clock::now();

  std::thread stopper{[&] { s.stop(), has_stopped = true; }};
  ::poll(nullptr, 0, 600);

  REQUIRE(!has_stopped);
  CHECK(asking(s, "/readyz", s.admin_port()).read_all().starts_with("HTTP/1.1 503"));
  CHECK(asking(s, "/metrics", s.admin_port()).read_all().find("troupe_connections 1")
        != std::string::npos);
  CHECK_THROWS(raw_client{s.port()});
  stopper.join();
  CHECK(steady_clock::now() - began < 2s);
}

// Pins §15.7.
TEST_CASE(
  "rooms end before the goodbye, their behaviours are told, and their members of no roomClosed") {
  struct closing final : room_behavior {
    explicit closing(std::atomic<bool>& c) : closed(c) {}
    void on_close(room_context&) override {
      ::poll(nullptr, 0, 200); // longer than the goodbye takes
      closed = true;
    }
    std::atomic<bool>& closed;
  };
  fixture f;
  server s{f.options(2)};
  std::atomic<bool> closed{false};
  s.rooms("*", [&](auto) { return std::make_unique<closing>(closed); });
  s.start();
  raw_client member{s.port(),
                    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                    "Sec-WebSocket-Protocol: troupe.v1.json\r\n\r\n"};
  member.send(masked_text(R"({"type":"join","roomId":"r"})"));
  member.await("\"joined\"");

  std::thread stopper{[&] { s.stop(actors::drain_kind::restart); }};
  member.await("goodbye");
  auto closed_before = closed.load();
  auto all = member.read_all();
  stopper.join();

  CHECK(closed_before);
  CHECK(all.find("roomClosed") == std::string::npos);
}

// Pins §15.6.
TEST_CASE(
  "what was read gets half of the time at most to take effect: then rooms end all the same") {
  struct noting final : room_behavior {
    explicit noting(std::promise<steady_clock::time_point>& e) : ended(e) {}
    void on_close(room_context&) override { ended.set_value(steady_clock::now()); }
    std::promise<steady_clock::time_point>& ended;
  };
  struct blocking final : room_behavior {
    blocking(std::promise<void>& b, std::shared_future<void> g) {
      on("block", [&b, g = std::move(g)](auto&, auto&, auto&) {
        b.set_value();
        g.wait();
      });
    }
  };
  fixture f;
  auto options = f.options(2);
  options.drain_timeout = 1600ms;
  server s{options};
  std::promise<void> blocked, go;
  std::promise<steady_clock::time_point> ended;
  s.rooms("blocked:*", [&, g = go.get_future().share()](auto) {
    return std::make_unique<blocking>(blocked, g);
  });
  s.rooms("free:*", [&](auto) { return std::make_unique<noting>(ended); });
  s.start();
  auto room_on = [&](std::string name, unsigned loop) {
    while (s.node().loop_of(name) != loop)
      name += 'x';
    return name;
  };
  auto member_of = [&](const std::string& room) {
    raw_client member{s.port()};
    member.send(masked_text(R"({"type":"join","roomId":")" + room + "\"}"));
    member.await("joined");
    return member;
  };
  auto free = member_of(room_on("free:", 0)); // this loop accepts
  auto busy = member_of(room_on("blocked:", 1));
  busy.send(masked_text(R"({"type":"block"})"));
  blocked.get_future().wait();

  auto began = steady_clock::now();
  std::thread stopper{[&] { s.stop(); }};
  auto end = ended.get_future();
  auto in_time = end.wait_for(5s) == std::future_status::ready;
  go.set_value();
  stopper.join();

  REQUIRE(in_time);
  auto took = end.get() - began;
  CHECK(took >= 800ms); // half of the time, since the command never takes effect
  CHECK(took < 1200ms);
}

// -- after the end --------------------------------------------------------------------------------

TEST_CASE("a reply that is kept is void after its server") {
  fixture f;
  std::optional<transport::http_reply> kept;
  {
    auto options = f.options(2);
    options.drain_timeout = 100ms;
    server s{options};
    std::promise<void> asked;
    s.route_later("GET", "/later", [&](auto&, transport::http_reply reply) {
      kept = reply;
      asked.set_value();
    });
    s.start();
    auto client = asking(s, "/later");
    asked.get_future().wait();
  }

  kept->send(text("too late"));
  kept.reset();
}

TEST_CASE("replies, rooms and connections may be in use on other threads while their server ends") {
  for (int round = 0; round < 5; ++round) {
    fixture f;
    auto options = f.options(2);
    options.drain_timeout = 200ms;
    std::optional<server> s{std::in_place, options};
    std::mutex mutex;
    std::vector<transport::http_reply> replies;
    std::vector<raw_connection> connections;
    s->route_later("GET", "/later", [&](auto&, transport::http_reply reply) {
      std::lock_guard guard{mutex};
      replies.push_back(reply);
    });
    endpoint_handlers on;
    on.on_open = [&](const raw_connection& c) {
      std::lock_guard guard{mutex};
      connections.push_back(c);
    };
    auto at = s->endpoint("/raw", std::move(on));
    s->start();
    auto room = s->room("r");
    std::vector<raw_client> clients;
    for (int i = 0; i < 4; ++i) {
      clients.push_back(asking(*s, "/later"));
      clients.emplace_back(s->port(), raw_client::upgrade_of("/raw"));
    }
    auto is_ready = [&] {
      std::lock_guard guard{mutex};
      return replies.size() == 4 && connections.size() == 4;
    };
    for (int i = 0; i < 500 && !is_ready(); ++i)
      ::poll(nullptr, 0, 10);
    REQUIRE(is_ready());
    std::atomic<bool> done{false};
    std::vector<std::thread> users;
    for (std::size_t i = 0; i < 4; ++i)
      users.emplace_back([&, reply = replies[i], c = connections[i]] {
        while (!done) {
          reply.send(text("late"));
          c.send("x");
          (void)room.publish("x", {});
          (void)at.broadcast("x");
          std::this_thread::yield();
        }
        reply.send(text("too late"));
      });

    s.reset();

    done = true;
    for (auto& user : users)
      user.join();
    CHECK(room.publish("x", {}) == actors::publish_result::gone);
  }
}
