#pragma once

#include "draws.hpp"

#include <troupe/node.hpp>
#include <troupe/testing/manual_clock.hpp>
#include <troupe/testing/manual_loops.hpp>
#include <troupe/testing/memory_session.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::model {

/// What the plays have seen, so that a test can tell that they have seen enough.
struct seat_tally {
  std::map<std::string, std::size_t> seen;
  seat_tally& operator+=(const seat_tally& t) {
    for (auto& [what, times] : t.seen)
      seen[what] += times;
    return *this;
  }
};

/// Users that wish for seats, take them, come and go, in rooms that crash, end and are locked, on
/// three loops that run by turns drawn from a seed. It knows which seats are held, as far as that
/// can be known, and complains where the node is otherwise.
class seat_world {
public:
  seat_world(caf::actor_system& system, std::uint64_t seed);
  ~seat_world();
  seat_world(const seat_world&) = delete;
  seat_world& operator=(const seat_world&) = delete;

  /// Returns what is wrong.
  std::vector<std::string> play();
  [[nodiscard]] const seat_tally& result() const noexcept { return tally_; }

private:
  class room;

  /// One incarnation of a room.
  struct life {
    std::string name;
    std::string mode; ///< empty: none
    std::multiset<std::string> members;
    bool locked = false;
    bool alive = true;
  };

  /// A seat that is held for a user.
  struct grant {
    std::string room;
    int life = -1;
    actors::steady_time surely_until{}, maybe_until{};
    bool is_sure = true; ///< else it may have ended with its room
    bool is_new = true;  ///< told since the last quiet moment
  };

  struct wish {
    std::string user;
    std::string mode; ///< that it wants; empty: any
    actors::steady_time at;
    std::chrono::milliseconds hold{0};
    int answers = 0;
  };

  struct player {
    std::string name;
    std::unique_ptr<testing::memory_session> line;
    std::vector<std::string> rooms; ///< that it has joined
    std::optional<grant> seat;
    std::optional<grant> expects; ///< whose seat its join is to get
    bool is_busy = false;         ///< until the next quiet moment
  };

  actors::node_options options();
  void add_rooms();

  // -- what happens -------------------------------------------------------------------------------
  void burst();
  void act(player& p);
  void step();
  void connect(player& p);
  void make_wish(player& p, bool by_wire);
  void join(player& p);
  void say(player& p, const std::string& type);
  void go(player& p);
  void pass(std::chrono::milliseconds time);
  void settle();

  // -- what is heard ------------------------------------------------------------------------------
  void on_answer(std::size_t number, const actors::reservation_result& r);
  void hear(player& p);
  void on_frame(player& p, std::string_view text);
  void on_end(int which);

  // -- what must be so ----------------------------------------------------------------------------
  void check_quiet();
  void check_room(const actors::room_listing& r);
  void check_greed();
  std::vector<actors::room_listing> listed();
  void complain(std::string what);
  void trace(const std::string& what) const;
  [[nodiscard]] std::string room_that_is_known();
  [[nodiscard]] actors::steady_time now() const { return clock_.now(); }

  draws draw_;
  std::size_t capacity_;
  testing::manual_clock clock_;
  std::vector<std::string> complaints_;
  seat_tally tally_;
  std::vector<life> lives_;
  std::map<std::string, int> current_;  ///< the life of each room that is there
  std::map<std::string, int> made_for_; ///< rooms, by wish
  std::set<std::string> ended_lately_;  ///< names, since the last quiet moment
  std::vector<wish> wishes_;
  std::vector<player> players_;
  int fails_next_ = 0; ///< how the next room that is made fails; 0: it does not
  actors::node node_;
  testing::manual_loops loops_;
};

} // namespace troupe::model
