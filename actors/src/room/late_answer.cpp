#include "room/late_answer.hpp"

#include "model/check_event.hpp"
#include "model/check_refusal.hpp"

#include <stdexcept>
#include <utility>

namespace troupe::actors {

using protocol::errc;

join_decision join_decision::later(join_promise promise) {
  if (!late_answer::is_whole(promise))
    throw std::invalid_argument{"join_decision::later: the promise was moved from"};
  join_decision d;
  d.promise = std::move(promise);
  return d;
}

// -- promises -------------------------------------------------------------------------------------

join_promise::join_promise() : handle_(late_answer::make()) {}

void join_promise::accept() const { decide(join_decision::accept()); }

void join_promise::refuse(errc code, std::string why) const {
  decide(join_decision::refuse(code, std::move(why)));
}

void join_promise::refuse(std::string why) const { refuse(errc::forbidden, std::move(why)); }

void join_promise::decide(join_decision decision) const {
  if (decision.promise)
    throw std::invalid_argument{"join_promise::decide: this decision is itself to come later"};
  if (decision.code != errc::ok)
    check_refusal("join_promise::decide", decision.code);
  if (handle_)
    handle_->answer()->give(std::move(decision));
}

bool join_promise::is_awaited() const { return handle_ && handle_->answer()->is_awaited(); }

void reply_promise::ack() const {
  if (handle_)
    handle_->answer()->give(message_answer{});
}

void reply_promise::send(const broadcast_event& event) const {
  check_event(event);
  if (handle_)
    handle_->answer()->give(message_answer{errc::ok, {}, std::make_unique<owned_event>(event)});
}

void reply_promise::send(std::string_view type, protocol::field_list fields) const {
  send({type, fields, {}, true, false});
}

void reply_promise::refuse(errc code, std::string_view detail) const {
  check_refusal("reply_promise::refuse", code);
  if (handle_)
    handle_->answer()->give(message_answer{code, std::string{detail}, nullptr});
}

bool reply_promise::is_awaited() const { return handle_ && handle_->answer()->is_awaited(); }

// -- answers --------------------------------------------------------------------------------------

std::shared_ptr<const answer_handle> late_answer::make() {
  return std::make_shared<const answer_handle>(std::make_shared<late_answer>());
}

reply_promise late_answer::make_reply() {
  reply_promise promise;
  promise.handle_ = make();
  return promise;
}

const std::shared_ptr<late_answer>& late_answer::of(const join_promise& promise) {
  return promise.handle_->answer();
}

const std::shared_ptr<late_answer>& late_answer::of(const reply_promise& promise) {
  return promise.handle_->answer();
}

void late_answer::give(any_answer answer) {
  std::shared_ptr<answer_inbox> where;
  {
    std::lock_guard guard{mutex_};
    if (is_given_ || is_closed_)
      return;
    answer_.emplace(std::move(answer));
    is_given_ = true;
    where = std::move(where_);
  }
  hand_over(where);
}

void late_answer::give_up() noexcept {
  std::shared_ptr<answer_inbox> where;
  {
    std::lock_guard guard{mutex_};
    if (std::exchange(is_given_, true) || is_closed_)
      return;
    where = std::move(where_);
  }
  hand_over(where);
}

bool late_answer::is_awaited() const {
  std::lock_guard guard{mutex_};
  return !is_given_ && !is_closed_;
}

bool late_answer::await(std::shared_ptr<answer_inbox> where, std::uint64_t number) {
  bool is_here = false;
  {
    std::lock_guard guard{mutex_};
    if (has_room_ || is_closed_)
      return false;
    has_room_ = true;
    number_ = number;
    is_here = is_given_;
    if (!is_here)
      where_ = std::move(where);
  }
  if (is_here)
    hand_over(where);
  return true;
}

errc late_answer::take(std::optional<any_answer>& answer) {
  std::lock_guard guard{mutex_};
  is_closed_ = true;
  where_ = nullptr;
  answer.swap(answer_);
  return answer ? errc::ok : is_given_ ? errc::internal : errc::timed_out;
}

void late_answer::close() noexcept {
  std::optional<any_answer> void_one; // what it holds is destroyed outside of the lock
  std::lock_guard guard{mutex_};
  is_closed_ = true;
  where_ = nullptr;
  void_one.swap(answer_);
}

void late_answer::hand_over(const std::shared_ptr<answer_inbox>& where) noexcept {
  if (where)
    where->put(shared_from_this());
}

// -- inbox ----------------------------------------------------------------------------------------

void answer_inbox::put(std::shared_ptr<late_answer> answer) noexcept {
  {
    std::lock_guard guard{mutex_};
    if (is_shut_)
      return;
    auto* last = std::exchange(last_, answer.get());
    (first_ ? last->next_ : first_) = std::move(answer);
  }
  wake();
}

std::shared_ptr<late_answer> answer_inbox::take_next() noexcept {
  std::lock_guard guard{mutex_};
  auto next = std::move(first_);
  if (next)
    first_ = std::move(next->next_);
  return next;
}

void answer_inbox::shut() noexcept {
  {
    std::lock_guard guard{mutex_};
    is_shut_ = true;
  }
  while (take_next()) { // one by one: a long line would be a deep recursion
  }
}

} // namespace troupe::actors
