#include <utility>

#include "await_sleep.hpp"

#include <troupe/actors/event_loop.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

struct word {
  std::string text;
};

struct sign {
  int number = 0;
};

} // namespace

CAF_BEGIN_TYPE_ID_BLOCK(dispatch_test, 5000)
CAF_ADD_TYPE_ID(dispatch_test, (word))
CAF_ADD_TYPE_ID(dispatch_test, (sign))
CAF_END_TYPE_ID_BLOCK(dispatch_test)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(word)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(sign)

namespace {

[[maybe_unused]] const bool has_types =
  (compat::register_messages<caf::id_block::dispatch_test>(), true);

using listener_actor =
  compat::typed_actor<caf::result<void>(word), caf::result<void>(sign), caf::result<void>(int)>;

} // namespace

template <class T>
struct troupe::compat::dispatched_base<listener_actor, T> {
  using type = dispatched<listener_actor::base, word, sign>;
};

namespace {

/// Notes what it hears, and then calls the test's function.
class listener final : public compat::dispatched_base<listener_actor, word>::type {
public:
  struct record {
    std::vector<std::string> heard;
    std::function<void(listener&, const word&)> then = [](listener&, const word&) {};
    const char* name = "listener";
    bool handler_fails = false;
    std::string failed_with;
    bool released = false;
  };

  listener(caf::actor_config& cfg, compat::loop_context& home, record& r)
    : dispatched(cfg, home), record_(r) {}

  const char* name() const override { return record_.name; }

  behavior_type make_behavior() override {
    set_exception_handler([this](std::exception_ptr& thrown) -> caf::error {
      try {
        std::rethrow_exception(thrown);
      } catch (const std::exception& e) {
        record_.failed_with = e.what();
      }
      if (record_.handler_fails)
        throw std::runtime_error{"failed again"};
      return caf::sec::runtime_error;
    });
    return {
      [this](word& w) { handle(w); },
      [this](sign& s) { handle(s); },
      [this](int number) { record_.heard.push_back(std::to_string(number)); },
    };
  }

private:
  void handle(word& w) override {
    compat::acquire_annotation(this); // the message may have come while the actor was running
    record_.heard.push_back(w.text);
    record_.then(*this, w);
  }
  void handle(sign& s) override { record_.heard.push_back("sign " + std::to_string(s.number)); }
  void release_state() override { record_.released = true; }

  record& record_;
};

/// Notes the names of the actors that ran for too long.
struct long_turn_names final : protocol::event_counters {
  void count(protocol::counter what, std::string_view label, std::uint64_t) noexcept override {
    if (what == protocol::counter::long_turns)
      names.emplace_back(label);
  }
  std::vector<std::string> names;
};

/// A loop whose turns the test runs, with actors that wait for their first message.
struct stage {
  stage() { compat::set_worker_threads(config, 1); }
  loop_options options() {
    loop_options o;
    o.long_turn = 100ms;
    o.counters = &long_turns;
    return o;
  }
  ~stage() {
    for (auto& a : actors)
      caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    while (loop.run_turn()) {}
  }

  listener_actor add(listener::record& r) {
    auto a = compat::spawn_on<listener>(loop, r);
    actors.push_back(a);
    while (loop.run_turn()) {}
    return a;
  }

  /// Runs `work` in a turn of the loop.
  void in_turn(std::function<void()> work) {
    loop.post(std::move(work));
    loop.run_turn();
  }

  long_turn_names long_turns;
  caf::actor_system_config config;
  caf::actor_system system{config};
  event_loop loop{system, 0, options()};
  std::vector<listener_actor> actors;
};

using texts = std::vector<std::string>;

struct hearing {
  texts at_once; ///< what it heard before `dispatch` returned
  texts in_all;
};

/// Dispatches "go" to an actor, and calls `say` while the actor handles it. Returns what it hears.
hearing heard_around(const std::function<void(const listener_actor&)>& say) {
  listener::record r;
  stage s;
  auto a = s.add(r);
  r.then = [&](listener&, const word& w) {
    if (w.text == "go")
      say(a);
  };
  hearing heard;
  s.in_turn([&] {
    compat::dispatch(a, word{"go"});
    heard.at_once = r.heard;
  });
  heard.in_all = r.heard;
  return heard;
}

} // namespace

TEST_CASE(
  "an actor that waits handles what is dispatched before dispatch returns, on its loop only") {
  listener::record r;
  stage s;
  auto a = s.add(r);
  compat::dispatch(a, word{"outside"});
  CHECK(r.heard.empty());
  s.loop.run_turn();
  CHECK(r.heard == texts{"outside"});
  s.in_turn([&] {
    compat::dispatch(a, word{"inside"});
    CHECK(r.heard == texts{"outside", "inside"});
  });
}

