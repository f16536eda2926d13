// What a node does before it stops, in the order that its header says.
#include <utility>

#include "context/actor_owner.hpp"
#include "node/node_state.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

namespace troupe::actors {
namespace {

/// Waits until all that a loop's clients have sent has taken effect: all its credit has come back.
class credit_wait final : public timer_wheel::entry {
public:
  explicit credit_wait(loop_unit& unit) : unit_(unit) {}

  void on_deadline() override {
    bool has_handled_all = true;
    auto& sessions = unit_.loop->sessions();
    sessions.for_each([&](session_key key, sink&) {
      auto* owner = static_cast<actor_owner*>(sessions.owner(key));
      has_handled_all &= !owner || owner->has_handled_all();
    });
    if (has_handled_all)
      unit_.has_handled_all = true;
    else
      unit_.loop->arm(*this, between_looks);
  }

private:
  static constexpr std::chrono::milliseconds between_looks{10};
  loop_unit& unit_;
};

/// Says goodbye to a loop's connections, in a batch every 50 ms.
class drainer final : public timer_wheel::entry {
public:
  static constexpr std::chrono::milliseconds step{50};

  drainer(loop_unit& unit, bool restart, std::chrono::milliseconds spread)
    : unit_(unit), restart_(restart) {
    unit_.loop->sessions().for_each([this](session_key key, sink&) { left_.push_back(key); });
    auto steps = static_cast<std::size_t>(std::max<std::int64_t>(1, spread / step));
    per_step_ = std::max<std::size_t>(100, left_.size() / steps + 1);
  }

  void on_deadline() override {
    auto few = static_cast<std::ptrdiff_t>(std::min(per_step_, left_.size()));
    unit_.loop->arm(*this, step); // first: the rest may fail for lack of memory
    compat::anon_send(unit_.output_actor,
                      drain_sessions{{left_.rbegin(), left_.rbegin() + few}, restart_});
    left_.erase(left_.end() - few, left_.end());
    if (left_.empty())
      cancel();
  }

private:
  loop_unit& unit_;
  bool restart_;
  std::vector<session_key> left_;
  std::size_t per_step_;
};

} // namespace

void node::stop_reading() {
  state_->shared.reads = false;
  for (auto& unit : state_->shared.units)
    unit->loop->post([u = unit.get()] {
      auto s = std::make_shared<credit_wait>(*u);
      u->credit_wait = s;
      s->on_deadline();
    });
}

bool node::has_handled_all() const noexcept {
  auto& units = state_->shared.units;
  return std::all_of(units.begin(), units.end(),
                     [](auto& unit) { return unit->has_handled_all.load(); });
}

void node::end_rooms() {
  state_->entrance->close();
  for (auto& unit : state_->shared.units)
    compat::anon_send(unit->registry, stop_shard{});
}

void node::drain(drain_kind kind, std::chrono::milliseconds spread) {
  for (auto& unit : state_->shared.units)
    unit->loop->post([u = unit.get(), kind, spread] {
      auto d = std::make_shared<drainer>(*u, kind == drain_kind::restart, spread);
      u->drain = d;
      d->on_deadline();
    });
}

} // namespace troupe::actors
