#pragma once

#include <troupe/protocol/errc.hpp>
#include <troupe/protocol/metadata.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::actors {

/// Who may ask for seats in the rooms of a pattern.
enum class reserve_policy : std::uint8_t {
  off = 0,    ///< nobody: these rooms have no matchmaker, and nobody lists them
  server = 1, ///< the application (`node::reserve`)
  clients = 2 ///< and every client that may join all of these rooms (`$reserve`)
};

/// A wish for a seat in some room of a pattern.
struct reservation_request {
  std::string pattern; ///< as it was given to `rooms`
  std::string user_id; ///< whose seat it is to be
  /// What the room has to be like; empty: any will do.
  protocol::metadata_filter filter{};
  /// Of a room that is made for this wish. It also gets the value of each `equal` of the filter
  /// that is not named here, so that the next one who wants the same finds it.
  protocol::metadata metadata{};
  /// How long the seat is held; 1 ms to 1 h, in steps of 10 ms.
  std::chrono::milliseconds hold{15'000};
};

/// What has become of a wish.
struct reservation_result {
  /// `ok`, or why there is no seat: `room_full`: the pattern is one name, and that room has no
  /// free seat; `node_room_limit`; `room_closed`: the node ends, or the room that was made for it
  /// has ended at once; `overloaded`: the node ends its rooms, or too many seats are held
  /// (`matchmaking_options`); `timed_out`: no room has answered within 5 s; `internal`: memory was
  /// short.
  protocol::errc code = protocol::errc::ok;
  std::string room_name{};           ///< where the seat is
  std::chrono::milliseconds hold{0}; ///< how long it is held from now on
  bool made = false;                 ///< the room was made for this wish
};
/// Hears that, once, on the loop of the pattern's matchmaker. Must not block; an exception out of
/// it is logged.
using reservation_handler = std::function<void(const reservation_result&)>;

/// A room as its matchmaker knows it, which may be a tenth of a second old.
struct room_listing {
  std::string name;
  std::size_t members = 0;                              ///< whose clients are connected
  std::size_t seats = 0;                                ///< kept for members that are away
  std::size_t reserved = 0;                             ///< held for those who are to come
  std::size_t capacity = 0;                             ///< of all three together; 0: any number
  std::shared_ptr<const protocol::metadata> metadata{}; ///< never null
  bool locked = false;
};

/// A page of the rooms of a pattern.
struct room_page {
  protocol::errc code = protocol::errc::ok; ///< `ok`, or `room_closed`: the node ends
  std::vector<room_listing> rooms{};        ///< in the order of their names' bytes
  bool complete = true;                     ///< there are no more behind the last one
};
/// Hears that, as a `reservation_handler`.
using room_page_handler = std::function<void(const room_page&)>;

/// Bounds of each pattern's matchmaker; 0 lifts one.
struct matchmaking_options {
  /// Wishes and questions for a page that wait for their answers; beyond it new ones are
  /// `overloaded`.
  std::size_t max_waiting = 1024;
  /// Users with a seat that is held, whether they have taken it or not until its time is over;
  /// beyond it wishes of others are `overloaded`.
  std::size_t max_held = 16'384;
};

} // namespace troupe::actors
