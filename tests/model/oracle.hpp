#pragma once

#include <troupe/actors/room_behavior.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::model {

/// One thing that a room said to its members.
struct entry {
  enum class kind : std::uint8_t { line, came, went };
  kind what = kind::line;
  std::string type;                 ///< of its frame
  std::string user;                 ///< who said it, came or went; empty: the room itself
  std::string text = {};            ///< text or bytes of a line
  std::string except = {};          ///< the user who does not get it
  actors::leave_reason reason = {}; ///< why the user went
  bool stored = true;               ///< whether it has a `seq`
  bool plain = true;                ///< whether plain clients get it
};

/// What one incarnation of a room has said, as its behaviour notes it. Clients are compared with
/// it. What is published from outside is missing, since no hook hears of that.
struct room_log {
  std::string name;
  bool announces = true;
  bool stays_when_empty = false;
  std::vector<entry> entries;
  std::set<std::string> inside; ///< users
  bool over = false;            ///< its behaviour is destroyed
  bool told_to_end = false;
  bool crashed = false;
  bool closed = false; ///< its behaviour was told of the end
};

/// What became of a command in a room.
struct fate {
  enum class kind : std::uint8_t { said, swallowed, done, refused, thrown_out, crashed, let_in };
  kind what = kind::crashed;
  std::size_t log = 0;
  std::size_t position = 0; ///< how many entries its `ack` must follow
};

/// An event published from outside, and the place where it was first heard.
struct outside_event {
  std::string room;
  std::optional<std::pair<std::size_t, std::uint64_t>> place = {}; ///< log and seq
};

/// Everything that has happened in rooms, and every complaint.
struct oracle {
  std::deque<room_log> logs;
  std::map<std::string, std::size_t> latest; ///< by room name: the current incarnation
  std::unordered_map<int, fate> fates;       ///< by the number of a command
  std::unordered_map<int, outside_event> outside;
  std::map<std::pair<std::string, std::string>, int>
    last_number;                     ///< by room name and user: the last command handled
  std::set<std::string> told_to_end; ///< rooms that were told to end from outside
  std::map<std::string, int>
    last_words; ///< by room: the number last published from outside in `calm`
  std::map<std::string, std::size_t, std::less<>> seen; ///< how often each drawn event has happened
  std::size_t alive_behaviors = 0;
  std::vector<std::string> complaints;

  void complain(std::string_view who, std::string what) {
    complaints.push_back(std::string{who} + ": " + std::move(what));
  }

  [[nodiscard]] int last_word(const std::string& room) const {
    auto i = last_words.find(room);
    return i == last_words.end() ? 0 : i->second;
  }
  [[nodiscard]] const fate* fate_of(int number) const {
    auto i = fates.find(number);
    return i == fates.end() ? nullptr : &i->second;
  }
};

} // namespace troupe::model
