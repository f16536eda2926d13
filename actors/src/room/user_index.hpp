#pragma once

#include <troupe/actors/room_context.hpp>

#include <boost/intrusive/set.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>

namespace troupe::actors {

/// A member as the index of users keeps it.
struct indexed_member : member, boost::intrusive::set_base_hook<> {
  explicit indexed_member(member m) : member(std::move(m)) {}
};

/// The members of a room by user, since several sessions may be the same user's. Owns nothing.
///
/// Users are in the order of their ids' bytes. Of a user's sessions the last is the one that has
/// brought a profile last; those without come first. Cost: logarithmic, no allocation, but for
/// `for_each_after`, which is linear in what it visits. Thread: the room's.
class user_index {
public:
  void insert(indexed_member& m) noexcept {
    auto [first, last] = members_.equal_range(m, by_user{});
    users_ += first == last ? 1 : 0;
    members_.insert_before(m.profile.empty() ? first : last, m);
  }

  /// What a removal means for the user.
  struct removal {
    bool was_last = false;         ///< none of the user's sessions is left
    const member* shown = nullptr; ///< whose profile is the user's instead; null: no other's
  };

  removal remove(indexed_member& m) noexcept {
    auto next = members_.erase(members_.iterator_to(m));
    auto is_same_user = [&](auto i) { return i->user_id == m.user_id; };
    if (next != members_.end() && is_same_user(next))
      return {};
    if (next != members_.begin() && is_same_user(std::prev(next)))
      return {false, &*std::prev(next)};
    --users_;
    return {true};
  }

  /// The member has brought a profile, which is its user's from now on.
  void show(indexed_member& m) noexcept {
    members_.erase(members_.iterator_to(m));
    members_.insert_before(members_.upper_bound(m, by_user{}), m);
  }

  /// Whether all sessions of a user are away; false if it has none.
  [[nodiscard]] bool is_away(std::string_view user_id) const noexcept {
    auto [first, last] = members_.equal_range(user_id, by_user{});
    return first != last && std::all_of(first, last, [](auto& m) { return m.away; });
  }

  /// A session of the user that is away; null if there is none.
  [[nodiscard]] const member* away_session(std::string_view user_id) const noexcept {
    auto [first, last] = members_.equal_range(user_id, by_user{});
    auto i = std::find_if(first, last, [](auto& m) { return m.away; });
    return i == last ? nullptr : &*i;
  }

  /// Calls `f` for each session of the user.
  template <class F>
  void for_each_session(std::string_view user_id, F&& f) const {
    auto [first, last] = members_.equal_range(user_id, by_user{});
    for (; first != last; ++first)
      f(*first);
  }

  /// How many users there are.
  [[nodiscard]] std::size_t size() const noexcept { return users_; }

  /// The session whose profile is the user's; null if the user has no session.
  [[nodiscard]] const member* shown(std::string_view user_id) const noexcept {
    auto next = members_.upper_bound(user_id, by_user{});
    auto is_there = next != members_.begin() && std::prev(next)->user_id == user_id;
    return is_there ? &*std::prev(next) : nullptr;
  }

  /// Calls `f(session whose profile is the user's, number of sessions, is away)` for each user
  /// behind `user_id` (empty: for all), as long as it returns true. Sessions that are away count if
  /// all are.
  template <class F>
  void for_each_after(std::string_view user_id, F&& f) const {
    auto i = user_id.empty() ? members_.begin() : members_.upper_bound(user_id, by_user{});
    while (i != members_.end()) {
      const member* shown = &*i;
      std::size_t sessions = 0, present = 0;
      for (; i != members_.end() && i->user_id == shown->user_id; ++i) {
        shown = &*i;
        ++sessions;
        present += i->away ? 0 : 1;
      }
      if (!f(*shown, present > 0 ? present : sessions, present == 0))
        return;
    }
  }

private:
  struct by_user {
    bool operator()(const member& a, const member& b) const { return a.user_id < b.user_id; }
    bool operator()(const member& a, std::string_view b) const { return a.user_id < b; }
    bool operator()(std::string_view a, const member& b) const { return a < b.user_id; }
  };
  using members = boost::intrusive::multiset<indexed_member, boost::intrusive::compare<by_user>,
                                             boost::intrusive::constant_time_size<false>>;

  members members_;
  std::size_t users_ = 0;
};

} // namespace troupe::actors
