// Who is in a room: what members are told of users, lists of users, and seats.
#include "room/room_core_scope.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {
namespace {

using namespace std::chrono_literals;

/// How long changes among the users are gathered, and how many frames of them are sent at once:
/// half of what the least outbox holds.
constexpr auto gathering_time = 1s;
constexpr int most_frames_of_changes = 8;

protocol::raw_value profile_of(const member& m) {
  return {protocol::codec_of(m.encoding), m.profile};
}

} // namespace

/// Call it before the member is seated: only a user's first session is news, and a further one's
/// profile.
void room_core::announce_join(const member& m) {
  if (!config_.announce)
    return;
  if (auto* shown = users_.shown(m.user_id)) {
    if (!m.profile.empty())
      announce_profile(mark_of_profile(*shown), m, m.key);
    return;
  }
  auto is_later = gathers();
  if (is_later)
    gather(m, std::nullopt, mark_of_profile(m), {});
  auto frames = frames_by([&](encoding e) {
    if (is_later && !is_plain(e))
      return protocol::shared_bytes{};
    return protocol::user_joined_frame(e, config_.identity->name, m.user_id, profile_of(m),
                                       config_.meter);
  });
  send_frames(std::move(frames), {}, std::nullopt);
}

void room_core::announce_leave(const member& m, leave_reason reason) {
  if (!config_.announce)
    return;
  auto is_later = gathers();
  if (is_later)
    gather(m, sight_of(mark_of_profile(m), m.away), std::nullopt, reason);
  auto frames = frames_by([&](encoding e) {
    if (is_later && !is_plain(e))
      return protocol::shared_bytes{};
    return protocol::user_left_frame(e, config_.identity->name, m.user_id, to_string(reason),
                                     config_.meter);
  });
  send_frames(std::move(frames), {}, std::nullopt);
}

/// Tells that the profile of `m` is its user's, unless the one `before` was the same. `brought_by`:
/// the session that has brought it just now; nobody if another one has left.
void room_core::announce_profile(std::uint64_t before, const member& m, session_key brought_by) {
  auto now = mark_of_profile(m);
  if (!config_.announce || before == now)
    return;
  if (gathers()) {
    auto away = users_.is_away(m.user_id);
    return gather(m, sight_of(before, away), sight_of(now, away), {}, bool(brought_by));
  }
  auto frames = frames_by([&](encoding e) {
    return protocol::profile_frame(e, config_.identity->name, m.user_id, profile_of(m),
                                   config_.meter);
  });
  send_frames(std::move(frames), brought_by, std::nullopt);
}

/// Whether a change is told later: while many are to be told, and while others wait, which it must
/// not overtake. Plain clients know no `$presence` and are told each at once.
bool room_core::gathers() const noexcept {
  auto many = config_.gather_beyond;
  return !changes_.empty() || (many > 0 && members_.size() > many);
}

void room_core::gather(const member& m, sight before, sight now, leave_reason reason,
                       bool is_seen) {
  changes_.note(m.user_id, before, now, reason, is_seen);
  if (now)
    charge_gathered(m);
  auto is_full = changes_.size() > 2 * (members_.size() + config_.gather_beyond);
  if (is_full)
    output_.work_at(room_work::tell_changes, output_.now());
  else if (!changes_are_due_)
    output_.work_at(room_work::tell_changes, output_.now() + gathering_time);
  changes_are_due_ = true;
}

/// Who brings a profile pays for it in the largest codec, as if it were told at once.
void room_core::charge_gathered(const member& m) {
  auto own = protocol::codec_of(m.encoding);
  auto largest = m.profile.size();
  for (auto e : {encoding::v1_json, encoding::v1_msgpack}) {
    if (m.profile.empty() || protocol::codec_of(e) == own || !is_spoken(e))
      continue;
    std::string other;
    protocol::transcode(own, m.profile, protocol::codec_of(e), other);
    largest = std::max(largest, other.size());
  }
  charge_growth(largest, 0);
}

/// Nobody pays: the changes are as many as the members at most, and told once a second.
void room_core::tell_changes() {
  changes_are_due_ = false;
  if (ending_)
    return;
  command_scope scope{*this, payer::nobody};
  auto left = changes_.all().end();
  std::array<presence_changes::changes::const_iterator, protocol::plain_encoding_count> next;
  next.fill(changes_.all().begin());
  for (int i = 0; i < most_frames_of_changes; ++i)
    send_frames(frames_by([&](encoding e) { return changes_frame(e, next[index_of(e)]); }), {},
                std::nullopt);
  for (auto e : {encoding::v1_json, encoding::v1_msgpack})
    if (auto i = next[index_of(e)]; is_spoken(e) && i != changes_.all().end())
      left = left == changes_.all().end() || i->first < left->first ? i : left;
  changes_.drop_told(left);
  if (changes_.empty())
    return;
  changes_are_due_ = true;
  output_.work_at(room_work::tell_changes, output_.now() + gathering_time);
}

/// As many changes as a frame may have, from `next` on.
protocol::shared_bytes room_core::changes_frame(
  encoding to, presence_changes::changes::const_iterator& next) const {
  auto end = changes_.all().end();
  if (is_plain(to) || next == end)
    return {};
  protocol::presence_notice notice{to};
  auto add = [&](const std::string& user, const presence_changes::change& c) {
    if (!c.now)
      return notice.add_left(user, to_string(c.reason));
    auto profile = profile_of(*users_.shown(user));
    auto away = users_.is_away(user);
    return c.is_known() ? notice.add_changed(user, profile, away)
                        : notice.add_joined(user, profile, away);
  };
  while (next != end && add(next->first, next->second))
    ++next;
  return notice.frame(config_.identity->name, users_.size(), config_.meter);
}

