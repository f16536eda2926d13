#pragma once

#include <troupe/actors/room_context.hpp>

#include <deque>
#include <string>
#include <vector>

namespace troupe::actors {

/// A broadcast that owns what its fields refer to, so that it can travel between threads.
class owned_event {
public:
  /// `more`: fields behind those of the event, in each codec.
  explicit owned_event(const broadcast_event& event, const protocol::encoded_by_codec& more = {});
  owned_event(const owned_event&) = delete;
  owned_event& operator=(const owned_event&) = delete;

  [[nodiscard]] const broadcast_event& event() const noexcept { return event_; }
  [[nodiscard]] const protocol::encoded_by_codec& more() const noexcept { return more_; }

  /// How many bytes it holds, for the credit that it takes.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

private:
  std::string_view keep(std::string_view text);
  std::vector<protocol::field> keep(const std::vector<protocol::field>& fields);

  std::deque<std::string> texts_;
  std::deque<std::vector<std::string>> lists_;
  broadcast_event event_;
  protocol::encoded_by_codec more_;
  std::size_t bytes_ = 0;
};

} // namespace troupe::actors
