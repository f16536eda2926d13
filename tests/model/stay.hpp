#pragma once

#include "lasting.hpp"
#include "oracle.hpp"
#include "wire.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe::model {

/// The entry as complaints name it.
[[nodiscard]] std::string name_of(const entry& e);
/// Whether the frame is that entry. `user`: whose session the client of `e` is.
[[nodiscard]] bool says(const frame_fields& f, const entry& e, const std::string& user);

/// One client's time in one incarnation of a room, from its `joined` to its end. The client must
/// hear everything that the room says meanwhile, in order and once, and nothing else.
class stay {
public:
  static constexpr std::size_t no_entry = ~std::size_t{0};
  enum class end : std::uint8_t { none, left, kicked, closed, forbidden };

  /// `at`: how many entries of the log come before it. `seq`: the room's position then, if the
  /// client was told.
  stay(oracle& t, std::string client, bool plain, std::size_t log, std::size_t at,
       std::optional<std::uint64_t> seq);

  /// The stay goes on with what was said behind that place, of which only stored broadcasts are
  /// repeated, less those from which the `former` session was excluded. `entered` follows.
  void go_on_from(std::shared_ptr<const lasting_session> former);
  /// All that was said before entry `at` has been repeated, unless its end follows.
  void entered(std::size_t log, std::size_t at);
  /// The room has lost what the client lacks; its position is `seq` now.
  void overrun(std::uint64_t seq);

  /// The client does not take what it is sent: from now on it may be spared what is for this moment
  /// only, but for the last value of each sender and key.
  void falls_behind();
  /// How many values may have waited for it at a time, since it has fallen behind.
  [[nodiscard]] std::size_t values_waiting() const;
  /// The client takes all: it must hear all that is said from now on. `may_lack`: more values may
  /// have waited for it than the bound allows.
  void is_level(bool may_lack);
  /// The client takes nothing until `goes_on`, and is behind at both times, with nothing under way.
  void stalls();
  [[nodiscard]] bool is_stalled() const noexcept {
    return stalled_from_ != no_entry && stalled_to_ == no_entry;
  }
  void goes_on(std::size_t most_values);
  /// Checks what it was spared. Call it when nothing is under way.
  void check_values();

  /// Checks a frame that the room has sent to all.
  void hear(const frame_fields& f);
  /// Takes a list of all users in the room. Where users are told one by one, it must be what is
  /// known already.
  void know(users all);
  /// Follows who is in the room, after a list.
  void follow(const frame_fields& f);
  /// Whether it hears of users together, once a second, instead of in their place among others.
  [[nodiscard]] bool is_gathered() const { return !plain_ && oracle_.gathering.contains(room()); }
  /// Checks a frame that was published from outside.
  void hear_outside(const frame_fields& f);
  /// Checks the position in a `joined` of a room that the client is already in.
  void hear_position(std::uint64_t seq);
  /// Checks an answer of the room to a command. It must come after all that the room had said
  /// before.
  void hear_ack(const fate& f, std::optional<std::uint64_t> seq);

  /// Checks the answer to a command that repeats another one: it must come after that.
  void hear_ack_of_repeat(const fate& first);
  /// Checks a frame for this client alone, which must come behind the first entries up to there.
  void hear_alone(std::size_t behind, const std::string& what);

  /// Ends the stay. The client must be told after all that it was owed.
  void over(end how, std::optional<std::uint64_t> seq);
  /// Ends the stay of a plain client that is now in another room. It must have heard at least its
  /// own messages.
  void switched();
  /// Checks that everything was heard, if the stay goes on. Call it when nothing is under way. A
  /// plain client that has left without `ref` is not told of its end.
  void settle();

  [[nodiscard]] end how() const noexcept { return how_; }
  [[nodiscard]] bool is_entering() const noexcept { return former_ && !entered_at_; }
  [[nodiscard]] bool is_overrun() const noexcept { return overrun_; }
  [[nodiscard]] std::size_t next() const noexcept { return next_; }
  [[nodiscard]] std::uint64_t seq() const noexcept { return seq_.value_or(0); }
  /// Where it began.
  [[nodiscard]] std::size_t first() const noexcept { return first_; }
  [[nodiscard]] std::uint64_t complete_from() const noexcept { return complete_from_; }
  [[nodiscard]] std::size_t log() const noexcept { return log_; }
  [[nodiscard]] const std::string& room() const { return entries().name; }
  /// Whether the room knows that it is over because the connection ended.
  [[nodiscard]] bool cut_short() const;

private:
  [[nodiscard]] const room_log& entries() const { return oracle_.logs[log_]; }
  [[nodiscard]] bool at_own_end() const;
  [[nodiscard]] bool excluded_former(const entry& e) const;
  /// Whether it has been told of these users, as far as it has been told at all.
  [[nodiscard]] bool knows(const users& all) const;
  /// Whether the client must hear an entry, may hear it, or must not.
  enum class duty : std::uint8_t { owed, may_come, not_for_it };
  [[nodiscard]] duty duty_of(std::size_t position) const;
  [[nodiscard]] bool is_owed(std::size_t position) const { return duty_of(position) == duty::owed; }
  [[nodiscard]] bool is_that(const frame_fields& f, const entry& e) const {
    return says(f, e, oracle_.user_of(e.client));
  }
  void pass();
  void skip();
  /// Whether an entry is one of which who is behind gets the last.
  [[nodiscard]] bool is_value(std::size_t position) const;
  [[nodiscard]] bool gives_way(std::size_t position, std::size_t end) const;
  /// Skips what it need not hear, at most up to `position`, or to an entry that may be `heard`.
  void pass_to(std::size_t position, const frame_fields* heard = nullptr);
  [[nodiscard]] bool is_last_word(std::optional<std::uint64_t> seq) const;
  void expect_all();
  void pass_what_is_left(end how, std::optional<std::uint64_t> seq);
  void complain(const std::string& what);

  oracle& oracle_;
  std::string client_;
  bool plain_;
  std::size_t log_;
  std::size_t first_;                      ///< the entry that came first
  std::size_t next_;                       ///< the entry that comes next
  std::optional<std::uint64_t> seq_;       ///< the seq of the last stored broadcast before that
  std::optional<std::uint64_t> heard_seq_; ///< of the last frame that had one
  std::size_t heard_ = 0;                  ///< behind the last entry that was heard
  int last_outside_ = 0;
  std::optional<users> users_; ///< as far as it has been told; unknown before a list
  /// Of a client that has come back: the session that it had.
  std::shared_ptr<const lasting_session> former_;
  std::optional<std::size_t> entered_at_; ///< of such a client, once it is known
  std::uint64_t complete_from_ = 0;       ///< position behind which it misses nothing
  std::size_t level_from_ = 0;            ///< from this entry on the client is not behind
  std::size_t behind_from_ = 0;           ///< the entry that came next as it fell behind
  /// A time in which the client was behind.
  struct time_behind {
    std::size_t end; ///< the entry that came next when it was level again
    bool may_lack;   ///< whether values may have been left out
  };
  std::vector<time_behind> times_behind_;
  std::vector<std::size_t> skipped_values_;
  // While it surely took nothing: these entries, and those of them that it must get all the same.
  std::size_t stalled_from_ = no_entry, stalled_to_ = no_entry;
  std::set<std::size_t> given_;
  bool lacks_some_ = false; ///< it has heard what comes behind something that it lacks
  bool overrun_ = false;    ///< nobody knows what it hears from here on
  end how_ = end::none;
  bool broken_ = false; ///< it has complained; further complaints would only follow from that
};

} // namespace troupe::model
