// What a loop reports of the handler that runs, and the gate through which other threads reach it.
#include <utility>

#include <troupe/actors/event_loop.hpp>
#include <troupe/testing/manual_clock.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

struct kept_log final : protocol::logger {
  void write(protocol::log_level, std::string_view, std::string_view text) noexcept override {
    lines.emplace_back(text);
  }
  std::vector<std::string> lines;
};

struct stage {
  stage() { options.log = &log; }

  caf::actor_system_config config;
  caf::actor_system system{configured(config)};
  kept_log log;
  loop_options options;

private:
  static caf::actor_system_config& configured(caf::actor_system_config& c) {
    compat::set_worker_threads(c, 1);
    return c;
  }
};

struct stranger final : compat::pinned<caf::event_based_actor> {
  using pinned::pinned;
  caf::behavior make_behavior() override {
    return {[](int) {}};
  }
  const char* name() const override { return "game.ai"; }
  void release_state() override {}
};

} // namespace

TEST_CASE("a handler that took long is reported with what it was about") {
  stage s;
  s.options.long_turn = 10ms;
  event_loop loop{s.system, 0, s.options};
  loop.post([&] {
    loop.concerns("GET /slow", "http");
    std::this_thread::sleep_for(30ms);
  });

  loop.run_turn();

  REQUIRE(s.log.lines.size() == 1);
  CHECK(s.log.lines[0].starts_with("http (GET /slow) ran for "));
}

TEST_CASE("what one handler was about is not said of the next") {
  stage s;
  s.options.long_turn = 10ms;
  event_loop loop{s.system, 0, s.options};
  loop.post([&] { loop.concerns("GET /quick", "http"); });
  loop.post([] { std::this_thread::sleep_for(30ms); });

  loop.run_turn();

  REQUIRE(s.log.lines.size() == 1);
  CHECK(s.log.lines[0].starts_with("handler ran for "));
}

TEST_CASE("of a long subject the start is kept, whatever was there before") {
  stage s;
  event_loop loop{s.system, 0, s.options};

  for (std::size_t size : {200u, 96u, 95u, 17u, 8u, 7u, 0u}) {
    loop.concerns(std::string(size, 'x'), "http");
    CHECK(loop.now_running().subject == std::string(std::min<std::size_t>(size, 96), 'x'));
  }
}

TEST_CASE("another thread may look at what runs while it changes") {
  stage s;
  event_loop loop{s.system, 0, s.options};
  std::atomic<bool> done{false};
  auto sees = std::async(std::launch::async, [&] {
    while (!done)
      (void)loop.now_running().text();
  });

  for (int i = 0; i < 1000; ++i) {
    loop.post(
      [&, i] { loop.concerns(std::string(static_cast<std::size_t>(i % 100), 'x'), "http"); });
    loop.run_turn();
  }
  done = true;
  sees.get();

  CHECK(loop.now_running().text().starts_with("h"));
}

TEST_CASE("a gate lets in while it is open, and closing waits for who is inside") {
  int behind = 0;
  gate<int> g{behind};
  std::promise<void> inside, may_leave;
  std::atomic<bool> has_left{false};

  CHECK(g.enter([](int& n) { ++n; }));
  std::thread visitor{[&] {
    g.enter([&](int&) {
      inside.set_value();
      may_leave.get_future().wait();
      has_left = true;
    });
  }};
  inside.get_future().wait();
  auto closes = std::async(std::launch::async, [&] {
    g.close();
    return has_left.load();
  });
  may_leave.set_value();
  visitor.join();

  CHECK(closes.get());
  CHECK(!g.enter([](int& n) { ++n; }));
  CHECK(!g.is_open());
  CHECK(behind == 1);
}

TEST_CASE("a loop's entrance closes when it has run, and when it goes") {
  stage s;
  std::shared_ptr<gate<event_loop>> entrance;
  {
    event_loop loop{s.system, 0, s.options};
    entrance = loop.entrance();
    loop.stop();
    CHECK(entrance->is_open());
    loop.run();
    CHECK(!entrance->is_open());
  }
  {
    event_loop loop{s.system, 0, s.options};
    entrance = loop.entrance();
  }
  CHECK(!entrance->is_open());
}

TEST_CASE("strangers that keep a loop from its end are named, eight at most, and asked to exit") {
  stage s;
  event_loop loop{s.system, 3, s.options};
  std::vector<caf::actor> all;
  for (int i = 0; i < 10; ++i)
    all.push_back(caf::actor_cast<caf::actor>(compat::spawn_on<stranger>(loop)));
  loop.run_turn();

  loop.dismiss_strangers();
  while (loop.run_turn()) {}

  REQUIRE(s.log.lines.size() == 1);
  CHECK(s.log.lines[0].starts_with(
    "loop 3 cannot end yet: actors of the application's are pinned to it: game.ai, "));
  CHECK(s.log.lines[0].ends_with(" and others, 10 in all"));
  CHECK(loop.pinned_actors() == 0);
  loop.dismiss_strangers();
  CHECK(s.log.lines.size() == 1);
}
