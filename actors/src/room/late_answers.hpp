#pragma once

#include "messages/messages.hpp"
#include "room/late_answer.hpp"

#include <troupe/actors/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors {

/// A member's message that is answered later.
struct unanswered_message {
  session_key who;
  protocol::encoding encoding = protocol::encoding::plain_json;
  std::string type;
  open_ref_ptr ref; ///< null if it had none
  credit token;
  std::size_t bytes = 0;
  std::uint64_t id = 0; ///< 0: the room does not know it again
  /// What has repeated it meanwhile.
  struct repeat {
    open_ref_ptr ref; ///< null if it had none
    credit token;
  };
  std::vector<repeat> repeats{};
};

/// A join or a message that waits for its answer.
struct unanswered {
  std::shared_ptr<late_answer> answer;
  steady_time until = steady_time::max();
  std::unique_ptr<join_request> join{}; ///< null: it is a message
  unanswered_message message{};
};

/// What a room waits for somebody to answer.
///
/// Invariants: what waits ends once, by its answer, its time, a `drop` or the end of this. Bound:
/// `has_place`. Cost: logarithmic in what waits; linear where a session is named. Thread: the
/// room's.
class late_answers {
public:
  /// `most`: 0, any number.
  explicit late_answers(std::size_t most) noexcept : most_(most) {}
  late_answers(const late_answers&) = delete;
  late_answers& operator=(const late_answers&) = delete;
  ~late_answers();

  [[nodiscard]] bool is_empty() const noexcept { return waiting_.empty(); }
  [[nodiscard]] bool has_place() const noexcept { return most_ == 0 || waiting_.size() < most_; }
  [[nodiscard]] bool has_joins() const noexcept { return joins_ > 0; }
  /// Whether a message of that session waits.
  [[nodiscard]] bool has_message_of(session_key who) const noexcept { return messages_of(who) > 0; }
  /// How many do. Cost: linear.
  [[nodiscard]] std::size_t messages_of(session_key who) const noexcept;
  /// The message of that session that the room knows by that id; null if none waits. Cost: linear.
  [[nodiscard]] unanswered_message* find_message(session_key who, std::uint64_t id) noexcept;

  /// Waits for that answer, which `inbox` gets: always the same one. Returns false, and changes
  /// nothing, if somebody waits for it already. Errors: `std::bad_alloc`; then nothing has changed.
  [[nodiscard]] bool add(unanswered what, const std::shared_ptr<answer_inbox>& inbox);

  /// Takes the next one out that is over: its answer is in the inbox, or its time has come. Nothing
  /// if there is none. Its answer is not closed yet.
  [[nodiscard]] std::optional<unanswered> take_next(steady_time now) noexcept;
  /// Ends the join of that session, if it waits.
  void drop_join_of(session_key who) noexcept;
  /// Takes a message of that session out; nothing if none waits.
  [[nodiscard]] std::optional<unanswered> take_message_of(session_key who) noexcept;
  /// Takes the join out that has come last; null if none waits.
  [[nodiscard]] std::unique_ptr<join_request> take_last_join() noexcept;

  /// When the next one ends if no answer comes; nothing if none waits.
  [[nodiscard]] std::optional<steady_time> next_end() const noexcept {
    return waiting_.empty() ? std::nullopt : std::optional{waiting_.begin()->second.until};
  }

private:
  using table = std::map<std::uint64_t, unanswered>;
  unanswered take(table::iterator i) noexcept;
  [[nodiscard]] table::iterator first_of(session_key who, bool is_join) noexcept;

  const std::size_t most_;
  std::shared_ptr<answer_inbox> inbox_; ///< null: nothing has waited yet
  /// By their numbers, which rise; all have the same time, so the first one ends first.
  table waiting_;
  std::size_t joins_ = 0; ///< of them
  std::uint64_t last_ = 0;
};

} // namespace troupe::actors
