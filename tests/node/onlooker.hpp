#pragma once

#include "manual_node.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace troupe::test {

using actors::behind_policy;
using actors::room_event;
using kinds = std::vector<room_event::kind>;

inline constexpr auto joined = room_event::kind::joined, frame = room_event::kind::frame,
                      gap = room_event::kind::gap, closed = room_event::kind::closed,
                      refused = room_event::kind::refused;

/// An actor that receives events only when the test calls `take`. Until then the events hold their
/// credits.
class onlooker {
public:
  explicit onlooker(caf::actor_system& system) : self_(system) {}

  [[nodiscard]] caf::actor handle() const { return caf::actor_cast<caf::actor>(self_); }

  /// Takes all events that have come, or at most `most` of them.
  std::vector<room_event> take(std::size_t most = ~std::size_t{0}) {
    std::vector<room_event> events;
    bool more = true;
    while (more && events.size() < most)
      self_->receive([&](const room_event& e) { events.push_back(e); },
                     caf::after(std::chrono::seconds(0)) >> [&] { more = false; });
    for (auto& e : events)
      e.token = {};
    return events;
  }

  kinds take_kinds() {
    kinds out;
    for (auto& e : take())
      out.push_back(e.what);
    return out;
  }

private:
  caf::scoped_actor self_;
};

/// A behaviour that does what its members ask for.
struct obedient final : actors::room_behavior {
  obedient() {
    on("boom", [](auto&, auto&, auto&) { throw std::runtime_error{"boom"}; });
    on("end", [](auto& room, auto&, auto&) { room.end(); });
  }
};

inline actors::observer_options at_most(std::int64_t events, behind_policy policy) {
  return {events, policy};
}

/// A node with an onlooker.
struct observed_node {
  explicit observed_node(actors::node_options options = {}) : world(std::move(options)) {
    world.node.rooms("*", [](auto) { return std::make_unique<obedient>(); });
  }

  void observe(const std::string& room, actors::observer_options o = {}) {
    world.node.observe(room, watcher.handle(), o);
    world.settle();
  }

  void publish(int n) {
    for (int i = 0; i < n; ++i) {
      world.node.room("r").publish("n", {{"i", ++said}});
      world.settle();
    }
  }

  manual_node world;
  onlooker watcher{world.system};
  int said = 0;
};

} // namespace troupe::test