/// A hash of the profile as JSON, in which nobody can look for two that are alike.
std::uint64_t room_core::mark_of_profile(const member& m) const {
  if (m.profile.empty() || protocol::codec_of(m.encoding) == protocol::codec::json)
    return siphash(config_.key, m.profile);
  std::string json;
  protocol::transcode(protocol::codec_of(m.encoding), m.profile, protocol::codec::json, json);
  return siphash(config_.key, json);
}

void room_core::count_member(const member& m, int change) {
  auto step = static_cast<std::size_t>(change);
  encodings_[index_of(m.encoding)] += step;
  if (members_by_loop_.size() <= m.key.loop)
    members_by_loop_.resize(m.key.loop + 1);
  auto& here = members_by_loop_[m.key.loop];
  here += step;
  if (here == 0)
    std::erase(loops_, m.key.loop);
  else if (here == 1 && change > 0)
    loops_.push_back(m.key.loop);
  listing_changed();
}

/// Keeps the place of a member whose connection is lost.
void room_core::set_away(resident& m) {
  if (m.away)
    return;
  if (!answers_.is_empty())
    end_messages_of(m.key, false);
  auto was_away = users_.is_away(m.user_id);
  // Only a user that has proved who it is can come back without its session.
  auto time = m.claims ? config_.keep_seat : std::min(config_.keep_seat, config_.resume_window);
  seats_.keep(m.key, output_.now() + time);
  tell_seats();
  output_.to_dispatcher(m.key.loop, member_frame{config_.identity->key, m.key, {}, true});
  end_replay(m);
  count_member(m, -1);
  m.away = true;
  announce_away(m, was_away);
  run_hook("on_drop", &m, [&] { behavior_->on_drop(*this, m); });
}

/// Removes the former member of a client that is back. Nobody is told: to the others it is the same
/// member.
const member& room_core::take_place(session_key before) {
  auto place = members_.find(before);
  if (!answers_.is_empty())
    end_messages_of(before, false);
  if (!place->second.away) {
    output_.to_dispatcher(before.loop, member_frame{config_.identity->key, before, {}, true});
    count_member(place->second, -1);
  }
  departed_.emplace_back();
  auto& gone = (departed_.back() = members_.extract(place)).mapped();
  unseat(gone);
  keep_ids(gone); // if another session of the user has taken its place
  seats_.forget(before);
  return gone;
}

void room_core::end_seats() {
  if (ending_)
    return;
  command_scope scope{*this, payer::nobody};
  while (auto who = seats_.take_ended(output_.now()))
    if (auto i = members_.find(who); i != members_.end() && i->second.away)
      remove(who, leave_reason::disconnected, {});
  tell_seats();
}

void room_core::tell_seats() const {
  if (auto next = seats_.next_end())
    output_.work_at(room_work::end_seats, *next);
}

/// Tells that a user is away or back, if that has changed.
void room_core::announce_away(const member& m, bool was_away) {
  if (!keeps_seats() || !config_.announce)
    return;
  auto away = users_.is_away(m.user_id);
  if (away == was_away)
    return;
  auto& shown = *users_.shown(m.user_id);
  if (auto mark = mark_of_profile(shown); gathers())
    return gather(shown, sight_of(mark, was_away), sight_of(mark, away), {});
  auto frames = frames_by([&](encoding e) {
    return protocol::away_frame(e, config_.identity->name, m.user_id, away, config_.meter);
  });
  send_frames(std::move(frames), away ? session_key{} : m.key, std::nullopt);
}

/// What members see of a user: its profile, and whether it is away.
std::uint64_t room_core::sight_of(std::uint64_t mark, bool away) noexcept {
  constexpr std::uint64_t mark_of_away = 0x9e3779b97f4a7c15; // any bits
  return away ? mark ^ mark_of_away : mark;
}

/// Answers with a page of the users. It counts in the asker's byte rate as if it had said it.
void room_core::list(const presence_request& asked) {
  if (ending_)
    return; // the connection answers open refs when it hears that the room is closed
  command_scope scope{*this, payer_of(asked.token), asked.token, asked.who};
  auto* asker = find_at(asked.place, asked.who);
  if (!asker)
    return refuse_command({asked.who, asked.encoding, "presence", asked.ref.get()},
                          errc::not_joined, {});
  protocol::presence_page page{asked.encoding};
  auto is_complete = list_users(page, asked.after, asked.limit);
  changes_.note_list(asker->user_id);
  auto ref = asked.ref ? std::string_view{asked.ref->value} : std::string_view{};
  auto frame = page.frame({ref, config_.identity->name, users_.size(), is_complete}, config_.meter);
  growth_ = {true};
  charge_growth(0, frame.size());
  to_member(asked.who, std::move(frame));
  if (asked.ref)
    asked.ref->answered = true;
}

/// Adds users behind `after` to the page, `most` of them. Returns whether those were all.
bool room_core::list_users(protocol::presence_page& page, std::string_view after,
                           std::int64_t most) const {
  auto is_complete = true;
  users_.for_each_after(after, [&](const member& m, std::size_t sessions, bool away) {
    is_complete = most > 0 && page.add({m.user_id, sessions, profile_of(m), away});
    --most;
    return is_complete;
  });
  return is_complete;
}

} // namespace troupe::actors
