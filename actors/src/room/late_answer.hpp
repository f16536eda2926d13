#pragma once

#include "messages/owned_event.hpp"

#include <troupe/actors/late_answer.hpp>
#include <troupe/actors/room_behavior.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

namespace troupe::actors {

class answer_inbox;

/// What somebody has answered to a member's message.
struct message_answer {
  protocol::errc code = protocol::errc::ok;
  std::string detail{};
  std::unique_ptr<const owned_event> event{}; ///< null: nothing is said before the `ack`
};

using any_answer = std::variant<join_decision, message_answer>;

/// An answer on its way from those who may give it, on any thread, to the room that waits for it.
///
/// The first `give` or `give_up` counts. The room may begin to wait after that; either way its
/// inbox gets this once. Thread: any, but for `take`, which the room calls.
class late_answer final : public std::enable_shared_from_this<late_answer> {
public:
  /// Errors, of these two: `std::bad_alloc`.
  [[nodiscard]] static std::shared_ptr<const answer_handle> make();
  [[nodiscard]] static reply_promise make_reply();
  /// Whether it was not moved from, as those below must not have been.
  [[nodiscard]] static bool is_whole(const join_promise& promise) noexcept {
    return promise.handle_ != nullptr;
  }
  [[nodiscard]] static const std::shared_ptr<late_answer>& of(const join_promise& promise);
  [[nodiscard]] static const std::shared_ptr<late_answer>& of(const reply_promise& promise);

  void give(any_answer answer);
  /// Nobody can give it any more.
  void give_up() noexcept;
  [[nodiscard]] bool is_awaited() const;

  /// A room waits for it from now on, under that number. Returns false, and changes nothing, if one
  /// waits already.
  [[nodiscard]] bool await(std::shared_ptr<answer_inbox> where, std::uint64_t number);
  /// The number that the room has given.
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  /// Takes the answer out: `ok`. `internal`: it was given up; `timed_out`: it has not been given.
  /// From now on nobody waits for it.
  [[nodiscard]] protocol::errc take(std::optional<any_answer>& answer);
  /// Nobody waits for it any more.
  void close() noexcept;

private:
  friend class answer_inbox;

  void hand_over(const std::shared_ptr<answer_inbox>& where) noexcept;

  mutable std::mutex mutex_;
  /// Guarded by mutex_, like the next four; null once it has been given: the inbox owns this then.
  std::shared_ptr<answer_inbox> where_;
  bool has_room_ = false; ///< one waits, or has waited
  std::optional<any_answer> answer_;
  bool is_given_ = false;
  bool is_closed_ = false;
  std::uint64_t number_ = 0;          ///< set before it is in the inbox
  std::shared_ptr<late_answer> next_; ///< in the inbox, whose lock guards it
};

/// What all copies of a promise share: with the last of them, nobody is left who could answer.
class answer_handle {
public:
  explicit answer_handle(std::shared_ptr<late_answer> answer) noexcept
    : answer_(std::move(answer)) {}
  answer_handle(const answer_handle&) = delete;
  answer_handle& operator=(const answer_handle&) = delete;
  ~answer_handle() { answer_->give_up(); }

  [[nodiscard]] const std::shared_ptr<late_answer>& answer() const noexcept { return answer_; }

private:
  const std::shared_ptr<late_answer> answer_;
};

/// Where a room finds the answers that have been given, in that order. What it waits for bounds it.
/// Allocates nothing. Thread: any for `put`, the room's for `take_next`.
class answer_inbox {
public:
  answer_inbox() = default;
  answer_inbox(const answer_inbox&) = delete;
  answer_inbox& operator=(const answer_inbox&) = delete;
  virtual ~answer_inbox() { shut(); }

  void put(std::shared_ptr<late_answer> answer) noexcept;
  /// Null if there is none.
  [[nodiscard]] std::shared_ptr<late_answer> take_next() noexcept;
  /// Nobody takes what is here, or what still comes.
  void shut() noexcept;

protected:
  /// There are answers. Thread: any.
  virtual void wake() noexcept = 0;

private:
  std::mutex mutex_;
  std::shared_ptr<late_answer> first_; ///< guarded by mutex_, like the next two
  late_answer* last_ = nullptr;
  bool is_shut_ = false;
};

} // namespace troupe::actors