TEST_CASE("what is dispatched comes after all that was sent before") {
  listener::record r;
  stage s;
  auto a = s.add(r);
  s.in_turn([&] {
    compat::anon_send(a, 1);
    compat::dispatch(a, word{"2"});
    compat::anon_send(a, 3);
    CHECK(r.heard.empty());
  });
  CHECK(r.heard == texts{"1", "2", "3"});
}

TEST_CASE("an actor is not entered while it handles a message, however that came") {
  listener::record one, two;
  stage s;
  auto a = s.add(one);
  auto b = s.add(two);
  one.then = [&](listener&, const word& w) {
    if (w.text == "go")
      compat::dispatch(b, word{"through"});
    one.heard.push_back("end of " + w.text);
  };
  two.then = [&](listener&, const word&) { compat::dispatch(a, word{"back"}); };
  auto expected = texts{"go", "end of go", "back", "end of back"};
  SECTION("by dispatch") {
    s.in_turn([&] { compat::dispatch(a, word{"go"}); });
  }
  SECTION("by its mailbox") {
    s.in_turn([&] { compat::anon_send(a, word{"go"}); });
  }
  CHECK(one.heard == expected);
  CHECK(two.heard == texts{"through"});
}

TEST_CASE("what is dispatched to an actor that has been entered follows at once, before all that "
          "comes later") {
  listener::record one, two;
  stage s;
  auto a = s.add(one);
  auto b = s.add(two);
  one.then = [&](listener&, const word& w) {
    if (w.text != "go")
      return;
    compat::dispatch(b, word{"question"});
    compat::dispatch(a, word{"2"});
    compat::anon_send(a, 3);
    compat::dispatch(a, word{"4"});
    CHECK(one.heard == texts{"go"});
  };
  two.then = [&](listener&, const word&) { compat::dispatch(a, word{"1"}); };
  s.in_turn([&] {
    compat::dispatch(a, word{"go"});
    CHECK(one.heard == texts{"go", "1"});
  });
  CHECK(one.heard == texts{"go", "1", "2", "3", "4"});
}

TEST_CASE("what is dispatched to an actor that has been entered comes after what was sent to it "
          "meanwhile") {
  auto heard = heard_around([](const listener_actor& a) {
    compat::anon_send(a, 1);
    compat::dispatch(a, word{"2"});
  });
  CHECK(heard.at_once == texts{"go"});
  CHECK(heard.in_all == texts{"go", "1", "2"});
}

TEST_CASE("messages of different types keep their order, whichever of them waits inside") {
  auto heard = heard_around([](const listener_actor& a) {
    compat::dispatch(a, sign{1});
    compat::dispatch(a, word{"2"});
    compat::dispatch(a, sign{3});
  });
  CHECK(heard.at_once == texts{"go", "sign 1"});
  CHECK(heard.in_all == texts{"go", "sign 1", "2", "sign 3"});
}

TEST_CASE("what is dispatched to an actor while work runs in it follows at once") {
  listener::record r;
  stage s;
  auto a = s.add(r);
  s.in_turn([&] {
    auto& self = static_cast<listener&>(*caf::actor_cast<caf::abstract_actor*>(a));
    CHECK(self.enter([&] {
      compat::dispatch(a, word{"behind"});
      r.heard.push_back("work");
    }));
    CHECK(r.heard == texts{"work", "behind"});
  });
}

TEST_CASE("what waits behind a message whose handler ends the actor is not handled") {
  listener::record r;
  stage s;
  auto a = s.add(r);
  bool throws = GENERATE(false, true);
  r.then = [&](listener& self, const word&) {
    compat::dispatch(a, word{"too late"});
    if (throws)
      throw std::runtime_error{"broken"};
    self.quit(caf::exit_reason::normal);
  };
  s.in_turn([&] { compat::dispatch(a, word{"x"}); });
  CHECK(r.heard == texts{"x"});
  CHECK(r.released);
}

TEST_CASE("an actor that answers itself without end does so for so many messages, and the rest has "
          "its turn") {
  listener::record r;
  stage s;
  auto a = s.add(r);
  r.then = [&](listener&, const word&) {
    if (r.heard.size() < 1000)
      compat::dispatch(a, word{"again"});
  };
  s.in_turn([&] {
    compat::dispatch(a, word{"x"});
    CHECK(r.heard.size() == s.loop.options().dispatches_per_handler);
  });
  while (s.loop.run_turn()) {}
  CHECK(r.heard.size() == 1000);
}

TEST_CASE("what a dispatched message throws ends its actor by CAF's handler, and not its sender") {
  listener::record r;
  stage s;
  auto a = s.add(r);
  r.then = [](listener&, const word&) { throw std::runtime_error{"broken"}; };
  r.handler_fails = GENERATE(false, true);
  bool went_on = false;
  s.in_turn([&] {
    compat::dispatch(a, word{"x"});
    went_on = true;
    compat::dispatch(a, word{"to nobody"});
  });
  CHECK(went_on);
  CHECK(r.failed_with == "broken");
  CHECK(r.released);
  CHECK(r.heard == texts{"x"});
}

