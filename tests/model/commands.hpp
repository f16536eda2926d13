#pragma once

#include "oracle.hpp"
#include "wire.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace troupe::model {

/// Where a client was in a room when its connection ended.
struct left_off {
  std::string name;   ///< of the client
  std::string client; ///< its `clientId`
  std::string room;
  std::string epoch;
  std::size_t log = 0;
  std::size_t next = 0; ///< the entry that comes next
  std::uint64_t seq = 0;
};

/// One command of a client, and its answer.
struct command {
  enum class kind : std::uint8_t { join, leave, say, list, ping, auth, history, other };
  kind what = kind::say;
  std::string type;
  int number = 0;
  std::optional<std::string> room; ///< none: the default room
  bool ref = false;                ///< whether it has a `ref`: its number
  std::string answer;              ///< type of the answer; empty: none yet
  std::string code;                ///< of an `error`
  std::string answered_by;         ///< the room that the answer names
  std::optional<std::size_t> stay; ///< of a `join`: the stay that it began, or found
  std::optional<left_off> since;   ///< of a `join` that comes back
};

/// The commands of one client in the order in which it sent them. Each answer must be of the right
/// type and belong to a command without an answer.
class commands {
public:
  commands(oracle& t, std::string user, bool plain)
    : oracle_(t), user_(std::move(user)), plain_(plain) {}

  void add(command c) { all_.push_back(std::move(c)); }

  /// The command that a frame answers. Null if the frame is no answer, or if its command is
  /// unknown, which is a complaint.
  command* answered_by(const frame_fields& f);

  [[nodiscard]] const std::deque<command>& all() const noexcept { return all_; }

private:
  command* by_ref(const frame_fields& f);
  command* without_ref(const frame_fields& f);
  [[nodiscard]] bool is_right_sort(const command& c, const std::string& answer) const;
  void note(command& c, const frame_fields& f);

  oracle& oracle_;
  std::string user_;
  bool plain_;
  std::deque<command> all_;
};

} // namespace troupe::model
