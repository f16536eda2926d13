#include "room/open_requests.hpp"

#include <charconv>
#include <utility>

namespace troupe::actors {
namespace {

/// The number of a `requestId`, if that is written as the room writes it; 0: it is none.
std::uint64_t number_of(std::string_view id) noexcept {
  std::uint64_t number = 0;
  auto* end = id.data() + id.size();
  auto is_canonical = !id.empty() && id.front() != '0';
  auto [stop, error] = std::from_chars(id.data(), end, number);
  return is_canonical && error == std::errc{} && stop == end ? number : 0;
}

} // namespace

open_requests::~open_requests() {
  auto dispose = [](open_request* r) { delete r; };
  by_time_.clear();
  by_member_.clear_and_dispose(dispose);
  ended_.clear_and_dispose(dispose);
}

bool open_requests::has_place_for(session_key who) const noexcept {
  if (most_ > 0 && by_member_.size() >= most_)
    return false;
  std::size_t count = 0;
  if (most_of_member_ > 0)
    for_each_of(who, [&](auto&) { ++count; });
  return most_of_member_ == 0 || count < most_of_member_;
}

const open_request& open_requests::open(open_request request) {
  auto* r = new open_request{std::move(request)};
  r->id = ++last_id_;
  by_member_.insert(*r);
  by_time_.insert(*r);
  return *r;
}

void open_requests::refuse(open_request request) {
  ended_.push_back(*new open_request{std::move(request)});
}

std::unique_ptr<open_request> open_requests::take(session_key who, std::string_view id) noexcept {
  auto number = number_of(id);
  auto i = first_of(who);
  while (i != by_member_.end() && i->who == who && i->id != number)
    ++i;
  if (i == by_member_.end() || i->who != who)
    return nullptr;
  auto& r = const_cast<open_request&>(*i);
  close(r);
  return std::unique_ptr<open_request>{&r};
}

void open_requests::move(session_key from, session_key to) noexcept {
  for (auto i = first_of(from); i != by_member_.end() && i->who == from; i = first_of(from)) {
    auto& r = const_cast<open_request&>(*i);
    by_member_.erase(i);
    r.who = to;
    by_member_.insert(r);
  }
}

void open_requests::end_all_of(session_key who, protocol::errc why) noexcept {
  for (auto i = first_of(who); i != by_member_.end() && i->who == who; i = first_of(who))
    end(const_cast<open_request&>(*i), why);
}

void open_requests::end_late(steady_time now) noexcept {
  while (!by_time_.empty() && by_time_.begin()->until <= now)
    end(*by_time_.begin(), protocol::errc::timed_out);
}

void open_requests::end_all(protocol::errc why) noexcept {
  while (!by_time_.empty())
    end(*by_time_.begin(), why);
}

std::unique_ptr<open_request> open_requests::take_ended() noexcept {
  if (ended_.empty())
    return nullptr;
  auto& r = ended_.front();
  ended_.pop_front();
  return std::unique_ptr<open_request>{&r};
}

open_requests::member_set::const_iterator open_requests::first_of(session_key who) const noexcept {
  auto is_before = [](const open_request& r, session_key k) {
    return order_by_member::key(r.who, r.id) < order_by_member::key(k, 0);
  };
  return by_member_.lower_bound(who, is_before);
}

void open_requests::close(open_request& r) noexcept {
  by_member_.erase(by_member_.iterator_to(r));
  by_time_.erase(by_time_.iterator_to(r));
}

void open_requests::end(open_request& r, protocol::errc why) noexcept {
  close(r);
  r.why = why;
  ended_.push_back(r);
}

} // namespace troupe::actors
