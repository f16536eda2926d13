#pragma once

#include "oracle.hpp"
#include "wire.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace troupe::model {

/// One client's time in one room incarnation, from its `joined` to its end: everything that the
/// room has said meanwhile must be heard, in order, once, and nothing else.
class stay {
public:
  enum class end : std::uint8_t { none, left, kicked, closed, forbidden };

  /// `at`: entries of the log before it. `seq`: the room's position then, as far as the client was
  /// told.
  stay(oracle& t, std::string user, bool plain, std::size_t log, std::size_t at,
       std::optional<std::uint64_t> seq);

  /// A frame that the room has said to all.
  void hear(const frame_fields& f);
  /// What was published from outside.
  void hear_outside(const frame_fields& f);
  /// A `joined` of a room that is held tells its position.
  void hear_position(std::uint64_t seq);
  /// The room has answered a command, behind all that it had said before.
  void hear_ack(const fate& f, std::optional<std::uint64_t> seq);

  /// It has ended, and the client was told behind all that it was owed.
  void over(end how, std::optional<std::uint64_t> seq);
  /// A plain client is in another room from here on: it has heard at least what it said itself.
  void switched();
  /// Nothing moves any more: if it holds, all was heard. A plain client that has left without `ref`
  /// is not told.
  void settle();

  [[nodiscard]] end how() const noexcept { return how_; }
  [[nodiscard]] std::size_t log() const noexcept { return log_; }
  [[nodiscard]] const std::string& room() const { return entries().name; }
  /// Whether the room knows that it is over because the connection ended.
  [[nodiscard]] bool cut_short() const;

private:
  [[nodiscard]] const room_log& entries() const { return oracle_.logs[log_]; }
  [[nodiscard]] bool at_own_end() const;
  [[nodiscard]] bool is_owed(const entry& e) const;
  void pass();
  /// Passes what it need not hear, at most up to `position`.
  void pass_to(std::size_t position);
  void complain(const std::string& what);

  oracle& oracle_;
  std::string user_;
  bool plain_;
  std::size_t log_;
  std::size_t next_;                 ///< the entry that comes next
  std::optional<std::uint64_t> seq_; ///< of the last stored broadcast before that
  std::size_t heard_ = 0;            ///< behind the last entry that was heard
  int last_outside_ = 0;
  end how_ = end::none;
  bool broken_ = false; ///< complained already: what follows from it is no news
};

} // namespace troupe::model
