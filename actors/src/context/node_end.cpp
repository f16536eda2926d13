#include "context/node_end.hpp"

#include "context/actor_owner.hpp"
#include "context/endpoint_state.hpp"
#include "context/node_context.hpp"

#include <utility>

namespace troupe::actors {

// -- node_end -------------------------------------------------------------------------------------

void node_end::arrive() noexcept {
  if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1 && step_ != end_step::services)
    start(static_cast<end_step>(static_cast<std::uint8_t>(step_) + 1));
}

void node_end::start(end_step step) noexcept {
  step_ = step;
  left_.store(parts_.size(), std::memory_order_release);
  for (auto* part : parts_)
    part->begin(step);
}

// -- loop_end -------------------------------------------------------------------------------------

void loop_end::begin(end_step step) noexcept {
  next_ = step;
  unit_.loop->submit(*this);
}

void loop_end::run(std::size_t) {
  if (doing_ != next_) {
    doing_ = next_;
    has_asked_ = has_arrived_ = false;
  }
  try {
    take_step();
  } catch (...) {
    if (!std::exchange(has_failed_, true))
      protocol::report_exception(*shared_.options.log, *shared_.options.counters, "node");
    unit_.loop->submit(*this);
    return;
  }
  has_asked_ = true;
  look();
}

/// If it throws, the next call goes on from there.
void loop_end::take_step() {
  switch (doing_) {
    case end_step::none: return;
    case end_step::rooms: return compat::anon_send(unit_.registry, stop_shard{});
    case end_step::connections: return end_connections();
    case end_step::services: return end_services();
  }
}

/// Ends the connections of sessions that are still open.
void loop_end::end_connections() {
  auto& sessions = unit_.loop->sessions();
  if (!has_listed_) {
    open_.reserve(sessions.size());
    sessions.for_each([this](session_key key, sink&) { open_.push_back(key); });
    has_listed_ = true;
  }
  for (; !open_.empty(); open_.pop_back()) {
    auto key = open_.back();
    if (auto* output = sessions.find(key))
      output->terminate(protocol::errc::shutdown);
    if (auto* owner = static_cast<actor_owner*>(sessions.owner(key)))
      owner->end();
  }
}

void loop_end::end_services() {
  auto exit = [](auto& who) { caf::anon_send_exit(who, caf::exit_reason::user_shutdown); };
  for (auto& e : shared_.endpoints)
    if (&shared_.home_of(e->identity->name) == &unit_)
      exit(e->hub);
  for (auto& rule : shared_.rules)
    if (rule.matchmaker && &shared_.home_of(rule.pattern) == &unit_)
      exit(rule.matchmaker);
  exit(unit_.registry);
  exit(unit_.directory);
  exit(unit_.output_actor);
}

void loop_end::rooms_gone() noexcept {
  has_rooms_ = false;
  look();
}

/// Reports this loop's part of the step once it is done.
void loop_end::look() noexcept {
  if (!has_asked_ || has_arrived_)
    return;
  if (doing_ == end_step::rooms ? has_rooms_ : doing_ == end_step::connections && clients_ > 0)
    return;
  has_arrived_ = true;
  shared_.end.arrive();
}

// -- counted_client -------------------------------------------------------------------------------

void counted_client::leave() noexcept {
  auto* of = std::exchange(of_, nullptr);
  if (!of)
    return;
  --of->clients_;
  of->look();
}

} // namespace troupe::actors
