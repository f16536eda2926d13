#pragma once

#include "messages/messages.hpp"

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::actors {

/// What a room says in a tick to loops other than its own, until the tick is over: each loop then
/// hears all of it at once. Order is kept for each loop. Bound: what the room may say without being
/// ended (`room_context::pressure`). Thread: the room's loop.
class tick_collector {
public:
  bool is_on = false; ///< a tick is under way

  [[nodiscard]] bool empty() const noexcept { return loops_.empty(); }

  /// Errors: `std::bad_alloc`; then nothing has changed.
  template <class Message>
  void add(std::uint32_t loop, Message&& message) {
    of(loop).all.emplace_back(std::forward<Message>(message));
  }

  /// Hands over what there is: `send(loop, message)`, with a single message as it is, else with a
  /// `tick_output`.
  template <class Send>
  void take(Send&& send) {
    auto taken = std::exchange(loops_, {});
    for (auto& [loop, what] : taken) {
      if (what.all.size() > 1)
        send(loop, std::move(what));
      else if (!what.all.empty()) // as it is without memory for the first message
        std::visit([&, to = loop](auto& only) { send(to, std::move(only)); }, what.all.front());
    }
  }

private:
  /// Rooms of a tick have members on few loops.
  tick_output& of(std::uint32_t loop) {
    for (auto& [known, what] : loops_)
      if (known == loop)
        return what;
    return loops_.emplace_back(loop, tick_output{}).second;
  }

  std::vector<std::pair<std::uint32_t, tick_output>> loops_;
};

} // namespace troupe::actors
