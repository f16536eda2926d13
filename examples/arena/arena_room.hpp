#pragma once

#include "arena_messages.hpp"
#include "arena_world.hpp"

#include <troupe/troupe.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace troupe::examples {

/// What an arena has from the program around it.
struct arena_surroundings {
  scoreboard_actor scores;
  /// Has a bot join that room soon. Called on the room's loop.
  std::function<void(std::string_view room)> send_bot;
  std::size_t fill = 3; ///< so many fighters there are at least: bots come, and go again
  arena_map map = arena_map::standard();
};

/// An arena as a room. All that happens is decided here, in ticks; clients tell wishes.
///
/// Takes: `input` {x, y: -1 to 1; aim: degrees, clockwise from the right; fire}; the last one of a
/// tick counts.
///
/// Sends: `field` {width, height, body, health, pillars: [{x, y, r}]} and `roster` to who enters or
/// is back; `roster` {fighters: [{n, userId, name, frags, falls, away?, bot?}]} to all when
/// somebody comes or goes, or a score changes; `state` {tick, fighters: [{n, x, y, a, h, s?}],
/// shots: [{n, by, x, y}]} in each tick (a: aim; h: health, 0: down; s: it has a shield), which who
/// is behind skips; `frag` {by, of} with the numbers of two fighters; `best` {players: [{name,
/// frags}]} of all arenas.
///
/// A lost connection keeps its seat for a while: the fighter rests. The name is that of the join's
/// profile.
class arena_room final : public typed_room<arena_actor> {
public:
  explicit arena_room(arena_surroundings around);
  [[nodiscard]] static room_options options();

  void on_create(room_context& room) override;
  join_decision authorize_join(room_context& room, const member& who) override;
  void on_join(room_context& room, const member& who) override;
  void on_drop(room_context& room, const member& who) override;
  void on_return(room_context& room, const member& now, const member& former) override;
  void on_leave(room_context& room, const member& who, leave_reason why) override;
  void on_tick(room_context& room, const tick_info& tick) override;

private:
  struct player {
    int number = 0; ///< of the fighter
    std::string name;
    bool bot = false;
    bool away = false;
  };

  handlers actor_handlers() override;
  void take_input(room_context& room, const member& who, const application_message& input);
  void show_field(room_context& room, session_key to) const;
  void tell_roster(room_context& room) const;
  void tell_frag(room_context& room, const frag& what) const;
  void keep_company(room_context& room) const;

  arena_surroundings around_;
  arena_world world_;
  std::map<std::string, player, std::less<>> players_; ///< by user id
};

/// User ids of bots begin so.
inline constexpr std::string_view bot_prefix = "bot:";

} // namespace troupe::examples
