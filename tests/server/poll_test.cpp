// A server that its host drives from a loop of its own.
#include <utility>

#include "server/stopping.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using actors::drain_kind;
using std::chrono::steady_clock;

namespace {

/// Runs `f`, which plays clients, on a thread of its own while this one polls the server, which it
/// does until `f` has returned. Returns whether the server still runs.
template <class F>
bool poll_beside(server& s, F f) {
  auto clients = std::async(std::launch::async, std::move(f));
  auto runs = true;
  while (clients.wait_for(0s) != std::future_status::ready && runs)
    runs = s.poll(5ms);
  while (clients.wait_for(0s) != std::future_status::ready)
    std::this_thread::sleep_for(1ms);
  clients.get();
  return runs;
}

/// Polls until the server has stopped; returns whether that is soon.
bool polls_to_its_end(server& s) {
  for (auto until = steady_clock::now() + 10s; steady_clock::now() < until;)
    if (!s.poll(1s))
      return true;
  return false;
}

std::string said_by(const std::function<void()>& f) {
  try {
    f();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing";
}

/// Notes on which thread its hooks run.
struct tattler final : room_behavior {
  explicit tattler(std::set<std::thread::id>& t) : threads(t) {
    note();
    on("say", [this](room_context& room, const member&, const application_message&) {
      note();
      room.broadcast("said", {});
    });
  }
  ~tattler() override { note(); }
  void on_join(room_context&, const member&) override { note(); }
  void on_leave(room_context&, const member&, leave_reason) override { note(); }
  void on_close(room_context&) override { note(); }
  void note() { threads.insert(std::this_thread::get_id()); }
  std::set<std::thread::id>& threads;
};

std::set<std::string> names_of_threads() {
  std::set<std::string> names;
  for (auto& task : std::filesystem::directory_iterator{"/proc/self/task"}) {
    std::ifstream file{task.path() / "comm"};
    std::string name;
    std::getline(file, name);
    names.insert(name);
  }
  return names;
}

} // namespace

TEST_CASE("a server that is polled serves sockets, and all its handlers run on that thread") {
  fixture f;
  std::set<std::thread::id> threads;
  {
    auto options = f.options();
    options.authorize_upgrade = [&](auto&) {
      threads.insert(std::this_thread::get_id());
      return transport::upgrade_decision::accept();
    };
    server s{options};
    s.rooms("r", [&](auto) { return std::make_unique<tattler>(threads); });
    s.get("/x", [&](auto&) {
      threads.insert(std::this_thread::get_id());
      return text("served");
    });
    endpoint_handlers on;
    on.on_listening = on.on_stop = [&] { threads.insert(std::this_thread::get_id()); };
    (void)s.endpoint("/raw", std::move(on));
    s.start_polled();
    CHECK_FALSE(names_of_threads().contains("troupe loop"));
    CHECK_FALSE(names_of_threads().contains("troupe stop"));

    auto runs = poll_beside(s, [port = s.port()] {
      auto ann = raw_client::of_v1(port);
      ann.send(masked_text(R"({"type":"join","roomId":"r"})"));
      ann.await("joined");
      ann.send(masked_text(R"({"type":"say"})"));
      ann.await("said");
      raw_client http{port, "GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"};
      CHECK(http.read_all().ends_with("served"));
    });
    CHECK(runs);
    s.request_stop();
    CHECK(polls_to_its_end(s));
    CHECK_FALSE(s.poll(10s)); // nor later
  }
  CHECK(threads == std::set{std::this_thread::get_id()});
}

TEST_CASE("a message from a socket ends the wait of a poll, as does a call from another thread") {
  fixture f;
  server s{f.options()};
  s.rooms("r", [](auto) { return std::make_unique<room_behavior>(); });
  s.start_polled();
  std::optional<raw_client> ann;
  poll_beside(s, [&] {
    ann.emplace(raw_client::of_v1(s.port()));
    ann->send(masked_text(R"({"type":"join","roomId":"r"})"));
    ann->await("joined");
  });
  auto room = s.room("r");

  // A timer of the server's may end a wait, too: so it is polled until the client has its answer.
  for (auto from_thread : {true, false}) {
    auto heard = std::async(std::launch::async, [&] {
      std::this_thread::sleep_for(30ms);
      if (from_thread)
        (void)room.publish("x", {});
      else
        ann->send(masked_text(R"({"type":"message","text":"x"})"));
      ann->await(from_thread ? R"("type":"x")" : R"("text":"x")");
    });
    auto began = steady_clock::now();
    auto runs = true;
    while (heard.wait_for(0s) != std::future_status::ready)
      runs = s.poll(60s) && runs;
    CHECK(runs);
    CHECK(steady_clock::now() - began < 30s);
    heard.get();
  }
}

TEST_CASE("with nothing to do, a poll takes the time that it was given and no more") {
  fixture f;
  server s{f.options()};
  s.start_polled();
  (void)s.poll(0ms);
  auto began = steady_clock::now();
  CHECK(s.poll(0ms));
  CHECK(steady_clock::now() - began < 1s);
  for (began = steady_clock::now(); steady_clock::now() - began < 50ms;)
    CHECK(s.poll(50ms));
  CHECK(steady_clock::now() - began < 1s);
}

TEST_CASE("a stop is carried out by the next polls, in order, whoever asks for it") {
  auto where = GENERATE(as<std::string>{}, "http", "late http", "room", "endpoint", "thread");
  fixture f;
  server s{f.options()};
  set_up_callers(s, [&] { s.request_stop(); });
  s.start_polled();
  auto room = s.room("r");

  std::vector<raw_client> open;
  auto asked = std::async(std::launch::async, [&] {
    if (where == "thread")
      s.request_stop();
    else
      open = call_from(s, where);
  });
  CHECK(polls_to_its_end(s));
  asked.get();
  CHECK(room.publish("x", {}) == actors::publish_result::gone);
  if (where == "room" || where == "endpoint")
    CHECK(open.back().read_all().size() > 0); // its close frame
}

TEST_CASE("a stop tells clients goodbye while the host goes on polling") {
  fixture f;
  server s{f.options()};
  s.rooms("r", [](auto) { return std::make_unique<room_behavior>(); });
  s.start_polled();
  std::optional<raw_client> ann;
  poll_beside(s, [&] { ann.emplace(raw_client::of_v1(s.port())); });

  auto heard = std::async(std::launch::async, [&] { return ann->read_all(); });
  s.request_stop(drain_kind::restart);
  CHECK(polls_to_its_end(s));
  auto all = heard.get();
  CHECK(all.find("goodbye") != std::string::npos);
  CHECK(all.find("restart") != std::string::npos);
}

TEST_CASE("stop on the thread that polls drives the server to its end") {
  fixture f;
  std::set<std::thread::id> threads;
  server s{f.options()};
  s.rooms("r", [&](auto) { return std::make_unique<tattler>(threads); });
  s.start_polled();
  std::optional<raw_client> ann;
  poll_beside(s, [&] {
    ann.emplace(raw_client::of_v1(s.port()));
    ann->send(masked_text(R"({"type":"join","roomId":"r"})"));
    ann->await("joined");
  });
  auto heard = std::async(std::launch::async, [&] { return ann->read_all(); });

  s.stop();
  CHECK_FALSE(s.poll(10s));
  CHECK(heard.get().find("goodbye") != std::string::npos);
  CHECK(threads == std::set{std::this_thread::get_id()});
  s.stop(); // nothing is left to do
}

TEST_CASE("stop on another thread waits until polls have carried it out") {
  fixture f;
  server s{f.options()};
  s.start_polled();
  std::atomic<bool> stopped{false};
  std::thread other{[&] {
    s.stop();
    stopped = true;
  }};
  CHECK_FALSE(stopped);
  CHECK(polls_to_its_end(s));
  other.join();
  CHECK(stopped);
}

TEST_CASE("stop inside on_stop of a server that is polled does nothing") {
  fixture f;
  server s{f.options()};
  std::string said;
  endpoint_handlers on;
  on.on_stop = [&] {
    s.stop();
    said = said_by([&] { (void)s.poll(0ms); });
  };
  (void)s.endpoint("/raw", std::move(on));
  s.start_polled();
  s.stop();
  CHECK(said.find("within a handler") != std::string::npos);
}

TEST_CASE("a server that is destroyed between polls, or was never polled, ends in order") {
  for (auto polls : {0, 1, 2}) {
    fixture f;
    tracer of_server;
    auto options = f.options();
    trace(options, of_server);
    std::set<std::thread::id> threads;
    auto s = std::make_unique<server>(std::move(options));
    s->rooms("r", [&](auto) { return std::make_unique<tattler>(threads); });
    s->start_polled();
    auto room = s->room("r");
    if (polls > 0)
      (void)s->poll(0ms);
    if (polls > 1) { // in the middle of a stop
      s->request_stop();
      (void)s->poll(0ms);
    }
    s.reset();
    CHECK(of_server.goes());
    CHECK(room.publish("x", {}) == actors::publish_result::gone);
  }
}

TEST_CASE("a server that is destroyed on another thread than it was polled on ends there") {
  fixture f;
  auto s = std::make_unique<server>(f.options());
  s->start_polled();
  (void)s->poll(0ms);
  std::thread{[&] { s.reset(); }}.join();
  CHECK(s == nullptr);
}

TEST_CASE("a server that a handler destroys says so, ends on a thread of its own, and its poll "
          "returns") {
  auto where = GENERATE(as<std::string>{}, "http", "room", "endpoint", "on_stop");
  fixture f;
  tracer of_server;
  auto options = f.options();
  options.drain_timeout = 500ms;
  trace(options, of_server);
  auto s = std::make_unique<server>(std::move(options));
  auto destroy = [&] { s.reset(); };
  set_up_callers(*s, [&] {
    if (where != "on_stop")
      destroy();
  });
  endpoint_handlers on;
  on.on_stop = [&] {
    if (where == "on_stop")
      destroy();
  };
  (void)s->endpoint("/other", std::move(on));
  s->start_polled();
  auto port = s->port();
  std::vector<raw_client> open;
  auto clients = std::async(std::launch::async, [&, port] {
    if (where == "on_stop")
      return;
    if (where == "http") {
      open.push_back(raw_client{port, "GET /call HTTP/1.1\r\nHost: x\r\n\r\n"});
      return;
    }
    open.emplace_back(port, raw_client::upgrade_of(where == "room" ? "/" : "/raw"));
    open.back().await("\r\n\r\n");
    if (where == "room") {
      open.back().send(masked_text(R"({"type":"join","roomId":"r"})"));
      open.back().await("joined");
      open.back().send(masked_text(R"({"type":"call"})"));
    } else {
      open.back().send(masked_text("call"));
    }
  });

  if (where == "on_stop")
    s->request_stop();
  auto* before = s.get();
  auto goes_on = true;
  for (auto until = steady_clock::now() + 10s; s && steady_clock::now() < until;)
    goes_on = before->poll(50ms);
  CHECK_FALSE(s);
  CHECK_FALSE(goes_on);
  CHECK(f.log.gets("it ends on a thread of its own"));
  CHECK(of_server.goes());
  clients.get();
}

TEST_CASE("SIGTERM stops a server that is polled, unless the host hears signals itself") {
  for (auto owner : {signal_owner::server, signal_owner::host}) {
    fixture f;
    static std::atomic<int> of_host;
    of_host = 0;
    struct sigaction own {
    }, before{};
    own.sa_handler = [](int) { ++of_host; };
    ::sigaction(SIGTERM, &own, &before);
    {
      server s{f.options()};
      s.start_polled(owner);
      ::kill(::getpid(), SIGTERM);
      if (owner == signal_owner::server)
        CHECK(polls_to_its_end(s));
      else
        CHECK(comes([&] { return s.poll(1ms) && of_host == 1; }));
    }
    CHECK(of_host == (owner == signal_owner::host ? 1 : 0));
    struct sigaction now {};
    ::sigaction(SIGTERM, &before, &now);
    CHECK(now.sa_handler == own.sa_handler); // the host's is back
  }
}

TEST_CASE("mistakes with polls are refused with a sentence, and hurt nothing") {
  fixture f;
  auto two_loops = f.options(2);
  server many{two_loops};
  CHECK(said_by([&] { many.start_polled(); }).find("node.loops gives 2") != std::string::npos);
  many.start(); // as it stands
  CHECK(said_by([&] { (void)many.poll(0ms); }).find("call start_polled") != std::string::npos);
  CHECK(said_by([&] { many.start_polled(); }) != "nothing");

  server started{f.options()};
  started.start();
  CHECK(said_by([&] { started.start_polled(); }).find("started already") != std::string::npos);
  CHECK(said_by([&] { (void)started.poll(0ms); }).find("call start_polled") != std::string::npos);

  server s{f.options()};
  CHECK(said_by([&] { (void)s.poll(0ms); }).find("call start_polled") != std::string::npos);
  std::string inside;
  s.get("/poll", [&](auto&) {
    inside = said_by([&] { (void)s.poll(0ms); });
    return text("polled");
  });
  s.start_polled();
  CHECK(said_by([&] { s.start(); }).find("started already") != std::string::npos);
  CHECK(said_by([&] { s.start_polled(); }).find("started already") != std::string::npos);
  CHECK(said_by([&] { (void)s.run(); }).find("polled") != std::string::npos);
  CHECK(said_by([&] { s.rooms("r", [](auto) { return std::make_unique<room_behavior>(); }); })
        != "nothing");
  std::thread{[&] {
    CHECK(said_by([&] { (void)s.poll(0ms); }).find("thread that has called") != std::string::npos);
  }}.join();
  CHECK(poll_beside(s, [&] { CHECK(asking(s, "/poll").read_all().ends_with("polled")); }));
  CHECK(inside.find("within a handler") != std::string::npos);
}

TEST_CASE("a port that is taken fails start_polled, which may be tried again") {
  fixture f;
  server first{f.options()};
  first.start_polled();
  auto options = f.options();
  options.port = first.port();
  server second{options};
  CHECK_THROWS_AS(second.start_polled(), std::system_error);
  first.stop();
  second.start_polled();
  CHECK(poll_beside(
    second, [&] { CHECK(asking(second, "/healthz").read_all().starts_with("HTTP/1.1 200")); }));
}

TEST_CASE("what on_listening throws passes on out of start_polled, and the server has stopped") {
  fixture f;
  server s{f.options()};
  endpoint_handlers on;
  on.on_listening = [] { throw std::runtime_error{"no"}; };
  (void)s.endpoint("/raw", std::move(on));
  CHECK_THROWS_WITH(s.start_polled(), "no");
  CHECK_FALSE(s.poll(10s));
}

TEST_CASE("a host that does not poll for long is named by the watchdog") {
  fixture f;
  server s{f.options()};
  s.start_polled();
  (void)s.poll(0ms);
  CHECK(f.log.gets("code between polls has been running for"));
  CHECK(s.poll(0ms));
}
