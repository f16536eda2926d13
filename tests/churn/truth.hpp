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

/// What one incarnation of a room has said, as far as anybody was told.
struct room_log {
  unsigned room;
  std::string epoch;
  std::vector<publication_id> said; ///< by seq; 0: nobody has told yet

  [[nodiscard]] publication_id at(std::uint64_t seq) const {
    return seq < said.size() ? said[seq] : 0;
  }
};

/// One publish command, and where it came to lie.
struct publication {
  life_id by = 0;
  unsigned room = 0;
  bool echo = true;
  /// Its publisher was not let into `room`: it goes to another room or to none.
  bool anywhere = false;
  bool refused = false; ///< said by somebody who was no member: nobody may get it
  std::size_t text_hash = 0;
  std::size_t timestamp_hash = 0; ///< 0: nobody has got it yet
  std::uint64_t seq = 0;          ///< 0: not told yet
  const room_log* log = nullptr;  ///< null: no member of troupe.v1 has told yet
};

struct text_hasher {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

/// What is said and what everybody who receives it must agree on.
class truth {
public:
  explicit truth(unsigned rooms);

  // -- rooms and users --

  [[nodiscard]] unsigned rooms() const { return static_cast<unsigned>(names_.size()); }
  [[nodiscard]] const std::string& name_of(unsigned room) const { return names_[room]; }
  /// `rooms()` if there is no such room.
  [[nodiscard]] unsigned room_named(std::string_view name) const;
  [[nodiscard]] user_number user_named(std::string_view user_id);
  life_id begin_life();
  /// Says that `life` goes by this user id, or complains if that cannot be.
  void identify(life_id life, user_number user);
  [[nodiscard]] user_number user_of(life_id life) const { return users_of_lives_[life]; }
  [[nodiscard]] life_id life_of(user_number user) const { return lives_of_users_[user]; }

  // -- what is said --

  /// Notes a publish command and returns its text, which no other one has.
  std::string publish(life_id by, unsigned room, bool echo, bool refused);
  /// Its publisher was not let into the room: nobody knows where it goes.
  void excuse(publication_id p) { said_[p].anywhere = true; }
  [[nodiscard]] publication_id last_publication() const {
    return static_cast<publication_id>(said_.size() - 1);
  }
  [[nodiscard]] const publication& operator[](publication_id p) const { return said_[p]; }

  // -- what is heard --

  /// The log of `epoch`, or null with a complaint if that is another room's.
  room_log* log_of(unsigned room, std::string_view epoch);
  /// The publication whose text this is, or 0.
  [[nodiscard]] publication_id heard(std::string_view text) const;
  /// Places `p` in its room's order; complains if something else lies there or `p` lies elsewhere.
  void place(publication_id p, room_log& log, std::uint64_t seq);
  /// The publisher itself was told the seq, but not the epoch.
  void place(publication_id p, std::uint64_t seq);
  /// All that hear `p` hear the same sender and the same time.
  void check_stamp(publication_id p, user_number sender, std::string_view timestamp);
  /// `life` got nothing for [from, to): these must be its own without echo. Judged in `settle`,
  /// when all is known.
  void excuse_later(life_id life, const room_log& log, std::uint64_t from, std::uint64_t to);
  /// `life` got `p` in a room that it was not said in. Judged in `settle`, too.
  void stray(life_id life, publication_id p) { strays_.emplace_back(life, p); }
  /// What one stay of a client got that knows no positions, in order.
  void keep_run(life_id life, std::vector<publication_id> run);

  /// Once nothing moves any more.
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
  /// Silent places that nobody else could tell.
  std::map<std::pair<life_id, const room_log*>, std::size_t> unheard_;
  std::size_t complaints_ = 0;
};

} // namespace troupe::churn
