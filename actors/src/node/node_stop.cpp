// How a node ends.
#include <utility>

#include "endpoint/endpoint_hub.hpp"
#include "node/node_state.hpp"

#include <troupe/actors/own_thread.hpp>

#include <chrono>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace troupe::actors {

bool node::is_current() const noexcept {
  auto* here = event_loop::current();
  return here && here->index() < loops() && state_->shared.units[here->index()]->loop.get() == here;
}

node::~node() {
  if (!is_current()) {
    stop(*state_);
    return;
  }
  state_->shared.options.log->write(
    protocol::log_level::warning, "node",
    "it was destroyed on one of its own loops: it ends on a thread of its own");
  end_elsewhere([rest = std::shared_ptr<state>{std::move(state_)}] { stop(*rest); });
}

void node::request_stop() { request_stop(*state_); }

void node::request_stop(state& self) {
  if (std::exchange(self.stop_requested, true))
    return;
  self.entrance->close();
  for (auto& e : self.shared.endpoints) {
    std::lock_guard guard{e->mutex};
    e->has_ended = true;
  }
  self.shared.end.begin();
}

void node::stop() {
  if (is_current())
    throw std::logic_error{"a node that is stopped on one of its own loops would wait for itself"};
  stop(*state_);
}

void node::stop(state& self) {
  if (std::exchange(self.stopped, true))
    return;
  request_stop(self);
  for (auto& unit : self.shared.units)
    unit->loop->stop();
  if (self.threads.empty())
    drive_until_done(self);
  for (auto& t : self.threads)
    t.join();
  self.threads.clear();
  self.looks_on.reset();
  for (auto& unit : self.shared.units) {
    unit->loop->entrance()->close();
    unit->registry = nullptr;
    unit->directory = nullptr;
    unit->output_actor = nullptr;
  }
  for (auto& rule : self.shared.rules)
    rule.matchmaker = nullptr;
  for (auto& e : self.shared.endpoints) {
    std::lock_guard guard{e->mutex};
    e->identity = nullptr;
  }
}

/// Runs loops that have no thread until they have ended.
void node::drive_until_done(state& self) {
  auto all = [&self](auto f) {
    bool any = false;
    for (auto& unit : self.shared.units)
      any |= f(*unit->loop);
    return any;
  };
  auto turn = [](event_loop& loop) { return loop.run_turn(); };
  auto reminder = std::chrono::steady_clock::now() + std::chrono::seconds{1};
  while (all([&](event_loop& loop) { return turn(loop), loop.pinned_actors() > 0; })) {
    std::this_thread::yield();
    if (std::chrono::steady_clock::now() < reminder)
      continue;
    reminder += std::chrono::seconds{10};
    (void)all([](event_loop& loop) { return loop.dismiss_strangers(), false; });
  }
  // otherwise whoever posts for ever would keep them busy
  (void)all([](event_loop& loop) { return loop.entrance()->close(), false; });
  while (all(turn)) {}
}

} // namespace troupe::actors
