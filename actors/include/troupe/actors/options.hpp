#pragma once

#include <troupe/actors/claims.hpp>
#include <troupe/actors/clock.hpp>
#include <troupe/actors/credit.hpp>
#include <troupe/protocol/limits.hpp>
#include <troupe/protocol/observe.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::actors {

// Everywhere 0 lifts a limit. What is negative, no number or beyond all use (`option_check`) is
// refused by `std::invalid_argument` where the options are handed over.

/// Bounds of one connection. PROTOCOL.md, "Limits", says what is beyond them.
struct connection_limits {
  /// That it is in; further joins are refused with `room_limit`.
  std::size_t max_rooms = 128;
  double messages_per_second = 100; ///< token bucket
  std::size_t burst_messages = 200; ///< 0 lifts the rate, too
  /// A second's worth, also in a burst; who is beyond is not read for the time being. Absent: 1 MiB
  /// or the largest message, whichever is more; none for raw endpoints, or where
  /// `messages_per_second` is lifted.
  std::optional<std::size_t> bytes_per_second{};
  std::size_t max_errors = 10;           ///< refused commands in `error_window`, then close 1008
  std::chrono::seconds error_window{60}; ///< of `max_errors`
  credit_limits credits{};               ///< messages taken in and not yet handled
};

/// Bounds of rooms.
struct room_limits {
  std::size_t max_members = 10'000; ///< per room
  std::size_t max_rooms = 100'000;  ///< per node
  /// A room's own output that no client's credit covers; its room ends at 8 times that.
  std::int64_t max_pending_bytes = 1024 * 1024;
  /// Whether rooms keep what they have said last, within the next three.
  bool history = true;
  std::size_t history_messages = 256;      ///< the oldest go first, as of the next two
  std::size_t history_bytes = 1024 * 1024; ///< of all their frames
  std::chrono::seconds history_age{300}; ///< entries go in groups, a sixteenth of it later at most
};

/// When a connection whose client says nothing is pinged, and when it ends.
struct heartbeat_options {
  /// Silence after which an idle peer is pinged, or a sixteenth less; 0: no heartbeat.
  std::chrono::milliseconds interval{25'000};
  /// Further silence after which it is terminated, half as long again if the server stood still
  /// meanwhile; 0: it never is.
  std::chrono::milliseconds timeout{10'000};
};

/// Everything a node's actors need to know. All of it has a default.
struct node_options {
  unsigned loops = 1; ///< up to 1,024; 0: one for each core
  protocol::message_limits messages{};
  connection_limits connections{};
  room_limits rooms{};
  heartbeat_options heartbeat{};
  bool announce = true; ///< tell a room who joins and leaves
  std::string lobby{};  ///< a room every connection is put into; empty: none
  /// Live output buffers: who has lagged longest is closed. Absent: a quarter of the memory this
  /// process may use.
  std::optional<std::int64_t> memory_budget_bytes{};
  /// All rooms' histories: the largest of all loops lose their oldest entries, nobody else is
  /// concerned. Absent: an eighth of it.
  std::optional<std::int64_t> history_budget_bytes{};
  /// Messages that have come in part: who has kept one open longest is closed. Absent: a sixteenth
  /// of that memory, or four largest messages, whichever is more.
  std::optional<std::int64_t> inbound_budget_bytes{};
  /// Told in `goodbye` before a restart; at most `reconnect_max`.
  std::chrono::milliseconds reconnect_min{500};
  /// Told there, too: clients come back between the two.
  std::chrono::milliseconds reconnect_max{5000};
  /// Reads the token of an `auth`; null if it is not accepted: `unauthorized`. Runs on the
  /// connection's loop, must not block. Absent: `auth` is `unsupported`. A server asks it about
  /// bearer tokens (RFC 6750: letters, digits and `-._~+/=`; others are `unauthorized`), and then
  /// its `authorize_upgrade` about those that this has accepted; at the handshake it asks that hook
  /// alone, which reads the token itself, and without claims from there each token of an `auth` is
  /// another client's (`identity_mismatch`). A server with `jwt` sets this itself, and refuses one
  /// that is given beside it.
  std::function<claims_ptr(std::string_view token, wall_time now)> verify_token{};
  /// Where rooms are placed and how their names are hashed. Absent: by a random key, so that nobody
  /// can choose names that all fall to one loop or into one bucket. A test that must be repeatable
  /// sets it.
  std::optional<std::uint64_t> hash_seed{};
  // None of these is null; they outlive the node.
  const loop_clock* clock = &system_clock();
  protocol::logger* log = &protocol::null_logger();
  protocol::event_counters* counters = &protocol::null_counters();
};

} // namespace troupe::actors
