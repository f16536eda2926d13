// What the actors of the arena say to each other; none of it leaves the process.
#pragma once

#include <troupe/node.hpp>
#include <troupe/typed_room.hpp>

#include <string>
#include <vector>

namespace troupe::examples {

/// A place in the list of the best.
struct best_player {
  std::string name;
  int frags = 0;
  bool operator==(const best_player&) const = default;
};

struct best_players {
  std::vector<best_player> list;
};

/// An arena.
using arena_actor = compat::typed_actor<
  // These are the best of all arenas now: tells its members.
  caf::result<void>(best_players)>;

struct watch_scores {
  arena_actor arena;
};
struct frag_of {
  std::string name;
};

using scoreboard_actor = compat::typed_actor<
  // Tells that arena who is best, now and whenever that changes, until the arena has ended.
  caf::result<void>(watch_scores),
  // Counts one more of that name.
  caf::result<void>(frag_of)>;

/// To a bot: what it is a member by.
struct seat_of_bot {
  actors::bot hands;
};

} // namespace troupe::examples

CAF_BEGIN_TYPE_ID_BLOCK(troupe_arena, 5000)
CAF_ADD_TYPE_ID(troupe_arena, (troupe::examples::best_players))
CAF_ADD_TYPE_ID(troupe_arena, (troupe::examples::watch_scores))
CAF_ADD_TYPE_ID(troupe_arena, (troupe::examples::frag_of))
CAF_ADD_TYPE_ID(troupe_arena, (troupe::examples::seat_of_bot))
CAF_END_TYPE_ID_BLOCK(troupe_arena)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::examples::best_players)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::examples::watch_scores)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::examples::frag_of)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::examples::seat_of_bot)

namespace troupe::examples {

/// CAF 1.x has to know these messages before there is an actor system.
inline void register_arena_messages() { compat::register_messages<caf::id_block::troupe_arena>(); }

} // namespace troupe::examples
