// A handler that blocks its loop is named, and the end of the server waits for it.
#include <utility>

#include "server/stopping.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <string>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

TEST_CASE("a handler that blocks its loop is named after a second or so, with what it is about") {
  auto [where, name] = GENERATE(table<std::string, std::string>({
    {"http", "http (GET /call) has been running"},
    {"late http", "http (GET /call_late) has been running"},
    {"room", "troupe.room (r) has been running"},
    {"endpoint", "troupe.raw_connection (/raw) has been running"},
  }));
  fixture f;
  server s{f.options()};
  std::promise<void> may_go_on;
  std::promise<void> is_blocked;
  set_up_callers(s, [&] {
    is_blocked.set_value();
    may_go_on.get_future().wait();
  });
  s.start();

  auto open = call_from(s, where);
  is_blocked.get_future().wait();
  auto began = steady_clock::now();
  CHECK(f.log.gets(name));
  CHECK(steady_clock::now() - began < 2500ms);
  may_go_on.set_value();
}

TEST_CASE("a loop that has nothing to do is not named") {
  fixture f;
  server s{f.options(2)};
  s.start();
  auto client = raw_client{s.port()};

  ::poll(nullptr, 0, 2500);

  CHECK(!f.log.has("has been running"));
}

TEST_CASE("a stop from outside waits for a handler that blocks, beyond the drain's time, and not "
          "for ever") {
  fixture f;
  auto options = f.options(2);
  options.drain_timeout = 100ms;
  server s{options};
  std::promise<void> is_blocked;
  s.get("/block", [&](auto&) {
    is_blocked.set_value();
    std::this_thread::sleep_for(700ms);
    return text("done");
  });
  s.start();
  auto client = asking(s, "/block");
  is_blocked.get_future().wait();
  auto began = steady_clock::now();

  s.stop();

  CHECK(steady_clock::now() - began > 400ms);
  CHECK(steady_clock::now() - began < 3s);
}

// -- actors of the application's ------------------------------------------------------------------

namespace {

struct stranger final : compat::pinned<caf::event_based_actor> {
  using pinned::pinned;
  caf::behavior make_behavior() override {
    return {[](int) {}};
  }
  const char* name() const override { return "game.ai"; }
  void release_state() override {}
};

} // namespace

TEST_CASE("an actor of the application's that is pinned to a loop at its stop is named after a "
          "second, and asked to exit") {
  auto is_started = GENERATE(true, false);
  fixture f;
  caf::actor_system_config config;
  compat::set_worker_threads(config, 1);
  caf::actor_system system{config};
  server s{system, f.options()};
  auto handle = compat::spawn_on<stranger>(s.node().loop(0));
  if (is_started)
    s.start();

  s.stop();

  CHECK(f.log.has("loop 0 cannot end yet: actors of the application's are pinned to it: game.ai"));
  CHECK(s.node().loop(0).pinned_actors() == 0);
}
