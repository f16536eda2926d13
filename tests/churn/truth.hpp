#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::churn {

using life_id = std::uint32_t;        ///< one connection, from its handshake to its end
using publication_id = std::uint32_t; ///< one publish command
using user_number = std::uint32_t;    ///< a user id; 0: none

/// What one incarnation of a room has said, as far as any client has heard.
struct room_log {
  unsigned room;
  std::string epoch;
  std::vector<publication_id> said; ///< by seq; 0: not known yet

  [[nodiscard]] publication_id at(std::uint64_t seq) const {
    return seq < said.size() ? said[seq] : 0;
  }
};

/// One publish command, and its place in a room's order.
struct publication {
  life_id by = 0;
  unsigned room = 0;
  bool echo = true;
  /// Its publisher was not let into `room`, so it may go to another room or to none.
  bool anywhere = false;
  bool refused = false; ///< its publisher was no member: nobody may get it
  std::size_t text_hash = 0;
  std::size_t timestamp_hash = 0; ///< 0: nobody has got it yet
  std::uint64_t seq = 0;          ///< 0: not known yet
  const room_log* log = nullptr;  ///< null: no troupe.v1 client has heard it yet
};

struct text_hasher {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

/// Knows what was said, and checks that all who receive it agree.
class truth {
public:
  explicit truth(unsigned rooms);

  // -- rooms and users --

  [[nodiscard]] unsigned rooms() const { return static_cast<unsigned>(names_.size()); }
  [[nodiscard]] const std::string& name_of(unsigned room) const { return names_[room]; }
  /// The room's number; `rooms()` if there is no such room.
  [[nodiscard]] unsigned room_named(std::string_view name) const;
  [[nodiscard]] user_number user_named(std::string_view user_id);
  life_id begin_life();
  /// Notes that `life` has this user id; complains if that contradicts what is known.
  void identify(life_id life, user_number user);
  [[nodiscard]] user_number user_of(life_id life) const { return users_of_lives_[life]; }
  [[nodiscard]] life_id life_of(user_number user) const { return lives_of_users_[user]; }

  // -- what is said --

  /// Notes a publish command and returns its text, which no other one has.
  std::string publish(life_id by, unsigned room, bool echo, bool refused);
  /// The publisher was not let into the room, so nobody knows where `p` goes.
  void excuse(publication_id p) { said_[p].anywhere = true; }
  [[nodiscard]] publication_id last_publication() const {
    return static_cast<publication_id>(said_.size() - 1);
  }
  [[nodiscard]] const publication& operator[](publication_id p) const { return said_[p]; }

  // -- what is heard --

  /// The log of `epoch`. If the epoch is another room's, it complains and returns null.
  room_log* log_of(unsigned room, std::string_view epoch);
  /// The publication whose text this is, or 0.
  [[nodiscard]] publication_id heard(std::string_view text) const;
  /// Places `p` in its room's order. Complains if the place is taken or `p` has another place.
  void place(publication_id p, room_log& log, std::uint64_t seq);
  /// Places `p` for its publisher, who was told the seq but not the epoch.
  void place(publication_id p, std::uint64_t seq);
  /// Complains unless all who hear `p` hear the same sender and the same time.
  void check_stamp(publication_id p, user_number sender, std::string_view timestamp);
  /// `life` got nothing for [from, to): these must be its own without echo. `settle` judges this,
  /// when all is known.
  void excuse_later(life_id life, const room_log& log, std::uint64_t from, std::uint64_t to);
  /// `life` got `p` in another room than it was said in. `settle` judges this, too.
  void stray(life_id life, publication_id p) { strays_.emplace_back(life, p); }
  /// Keeps what a client without positions got in one stay, in order.
  void keep_run(life_id life, std::vector<publication_id> run);

  /// Judges what was left open. Call it when no more frames can come.
  void settle();

  void complain(std::string what);
  void complain(life_id life, const std::string& what);
  [[nodiscard]] std::size_t complaints() const { return complaints_; }
  [[nodiscard]] std::size_t publications() const { return said_.size() - 1; }
  [[nodiscard]] std::size_t lives() const { return users_of_lives_.size() - 1; }
  [[nodiscard]] std::size_t incarnations() const { return logs_.size(); }

private:
  struct gap {
    life_id life;
    const room_log* log;
    std::uint64_t seq;
  };

  void settle_gap(const gap& g);
  void check_run(life_id life, const std::vector<publication_id>& run);
  void check_order(const room_log& log);

  std::vector<std::string> names_;
  std::map<std::string, unsigned, std::less<>> rooms_by_name_;
  std::unordered_map<std::string, user_number, text_hasher, std::equal_to<>> users_by_name_;
  std::vector<user_number> users_of_lives_{0};
  std::vector<life_id> lives_of_users_{0};
  std::deque<publication> said_{1};
  std::map<std::string, std::unique_ptr<room_log>, std::less<>> logs_;
  std::vector<gap> gaps_;
  std::vector<std::pair<life_id, publication_id>> strays_;
  std::vector<std::pair<life_id, std::vector<publication_id>>> runs_;
  /// Seqs that a client did not get and that nobody else has heard: how many, by client and log.
  std::map<std::pair<life_id, const room_log*>, std::size_t> unheard_;
  std::size_t complaints_ = 0;
};

} // namespace troupe::churn
