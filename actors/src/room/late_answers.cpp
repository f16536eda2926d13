#include "room/late_answers.hpp"

#include <algorithm>
#include <iterator>

namespace troupe::actors {

late_answers::~late_answers() {
  for (auto& [number, what] : waiting_)
    what.answer->close();
  if (inbox_)
    inbox_->shut();
}

std::size_t late_answers::messages_of(session_key who) const noexcept {
  auto is_its = [&](auto& w) { return !w.second.join && w.second.message.who == who; };
  return static_cast<std::size_t>(std::count_if(waiting_.begin(), waiting_.end(), is_its));
}

unanswered_message* late_answers::find_message(session_key who, std::uint64_t id) noexcept {
  for (auto& [number, what] : waiting_)
    if (!what.join && what.message.id == id && what.message.who == who)
      return &what.message;
  return nullptr;
}

bool late_answers::add(unanswered what, const std::shared_ptr<answer_inbox>& inbox) {
  auto is_join = what.join != nullptr;
  auto i = waiting_.emplace_hint(waiting_.end(), ++last_, std::move(what));
  if (!i->second.answer->await(inbox, i->first)) {
    waiting_.erase(i);
    return false;
  }
  inbox_ = inbox;
  joins_ += is_join;
  return true;
}

std::optional<unanswered> late_answers::take_next(steady_time now) noexcept {
  if (waiting_.empty())
    return std::nullopt;
  while (auto given = inbox_->take_next())
    if (auto i = waiting_.find(given->number()); i != waiting_.end() && i->second.answer == given)
      return take(i);
  return waiting_.begin()->second.until <= now ? std::optional{take(waiting_.begin())}
                                               : std::nullopt;
}

void late_answers::drop_join_of(session_key who) noexcept {
  if (auto i = first_of(who, true); i != waiting_.end())
    take(i).answer->close();
}

std::optional<unanswered> late_answers::take_message_of(session_key who) noexcept {
  auto i = first_of(who, false);
  if (i == waiting_.end())
    return std::nullopt;
  i->second.answer->close();
  return take(i);
}

std::unique_ptr<join_request> late_answers::take_last_join() noexcept {
  auto i = std::find_if(waiting_.rbegin(), waiting_.rend(),
                        [](auto& w) { return w.second.join != nullptr; });
  if (i == waiting_.rend())
    return nullptr;
  auto last = take(std::prev(i.base()));
  last.answer->close();
  return std::move(last.join);
}

unanswered late_answers::take(table::iterator i) noexcept {
  joins_ -= i->second.join != nullptr;
  auto what = std::move(i->second);
  waiting_.erase(i);
  return what;
}

late_answers::table::iterator late_answers::first_of(session_key who, bool is_join) noexcept {
  return std::find_if(waiting_.begin(), waiting_.end(), [&](auto& w) {
    auto& [answer, until, join, message] = w.second;
    return is_join ? join && join->who == who : !join && message.who == who;
  });
}

} // namespace troupe::actors
