#pragma once

#include <troupe/actors/room_behavior.hpp>

#include <boost/intrusive/set.hpp>

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
/// Users are in the order of their ids' bytes. Of a user's sessions the last is the one with a
/// profile that joined last; those without come first. Cost: logarithmic, no allocation, but for
/// `for_each_after`, which is linear in what it visits. Thread: the room's.
class user_index {
public:
  void insert(indexed_member& m) noexcept {
    auto [first, last] = members_.equal_range(m, by_user{});
    users_ += first == last ? 1 : 0;
    members_.insert_before(m.profile.empty() ? first : last, m);
  }

  /// Returns whether it was its user's last session.
  bool remove(indexed_member& m) noexcept {
    auto next = members_.erase(members_.iterator_to(m));
    auto is_same_user = [&](auto i) { return i->user_id == m.user_id; };
    auto has_others = (next != members_.end() && is_same_user(next))
                   || (next != members_.begin() && is_same_user(std::prev(next)));
    users_ -= has_others ? 0 : 1;
    return !has_others;
  }

  /// How many users there are.
  [[nodiscard]] std::size_t size() const noexcept { return users_; }

  [[nodiscard]] bool contains(std::string_view user_id) const noexcept {
    return members_.find(user_id, by_user{}) != members_.end();
  }

  /// Calls `f(session whose profile is the user's, number of sessions)` for each user behind
  /// `user_id` (empty: for all), as long as it returns true.
  template <class F>
  void for_each_after(std::string_view user_id, F&& f) const {
    auto i = user_id.empty() ? members_.begin() : members_.upper_bound(user_id, by_user{});
    while (i != members_.end()) {
      const member* shown = &*i;
      std::size_t sessions = 1;
      for (++i; i != members_.end() && i->user_id == shown->user_id; ++i, ++sessions)
        shown = &*i;
      if (!f(*shown, sessions))
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
