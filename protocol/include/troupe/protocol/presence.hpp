#pragma once

#include <troupe/protocol/event.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace troupe::protocol {

/// One user of a room. Views live until the call that takes it returns.
struct present_user {
  std::string_view user_id;
  std::size_t sessions = 1; ///< how many of the members are this user's; left out if it is one
  raw_value profile{codec::json, {}}; ///< left out if empty
  bool away = false; ///< none of its sessions has a connection; left out if one has
};

/// How many bytes of entries one frame about the users of a room has, or a single entry.
inline constexpr std::size_t max_presence_bytes = std::size_t{64} * 1024;

/// Maps that are encoded one behind the other, to become one array. Errors: `std::bad_alloc`.
class map_list {
public:
  explicit map_list(encoding to) : to_(to) {}

  /// Adds a map of these fields. Returns false, and adds nothing, if it has more than `most` bytes.
  bool add(std::initializer_list<field> fields, std::size_t most);

  [[nodiscard]] std::size_t bytes() const noexcept { return maps_.size(); }
  /// All as an array, in the codec of the receiver.
  [[nodiscard]] std::string array() const;

private:
  encoding to_;
  std::size_t count_ = 0;
  std::string maps_;
};

/// Users of a room as one client hears of them, in as many bytes as one frame may have.
///
/// Bound: `max_presence_bytes`, or a single user. Errors: `std::bad_alloc`. Thread: any.
class presence_page {
public:
  explicit presence_page(encoding to) : to_(to), users_(to) {}

  /// Adds a user. Returns false, and adds nothing, if the page is full.
  bool add(const present_user& user);

  struct context {
    std::string_view ref; ///< raw in the receiver's codec; empty if none
    std::string_view room_id;
    std::uint64_t total = 0; ///< users in the room
    bool is_complete = true; ///< nobody comes after the last user of the page
  };
  /// The users as an array, in the receiver's codec.
  [[nodiscard]] std::string list() const { return users_.array(); }
  /// `presence`, as the answer to the command.
  [[nodiscard]] shared_bytes frame(const context& of, memory_meter* meter) const;

private:
  encoding to_;
  map_list users_;
};

/// What has changed among the users of a room: `$presence`.
///
/// Bound: `max_presence_bytes`, or a single user. Errors: `std::bad_alloc`. Thread: any.
class presence_notice {
public:
  explicit presence_notice(encoding to) : to_(to), joined_(to), left_(to), changed_(to) {}

  // Each adds a user; returns false, and adds nothing, if the notice is full.
  bool add_joined(std::string_view user_id, const raw_value& profile, bool away = false);
  bool add_left(std::string_view user_id, std::string_view reason);
  bool add_changed(std::string_view user_id, const raw_value& profile, bool away = false);

  /// `total`: users in the room. Plain clients get none.
  [[nodiscard]] shared_bytes frame(std::string_view room_id, std::uint64_t total,
                                   memory_meter* meter) const;

private:
  bool add(map_list& to, std::initializer_list<field> fields);

  encoding to_;
  map_list joined_, left_, changed_;
};

} // namespace troupe::protocol
