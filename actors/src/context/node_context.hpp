#pragma once

#include "context/lingering_rooms.hpp"
#include "context/node_end.hpp"
#include "context/room_keys.hpp"
#include "context/session_directory.hpp"
#include "context/user_connections.hpp"
#include "context/wall_deadline.hpp"
#include "fanout/dispatcher.hpp"
#include "history/history_shelf.hpp"
#include "messages/messages.hpp"
#include "runtime/ticker.hpp"

#include <troupe/actors/claims.hpp>
#include <troupe/actors/event_loop.hpp>
#include <troupe/actors/options.hpp>
#include <troupe/actors/room_behavior.hpp>
#include <troupe/actors/seeded_hash.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::actors {

/// A pattern of room names, with the behaviour and options of such rooms.
struct room_rule {
  std::string pattern; ///< a whole name, or a prefix and `*`
  behavior_factory make;
  room_options options;
  matchmaker_actor matchmaker{};            ///< null: its rooms are not reserved
  std::shared_ptr<waiting_count> waiting{}; ///< for that one's answers; null likewise

  [[nodiscard]] bool matches(std::string_view name) const noexcept;
};

struct endpoint_state;
struct node_context;

/// The way to a node for handles: closes when its rooms are told to end.
using node_gate = gate<node_context>;

/// One loop with its shard, its dispatcher and its counts.
struct loop_unit {
  loop_unit() = default;
  ~loop_unit() { // of a node that could not be made
    output_actor = nullptr;
    registry = nullptr;
    directory = nullptr;
    if (loop)
      loop->drop_jobs();
  }

  std::unique_ptr<loop_end> end; ///< outlives the actors of the loop
  std::unique_ptr<event_loop> loop;
  std::unique_ptr<wall_watch> wall; ///< of the tokens that expire on this loop
  std::unique_ptr<dispatcher> output;
  std::unique_ptr<history_shelf> histories;
  std::unique_ptr<session_directory> sessions;
  std::unique_ptr<user_connections> users;
  lingering_rooms lingering;
  std::unique_ptr<tickers> ticking;
  dispatcher_actor output_actor;
  registry_actor registry;
  directory_actor directory;
  loop_counts counts;
  std::shared_ptr<void> credit_wait; ///< the wait for credits under way
  std::atomic<bool> has_handled_all{false};
  std::shared_ptr<void> drain; ///< the drain under way
};

/// What all actors of a node share: fixed after construction but for its atomics.
struct node_context {
  node_options options;
  hash_key key;                 ///< of all hashes of names that clients choose
  std::vector<room_rule> rules; ///< fixed once the node has started
  std::vector<std::shared_ptr<endpoint_state>> endpoints; ///< likewise
  history_account histories;
  protocol::memory_meter profile_meter; ///< of all memberships
  direct_budget directs;
  /// Counts what transports have received in part; outlives them and the sessions, which end with
  /// the loops.
  protocol::memory_meter inbound_meter;
  std::int64_t inbound_budget_bytes = 0; ///< 0, as of the other budgets: no bound
  std::vector<std::unique_ptr<loop_unit>> units;
  /// Shared with handles, which may outlive the node.
  std::shared_ptr<protocol::memory_meter> meter = std::make_shared<protocol::memory_meter>();
  protocol::memory_meter& output_meter = *meter;
  std::int64_t budget_bytes = 0;
  std::vector<history_shelf*> shelves; ///< of all loops; fixed
  node_end end;
  std::atomic<bool> over_budget{false};
  std::atomic<bool> reads{true}; ///< false while it drains
  std::atomic<std::size_t> rooms{0};
  std::atomic<std::uint64_t> opened{0}; ///< connections with a session, since the start
  room_keys keys;
  std::mutex outside_mutex;
  /// The accounts of rooms named from outside; guarded by outside_mutex.
  std::unordered_map<std::string, std::weak_ptr<credit_account>> outside;

  /// The account of what is said to users from outside.
  std::shared_ptr<credit_account> outside_directs;

  /// The account of what is published to a room from outside, one for all its handles. Thread: any.
  [[nodiscard]] std::shared_ptr<credit_account> outside_account(std::string_view room);
  /// One with the bound of what may be under way from outside. `calls`: the most; 0: any number.
  [[nodiscard]] std::shared_ptr<credit_account> new_outside_account(std::size_t calls = 0) const;

  /// The loop a room of that name lives on.
  [[nodiscard]] loop_unit& home_of(std::string_view room) const {
    return *units[siphash(key, room) % units.size()];
  }
  [[nodiscard]] const room_rule* rule_for(std::string_view room) const noexcept;
};

} // namespace troupe::actors
