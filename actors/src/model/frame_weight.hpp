#pragma once

#include <troupe/protocol/shared_bytes.hpp>

#include <algorithm>
#include <cstddef>

namespace troupe::actors {

/// Gives a frame the weight of the command that caused it, so that no command within the limits
/// cuts a reader. The least weight is a seventh of the frame's size, for a short command may have a
/// long answer; seven is how many times larger a value may be in the other codec.
inline void make_lighter(protocol::shared_bytes& frame, std::size_t cause_bytes) noexcept {
  constexpr std::size_t largest_gain = 7;
  if (frame.size() > cause_bytes)
    frame.make_lighter(std::max(cause_bytes, frame.size() / largest_gain));
}

} // namespace troupe::actors
