#pragma once

#include "room_core.hpp"
#include "shared.hpp"

#include <string>
#include <unordered_map>

namespace troupe::actors {

/// The rooms that live on one loop, by name. The only one that makes and ends rooms.
///
/// Invariants: a name has at most one room that is not closing; a room that ended with members is announced to all dispatchers
/// before a successor of its name is made. Its handlers let no exception out.
class registry_shard final : public compat::pinned<registry_actor::base> {
public:
  registry_shard(caf::actor_config& cfg, compat::loop_context& home, node_shared& shared, loop_unit& unit);

  behavior_type make_behavior() override;
  const char* name() const override { return "troupe.registry"; }

private:
  struct listing {
    room_actor handle;
    room_key key;
    std::shared_ptr<room_cell> cell;
  };

  void release_state() override;
  found_room find_or_make(const std::string& name);
  listing* find(const std::string& name);
  void expect_join(room_cell& cell);
  [[nodiscard]] bool is_wanted(const room_cell& cell) const;
  void make(const std::string& name);
  void end(const std::string& name, room_key key, room_end reason);
  void on_down(const std::string& name, room_key key, bool in_order);
  void announce_end(room_key key, room_end reason);
  void stop();

  node_shared& shared_;
  loop_unit& unit_;
  std::unordered_map<std::string, listing> rooms_;
  std::size_t alive_ = 0; ///< rooms, closing ones included
  bool stopping_ = false;
};

} // namespace troupe::actors
