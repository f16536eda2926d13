// A process with an actor system of its own: its actors run on CAF's threads, ours on our loops.
#include "game_actors.hpp"
#include "support/spawn_function.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

[[maybe_unused]] const bool are_known =
  (troupe::init(), compat::register_messages<caf::id_block::troupe_node_tests>(), true);

/// Texts from all threads, for which a test waits.
class said {
public:
  void add(std::string what) {
    std::lock_guard guard{mutex_};
    all_.push_back(std::move(what));
    changed_.notify_all();
  }
  /// Waits until all of these have been said, in whatever order.
  bool has(const std::multiset<std::string>& expected) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, 10s, [&] {
      return std::multiset<std::string>{all_.begin(), all_.end()} == expected;
    });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> all_;
};

/// Whether the calling code runs on one of our loops.
bool on_a_loop() { return actors::event_loop::current() != nullptr; }

struct watched_calls {
  std::atomic<int> on_loops{0}; ///< of own actors: there should be none
  std::atomic<int> calls{0};
  std::atomic<bool> blocks{false};
  void note() {
    ++calls;
    on_loops += on_a_loop() ? 1 : 0;
    while (blocks)
      std::this_thread::sleep_for(1ms);
  }
};

scoreboard_actor::behavior_type noted_scores(scoreboard_actor::pointer, watched_calls* seen) {
  return {
    [=](score_atom, const std::string&, int) { seen->note(); },
    [=](top_atom) -> caf::result<std::string> {
      seen->note();
      return std::string{"ann"};
    },
  };
}

/// What asks a room, and hears its answer.
void asker(caf::event_based_actor* self, arena_actor room, watched_calls* seen, said* heard) {
  compat::request(self, room, 5s, meteor_atom_v, 1)
    .then(
      [=](int n) {
        seen->note();
        heard->add("meteors " + std::to_string(n));
      },
      [=](const caf::error&) { heard->add("an error"); });
}

/// A bot that answers each `go` of its room.
caf::behavior rex(caf::event_based_actor* self, actors::node* node, watched_calls* seen,
                  said* heard) {
  auto me = std::make_shared<actors::bot>();
  *me = node->join("arena:1", caf::actor_cast<caf::actor>(self), "rex");
  return {[=](const actors::room_event& e) {
    seen->note();
    if (e.what == actors::room_event::kind::joined)
      (void)me->say("say");
    else if (e.type() == "note")
      heard->add(e.fields().string("what").value_or(""));
  }};
}

/// A system as an embedder configures it: one thread, which shares its work.
struct embedder {
  explicit embedder(unsigned loops) {
    compat::set_worker_threads(config, 1);
    system = std::make_unique<caf::actor_system>(config);
    actors::node_options options;
    options.loops = loops;
    node = std::make_unique<actors::node>(*system, options);
  }

  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  std::unique_ptr<actors::node> node;
};

} // namespace

TEST_CASE("own actors never run on a loop, whoever sends to them") {
  watched_calls seen;
  said heard;
  arena::script script;
  embedder e{2};
  script.scores = e.system->spawn(noted_scores, &seen);
  script.say = [&](arena& a) {
    a.tell(script.scores, score_atom_v, std::string{"rex"}, 1);
    a.ask_scores();
    e.system->spawn(asker, a.self(), &seen, &heard);
  };
  e.node->rooms("arena:*", [&](auto) { return std::make_unique<arena>(script); });
  e.node->start();

  e.system->spawn(rex, e.node.get(), &seen, &heard);

  CHECK(heard.has({"best ann", "meteors 1", "meteors 1"}));
  e.node->stop();
  script = {};
  CHECK(seen.calls >= 5);
  CHECK(seen.on_loops == 0);
}

/// Pins that our loops do not wait for the embedder's threads.
TEST_CASE("an own actor that blocks its thread holds up no room") {
  watched_calls seen, none;
  said heard;
  arena::script script;
  embedder e{1};
  script.limit = 100ms;
  script.scores = e.system->spawn(noted_scores, &seen);
  script.say = [&](arena& a) { a.ask_scores(); };
  e.node->rooms("arena:*", [&](auto) { return std::make_unique<arena>(script); });
  e.node->start();
  caf::scoped_actor bot{*e.system};
  auto me = e.node->join("arena:1", caf::actor_cast<caf::actor>(bot), "rex");
  seen.blocks = true;

  (void)me.say("say");
  bool is_told = false;
  for (int i = 0; i < 1000 && !is_told; ++i)
    bot->receive(
      [&](const actors::room_event& event) {
        is_told = event.fields().string("what") == "request_timeout";
      },
      caf::after(10s) >> [&] { i = 1000; });

  CHECK(is_told);
  seen.blocks = false;
  e.node->stop();
  script = {};
  CHECK(seen.on_loops == 0);
}

TEST_CASE("own actors of many threads reach rooms and hear them, and all of it ends") {
  watched_calls seen;
  said heard;
  arena::script script;
  caf::actor_system_config config;
  compat::set_worker_threads(config, 3);
  caf::actor_system system{config};
  actors::node_options options;
  options.loops = 3;
  {
    actors::node node{system, options};
    std::atomic<int> made{0};
    struct counter final : typed_room<arena_actor> {
      handlers actor_handlers() override {
        return {[this](meteor_atom, int n) { return sum += n; },
                [](top_atom) { return std::string{"nobody"}; }, [](bad_atom) {}};
      }
      int sum = 0;
    };
    node.rooms("arena:*", [&](auto) {
      ++made;
      return std::make_unique<counter>();
    });
    node.start();
    caf::scoped_actor self{system};
    std::vector<actors::bot> bots;
    for (int i = 0; i < 6; ++i)
      bots.push_back(node.join("arena:" + std::to_string(i), caf::actor_cast<caf::actor>(self),
                               "bot" + std::to_string(i)));
    int joined = 0;
    for (bool waits = true; waits && joined < 6;)
      self->receive(
        [&](const actors::room_event& e) {
          joined += e.what == actors::room_event::kind::joined ? 1 : 0;
        },
        caf::after(10s) >> [&] { waits = false; });
    REQUIRE(joined == 6);
    constexpr int rounds = 50;
    for (int room = 0; room < 6; ++room)
      for (int of = 0; of < 4; ++of)
        test::spawn_function(system, [&, room](caf::event_based_actor* a) {
          find_room<counter>(a, node.rooms_actor(), "arena:" + std::to_string(room), 10s)
            .then(
              [a, &heard](const arena_actor& found) {
                for (int i = 0; i < rounds; ++i)
                  compat::request(a, found, 10s, meteor_atom_v, 1)
                    .then(
                      [i, &heard](int) {
                        if (i + 1 == rounds)
                          heard.add("done");
                      },
                      [&heard](const caf::error&) { heard.add("an error"); });
              },
              [&heard](const caf::error&) { heard.add("not found"); });
        });

    std::multiset<std::string> all;
    for (int i = 0; i < 24; ++i)
      all.insert("done");
    CHECK(heard.has(all));
    CHECK(node.stats().room_messages == 24 * rounds);
    CHECK(made == 6);
  }
  CHECK(seen.on_loops == 0);
}
