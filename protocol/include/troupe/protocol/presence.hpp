#pragma once

#include <troupe/protocol/event.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::protocol {

/// One user of a room. Views live until the call that takes it returns.
struct present_user {
  std::string_view user_id;
  std::size_t sessions = 1; ///< how many of the members are this user's; left out if it is one
  raw_value profile{codec::json, {}}; ///< left out if empty
};

/// Users of a room as one client hears of them, in as many bytes as one frame may have.
///
/// Bound: 64 KiB, or a single user. Errors: `std::bad_alloc`. Thread: any.
class presence_page {
public:
  static constexpr std::size_t max_bytes = std::size_t{64} * 1024;

  explicit presence_page(encoding to) : to_(to) {}

  /// Adds a user. Returns false, and adds nothing, if the page is full.
  bool add(const present_user& user);

  struct context {
    std::string_view ref; ///< raw in the receiver's codec; empty if none
    std::string_view room_id;
    std::uint64_t total = 0; ///< users in the room
    bool is_complete = true; ///< nobody comes after the last user of the page
  };
  /// The users as an array, in the receiver's codec.
  [[nodiscard]] std::string list() const;
  /// `presence`, as the answer to the command.
  [[nodiscard]] shared_bytes frame(const context& of, memory_meter* meter) const;

private:
  encoding to_;
  std::size_t users_ = 0;
  std::string entries_; ///< encoded, one behind the other
};

} // namespace troupe::protocol
