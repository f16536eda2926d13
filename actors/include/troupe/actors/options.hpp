#pragma once

#include <troupe/actors/claims.hpp>
#include <troupe/actors/clock.hpp>
#include <troupe/actors/credit.hpp>
#include <troupe/actors/matchmaking.hpp>
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

// Everywhere 0 lifts a limit. A value that is negative, not a number or far too large
// (`option_check`) throws `std::invalid_argument` where the options are passed.

/// Bounds of one connection. PROTOCOL.md, "Limits", says what happens beyond them.
struct connection_limits {
  /// Rooms that it is in; further joins are refused with `room_limit`.
  std::size_t max_rooms = 128;
  /// Token bucket. Absent: `default_messages_per_second`; no limit for raw endpoints. A client of a
  /// raw endpoint gets no answer, so that its first message beyond closes it (1008 `flood`).
  std::optional<double> messages_per_second{};
  std::size_t burst_messages = 200; ///< 0 lifts the rate, too
  /// Also the most in a burst; a client beyond it is not read for the time being. Absent: 1 MiB or
  /// the largest message, whichever is more; no limit for raw endpoints, or where the rate of
  /// messages is lifted.
  std::optional<std::size_t> bytes_per_second{};
  std::size_t max_errors = 10;           ///< refused commands in `error_window`, then close 1008
  std::chrono::seconds error_window{60}; ///< of `max_errors`
  credit_limits credits{};               ///< messages taken in and not yet handled

  static constexpr double default_messages_per_second = 100;

  /// The rate of a connection, by what it is; 0: no limit.
  [[nodiscard]] double message_rate(bool is_raw) const noexcept {
    auto rate = messages_per_second.value_or(is_raw ? 0 : default_messages_per_second);
    return burst_messages > 0 ? rate : 0;
  }
};

