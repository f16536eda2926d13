#pragma once

#include "known_ids.hpp"

#include "directs.hpp"
#include "requests.hpp"

#include <troupe/actors/clock.hpp>
#include <troupe/actors/room_behavior.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::model {

class lasting_session;

/// One thing that a room said to its members, or a client that came or went in silence.
struct entry {
  enum class kind : std::uint8_t { line, came, went, profile, away, back };
  kind what = kind::line;
  std::string type;                    ///< of its frame
  std::string client;                  ///< who said it, came or went; empty: the room itself
  std::string text = {};               ///< text or bytes of a line; that of a profile
  std::string except = {};             ///< the client that does not get it
  actors::leave_reason reason = {};    ///< why the client went
  bool stored = true;                  ///< whether it has a `seq`
  bool plain = true;                   ///< whether plain clients get it
  bool told = true;                    ///< false: another session of its user was or is in the room
  bool automatic = false;              ///< whether the node had put `except` into the room
  bool is_passing = false;             ///< whether who is behind may not get it
  int number = 0;                      ///< of the command that said it
  std::optional<std::string> key = {}; ///< if who is behind gets the last one of that
  std::string session = {};            ///< who says it, by whatever connection; of one with a key

  /// Whether it ends that client's stay: the client has gone, or has lost its connection and left
  /// its seat behind.
  [[nodiscard]] bool ends(std::string_view who) const {
    return (what == kind::went || what == kind::away) && client == who;
  }
};

/// A user as members see it.
struct seen_user {
  std::string profile; ///< its text; empty: it has none
  bool away = false;
  bool operator==(const seen_user&) const = default;
};
using users = std::map<std::string, seen_user>;

/// What one incarnation of a room has said, as its behaviour notes it. Clients are compared with
/// it. What is published from outside is missing, since no hook hears of that.
struct room_log {
  std::string name;
  bool announces = true;
  bool stays_when_empty = false;
  bool keeps_seats = false;
  std::size_t most_members = 0; ///< 0: any number
  std::vector<entry> entries;
  std::set<std::string> inside; ///< clients
  /// Those of them that have lost their connections, and until when their seats are kept.
  std::map<std::string, actors::steady_time> away;
  /// The profiles of those inside: client and text, the latest last.
  std::vector<std::pair<std::string, std::string>> profiles;
  known_ids ids;
  bool over = false; ///< its behaviour is destroyed
  bool told_to_end = false;
  bool crashed = false;
  bool closed = false; ///< its behaviour was told of the end
};

/// What became of a command in a room.
struct fate {
  enum class kind : std::uint8_t {
    said,
    swallowed,
    done,
    refused,
    thrown_out,
    crashed,
    slipped, ///< its hook has thrown, and the room has gone on
    let_in
  };
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
    last_number; ///< by room name and client: the last command handled
  std::unordered_map<int, std::string> senders; ///< by the number of a command: the client
  /// What rooms have said to clients that came back as members: by room name and client.
  std::map<std::pair<std::string, std::string>, std::set<std::string>> returns;
  std::map<std::string, std::string> user_ids; ///< by client: several may be one user's sessions
  /// By client: the session of another one that it has claimed.
  std::map<std::string, std::shared_ptr<const lasting_session>> claims;
  /// Clients whose session may have ended, or may be another client's: their seats may end early.
  std::set<std::string> contested;
  bool is_stopping = false;   ///< all sessions end
  bool values_may_go = false; ///< there is so little memory for output that values may be left out
  std::set<std::string> returned; ///< clients that surely have the session that they have claimed
  std::unordered_map<int, std::uint64_t> positions; ///< by the number of a command, as clients hear
  std::set<std::string> gathering;   ///< rooms that tell v1 clients of users once a second
  std::set<std::string> told_to_end; ///< rooms that were told to end from outside
  std::map<std::string, int>
    last_words; ///< by room: the number last published from outside in `calm`
  std::map<std::string, std::size_t, std::less<>> seen; ///< how often each drawn event has happened
  direct_log directs;
  request_log requests;
  std::size_t alive_behaviors = 0;
  std::size_t brought_back = 0; ///< how often a deed was done again for a client that came back
  std::vector<std::string> complaints;

  void complain(std::string_view who, std::string what) {
    complaints.push_back(std::string{who} + ": " + std::move(what));
  }

  /// A client was told the position of what command `number` has said, or that of its ack. Returns
  /// whether it is what others were told.
  bool note_position(int number, std::uint64_t seq) {
    return positions.try_emplace(number, seq).first->second == seq;
  }
  /// The user whose session a client is; empty for the room itself.
  [[nodiscard]] std::string user_of(const std::string& client) const {
    auto i = user_ids.find(client);
    return i == user_ids.end() ? client : i->second;
  }
  /// The profile that is shown of a user; empty: none.
  [[nodiscard]] std::string shown_profile(const room_log& log, const std::string& user) const {
    for (auto i = log.profiles.rbegin(); i != log.profiles.rend(); ++i)
      if (user_of(i->first) == user)
        return i->second;
    return {};
  }
  /// Whether the user is in the room, and has lost all its connections there.
  [[nodiscard]] bool is_away(const room_log& log, const std::string& user) const {
    auto sessions = [&](auto& some, auto&& name_of) {
      return std::count_if(some.begin(), some.end(),
                           [&](auto& s) { return user_of(name_of(s)) == user; });
    };
    auto away = sessions(log.away, [](auto& s) { return s.first; });
    return away > 0 && away == sessions(log.inside, [](auto& s) { return s; });
  }
  /// Who is in a room.
  [[nodiscard]] users present_in(const room_log& log) const {
    users all;
    for (auto& client : log.inside)
      all[user_of(client)] = {shown_profile(log, user_of(client)), is_away(log, user_of(client))};
    return all;
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
