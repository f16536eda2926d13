#pragma once

#include "context/lingering_rooms.hpp"
#include "context/node_context.hpp"
#include "room/room_core.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::actors {

/// The rooms of one loop, by name. Only the shard makes and ends them, and every entry goes through
/// it.
///
/// An entry is handed on to the room of its name, which is made if need be. While that room ends,
/// or after it has crashed, entries wait in its cell; once it is gone the shard hands them on to a
/// successor.
///
/// Invariants: a name has at most one room; if a room ended with members, the room or the shard has
/// said so before a successor of its name is made; an empty room ends only if it has handled all
/// that was handed on to it, and, if it keeps some history, a while later; each join has one
/// answer. Its handlers never throw: what fails for lack of memory is tried again soon, and an
/// asker that cannot be answered loses its connection (1011).
class registry_shard final : public compat::dispatched<registry_actor::base, room_call> {
public:
  registry_shard(caf::actor_config& cfg, compat::loop_context& home, node_context& shared,
                 loop_unit& unit);

  behavior_type make_behavior() override;
  const char* name() const override { return "troupe.registry"; }

private:
  /// The lingering of one room: at its end the shard ends the room.
  struct lingering final : lingering_room {
    lingering(registry_shard& s, const std::string& n)
      : lingering_room(s.unit_.lingering, s.unit_.loop->now()), owner(s), name(n) {}
    void end() override;
    void on_deadline() override;
    registry_shard& owner;
    const std::string& name; ///< of the listing
  };

  struct listing {
    room_actor handle;
    room_key key;
    std::shared_ptr<room_cell> cell;
    bool ending = false; ///< `end_room` is on its way, or the room's actor has ended
    bool down = false;   ///< its actor has ended
    bool crashed = false;
    std::size_t told_loops = 0;         ///< loops that know of its crash
    std::optional<room_end> is_to_end;  ///< it has not been told yet
    std::uint64_t entries = 0;          ///< handed on when its end was decided
    std::unique_ptr<lingering> lingers; ///< null: it has members, or ends
    matchmaker_actor matchmaker;        ///< that knows of it, and has not been told of its end
  };

  /// Retries what failed for lack of memory.
  struct second_try final : timer_wheel::entry {
    explicit second_try(registry_shard& s) : owner(s) {}
    void on_deadline() override;
    registry_shard& owner;
  };

  template <class F>
  void guard(F&& f);
  void handle(room_call& call) override;
  void release_state() override;
  [[nodiscard]] caf::result<caf::strong_actor_ptr> look_up(const std::string& name,
                                                           const interface_ref& wanted);
  void try_again();
  void enter(const std::string& name, room_entry&& entry);
  [[nodiscard]] static bool is_for_another(const listing* room, const room_entry& entry);
  [[nodiscard]] bool is_for_a_seat(const std::string& name, const room_entry& entry) const;
  void hand_on(listing& room, room_entry&& entry);
  void take_leave(const std::string& name, room_entry&& entry);
  void end_unused(const std::string& name) noexcept;
  void refuse(const std::string& name, const room_entry& entry, protocol::errc why) noexcept;
  listing* find(const std::string& name);
  [[nodiscard]] protocol::errc reason_against_another(const std::string& name);
  [[nodiscard]] bool make_place();
  void linger(const std::string& name, listing& room, std::chrono::milliseconds time) noexcept;
  listing& make(const std::string& name, room_entry& entry);
  void tell_matchmaker(const std::string& name, listing& gone);
  void end(listing& room, room_end reason);
  void on_down(const std::string& name, bool in_order);
  void bury(const std::string& name, listing& room);
  void pass_on(const std::string& name, room_cell& cell);
  void stop();

  node_context& shared_;
  loop_unit& unit_;
  /// Includes those that are ending.
  std::unordered_map<std::string, listing, seeded_hash, std::equal_to<>> rooms_;
  std::vector<room_call> late_; ///< leaves that failed for lack of memory
  bool stopping_ = false;
  second_try second_try_{*this};
};

} // namespace troupe::actors