/// Bounds of rooms.
struct room_limits {
  std::size_t max_members = 10'000; ///< per room
  std::size_t max_rooms = 100'000;  ///< per node
  /// A room's own output that no client's credit covers; the room ends at 8 times that.
  std::int64_t max_pending_bytes = 1024 * 1024;
  /// Requests (`room_context::ask`) that are open: of one member, and of a room. Beyond that nobody
  /// is asked, and the handler hears `overloaded`.
  std::size_t max_requests_per_member = 16;
  std::size_t max_requests = 16'384;
  /// Calls of a room's handles (`room_handle`) that are under way, in all; a further one is
  /// answered `overloaded`.
  std::size_t max_outside_calls = 16'384;
  /// Timers of a room (`room_context::every`, `after`); beyond that these throw.
  std::size_t max_timers = 10'000;
  /// Joins and messages of a room whose answers come later (`join_decision::later`,
  /// `room_context::reply_later`). A further one is refused with `overloaded`.
  std::size_t max_late_answers = 1024;
  /// How long such an answer may take; then the client is told `timed_out`.
  std::chrono::milliseconds answer_deadline{5'000};
  /// Whether rooms keep their latest broadcasts, within the next three limits.
  bool history = true;
  std::size_t history_messages = 256;      ///< beyond it the oldest go, as for the next two
  std::size_t history_bytes = 1024 * 1024; ///< as frames of troupe.v1, in one codec
  std::chrono::seconds history_age{300};   ///< entries go in groups, at most a sixteenth of it late
  /// How long a room that keeps a broadcast lives on after its last member, for those who come
  /// back. 0: it ends at once, as all others do.
  std::chrono::milliseconds linger{60'000};
};

/// How sessions outlive their connections. Clients of `troupe.v1` only.
struct session_options {
  /// For how long a session is kept after its connection is lost, so that its client comes back to
  /// its rooms and misses nothing (`resume`). 0: sessions end with their connections.
  std::chrono::milliseconds resume_window{30'000};
  // Bounds of what is kept, for each loop; beyond one the oldest goes.
  std::size_t max_kept = 16'384;
  std::size_t max_kept_per_user = 10;
  std::size_t max_kept_per_address = 100; ///< see `connection_info::address`
};

/// Who may say something to the sessions of another user (`direct`).
enum class direct_policy : std::uint8_t {
  off,         ///< nobody: `unsupported`
  shared_room, ///< who is in a room with them (a kept one counts where it was), or is that user
  all,
};

/// A client that wants to say something to another user.
struct direct_request {
  std::string_view from; ///< its user
  const claims* rights;  ///< null: it has none
  std::string_view to;
};

/// Messages from user to user, outside of rooms.
struct direct_options {
  direct_policy allowed = direct_policy::off;
  /// Whether this one may, too: `ok`, or why not (a code as of `join_decision::refuse`). Runs on
  /// the loop of the sender and must not block. An exception, and a code that cannot refuse, are
  /// logged and answered by `internal`. Absent: it may.
  std::function<protocol::errc(const direct_request&)> authorize{};
  /// For all that sessions keep of their latest directs; beyond it they keep those that their
  /// clients have not been told, and sessions without a connection take none. Absent: a 64th of the
  /// memory that this process may use.
  std::optional<std::int64_t> budget_bytes{};
};

/// When a silent client is pinged, and when its connection ends.
struct heartbeat_options {
  /// Silence after which a peer is pinged, or a sixteenth less; for the first ping, half to all of
  /// it. 0: no heartbeat.
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
  session_options sessions{};
  direct_options directs{};
  matchmaking_options matchmaking{};
  bool announce = true;      ///< tell a room who joins and leaves
  bool list_members = false; ///< tell those who join who is in the room (`joined.members`)
  /// While more members than this are to be told, changes among a room's users are gathered and
  /// told once a second (`$presence`), net. 0: each is told by itself, however many are told.
  std::size_t gather_beyond = 500;
  std::string lobby{}; ///< a room every connection is put into; empty: none
  /// Whether there are only rooms that match a pattern of `node::rooms`: all other joins are
  /// refused with `no_such_room`, observers with `room_event::kind::refused`. Else every name is a
  /// room, and those without a pattern relay.
  bool only_registered_rooms = false;
  /// For live output buffers; beyond it the client that has lagged longest is closed. Absent: a
  /// quarter of the memory that this process may use.
  std::optional<std::int64_t> memory_budget_bytes{};
  /// For all rooms' histories; beyond it the largest of the node lose their oldest entries, and
  /// nothing else happens. Absent: an eighth of that memory.
  std::optional<std::int64_t> history_budget_bytes{};
  /// For messages that have arrived in part; beyond it the client that has kept one open longest is
  /// closed. Absent: a sixteenth of that memory, or four largest messages, whichever is more.
  std::optional<std::int64_t> inbound_budget_bytes{};
  /// The least delay that `goodbye` tells clients before a restart, and the time in which a server
  /// tells all of them, unless it is 0; at most `reconnect_max`.
  std::chrono::milliseconds reconnect_min{500};
  /// The longest delay: clients come back between the two.
  std::chrono::milliseconds reconnect_max{5000};
  /// Reads the token of an `auth`; returns null if it is not accepted (`unauthorized`). Runs on the
  /// connection's loop and must not block. Absent: `auth` is `unsupported`. A server calls it for
  /// bearer tokens (RFC 6750: letters, digits and `-._~+/=`; others are `unauthorized`), and then
  /// its `authorize_upgrade` for those that this has accepted. At the handshake it calls that hook
  /// alone, which reads the token itself; without claims from there, each token of an `auth`
  /// belongs to another client (`identity_mismatch`). A server with `jwt` sets this itself and
  /// refuses options that set it, too.
  std::function<claims_ptr(std::string_view token, wall_time now)> verify_token{};
  /// Seeds the hash of room names, which also places rooms on loops. Absent: a random key, so that
  /// nobody can choose names that all fall to one loop or into one hash bucket. Set it in a test
  /// that must be repeatable: names of rooms that are made for wishes follow from it, too.
  std::optional<std::uint64_t> hash_seed{};
  // None of these is null; they outlive the node.
  const loop_clock* clock = &system_clock();
  protocol::logger* log = &protocol::null_logger();
  protocol::event_counters* counters = &protocol::null_counters();
};

} // namespace troupe::actors
