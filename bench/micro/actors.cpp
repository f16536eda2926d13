#include <utility>

#include "counting_sink.hpp"
#include "fanout/dispatcher.hpp"
#include "one_worker.hpp"
#include "registry.hpp"

#include <troupe/actors/event_loop.hpp>
#include <troupe/actors/timer_wheel.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <vector>

namespace troupe::bench {

struct hop {
  int left = 0;
};

} // namespace troupe::bench

CAF_BEGIN_TYPE_ID_BLOCK(troupe_bench, 5000)
CAF_ADD_TYPE_ID(troupe_bench, (troupe::bench::hop))
CAF_END_TYPE_ID_BLOCK(troupe_bench)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::bench::hop)

namespace troupe::bench {

namespace {

using namespace actors;
using hopper_actor = compat::typed_actor<caf::result<void>(hop)>;

/// Sends each message back to its partner, as often as the message says.
class hopper final : public compat::pinned<hopper_actor::base> {
public:
  hopper(caf::actor_config& cfg, compat::loop_context& home, hopper_actor partner)
    : pinned(cfg, home), partner_(std::move(partner)) {}
  const char* name() const override { return "hopper"; }
  behavior_type make_behavior() override {
    return {[this](const hop& h) {
      if (h.left > 0)
        compat::send(this, partner_ ? partner_ : caf::actor_cast<hopper_actor>(current_sender()),
                     hop{h.left - 1});
    }};
  }

private:
  void release_state() override { partner_ = nullptr; }
  hopper_actor partner_;
};

/// Sends messages between two actors of the same loop.
void actor_hop(benchmark::State& state) {
  caf::actor_system_config config;
  caf::actor_system system{one_worker(config)};
  event_loop loop{system, 0};
  auto a = compat::spawn_on<hopper>(loop, hopper_actor{});
  auto b = compat::spawn_on<hopper>(loop, a);
  auto run = [&] {
    while (loop.run_turn()) {}
  };
  run();
  constexpr int hops = 100;
  {
    allocation_count count{state};
    for (auto _ : state) {
      compat::anon_send(b, hop{hops - 1});
      run();
    }
  }
  state.SetItemsProcessed(state.iterations() * hops);
  caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(b, caf::exit_reason::user_shutdown);
  a = nullptr;
  b = nullptr;
  while (loop.run_turn() || loop.pinned_actors() > 0) {}
}

/// Sends one frame of a room to all its members on a loop.
void dispatcher_flush(benchmark::State& state) {
  session_table table{0};
  loop_counts counts;
  dispatcher core{table, nullptr, counts};
  auto identity = std::make_shared<room_identity>();
  identity->key = room_key{1};
  identity->name = "room";
  std::deque<counting_sink> sinks(static_cast<std::size_t>(state.range(0)));
  for (auto& s : sinks)
    core.on_subscribe({identity, table.open(s), protocol::encoding::v1_json, {}});
  auto frame = protocol::shared_bytes::copy_of(std::string(100, 'x'));
  {
    allocation_count count{state};
    for (auto _ : state) {
      core.on_fan_out({identity->key, {frame}, {}, {}, {}});
      while (core.flush()) {}
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

/// Arms all deadlines 25 s ahead, again and again while time passes, as heartbeats do.
void timers(benchmark::State& state) {
  struct alarm final : timer_wheel::entry {
    void on_deadline() override {}
  };
  steady_time now{};
  timer_wheel wheel{now};
  std::deque<alarm> alarms(static_cast<std::size_t>(state.range(0)));
  allocation_count count{state};
  for (auto _ : state) {
    for (auto& a : alarms)
      wheel.arm(a, now + std::chrono::seconds{25});
    now += std::chrono::milliseconds{100};
    wheel.advance(now);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}

} // namespace

std::vector<entry> actors_benchmarks() {
  return {
    {"actor_hop", actor_hop, 0, 500},
    {"dispatcher_flush", dispatcher_flush, 10, 20'000},
    {"dispatcher_flush", dispatcher_flush, 1000, 500},
    {"timers", timers, 1000, 500},
  };
}

} // namespace troupe::bench
