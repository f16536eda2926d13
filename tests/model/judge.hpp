#pragma once

#include "commands.hpp"
#include "stay.hpp"

#include <deque>
#include <string>
#include <vector>

namespace troupe::model {

/// How a client's connection has ended, if it has.
enum class ending : std::uint8_t {
  none,
  cut,  ///< by the server: commands from some point on may be lost
  went, ///< by the client, after the server had read all its commands: all take effect
};

/// Walks through a client's commands in the order in which it sent them, and checks the fate of
/// each. What it said in a room where it surely was is in that room's log; what it said elsewhere
/// is in none. What was acked was done; what was refused was not.
class judge {
public:
  judge(oracle& t, const std::string& user, bool one_room, const std::deque<stay>& stays,
        ending how)
    : oracle_(t), user_(user), one_room_(one_room), stays_(stays), ending_(how) {}

  void walk(const std::deque<command>& all);

private:
  /// A room that the client is in, judging by its own commands.
  struct place {
    std::string room;
    std::size_t stay;
    bool lost = false; ///< the room has missed a command, so it hears no later one
  };

  void join(const command& c);
  void resume(const command& c);
  void leave(const command& c);
  void say(const command& c);
  void check_answer(const command& c, const fate* f);
  [[nodiscard]] std::vector<place*> where(const command& c);
  [[nodiscard]] bool is_repeat(const command& c, const place& p) const;
  [[nodiscard]] bool is_sure(const place& p) const;
  void forget(const std::string& room);
  void complain(const command& c, const std::string& what);

  oracle& oracle_;
  const std::string& user_;
  bool one_room_;
  const std::deque<stay>& stays_;
  ending ending_;
  std::vector<place> places_; ///< the latest join last
  bool narrowed_ = false;     ///< a token may have removed rights
  bool has_resumed_ = false;  ///< it took a session up before it said anything else
  bool unclear_ = false;      ///< from here on nobody knows where the client is
};

} // namespace troupe::model
