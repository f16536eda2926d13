#include <utility>

#include <troupe/actors/event_loop.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::actors;

// How actors that are pinned to a loop end.

namespace {

using idler_actor = compat::typed_actor<caf::result<int>(int)>;

/// Does nothing, and notes how it ends.
class idler final : public compat::pinned<idler_actor::base> {
public:
  struct record {
    std::string ends;
    std::optional<std::thread::id> ended_on;
    int failing_farewells = 0;
  };

  idler(caf::actor_config& cfg, compat::loop_context& home, record& r)
    : pinned(cfg, home), record_(&r) {}

  behavior_type make_behavior() override {
    return {[](int x) -> caf::result<int> { return x; }};
  }

private:
  void say_farewell() override {
    if (record_->failing_farewells-- > 0)
      throw std::bad_alloc{};
    record_->ends += "farewell ";
  }
  void release_state() override {
    record_->ends += home().is_current() ? "released on its loop" : "released elsewhere";
    record_->ended_on = std::this_thread::get_id();
  }

  record* record_;
};

using onlooker_actor = compat::typed_actor<caf::result<void>(caf::actor)>;

/// Watches the actors that it is told of, and notes their ends in its record.
class onlooker final : public compat::pinned<onlooker_actor::base> {
public:
  onlooker(caf::actor_config& cfg, compat::loop_context& home, idler::record& r)
    : pinned(cfg, home), record_(&r) {}

  behavior_type make_behavior() override {
    return {[this](const caf::actor& whom) {
      watch(whom, [this](const caf::error&) { record_->ends += " told"; });
    }};
  }

private:
  void release_state() override {}

  idler::record* record_;
};

struct stage {
  stage() { compat::set_worker_threads(config, 1); }
  caf::actor_system_config config;
  caf::actor_system system{config};
};

void run(event_loop& loop) {
  while (loop.run_turn()) {}
}

/// A loop with an actor that waits for messages.
struct idle_loop : stage {
  idle_loop() { run(loop); }
  event_loop loop{system, 0};
  idler::record r;
  idler_actor a = compat::spawn_on<idler>(loop, r);
};

} // namespace

TEST_CASE(
  "an actor that nobody refers to any more ends on its loop, wherever the last reference goes") {
  stage s;
  event_loop loop{s.system, 0};
  idler::record r;
  auto a = compat::spawn_on<idler>(loop, r);
  run(loop);
  CHECK(loop.pinned_actors() == 1);

  std::thread{[last = std::move(a)]() mutable { last = nullptr; }}.join();
  CHECK(r.ends.empty());
  run(loop);
  CHECK(r.ends == "farewell released on its loop");
  CHECK(loop.pinned_actors() == 0);
}

TEST_CASE("an actor whose last reference goes on its loop, in another's handler, ends in a turn of "
          "its own") {
  stage s;
  event_loop loop{s.system, 0};
  idler::record r;
  auto a = compat::spawn_on<idler>(loop, r);
  run(loop);

  loop.post([&] {
    a = nullptr;
    CHECK(r.ends.empty());
  });
  run(loop);
  CHECK(r.ends == "farewell released on its loop");
  CHECK(loop.pinned_actors() == 0);
}

TEST_CASE("who watches an actor that nobody refers to is told, once, that it is unreachable") {
  idle_loop s;
  caf::scoped_actor self{s.system};
  self->monitor(s.a);
  s.a = nullptr;
  run(s.loop);

  int told = 0;
  self->receive(
    [&](const caf::down_msg& m) {
      CHECK(m.reason == caf::exit_reason::unreachable);
      ++told;
    },
    caf::after(std::chrono::seconds{0}) >> [] {});
  CHECK(told == 1);
  CHECK(s.r.ends == "farewell released on its loop");
}

TEST_CASE(
  "who watches an actor is told of its end behind its farewell, however often that has failed") {
  stage s;
  event_loop loop{s.system, 0};
  idler::record r;
  r.failing_farewells = GENERATE(0, 1, 3);
  auto a = compat::spawn_on<idler>(loop, r);
  auto b = compat::spawn_on<onlooker>(loop, r);
  compat::anon_send(b, caf::actor_cast<caf::actor>(a));
  run(loop);

  caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  run(loop);
  CHECK(r.ends == "farewell released on its loop told");
  caf::anon_send_exit(b, caf::exit_reason::user_shutdown);
  a = nullptr;
  b = nullptr;
  run(loop);
}

TEST_CASE(
  "a loop whose threads let actors go in masses ends them all on its own thread, and stops") {
  constexpr int many = 2000;
  stage s;
  event_loop loop{s.system, 0};
  std::vector<idler::record> records(many);
  std::thread runner{[&] { loop.run(); }};
  std::vector<std::thread> others;
  for (int t = 0; t < 2; ++t)
    others.emplace_back([&, t] {
      for (int i = t; i < many; i += 2)
        (void)compat::spawn_on<idler>(loop, records[static_cast<std::size_t>(i)]);
    });
  for (auto& t : others)
    t.join();
  auto home = runner.get_id();
  loop.stop();
  runner.join();

  CHECK(loop.pinned_actors() == 0);
  for (auto& r : records)
    if (r.ends != "farewell released on its loop" || r.ended_on != home)
      FAIL("ended: " + r.ends);
}

TEST_CASE("requests that an actor has not handled at its end are answered with an error") {
  idle_loop s;
  caf::scoped_actor self{s.system};
  caf::anon_send_exit(s.a, caf::exit_reason::user_shutdown);
  auto first = compat::request(self, s.a, caf::infinite, 1);
  auto second = compat::request(self, s.a, caf::infinite, 2);
  run(s.loop);
  auto late = compat::request(self, s.a, caf::infinite, 3);

  int answers = 0, refusals = 0;
  auto answered = [&](int) { ++answers; };
  auto refused = [&](const caf::error&) { ++refusals; };
  std::move(first).receive(answered, refused);
  std::move(second).receive(answered, refused);
  std::move(late).receive(answered, refused);

  CHECK(answers == 0);
  CHECK(refusals == 3);
}

TEST_CASE("a loop that ends without running takes along the actors that nobody refers to") {
  stage s;
  idler::record r;
  {
    event_loop loop{s.system, 0};
    auto a = compat::spawn_on<idler>(loop, r);
    run(loop);
    a = nullptr;
  }
  CHECK(r.ends == "released elsewhere");
}
