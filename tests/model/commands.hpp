#pragma once

#include "lasting.hpp"
#include "oracle.hpp"
#include "wire.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace troupe::model {

/// Where a client was in a room when its connection ended.
struct left_off {
  std::shared_ptr<const lasting_session> session; ///< that the client had
  std::string room;
  std::string epoch;
  std::size_t log = 0;
  std::size_t next = 0; ///< the entry that comes next
  std::uint64_t seq = 0;
  std::size_t first = 0; ///< the same of its beginning
  std::uint64_t first_seq = 0;
};

/// What a client says of the session that it takes up again, and what the model knows of it.
struct resume_claim {
  std::shared_ptr<lasting_session> session; ///< null: the string names none
  std::string text;
  bool is_its_user = true;
  bool is_void = false;        ///< the string surely named nothing when it was sent
  std::vector<left_off> named; ///< log 0 and no session: a room that it was not in
  /// A place of the session's holder in a room.
  struct seat {
    std::size_t log = 0;
    std::size_t next = 0;       ///< as in `left_off`
    bool is_confirmed = false;  ///< its connection surely knew of it
    int order = -1;             ///< rises in the order of joining
    bool is_order_sure = false; ///< whether the session surely has it in that order
  };
  std::string holder;                   ///< who had it, as far as it has told
  std::map<std::string, seat> held;     ///< where that was
  std::set<std::string> possible;       ///< where it may have been
  std::optional<std::uint64_t> directs; ///< how many directs it says that it has heard
};

/// One command of a client, and its answer.
struct command {
  enum class kind : std::uint8_t { join, leave, say, list, ping, auth, history, resume, direct };
  kind what = kind::say;
  std::string type;
  int number = 0;
  std::optional<std::string> room;           ///< none: the default room
  bool ref = false;                          ///< whether it has a `ref`: its number
  bool is_passing = false;                   ///< of a message: see `deed`
  std::string id;                            ///< of a message: see `deed`
  std::string answer;                        ///< type of the answer; empty: none yet
  std::string code;                          ///< of an `error`
  bool is_duplicate = false;                 ///< of an `ack`
  std::string answered_by;                   ///< the room that the answer names
  std::optional<std::size_t> stay;           ///< of a `join`: the stay that it began, or found
  std::optional<left_off> since;             ///< of a `join` that comes back
  std::shared_ptr<const resume_claim> claim; ///< of a `resume`
  /// Of a `resume` that was answered so: the rooms in their order, with the stays that began.
  std::vector<std::pair<std::string, std::optional<std::size_t>>> rooms;
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
