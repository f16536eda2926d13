#pragma once

#include "messages/messages.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors {

/// Those who claim one session; the first one's turn it is. While the session is on its way to it,
/// the session is neither kept nor anybody's: what happens to it meanwhile is noted here.
///
/// Bound: `most_late_bytes` of directs. As long as it is not known whose session it is, the oldest
/// give way; then no more are taken. Thread: the directory's.
class claim_line {
public:
  static constexpr std::size_t most_late_bytes = std::size_t{1024} * 1024;

  std::deque<session_claim> waiting;

  /// The session has been found. Errors: `std::bad_alloc`.
  void found(const session_record& session) {
    for (auto& room : session.rooms)
      rooms_.push_back(room.name);
    user_ = session.user_id;
    std::erase_if(late_, [&](auto& d) { return d.what->to != user_; });
  }

  /// A direct may miss the session. Returns whether it surely will not. Errors: `std::bad_alloc`.
  bool add_late(const direct_call& asked) {
    auto is_found = !user_.empty();
    auto& what = *asked.what;
    auto is_shared = [&](auto& room) { return what.names(room); };
    if (!may_be_of(what.to) || (is_found && late_bytes_ + what.weight() > most_late_bytes)
        || (is_found && what.rooms && std::none_of(rooms_.begin(), rooms_.end(), is_shared)))
      return false;
    late_.push_back({asked.what, nullptr}); // its fate may wait for this claim
    late_bytes_ += what.weight();
    for (; late_bytes_ > most_late_bytes; late_.pop_front())
      late_bytes_ -= late_.front().what->weight();
    return is_found;
  }
  [[nodiscard]] const std::deque<direct_call>& late() const noexcept { return late_; }

  /// All sessions of that user end. Errors: `std::bad_alloc`.
  void end_sessions_of(const std::string& user) {
    if (may_be_of(user))
      ended_.push_back(user);
  }
  /// Whether the session has ended so. Precondition: it has been found.
  [[nodiscard]] bool has_ended() const {
    return std::find(ended_.begin(), ended_.end(), user_) != ended_.end();
  }

  /// The turn of the first one is over.
  void end_turn() noexcept {
    waiting.pop_front();
    user_.clear();
    rooms_.clear();
    late_.clear();
    late_bytes_ = 0;
    ended_.clear();
  }

private:
  [[nodiscard]] bool may_be_of(const std::string& user) const {
    auto& known = user_.empty() ? waiting.front().user_id : user_;
    return known.empty() || known == user;
  }

  std::string user_; ///< whose session it is; empty: it has not been found yet
  std::vector<std::string> rooms_;
  std::deque<direct_call> late_;
  std::size_t late_bytes_ = 0; ///< or more
  std::vector<std::string> ended_;
};

} // namespace troupe::actors