TEST_CASE("of actors inside each other the one that takes long is named") {
  listener::record outer, inner;
  outer.name = "outer";
  inner.name = "inner";
  stage s;
  auto a = s.add(outer);
  auto b = s.add(inner);
  auto busy = [] {
    for (auto until = std::chrono::steady_clock::now() + 150ms;
         std::chrono::steady_clock::now() < until;) {}
  };
  std::string slow = GENERATE("outer before", "inner", "outer after");
  outer.then = [&](listener&, const word&) {
    if (slow == "outer before")
      busy();
    compat::dispatch(b, word{"x"});
    if (slow == "outer after")
      busy();
  };
  inner.then = [&](listener&, const word&) {
    if (slow == "inner")
      busy();
  };
  s.in_turn([&] { compat::dispatch(a, word{"x"}); });
  CHECK_THAT(s.long_turns.names, Catch::VectorContains(slow.substr(0, 5)));
}

TEST_CASE("a loop's sleep is no long turn of the actor that ends it") {
  listener::record r;
  stage s;
  auto a = s.add(r);
  std::promise<void> heard;
  r.then = [&](listener&, const word&) { heard.set_value(); };
  std::thread runner{[&] { s.loop.run(); }};
  test::await_sleep(s.loop);
  // The point: the loop sleeps for longer than `long_turn`, by the system's clock.
  std::this_thread::sleep_for(200ms);
  s.loop.post([&] { compat::dispatch(a, word{"x"}); });
  heard.get_future().wait();
  for (auto& each : s.actors)
    caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  s.loop.stop();
  runner.join();
  CHECK(s.long_turns.names == texts{});
}

TEST_CASE("an actor may quit over a dispatched message") {
  listener::record r;
  stage s;
  auto a = s.add(r);
  r.then = [](listener& self, const word&) { self.quit(caf::exit_reason::normal); };
  auto before = s.loop.pinned_actors();
  s.in_turn([&] { compat::dispatch(a, word{"x"}); });
  CHECK(r.released);
  CHECK(s.loop.pinned_actors() == before - 1);
}

TEST_CASE("an actor outlives the last handle that a dispatched message drops") {
  listener::record r;
  stage s;
  auto a = s.add(r);
  s.actors.clear();
  r.then = [&](listener& self, const word&) {
    a = nullptr;
    self.quit(caf::exit_reason::normal);
  };
  s.in_turn([&] { compat::dispatch(a, word{"x"}); });
  CHECK(r.released);
}

TEST_CASE("a handler dispatches so many messages, and the rest has its turn") {
  listener::record r;
  stage s;
  auto a = s.add(r);
  auto budget = s.loop.options().dispatches_per_handler;
  s.in_turn([&] {
    for (std::size_t i = 0; i < budget + 10; ++i)
      compat::dispatch(a, word{"x"});
    CHECK(r.heard.size() == budget);
  });
  s.loop.run_turn();
  CHECK(r.heard.size() == budget + 10);
}

TEST_CASE(
  "what two loops and itself dispatch to one actor arrives in the order of each, on its loop") {
  constexpr int count = 20'000;
  listener::record r;
  caf::actor_system_config config;
  compat::set_worker_threads(config, 1);
  caf::actor_system system{config};
  event_loop home{system, 0}, away{system, 1};
  std::promise<void> all;
  int next[3] = {0, 0, 0}; // for home, away and itself; only the actor touches it
  int wrong = 0, said = 0;
  listener_actor a;
  r.then = [&](listener& self, const word& w) {
    auto sender = w.text[0] == 'h' ? 0 : w.text[0] == 'a' ? 1 : 2;
    wrong += std::stoi(w.text.substr(1)) != next[sender]++
          || !static_cast<event_loop&>(self.home()).is_current();
    if (sender != 2 && said < count)
      compat::dispatch(a, word{"s" + std::to_string(said++)});
    if (next[0] == count && next[1] == count && next[2] == count)
      all.set_value();
  };
  a = compat::spawn_on<listener>(home, r);
  std::thread one{[&] { home.run(); }}, two{[&] { away.run(); }};
  for (auto* loop : {&home, &away})
    for (int i = 0; i < count; i += 10)
      loop->post([&a, i, c = loop == &home ? 'h' : 'a'] {
        for (int n = i; n < i + 10; ++n)
          compat::dispatch(a, word{c + std::to_string(n)});
      });
  all.get_future().wait();
  caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  a = nullptr;
  home.stop();
  away.stop();
  one.join();
  two.join();
  CHECK(wrong == 0);
  CHECK(r.heard.size() == 3 * count);
}
