#pragma once

#include <troupe/actors/option_check.hpp>

#include <chrono>

namespace troupe::transport {

/// How long a session waits for its peer.
struct session_deadlines {
  std::chrono::milliseconds assembly{10'000}; ///< for the rest of a message
  std::chrono::milliseconds write{10'000};    ///< until it takes any of the queued output
  std::chrono::milliseconds close{5'000};     ///< for its close frame, or the end of its input

  [[nodiscard]] static constexpr session_deadlines none() noexcept {
    constexpr auto never = actors::option_check::longest_age;
    return {never, never, never};
  }
};

} // namespace troupe::transport
