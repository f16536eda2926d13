// Answers to requests that are the same with each version of CAF.
#pragma once

#include <troupe/actors/caf_compat.hpp>

#include <utility>

namespace troupe::compat {

/// What an actor owes to whoever asked it: a `T` or an error, now or later.
///
/// An asker whose answer is dropped hears nothing. CAF's promises differ here: with 1.x their
/// destructor sends an error, and ends the process if there is no memory for it.
template <class T>
class owed_answer {
public:
  /// Takes over the request that `self` is handling, whose handler returns `to_come()`.
  explicit owed_answer(caf::local_actor& self) noexcept
    : asker_(std::move(self.current_mailbox_element()->sender)),
      id_(self.current_mailbox_element()->mid.response_id()) {
    self.current_mailbox_element()->mid.mark_as_answered();
  }

  /// Tells CAF that there is nothing to send for the handler.
  [[nodiscard]] static caf::result<T> to_come() { return caf::delegated<T>{}; }

  /// Answers; `self` is the actor that was asked. If it throws, for want of memory, nothing was
  /// sent, and it may be called again.
  void give(caf::local_actor& self, T what) const {
    send(self, caf::make_message(std::move(what)));
  }

  /// Answers with an error; as above.
  void refuse(caf::local_actor& self, caf::error why) const {
    send(self, caf::make_message(std::move(why)));
  }

private:
  void send(caf::local_actor& self, caf::message what) const {
    if (!asker_)
      return;
    auto answer = make_element(self.ctrl(), std::move(what));
    answer->mid = id_;
    asker_->enqueue(std::move(answer), self.context());
  }

  caf::strong_actor_ptr asker_;
  caf::message_id id_;
};

} // namespace troupe::compat
