#pragma once

#include <troupe/actors/time_histogram.hpp>
#include <troupe/protocol/codec.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace troupe::actors {

/// Sums over all loops at one moment.
struct node_stats {
  std::size_t connections = 0;   ///< open, those without envelope included
  std::size_t rooms = 0;         ///< that live
  std::size_t members = 0;       ///< of all rooms: a connection counts in each that it is in
  std::size_t kept_sessions = 0; ///< without a connection, for clients that come back
  std::uint64_t resumes = 0;     ///< sessions that were taken up again, since the start
  std::uint64_t messages_in = 0; ///< from clients; since the start, as the next two
  std::uint64_t publishes = 0;   ///< stored broadcasts of rooms
  std::uint64_t deliveries = 0;  ///< frames handed to sessions
  /// Frames for this moment only that members did not get, since they were behind.
  std::uint64_t skipped = 0;
  /// Those that were queued, and counted in `deliveries`, and then gave way to newer ones.
  std::uint64_t replaced = 0;
  std::uint64_t repeated = 0; ///< messages that rooms knew again by their ids
  /// Messages of other actors that rooms have handled (`typed_room`).
  std::uint64_t room_messages = 0;
  /// The most that waited for a room while it handled one of those. Their number has no bound.
  std::uint64_t most_room_messages = 0;
  /// `deliveries`, by `protocol::index_of`.
  std::array<std::uint64_t, protocol::encoding_count> deliveries_by_encoding{};
  std::int64_t output_bytes = 0;         ///< live output buffers, as counted against the budget
  std::int64_t budget_bytes = 0;         ///< 0: no bound, as for the other budgets
  std::int64_t history_bytes = 0;        ///< what histories keep; not counted as output
  std::int64_t history_budget_bytes = 0; ///< of `history_bytes`
  /// Profiles that clients' joins have brought, kept with their memberships.
  std::int64_t profile_bytes = 0;
  /// Directs that sessions keep.
  std::int64_t direct_bytes = 0;
  /// Of messages that have arrived in part, or are still to be inflated.
  std::int64_t inbound_bytes = 0;
  std::int64_t inbound_budget_bytes = 0; ///< of `inbound_bytes`
  std::uint64_t ticks = 0;               ///< of rooms; since the start, as those that were skipped
  std::uint64_t skipped_ticks = 0;       ///< which were due while the loop had too much to do
  time_counts tick_delays{};             ///< how long after its time each tick began
  /// How long each took, with the messages that had waited for it, and without its output's way to
  /// the sockets.
  time_counts tick_times{};
  time_counts turns{}; ///< how long the loops' turns took: see `event_loop::turn_times`
  /// One for each flush that has given a batch to its last member: from when the room handled what
  /// the oldest such batch answers, to after the flush.
  time_counts delivery_times{};
};

} // namespace troupe::actors
