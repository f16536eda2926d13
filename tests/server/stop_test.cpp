// How a server ends: from where it is told to stop, and how often.
#include <utility>

#include "server/stopping.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

TEST_CASE("run returns once another thread has stopped the server") {
  fixture f;
  server s{f.options()};
  running r{s};

  s.stop();

  CHECK(r.ends());
}

TEST_CASE("run returns once a stop was asked for, by any handler or thread") {
  auto where = GENERATE(as<std::string>{}, "http", "late http", "room", "endpoint", "thread");
  fixture f;
  server s{f.options(2)};
  set_up_callers(s, [&] { s.request_stop(); });
  running r{s};

  std::vector<raw_client> open;
  if (where == "thread")
    std::thread{[&] { s.request_stop(); }}.join();
  else
    open = call_from(s, where);
  open.clear();

  CHECK(r.ends());
}

TEST_CASE("a stop that was asked for happens without run, too") {
  fixture f;
  server s{f.options()};
  s.start();
  auto room = s.room("r");

  s.request_stop();

  CHECK(comes([&] { return room.publish("x", {}) == actors::publish_result::gone; }));
}

TEST_CASE(
  "a stop that was asked for before or while the server starts happens once it has started") {
  auto before = GENERATE(true, false);
  fixture f;
  server s{f.options()};
  endpoint_handlers on;
  on.on_listening = [&] { s.request_stop(); };
  (void)s.endpoint("/raw", std::move(on));
  if (before)
    s.request_stop();

  auto code = std::async(std::launch::async, [&] { return s.run(); });

  REQUIRE(code.wait_for(10s) == std::future_status::ready);
  CHECK(code.get() == 0);
}

TEST_CASE("stop and run on a loop are refused with a sentence, and the server serves on") {
  auto where = GENERATE(as<std::string>{}, "http", "late http", "room", "endpoint");
  auto call = GENERATE(as<std::string>{}, "stop", "run", "node");
  fixture f;
  server s{f.options(2)};
  std::promise<std::string> said;
  set_up_callers(s, [&] {
    try {
      call == "stop" ? s.stop() : call == "run" ? void(s.run()) : s.node().stop();
      said.set_value("nothing");
    } catch (const std::logic_error& e) {
      said.set_value(e.what());
    }
  });
  s.start();

  auto open = call_from(s, where);

  CHECK(said.get_future().get().find("wait for itself") != std::string::npos);
  CHECK(asking(s, "/healthz").read_all().starts_with("HTTP/1.1 200"));
}

TEST_CASE("a server that is destroyed on its own loop says so and ends on a thread of its own") {
  auto where = GENERATE(as<std::string>{}, "http", "late http", "room", "endpoint");
  fixture f;
  tracer of_server;
  auto options = f.options(2);
  options.drain_timeout = 500ms;
  trace(options, of_server);
  auto s = std::make_unique<server>(std::move(options));
  std::promise<void> destroyed;
  set_up_callers(*s, [&] {
    s.reset();
    destroyed.set_value();
  });
  s->start();
  auto room = s->room("r");
  auto port = s->port();

  auto open = call_from(*s, where);

  REQUIRE(destroyed.get_future().wait_for(5s) == std::future_status::ready);
  CHECK(f.log.has("it ends on a thread of its own"));
  CHECK(of_server.goes());
  CHECK(room.publish("x", {}) == actors::publish_result::gone);
  CHECK_THROWS(raw_client{port});
  for (auto& client : open)
    (void)client.read_all(); // until it has ended
}

TEST_CASE("a server that is destroyed by its on_stop ends all the same") {
  fixture f;
  tracer of_server;
  auto options = f.options();
  options.drain_timeout = 500ms;
  trace(options, of_server);
  auto s = std::make_unique<server>(std::move(options));
  endpoint_handlers on;
  on.on_stop = [&] { s.reset(); };
  (void)s->endpoint("/raw", std::move(on));
  s->start();
  auto room = s->room("r");
  auto port = s->port();
  raw_client client{port};

  s->request_stop();

  CHECK(of_server.goes());
  CHECK(f.log.has("it ends on a thread of its own"));
  CHECK(room.publish("x", {}) == actors::publish_result::gone);
  CHECK_THROWS(raw_client{port});
  (void)client.read_all(); // until it has ended
}

TEST_CASE("a node that is destroyed on its own loop ends on a thread of its own, too, and refuses "
          "to be stopped there") {
  fixture f;
  caf::actor_system_config config;
  compat::set_worker_threads(config, 1);
  caf::actor_system system{config};
  tracer of_node;
  actors::node_options options;
  options.log = &f.log;
  options.verify_token = [laid = of_node.lay()](auto, auto) { return nullptr; };
  auto node = std::make_unique<actors::node>(system, std::move(options));
  auto room = node->room("r");
  std::promise<bool> refused;
  node->start();

  node->loop(0).post([&] {
    auto is_refused = false;
    try {
      node->stop();
    } catch (const std::logic_error&) {
      is_refused = true;
    }
    node.reset();
    refused.set_value(is_refused);
  });

  CHECK(refused.get_future().get());
  CHECK(f.log.has("it ends on a thread of its own"));
  CHECK(of_node.goes());
  CHECK(room.publish("x", {}) == actors::publish_result::gone);
}

// -- how often ------------------------------------------------------------------------------------

TEST_CASE("who stops a server that is being stopped returns when it has ended") {
  fixture f;
  auto options = f.options(2);
  options.drain_timeout = 400ms;
  server s{options};
  endpoint_handlers on;
  on.on_stop = [&] {
    s.stop(); // this thread stops it already, so the call does not wait
    s.request_stop();
  };
  (void)s.endpoint("/raw", std::move(on));
  s.start();
  raw_client silent{s.port()}; // answers no close frame, so the end takes its full time

  std::vector<std::thread> threads;
  std::atomic<int> early{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      s.stop();
      early += s.node().stats().connections > 0 ? 1 : 0;
    });
  for (auto& t : threads)
    t.join();

  CHECK(early == 0);
  s.stop();
}

TEST_CASE("a stop while the server starts stops it once it has") {
  for (int round = 0; round < 10; ++round) {
    fixture f;
    server s{f.options(2)};
    std::thread stopper{[&] { s.stop(); }};
    try {
      s.start();
    } catch (const std::logic_error&) {
      // The stop came first.
    }
    stopper.join();
    CHECK(s.room("r").publish("x", {}) == actors::publish_result::gone);
  }
}

TEST_CASE("a server that was stopped does not run, and is never ready") {
  auto was_started = GENERATE(false, true);
  fixture f;
  server s{f.options()};
  if (was_started)
    s.start();
  s.stop();
  int ready = 0;

  CHECK(s.run([&] { ++ready; }) == 0);
  CHECK(ready == 0);
  CHECK_THROWS_AS(s.start(), std::logic_error);
}

TEST_CASE("a server that is started by run is ready once, also where it was asked to stop before") {
  auto is_asked = GENERATE(false, true);
  fixture f;
  server s{f.options()};
  if (is_asked)
    s.request_stop();
  int ready = 0;

  CHECK(s.run([&] {
    ++ready;
    s.request_stop();
  }) == 0);
  CHECK(ready == 1);
}

TEST_CASE("a server that was started and then asked to stop is not ready any more") {
  fixture f;
  server s{f.options()};
  s.start();
  s.request_stop();
  int ready = 0;

  CHECK(s.run([&] { ++ready; }) == 0);
  CHECK(ready == 0);
}
