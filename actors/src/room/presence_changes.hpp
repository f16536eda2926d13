#pragma once

#include <troupe/actors/room_context.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::actors {

/// What has changed among the users of a room since its members were last told, net.
///
/// Members know the users from lists, from the changes that they are told, and from what they have
/// brought themselves. A list shows what is the case at that moment, so a change that is undone
/// later stays here if somebody may have seen it: else that member would never hear the truth.
///
/// Invariant: a user is in it at most once. Cost: logarithmic in its size. Thread: the room's.
class presence_changes {
public:
  /// A user at one moment: a mark of its profile; nothing if it is not in the room.
  using sight = std::optional<std::uint64_t>;

  struct change {
    sight before; ///< as members were told
    sight now;
    leave_reason reason = leave_reason::left; ///< why it has gone, if it has
    std::uint64_t lists = 0;                  ///< that were given when it changed last
    bool is_seen = false;                     ///< a member knows `now` without being told
    bool was_seen = false;                    ///< a member may know it otherwise than it is `now`

    /// Whether all who follow the room know this user, and only its profile is news.
    [[nodiscard]] bool is_known() const noexcept { return before && !was_seen; }
  };
  using changes = std::map<std::string, change, std::less<>>;

  /// A user has become what it is `now`, for that reason if it has gone; members know it as it was
  /// `before`, or as an earlier change that is still here has left it. `is_seen`: one of its
  /// sessions, which may stay, has brought this.
  void note(std::string_view user, sight before, sight now, leave_reason reason, bool is_seen) {
    auto i = changes_.find(user);
    if (i == changes_.end())
      i = changes_.emplace(user, change{before}).first;
    else
      i->second.was_seen |= i->second.is_seen || i->second.lists != lists_;
    auto& c = i->second;
    c.now = now;
    c.reason = reason;
    c.lists = lists_;
    c.is_seen = is_seen;
    if (c.now == c.before && !c.was_seen)
      changes_.erase(i);
  }

  /// A session of `asker` was given a list. If its user is news itself, only that user has seen it
  /// by this, and will not be here any more if it goes again.
  void note_list(std::string_view asker) {
    auto own = changes_.find(asker);
    auto is_news = own != changes_.end() && !own->second.before && own->second.lists == lists_;
    ++lists_;
    if (is_news)
      own->second.lists = lists_;
  }

  [[nodiscard]] bool empty() const noexcept { return changes_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return changes_.size(); }
  /// In the order of the ids' bytes.
  [[nodiscard]] const changes& all() const noexcept { return changes_; }
  /// Drops those before `left`, which all members have been told. Some may have been told more.
  void drop_told(changes::const_iterator left) noexcept {
    changes_.erase(changes_.begin(), left);
    ++lists_;
  }

private:
  changes changes_;
  std::uint64_t lists_ = 0;
};

} // namespace troupe::actors
