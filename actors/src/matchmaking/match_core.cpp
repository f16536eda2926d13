#include "matchmaking/match_core.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <new>
#include <utility>

namespace troupe::actors {

using protocol::errc;

// -- the rooms ------------------------------------------------------------------------------------

/// Runs `f`, which changes how full the room is, or whether it is open. If there is no memory, no
/// wish finds the room until its next change.
template <class F>
void match_core::change(listed& room, F&& f) noexcept {
  auto node = open_.extract(&room);
  f();
  if (!room.is_open())
    return;
  if (node) {
    open_.insert(std::move(node));
    return;
  }
  try {
    open_.insert(&room);
  } catch (const std::bad_alloc&) {
    // There are other rooms, or another is made.
  }
}

match_core::listed& match_core::add(room_listing now, room_key room) {
  auto name = now.name;
  auto& l = rooms_.try_emplace(std::move(name)).first->second;
  l.now = std::move(now);
  l.room = room;
  l.number = ++listings_;
  return l;
}

void match_core::remove(std::map<std::string, listed, std::less<>>::iterator i) noexcept {
  open_.erase(&i->second);
  rooms_.erase(i);
}

/// The room of that name, if it is still the same listing.
match_core::listed* match_core::find(const std::string& name, std::uint64_t number) noexcept {
  auto i = rooms_.find(name);
  return i != rooms_.end() && i->second.number == number ? &i->second : nullptr;
}

void match_core::on_report(const room_report& report) {
  auto i = rooms_.find(report.now.name);
  if (i != rooms_.end() && i->second.room && i->second.room != report.room) {
    remove(i); // its end was told before, or will be told in vain
    i = rooms_.end();
  }
  auto& room = i != rooms_.end() ? i->second : add({report.now.name}, report.room);
  change(room, [&] {
    room.now = report.now;
    room.room = report.room;
    room.is_ending = false;
  });
}

void match_core::on_unlisted(const unlist_room& gone) {
  auto i = rooms_.find(gone.name);
  if (i != rooms_.end() && i->second.room == gone.room)
    remove(i);
}

void match_core::list(page_question& asked) const {
  room_page page;
  auto& from = asked.what();
  auto i = from.after.empty() ? rooms_.begin() : rooms_.upper_bound(from.after);
  for (; i != rooms_.end() && page.rooms.size() < from.limit; ++i)
    if (i->second.room) // else it does not exist yet
      page.rooms.push_back(i->second.now);
  page.complete = std::none_of(i, rooms_.end(), [](auto& r) { return bool(r.second.room); });
  asked.answer(page);
}

// -- the wishes -----------------------------------------------------------------------------------

std::size_t match_core::open_wishes() const noexcept {
  auto sum = wishes_.size();
  for (auto& [name, u] : users_)
    sum += u.waiting.size();
  return sum;
}

void match_core::reserve(seat_question_ptr asked) {
  auto whose = users_.try_emplace(asked->what().user_id).first;
  whose->second.waiting.push_back(std::move(asked));
  serve(whose);
}

/// Begins the user's next wish, unless one is open. Forgets a user that wants and has nothing.
void match_core::serve(users::iterator whose) noexcept {
  auto& u = whose->second;
  while (u.ticket == 0 && !u.waiting.empty()) {
    auto asked = std::move(u.waiting.front());
    u.waiting.pop_front();
    if (!makes_place(whose)) {
      asked->answer({errc::overloaded});
      continue;
    }
    try {
      begin(whose, asked);
    } catch (const std::exception&) {
      asked->answer({errc::internal});
    }
  }
  forget_if_idle(whose);
}

void match_core::forget_if_idle(users::iterator whose) noexcept {
  auto& u = whose->second;
  if (u.ticket == 0 && u.waiting.empty() && !u.holds)
    users_.erase(whose);
}

/// Whether one more seat may be held, or the user's own be replaced. Forgets seats whose time is
/// over, if that may help.
bool match_core::makes_place(users::iterator whose) {
  constexpr std::size_t many = 16'384; // without a bound these are looked through, too
  auto is_bounded = config_.max_held > 0;
  if (held_ < (is_bounded ? config_.max_held : many) || whose->second.holds)
    return true;
  auto now = output_.now();
  if (now < next_sweep_)
    return !is_bounded;
  next_sweep_ = steady_time::max();
  for (auto i = users_.begin(); i != users_.end();) {
    auto next = std::next(i);
    auto& holds = i->second.holds;
    if (holds && holds->until <= now) {
      holds.reset();
      --held_;
      if (i != whose)
        forget_if_idle(i);
    } else if (holds) {
      next_sweep_ = std::min(next_sweep_, holds->until);
    }
    i = next;
  }
  return !is_bounded || held_ < config_.max_held;
}

/// If it throws, the wish is not open.
void match_core::begin(users::iterator whose, seat_question_ptr asked) {
  auto ticket = ++tickets_;
  wish w;
  if (auto& filter = asked->what().filter; !filter.empty())
    w.filter = std::make_shared<const protocol::metadata_filter>(filter);
  w.refused.reserve(most_asked_rooms);
  w.asked = std::move(asked);
  auto when = output_.now() + wish_time;
  drop_past_deadlines();
  deadlines_.emplace_back(when, ticket);
  auto& open = wishes_.try_emplace(ticket, std::move(w)).first->second;
  whose->second.ticket = ticket;
  try {
    output_.wake_at(deadlines_.front().first);
    ask_next(ticket, open);
  } catch (const std::exception&) {
    finish(ticket, {errc::internal});
  }
}

void match_core::ask_next(std::uint64_t ticket, wish& w) {
  if (w.has_made)
    return finish(ticket, {errc::room_closed}); // that room is not to be had
  auto* room = own_room(w);
  if (!room && w.refused.size() < most_asked_rooms)
    room = open_room(w);
  if (room)
    ask(ticket, w, *room);
  else
    make_room_for(ticket, w);
}

/// The room where its user has a seat, if it fits and was not asked yet; that may be locked.
match_core::listed* match_core::own_room(wish& w) {
  if (std::exchange(w.has_own, true))
    return nullptr;
  auto& holds = users_.at(w.asked->what().user_id).holds;
  if (!holds || holds->until <= output_.now())
    return nullptr;
  auto* room = find(holds->room, holds->listing);
  auto is_fit = room && !room->is_ending && (!w.filter || fits(*room->now.metadata, *w.filter));
  return is_fit ? room : nullptr;
}

match_core::listed* match_core::open_room(const wish& w) {
  auto is_fit = [&](const listed* room) {
    return (!w.filter || fits(*room->now.metadata, *w.filter))
        && std::find(w.refused.begin(), w.refused.end(), room->number) == w.refused.end();
  };
  auto i = std::find_if(open_.begin(), open_.end(), is_fit);
  return i == open_.end() ? nullptr : *i;
}

/// If it throws, nobody is asked.
void match_core::ask(std::uint64_t ticket, wish& w, listed& room) {
  auto& wanted = w.asked->what();
  w.room = room.now.name;
  hold_request request{ticket, room.number, wanted.user_id, wanted.hold, w.filter, room.room};
  output_.hold(w.room, std::move(request));
  change(room, [&] { ++room.asked; });
}

/// Lists a new room, and asks it, which makes it.
void match_core::make_room_for(std::uint64_t ticket, wish& w) {
  auto& wanted = w.asked->what();
  auto name = output_.new_name();
  if (rooms_.contains(name)) // of a pattern that is one name
    return finish(ticket, {errc::room_full});
  w.has_made = true;
  auto metadata = std::make_shared<const protocol::metadata>(wanted.metadata);
  auto& room = add({name, 0, 0, 0, config_.capacity, metadata, false}, {});
  try {
    w.room = name;
    hold_request request{ticket, room.number, wanted.user_id, wanted.hold, w.filter, {}, metadata};
    output_.hold(name, std::move(request));
  } catch (...) {
    remove(rooms_.find(name));
    throw;
  }
  change(room, [&] { ++room.asked; });
}

void match_core::on_answer(const hold_answer& answer) {
  note_answer(answer);
  auto i = wishes_.find(answer.ticket);
  if (i == wishes_.end())
    return give_up_late(answer);
  try {
    take_answer(i->second, answer);
  } catch (const std::exception&) {
    finish(answer.ticket, {errc::internal});
  }
  serve(users_.find(answer.user_id));
}

/// The wish was answered before, as it has waited too long. If its user had a seat in that room by
/// an earlier one, and has it still, it is the same seat.
void match_core::give_up_late(const hold_answer& answer) {
  if (answer.code != errc::ok)
    return;
  auto whose = users_.find(answer.user_id);
  auto* holds = whose != users_.end() && whose->second.holds ? &*whose->second.holds : nullptr;
  if (holds && answer.renewed && holds->room == answer.room)
    holds->ticket = std::max(holds->ticket, answer.ticket);
  else
    output_.release(answer.room, {answer.user_id, answer.ticket, answer.now->room});
}

/// Notes what an answer says about the room.
void match_core::note_answer(const hold_answer& answer) {
  if (auto* room = find(answer.room, answer.listing)) {
    change(*room, [&] {
      --room->asked;
      auto is_unborn = !room->room && answer.code != errc::ok;
      room->is_ending |= is_unborn || answer.code == errc::room_closed;
    });
    if (!room->room && room->is_ending && room->asked == 0)
      remove(rooms_.find(answer.room)); // it was not made after all
  }
  try {
    if (answer.now)
      on_report(*answer.now);
  } catch (const std::bad_alloc&) {
    // It is listed with its next report.
  }
}

void match_core::take_answer(wish& w, const hold_answer& answer) {
  if (answer.code == errc::ok)
    return hold_for(answer.ticket, w, answer);
  if (w.has_made)
    return finish(answer.ticket, // a room that is not for this wish
                  {answer.code == errc::forbidden ? errc::room_full : answer.code});
  w.refused.push_back(answer.listing);
  ask_next(answer.ticket, w);
}

/// The wish has its seat. Its user gives up the one that it had elsewhere.
void match_core::hold_for(std::uint64_t ticket, const wish& w, const hold_answer& answer) {
  auto& wanted = w.asked->what();
  auto& u = users_.at(wanted.user_id);
  auto room = rooms_.find(answer.room);
  auto listing = room == rooms_.end() ? 0 : room->second.number;
  seat now{answer.room, listing, ticket, output_.now() + wanted.hold};
  if (u.holds && u.holds->room != answer.room && u.holds->until > output_.now())
    output_.release(u.holds->room, {wanted.user_id, u.holds->ticket, {}});
  if (!u.holds)
    ++held_;
  next_sweep_ = std::min(next_sweep_, now.until);
  u.holds = std::move(now);
  finish(ticket, {errc::ok, answer.room, wanted.hold, answer.made});
}

/// Tells the wish. Its user is to be served then.
void match_core::finish(std::uint64_t ticket, const reservation_result& result) noexcept {
  auto done = wishes_.extract(ticket);
  auto& asked = *done.mapped().asked;
  users_.find(asked.what().user_id)->second.ticket = 0;
  asked.answer(result);
}

void match_core::on_deadline() {
  auto now = output_.now();
  while (!deadlines_.empty() && deadlines_.front().first <= now) {
    auto ticket = deadlines_.front().second;
    deadlines_.pop_front();
    auto late = wishes_.find(ticket);
    if (late == wishes_.end())
      continue;
    auto whose = users_.find(late->second.asked->what().user_id);
    finish(ticket, {errc::timed_out});
    serve(whose);
  }
  drop_past_deadlines();
  if (!deadlines_.empty())
    output_.wake_at(deadlines_.front().first);
}

/// Forgets the deadlines of wishes that were answered, up to one that was not.
void match_core::drop_past_deadlines() noexcept {
  while (!deadlines_.empty() && !wishes_.contains(deadlines_.front().second))
    deadlines_.pop_front();
}

} // namespace troupe::actors
