#include "room/room_core.hpp"

#include "fanout/dispatcher.hpp"
#include "model/check_event.hpp"
#include "model/check_refusal.hpp"
#include "model/frame_weight.hpp"

#include <troupe/actors/make_room.hpp>
#include <troupe/protocol/frame.hpp>
#include <troupe/protocol/history.hpp>

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace troupe::actors {

using protocol::encoding;
using protocol::errc;
using protocol::index_of;

namespace {

using namespace std::chrono_literals;

constexpr double overload_factor = 8;

/// How long changes among the users are gathered, and how many frames of them are sent at once:
/// half of what the least outbox holds.
constexpr auto gathering_time = 1s;
constexpr int most_frames_of_changes = 8;

/// How often a room whose output waits looks whether it still does: each tick of the timers.
constexpr auto time_between_looks = 10ms;

constexpr auto handler_of_request = "a request's handler";

const char* hook_of(room_input::kind what) noexcept {
  switch (what) {
    case room_input::kind::message: return "on_publish";
    case room_input::kind::binary: return "on_binary";
    case room_input::kind::profile: return "on_profile";
    case room_input::kind::reply: return handler_of_request;
    case room_input::kind::application: break;
  }
  return "on_message";
}

protocol::raw_value profile_of(const member& m) {
  return {protocol::codec_of(m.encoding), m.profile};
}

credit_limits own_limits(const room_limits& limits) {
  return {std::int64_t{1} << 40,
          limits.max_pending_bytes > 0 ? limits.max_pending_bytes : std::int64_t{1} << 50};
}

} // namespace

/// Marks that a command is being handled, and who pays for the output meanwhile. Members that leave
/// stay in memory until it ends.
struct room_core::command_scope {
  command_scope(room_core& r, payer who, const credit& token = {}, session_key commander = {})
    : room(r) {
    room.payer_ = who;
    room.current_token_ = token;
    room.commander_ = commander;
  }
  command_scope(const command_scope&) = delete;
  command_scope& operator=(const command_scope&) = delete;
  ~command_scope() {
    room.payer_ = payer::room;
    room.current_token_ = {};
    room.current_ = nullptr;
    room.growth_.is_counted = false;
    room.departed_.clear();
  }
  room_core& room;
};

room_core::payer room_core::payer_of(const credit& token) noexcept {
  return token ? payer::client : payer::room;
}

/// The frames that `make(encoding)` makes, one for each encoding in use: built once, deflated at
/// most once.
template <class Make>
frame_set room_core::frames_by(Make&& make) const {
  frame_set frames;
  for (std::size_t i = 0; i < protocol::plain_encoding_count; ++i)
    if (auto plain = static_cast<encoding>(i); in_use(plain) || in_use(deflated(plain)))
      put(make(plain), plain, frames);
  return frames;
}

/// The same with `make(encoding, meter)`; `event`: the frame that the history keeps, one of those
/// if it can, else made for it. It is empty if no history is kept.
template <class Make>
frame_set room_core::stored_frames_by(Make&& make, protocol::shared_bytes& event) const {
  frame_set frames;
  for (std::size_t i = 0; i < protocol::plain_encoding_count; ++i) {
    auto plain = static_cast<encoding>(i);
    if (!in_use(plain) && !in_use(deflated(plain)))
      continue;
    auto is_kept = history_.is_on() && !event && !is_plain(plain);
    auto frame = make(plain, is_kept ? history_.meter() : config_.meter);
    if (is_kept)
      event = frame;
    put(std::move(frame), plain, frames);
  }
  if (history_.is_on() && !event)
    event = make(encoding::v1_json, history_.meter());
  return frames;
}

/// Puts a frame into `frames`, and deflated if somebody wants it so.
void room_core::put(protocol::shared_bytes frame, encoding plain, frame_set& frames) const {
  auto small = deflated(plain);
  if (frame && in_use(small))
    frames[index_of(small)] = protocol::deflated_frame(frame, config_.meter);
  if (in_use(plain))
    frames[index_of(plain)] = std::move(frame);
}

room_core::room_core(config c, std::unique_ptr<room_behavior> behavior, room_output& output)
  : config_(std::move(c)),
    output_(output),
    requests_(config_.limits.max_requests_per_member, config_.limits.max_requests),
    history_(config_.limits, config_.histories, config_.meter),
    own_(std::make_shared<credit_account>(own_limits(config_.limits))),
    behavior_(std::move(behavior)) {}

room_core::~room_core() = default;

void room_core::create() {
  command_scope scope{*this, payer::room};
  hook_ = "on_create";
  behavior_->on_create(*this);
  hook_ = nullptr;
}

// -- joining and leaving --------------------------------------------------------------------------

join_reply room_core::join(const join_request& request) {
  command_scope scope{*this, request.automatic ? payer::arrival : payer_of(request.token),
                      request.token, request.who};
  if (auto i = members_.find(request.who); i != members_.end()) {
    growth_ = {true};
    auto& since = request.since;
    auto has_all = since && since->epoch == config_.epoch && since->seq <= seq_
                && since->seq >= i->second.complete_from;
    if (auto frame = joined_frame_for(request, since ? std::optional{has_all} : std::nullopt))
      to_member(request.who, std::move(frame));
    request.ref->answered = true;
    return {errc::ok, {}, config_.identity->key, i->second.place};
  }
  member candidate{request.who,     request.user_id,   request.encoding,
                   request.profile, request.automatic, request.claims};
  auto former = former_of(request);
  candidate.returning = request.resumed || former;
  if (request.resumed && !former && (keeps_seats() || request.must_replace))
    return {errc::not_joined}; // its membership has ended
  if (former && (request.resumed || candidate.profile.empty()))
    take_profile(candidate, members_.at(former));
  if (config_.limits.max_members > 0 && !former && members_.size() >= config_.limits.max_members)
    return {errc::room_full};
  entering_ = true;
  hook_ = "authorize_join";
  auto decision = behavior_->authorize_join(*this, candidate);
  if (decision.code != errc::ok)
    check_refusal("authorize_join", decision.code);
  hook_ = nullptr;
  // If that hook has ended the room, the successor decides.
  auto reply = ending_                   ? join_reply{errc::room_closed}
             : decision.code == errc::ok ? admit(std::move(candidate), request)
                                         : join_reply{decision.code, std::move(decision.detail)};
  entering_ = false;
  check_empty();
  return reply;
}

/// The member whose place a client takes that comes back: the one that its session names, or for a
/// join a seat of its user if that has proved who it is. Nobody's: it comes anew. Whom the node
/// puts into the room takes no seat: it may be about to resume the session of that.
session_key room_core::former_of(const join_request& request) const {
  if (request.resumed)
    return members_.contains(request.replaced) ? request.replaced : session_key{};
  auto takes_seat = keeps_seats() && request.claims && !request.automatic;
  auto* seat = takes_seat ? users_.away_session(request.user_id) : nullptr;
  return seat ? seat->key : session_key{};
}

/// Who comes back to its place keeps the profile that it had there.
void room_core::take_profile(member& candidate, const member& former) {
  candidate.profile.clear();
  if (!former.profile.empty())
    protocol::transcode(protocol::codec_of(former.encoding), former.profile,
                        protocol::codec_of(candidate.encoding), candidate.profile);
}

join_reply room_core::admit(member candidate, const join_request& request) {
  growth_ = {true, candidate.profile.size()};
  auto former = former_of(request);
  auto was_away = keeps_seats() && users_.is_away(candidate.user_id);
  announce_join(candidate);
  auto& kept = seat(std::move(candidate), request);
  count_member(kept, 1);
  if (request.resumed)
    kept.accepted = ids_of(former, request.client);
  auto returned = subscribe_member(kept, request);
  growth_ = {};
  request.ref->answered = true; // not before: if the above throws, others answer
  auto* gone = former ? &take_place(former) : nullptr;
  ask_again(former, kept);
  announce_away(kept, was_away);
  hook_ = gone ? "on_return" : "on_join";
  if (gone)
    behavior_->on_return(*this, kept, *gone);
  else
    behavior_->on_join(*this, kept);
  hook_ = nullptr;
  if (!members_.contains(request.who)) // the behaviour has kicked it: it was admitted, and is gone
    return {};
  return {errc::ok, {}, config_.identity->key, kept.place, std::move(returned)};
}

/// The ids that the session has given in this room: by the member whose place is taken, or before.
std::unique_ptr<accepted_ids> room_core::ids_of(session_key former, client_id client) {
  auto i = members_.find(former);
  return i != members_.end() ? std::move(i->second.accepted) : departed_ids_.take(client);
}

/// The member of that place, or null if that session has left it. Cost: no hash, unlike `find`.
room_core::resident* room_core::find_at(member_place place, session_key who) const noexcept {
  auto* there = place < places_.size() ? places_[place] : nullptr;
  return there && there->key == who ? there : nullptr;
}

/// If it throws, nothing has changed.
room_core::resident& room_core::seat(member&& candidate, const join_request& request) {
  if (free_places_.empty()) {
    make_room(free_places_, places_.size() + 1);
    places_.push_back(nullptr);
    free_places_.push_back(static_cast<member_place>(places_.size() - 1));
  }
  auto place = free_places_.back();
  auto& kept = members_.try_emplace(request.who, std::move(candidate), request, place, ++joined_)
                 .first->second;
  places_[place] = &kept;
  free_places_.pop_back();
  users_.insert(kept);
  return kept;
}

user_index::removal room_core::unseat(resident& gone) noexcept {
  end_replay(gone);
  places_[gone.place] = nullptr;
  free_places_.push_back(gone.place);
  return users_.remove(gone);
}

/// Its views are of `user_id` and of the room.
protocol::joined_event room_core::joined_event_for(std::string_view user_id,
                                                   std::optional<bool> recovered) const {
  protocol::joined_event event;
  event.room_id = config_.identity->name;
  event.user_id = user_id;
  event.epoch = config_.epoch;
  event.seq = seq_;
  event.recovered = recovered;
  return event;
}

/// With a list of users it counts in the client's byte rate like the answer to `presence`.
protocol::shared_bytes room_core::joined_frame_for(const join_request& request,
                                                   std::optional<bool> recovered) {
  if (request.automatic && is_plain(request.encoding))
    return {};
  auto event = joined_event_for(request.user_id, recovered);
  event.ref = request.ref->value;
  if (!config_.list_members || is_plain(request.encoding))
    return protocol::joined_frame(request.encoding, event, config_.meter);
  protocol::presence_page first{request.encoding};
  list_users(first, {}, protocol::command::default_page);
  changes_.note_list(request.user_id);
  auto members = first.list();
  event.members = members;
  event.total = users_.size();
  auto frame = protocol::joined_frame(request.encoding, event, config_.meter);
  charge_growth(0, frame.size());
  return frame;
}

void room_core::leave(const leave_request& request) {
  if (ending_)
    return;
  auto i = members_.find(request.who);
  if (i == members_.end()) {
    check_empty();
    return;
  }
  auto lost = request.reason == leave_reason::disconnected;
  command_scope scope{*this, lost ? payer::nobody : payer_of(request.token), request.token};
  if (lost && request.may_return && keeps_seats() && !is_plain(i->second.encoding))
    return set_away(i->second);
  if (request.profile) {
    request.profile->text = i->second.profile;
    request.profile->is_there.store(true, std::memory_order_release);
  }
  protocol::shared_bytes farewell;
  auto last_seq = position_of(i->second);
  auto is_forbidden = request.reason == leave_reason::forbidden;
  if (request.answer)
    farewell = protocol::left_frame(
      i->second.encoding, config_.identity->name, last_seq,
      is_forbidden ? to_string(request.reason) : std::string_view{}, {},
      request.ref ? std::string_view{request.ref->value} : std::string_view{}, config_.meter);
  if (is_forbidden && !farewell) // a plain client knows `error` only
    farewell = protocol::error_frame(i->second.encoding,
                                     {errc::forbidden,
                                      "Your token does not open this room any more.",
                                      {},
                                      {},
                                      config_.identity->name,
                                      {}},
                                     config_.meter);
  if (request.ref && !farewell) // a plain client that asked for an answer
    farewell = protocol::ack_frame(i->second.encoding, request.ref->value, config_.identity->name,
                                   std::nullopt, config_.meter);
  remove(request.who, request.reason, farewell, request.ref.get());
}

void room_core::renew(const claims_renewed& message) {
  if (auto i = members_.find(message.who); i != members_.end())
    i->second.claims = message.claims;
}

/// `ref`: what `farewell` answers; may be null.
void room_core::remove(session_key who, leave_reason reason, const protocol::shared_bytes& farewell,
                       open_ref* ref) {
  auto place = members_.find(who);
  send_line(place->second);
  output_.to_dispatcher(who.loop, member_frame{config_.identity->key, who, farewell, true});
  if (reason == leave_reason::kicked)
    // after its `left`: what its connection answers from then on is true
    output_.member_kicked(place->second.connection);
  if (ref)
    ref->answered = true;
  departed_.emplace_back(); // first: if it throws, the crashing room still has its member
  auto was_away = keeps_seats() && users_.is_away(place->second.user_id);
  auto& gone = (departed_.back() = members_.extract(place)).mapped();
  auto left = unseat(gone);
  requests_.end_all_of(who, errc::not_joined);
  plan_requests();
  if (reason == leave_reason::disconnected)
    keep_ids(gone);
  sender_left_ |= current_ && current_->who == who;
  if (!gone.away)
    count_member(gone, -1);
  if (left.was_last)
    announce_leave(gone, reason);
  else if (left.shown)
    announce_profile(mark_of_profile(gone), *left.shown, {});
  if (!left.was_last)
    announce_away(gone, was_away);
  say_left(gone, reason);
  check_empty();
}

/// May run inside another hook, which has kicked the member.
void room_core::say_left(const member& gone, leave_reason reason) {
  auto* outer = std::exchange(hook_, "on_leave");
  behavior_->on_leave(*this, gone, reason);
  hook_ = outer;
}

void room_core::kick(session_key who, std::string_view message) {
  auto i = members_.find(who);
  if (i == members_.end() || ended_)
    return;
  auto farewell =
    protocol::left_frame(i->second.encoding, config_.identity->name, position_of(i->second),
                         to_string(leave_reason::kicked), message, {}, config_.meter);
  if (!farewell) { // a plain client knows `error` only
    auto why = message.empty() ? std::string_view{"You were removed from the room."} : message;
    farewell = protocol::error_frame(i->second.encoding,
                                     {errc::not_joined, why, {}, {}, config_.identity->name, {}},
                                     config_.meter);
  }
  remove(who, leave_reason::kicked, farewell);
}

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
}

void room_core::check_empty() {
  if (members_.empty() && observers_.empty() && !entering_ && !config_.keep_when_empty && !ending_)
    output_.report_empty(history_.entries().empty() ? std::chrono::milliseconds{}
                                                    : config_.limits.linger);
}

// -- seats ----------------------------------------------------------------------------------------

/// Keeps the place of a member whose connection is lost.
void room_core::set_away(resident& m) {
  if (m.away)
    return;
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
  hook_ = "on_drop";
  behavior_->on_drop(*this, m);
  hook_ = nullptr;
}

/// Removes the former member of a client that is back. Nobody is told: to the others it is the same
/// member.
const member& room_core::take_place(session_key before) {
  auto place = members_.find(before);
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

// -- catching up ----------------------------------------------------------------------------------

/// Whether the history holds all that was said behind that position. One of the future is another
/// room's.
bool room_core::recovers(const replay_start& since) const noexcept {
  return since.epoch == config_.epoch && since.seq <= seq_ && since.seq >= dropped_through();
}

/// Returns where the room stands, if that is for the connection to tell.
std::shared_ptr<const room_return> room_core::subscribe_member(resident& m,
                                                               const join_request& request) {
  auto& since = request.since;
  m.complete_from = seq_;
  if (request.resumed)
    return hold_member(m, *since);
  if (!since) {
    output_.to_dispatcher(m.key.loop,
                          subscribe{config_.identity, m.key, m.encoding,
                                    joined_frame_for(request, std::nullopt), is_plain(m.encoding)});
    return {};
  }
  auto recovered = recovers(*since);
  if (recovered)
    m.complete_from = since->seq;
  subscribe message{config_.identity, m.key, m.encoding, joined_frame_for(request, recovered),
                    is_plain(m.encoding)};
  if (m.complete_from == seq_ || is_plain(m.encoding)) {
    output_.to_dispatcher(m.key.loop, std::move(message));
    return {};
  }
  begin_replay(m, *since);
  send_slice(m, std::move(message), since->first_slice_bytes);
  return {};
}

/// Lets a member catch up whose client is still to be told that it has come back. All that the
/// room says to it waits, however little that is.
std::shared_ptr<const room_return> room_core::hold_member(resident& m, replay_start from) {
  auto recovered = recovers(from);
  if (recovered)
    m.complete_from = from.seq;
  from.seq = m.complete_from;
  begin_replay(m, from);
  subscribe message{config_.identity, m.key, m.encoding};
  message.missed = std::make_shared<std::vector<missed_frames>>(
    m.catching_up->next(history_, protocol::codec_of(m.encoding), 0, config_.meter));
  message.behind = std::max<std::uint64_t>(1, m.catching_up->left(history_));
  message.is_held = true;
  output_.to_dispatcher(m.key.loop, std::move(message));
  return std::make_shared<room_return>(room_return{config_.epoch, seq_, recovered});
}

void room_core::begin_replay(resident& m, const replay_start& from) {
  m.catching_up = std::make_unique<replay>(from, m.client);
  catching_up_.push_back(&m);
}

void room_core::continue_replay(session_key who) {
  auto i = members_.find(who);
  if (ending_ || i == members_.end() || !i->second.catching_up)
    return;
  auto& m = i->second;
  subscribe message{config_.identity, m.key, m.encoding};
  if (!m.catching_up->is_overrun(dropped_through()))
    return send_slice(m, std::move(message), replay::slice_bytes);
  // The history has lost what the member lacks: it is told so, and goes on from here.
  auto frames = m.catching_up->take_line();
  frames.push_back(
    {protocol::joined_frame(m.encoding, joined_event_for(m.user_id, false), config_.meter), 1,
     output_kind::control});
  message.missed = std::make_shared<std::vector<missed_frames>>(std::move(frames));
  output_.to_dispatcher(m.key.loop, std::move(message));
  m.complete_from = seq_;
  end_replay(m);
}

/// Sends `message` with the next slice of what the member lacks, which may be all of it.
void room_core::send_slice(resident& m, subscribe message, std::size_t most_bytes) {
  auto frames =
    m.catching_up->next(history_, protocol::codec_of(m.encoding), most_bytes, config_.meter);
  message.behind = m.catching_up->left(history_);
  message.missed = std::make_shared<std::vector<missed_frames>>(std::move(frames));
  auto is_level = message.behind == 0;
  output_.to_dispatcher(m.key.loop, std::move(message));
  if (is_level)
    end_replay(m);
}

void room_core::end_replay(resident& m) noexcept {
  if (!m.catching_up)
    return;
  m.catching_up = nullptr;
  std::erase(catching_up_, &m);
}

/// Sends what waits for a member that catches up, without what it has missed: it is to leave.
void room_core::send_line(resident& m) {
  if (!m.catching_up)
    return;
  subscribe message{config_.identity, m.key, m.encoding};
  message.missed = std::make_shared<std::vector<missed_frames>>(m.catching_up->take_line());
  message.behind = 1;
  if (!message.missed->empty())
    output_.to_dispatcher(m.key.loop, std::move(message));
}

/// The same for all of them: the room ends. In a crashed room, want of memory for one does not stop
/// the others.
void room_core::send_lines(bool crashed) {
  for (auto* m : catching_up_) {
    try {
      send_line(*m);
    } catch (...) {
      if (!crashed)
        throw;
      output_.report_hook_failure(std::exchange(hook_, nullptr));
    }
  }
}

/// Puts a frame behind all that the member lacks. If too much waits for it, it is cut, as one that
/// reads too slowly.
void room_core::wait_in_line(resident& m, protocol::shared_bytes frame, output_kind kind,
                             credit source) {
  if (m.is_cut || m.catching_up->add(std::move(frame), kind, seq_, std::move(source)))
    return;
  m.is_cut = true;
  if (config_.counters)
    config_.counters->count(protocol::counter::slow_consumers);
  output_.cut(m.key);
}

void room_core::wait_in_lines(const frame_set& frames, session_key except) {
  for (auto* m : catching_up_)
    if (auto& frame = frames[index_of(m->encoding)]; frame && m->key != except)
      wait_in_line(*m, frame, output_kind::data, {});
}

// -- what members say -----------------------------------------------------------------------------

void room_core::input(const room_input& in) {
  if (ending_)
    return; // the connection answers open refs when it hears that the room is closed
  history_.prefetch_oldest();
  command_scope scope{*this, payer_of(in.token), in.token, in.who};
  auto* sender = find_at(in.place, in.who);
  if (!sender)
    return refuse_input(in, errc::not_joined, {});
  auto& from = *sender;
  if (auto* seq = in.id != 0 && from.accepted ? from.accepted->find(in.id) : nullptr)
    return answer_again(in, *seq);
  current_ = &in;
  sender_left_ = false;
  growth_ = {true, in.bytes.size()};
  application_message whole{in.type, {protocol::codec_of(in.encoding), in.bytes.view()}};
  hook_ = hook_of(in.what);
  switch (in.what) {
    case room_input::kind::message:
      if (behavior_->on_publish(*this, from, whole) && is_current())
        relay(in, from);
      break;
    case room_input::kind::binary:
      if (behavior_->on_binary(*this, from, in.body) && is_current())
        relay_binary(in, from);
      break;
    case room_input::kind::profile:
      if (behavior_->on_profile(*this, from, {protocol::codec_of(in.encoding), in.body})
          && is_current())
        take_profile(in, from);
      break;
    case room_input::kind::reply: take_reply(in); break;
    case room_input::kind::application:
      if (protocol::is_application_type(in.type))
        behavior_->on_message(*this, from, whole);
      else // a type that only servers send
        refuse(errc::unknown_type, {});
      break;
  }
  hook_ = nullptr;
  if (!is_current())
    return;
  if (in.id != 0)
    note_accepted(in);
  answer(in);
}

/// Answers a message that was accepted before; nobody hears it again.
void room_core::answer_again(const room_input& in, std::uint64_t seq) {
  if (config_.counts)
    loop_counts::add(config_.counts->repeated, 1);
  if (!in.ref)
    return;
  to_member(in.who, protocol::ack_frame(in.encoding, in.ref->value, config_.identity->name, seq,
                                        config_.meter, true));
  in.ref->answered = true;
}

void room_core::note_accepted(const room_input& in) {
  auto* from = find_at(in.place, in.who);
  if (!from->accepted)
    from->accepted = std::make_unique<accepted_ids>();
  from->accepted->add(in.id, seq_);
}

/// Keeps the ids of a member that may come back.
void room_core::keep_ids(resident& gone) noexcept {
  if (!gone.accepted || config_.resume_window.count() == 0)
    return;
  try {
    departed_ids_.keep(gone.client, std::move(gone.accepted), output_.now(),
                       output_.now() + config_.resume_window);
  } catch (const std::bad_alloc&) {
    // They are forgotten.
  }
}

/// The position of what is about to be relayed; none if it is not stored.
std::optional<std::uint64_t> room_core::next_seq(const room_input& in) noexcept {
  return in.is_volatile ? std::nullopt : std::optional{++seq_};
}

void room_core::relay(const room_input& in, const resident& from) {
  hook_ = nullptr; // it has returned
  protocol::message_event event;
  event.room_id = config_.identity->name;
  event.user_id = from.user_id;
  event.seq = next_seq(in);
  event.timestamp = timestamp();
  event.field = in.field;
  event.body = {protocol::codec_of(in.encoding), in.body};
  auto make = [&](encoding e, protocol::memory_meter* meter) {
    return protocol::message_frame(e, event, meter);
  };
  relay(in, from, make);
}

void room_core::relay_binary(const room_input& in, const resident& from) {
  hook_ = nullptr;
  auto seq = next_seq(in);
  auto make = [&](encoding e, protocol::memory_meter* meter) {
    return protocol::binary_frame(e, config_.identity->name, from.user_id, seq, in.body, meter);
  };
  relay(in, from, make);
}

template <class Make>
void room_core::relay(const room_input& in, const resident& from, Make&& make) {
  auto except = in.echo ? session_key{} : in.who;
  if (in.is_volatile)
    return send_frames(frames_by([&](encoding e) { return make(e, config_.meter); }), except,
                       std::nullopt, passing::yes,
                       in.value != 0 ? value_name(from.client, in.value) : if_behind::skip);
  protocol::shared_bytes event;
  auto frames = stored_frames_by(make, event);
  stored_event stored{seq_, std::move(event), in.echo ? client_id{} : from.client};
  send_frames(std::move(frames), except, std::move(stored));
}

/// Names the value of a sender (nobody's id: the room itself) by a hash of its key. Nobody can look
/// for two that are alike.
if_behind room_core::value_name(client_id sender, std::uint64_t key) const noexcept {
  auto& room = config_.identity->key;
  std::array<std::uint64_t, 4> parts{std::uint64_t{room.slot} << 32 | room.generation, sender.high,
                                     sender.low, key};
  auto hash = siphash(config_.key, {reinterpret_cast<const char*>(parts.data()), sizeof parts});
  return if_behind{std::max(hash, std::uint64_t{2})};
}

void room_core::take_profile(const room_input& in, resident& from) {
  hook_ = nullptr; // it has returned
  auto before = config_.announce ? mark_of_profile(*users_.shown(from.user_id)) : 0;
  from.profile = in.body;
  users_.show(from);
  announce_profile(before, from, in.who);
}

/// An answer counts once, from whom was asked.
void room_core::take_reply(const room_input& in) {
  auto source = protocol::codec_of(in.encoding);
  auto id = protocol::document_view{source, in.bytes.view()}.string("requestId");
  auto asked = requests_.take(in.who, id.value_or(""));
  if (!asked)
    return refuse(errc::timed_out, "No request of this requestId waits for your answer.");
  asked->then(*this, {in.who, errc::ok, {source, in.body}});
}

void room_core::answer(const room_input& in) {
  if (!in.ref)
    return;
  auto seq = in.is_volatile ? std::nullopt : std::optional{seq_};
  to_member(in.who, protocol::ack_frame(in.encoding, in.ref->value, config_.identity->name, seq,
                                        config_.meter));
  in.ref->answered = true;
}

void room_core::refuse(errc code, std::string_view detail) {
  check_refusal("refuse", code);
  if (current_)
    refuse_input(*std::exchange(current_, nullptr), code, detail);
}

void room_core::refuse_command(const refused_command& c, errc code, std::string_view detail) {
  if (c.ref && c.ref->answered.exchange(true))
    return; // its connection knew first that the membership has ended
  protocol::error_event event;
  event.code = code;
  event.detail = detail;
  if (c.ref)
    event.ref = c.ref->value;
  event.request = c.type;
  event.room_id = config_.identity->name;
  if (config_.counters)
    config_.counters->count(protocol::counter::command_errors, to_string(code));
  try {
    to_member(c.who, protocol::error_frame(c.encoding, event, config_.meter));
  } catch (...) {
    if (c.ref)
      c.ref->answered = false; // its connection answers when it hears of the room's crash
    throw;
  }
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

/// Answers with a page of what was said, less what the asker was excluded from. It counts in the
/// asker's byte rate as if it had said it.
void room_core::recall(const history_request& asked) {
  if (ending_)
    return; // as in `list`
  command_scope scope{*this, payer_of(asked.token), asked.token, asked.who};
  auto* asker = find_at(asked.place, asked.who);
  if (!asker)
    return refuse_command({asked.who, asked.encoding, "history", asked.ref.get()}, errc::not_joined,
                          {});
  using order = protocol::history_page::order;
  protocol::history_page page{asked.encoding,
                              asked.after ? order::oldest_first : order::newest_first};
  auto left = asked.limit;
  auto is_complete = true;
  auto add = [&](const history::entry& e) {
    if (e.excluded && e.excluded == asker->client)
      return true;
    is_complete = left > 0 && page.add(e.event);
    --left;
    return is_complete;
  };
  if (asked.after)
    history_.for_each_after(*asked.after, add);
  else
    history_.for_each_before(asked.before.value_or(seq_ + 1), add);
  auto ref = asked.ref ? std::string_view{asked.ref->value} : std::string_view{};
  auto frame = page.frame(
    {ref, config_.identity->name, config_.epoch, is_complete, dropped_through()}, config_.meter);
  make_lighter(frame, 0);
  growth_ = {true};
  charge_growth(0, frame.size());
  to_member(asked.who, std::move(frame));
  if (asked.ref)
    asked.ref->answered = true;
}

void room_core::outside(const outside_event& event) {
  if (ending_)
    return;
  command_scope scope{*this, payer_of(event.token), event.token};
  say(event.event->event(), {});
}

void room_core::outside(const outside_request& asked) {
  if (ending_)
    return asked.question->answer({{}, errc::room_closed});
  command_scope scope{*this, payer_of(asked.token), asked.token};
  ask(session_to_ask(asked.question->user_id()), asked.question->data(), asked.question->limit(),
      [question = asked.question](room_context&, const request_result& r) { question->answer(r); });
}

// -- the end --------------------------------------------------------------------------------------

void room_core::close(room_end reason) {
  ending_ = true;
  command_scope scope{*this, payer::nobody};
  send_lines(false);
  if (reason != room_end::empty)
    output_.room_ended(loops_, reason);
  ended_ = true;
  dismiss_members(false);
  dismiss_requests(false);
  hook_ = "on_close";
  behavior_->on_close(*this);
  hook_ = nullptr;
  tell_observers_end();
}

void room_core::crash() noexcept {
  ending_ = ended_ = true;
  hook_ = nullptr;
  try {
    command_scope scope{*this, payer::nobody};
    send_lines(true);
    dismiss_members(true);
    dismiss_requests(true);
    tell_observers_end();
  } catch (...) {
    output_.report_hook_failure(hook_); // members hear of the crash from the shard
  }
}

/// Tells the behaviour that all its members have left. In a crashed room, a hook that throws does
/// not stop the others.
void room_core::dismiss_members(bool crashed) {
  loops_.clear();
  members_by_loop_.clear();
  encodings_ = {};
  catching_up_.clear();
  while (!members_.empty()) {
    auto node = members_.extract(members_.begin());
    unseat(node.mapped());
    try {
      say_left(node.mapped(), leave_reason::closed);
    } catch (...) {
      if (!crashed)
        throw;
      output_.report_hook_failure(std::exchange(hook_, nullptr));
    }
  }
}

void room_core::tell_observers_end() {
  for (; !observers_.empty(); observers_.pop_back()) {
    auto& o = observers_.back();
    if (o.dropped > 0)
      send_event(
        o,
        {room_event::kind::gap, config_.identity->key, config_.identity->name, {}, o.dropped, {}});
    o.dropped = 0;
    send_event(
      o, {room_event::kind::closed, config_.identity->key, config_.identity->name, {}, 0, {}});
    output_.observer_left(o.who);
  }
}

// -- what the behaviour says ----------------------------------------------------------------------

void room_core::broadcast(const broadcast_event& event) {
  check(event);
  say(event, {});
}

void room_core::broadcast_except(session_key who, const broadcast_event& event) {
  check(event);
  say(event, who);
}

/// Does not check again what a behaviour passes on from the command being handled.
void room_core::check(const broadcast_event& event) const {
  if (!current_)
    return check_event(event);
  auto is_application = current_->what == room_input::kind::application;
  check_event(event, is_application ? std::string_view{current_->type} : std::string_view{},
              current_->bytes.view());
}

void room_core::say(const broadcast_event& event, session_key except) {
  if (ended_)
    return;
  if (!event.stored || event.is_passing()) {
    auto make = [&](encoding e) {
      return application_frame_for(e, event, std::nullopt, config_.meter);
    };
    return send_frames(frames_by(make), except, std::nullopt, passing::yes, fate_of(event));
  }
  auto seq = ++seq_;
  auto make = [&](encoding e, protocol::memory_meter* meter) {
    return application_frame_for(e, event, seq, meter);
  };
  protocol::shared_bytes kept;
  auto frames = stored_frames_by(make, kept);
  auto excluded = except ? members_.find(except) : members_.end();
  send_frames(std::move(frames), except,
              stored_event{seq, std::move(kept),
                           excluded == members_.end() ? client_id{} : excluded->second.client});
}

/// What a member that is behind gets of it.
if_behind room_core::fate_of(const broadcast_event& event) const noexcept {
  if (event.is_latest)
    return value_name({}, siphash(config_.key, event.key));
  return event.is_volatile ? if_behind::skip : if_behind::queue;
}

protocol::shared_bytes room_core::application_frame_for(encoding e, const broadcast_event& event,
                                                        std::optional<std::uint64_t> seq,
                                                        protocol::memory_meter* meter) const {
  if (is_plain(e) && !event.plain)
    return {};
  if (is_plain(e) || event.v1_fields.empty())
    return protocol::application_frame(e, event.type, config_.identity->name, seq, event.fields,
                                       meter);
  auto all = event.fields;
  all.insert(all.end(), event.v1_fields.begin(), event.v1_fields.end());
  return protocol::application_frame(e, event.type, config_.identity->name, seq, all, meter);
}

void room_core::send_to(session_key who, const broadcast_event& event) {
  check(event);
  auto i = members_.find(who);
  if (i == members_.end() || ended_)
    return;
  auto frame = application_frame_for(i->second.encoding, event, std::nullopt, config_.meter);
  make_lighter(frame, cause_bytes());
  charge_growth(0, frame.size());
  if (frame)
    to_member(who, std::move(frame), true);
}

/// Sends a frame to one member; it is charged like a broadcast until its dispatcher has it.
void room_core::to_member(session_key who, protocol::shared_bytes frame, bool only_member) {
  if (!catching_up_.empty())
    if (auto i = members_.find(who); i != members_.end() && i->second.catching_up)
      return wait_in_line(i->second, std::move(frame), output_kind::control,
                          commander_ == who ? current_token_ : credit{});
  auto own = charge(frame.size());
  output_.to_dispatcher(who.loop, member_frame{config_.identity->key, who, std::move(frame), false,
                                               only_member, current_token_, std::move(own)});
}

// -- requests -------------------------------------------------------------------------------------

void room_core::ask(session_key who, const std::vector<protocol::field>& data,
                    std::chrono::milliseconds limit, request_handler then) {
  check_request(data, limit, bool(then), current_ ? current_->bytes.view() : std::string_view{});
  if (ended_)
    return;
  auto i = members_.find(who);
  auto* m = i == members_.end() ? nullptr : &i->second;
  open_request asked{.who = m ? who : session_key{}, .then = std::move(then)};
  asked.why = reason_against_asking(m);
  if (asked.why != errc::ok) {
    requests_.refuse(std::move(asked));
    return plan_requests();
  }
  asked.source = protocol::codec_of(m->encoding);
  asked.data = protocol::encode_map(asked.source, data);
  asked.until = output_.now() + limit;
  auto& opened = requests_.open(std::move(asked));
  plan_requests();
  if (!m->away)
    send_request(*m, opened);
}

errc room_core::reason_against_asking(const resident* m) const noexcept {
  if (!m)
    return errc::not_joined;
  if (is_plain(m->encoding))
    return errc::unsupported;
  return requests_.has_place_for(m->key) ? errc::ok : errc::overloaded;
}

/// The user's session that can be asked best; of equal ones, that which has joined last. Nobody's
/// if there is none.
session_key room_core::session_to_ask(std::string_view user_id) const {
  const resident* best = nullptr;
  auto rank = [](const resident& m) {
    return std::tuple{!is_plain(m.encoding), !m.away, m.number};
  };
  users_.for_each_session(user_id, [&](const member& m) {
    auto& r = static_cast<const resident&>(m);
    if (!best || rank(*best) < rank(r))
      best = &r;
  });
  return best ? best->key : session_key{};
}

void room_core::send_request(const resident& m, const open_request& asked) {
  auto frame = protocol::request_frame(m.encoding, config_.identity->name, std::to_string(asked.id),
                                       {asked.source, asked.data}, config_.meter);
  make_lighter(frame, cause_bytes());
  charge_growth(0, frame.size());
  to_member(m.key, std::move(frame), true);
}

/// A client that has come back in the place of `former` (nobody: in none) is asked once more what
/// it has not answered.
void room_core::ask_again(session_key former, const resident& now) {
  if (!former)
    return;
  requests_.move(former, now.key);
  if (is_plain(now.encoding))
    requests_.end_all_of(now.key, errc::unsupported);
  else
    requests_.for_each_of(now.key, [&](const open_request& asked) { send_request(now, asked); });
  plan_requests();
}

/// Asks to be woken when there is a handler to tell.
void room_core::plan_requests() {
  auto now = output_.now();
  auto when = requests_.ended() > 0 ? std::optional{now} : requests_.next_end();
  if (when && !ending_)
    output_.work_at(room_work::end_requests, *when);
}

/// What ends because of a handler waits for the next time: a handler that asks again, and is
/// refused again, does not keep the loop.
void room_core::end_requests() {
  requests_.end_late(output_.now());
  for (auto left = requests_.ended(); left > 0 && !ending_; --left) {
    auto asked = requests_.take_ended();
    command_scope scope{*this, asked->id != 0 && asked->why == errc::not_joined ? payer::nobody
                                                                                : payer::room};
    tell_end_of(*asked);
  }
  plan_requests();
}

void room_core::tell_end_of(open_request& asked) {
  hook_ = handler_of_request;
  asked.then(*this, {asked.who, asked.why, {asked.source, {}}});
  hook_ = nullptr;
}

/// The room has ended, and all requests with it. In a crashed room, a handler that throws does not
/// stop the others.
void room_core::dismiss_requests(bool crashed) {
  requests_.end_all(errc::room_closed);
  while (auto asked = requests_.take_ended()) {
    try {
      tell_end_of(*asked);
    } catch (...) {
      if (!crashed)
        throw;
      output_.report_hook_failure(std::exchange(hook_, nullptr));
    }
  }
}

void room_core::end() {
  if (!std::exchange(ending_, true))
    output_.request_end(room_end::ended);
}

// -- fan-out --------------------------------------------------------------------------------------

void room_core::send_frames(frame_set frames, session_key except,
                            std::optional<stored_event> stored, passing how, if_behind for_behind) {
  auto cause = cause_bytes();
  std::size_t bytes = 0, largest = 0;
  for (auto& f : frames) {
    if (!f)
      continue;
    make_lighter(f, cause);
    bytes += f.size();
    largest = std::max(largest, f.size());
  }
  if (stored) {
    make_lighter(stored->event, cause);
    store(std::move(*stored));
  } else if (!catching_up_.empty() && how == passing::no) {
    wait_in_lines(frames, except);
  }
  tell_observers(frames);
  if (loops_.empty() || bytes == 0)
    return;
  charge_growth(largest, 0);
  auto own = charge(bytes);
  output_.to_dispatchers(loops_,
                         fan_out{config_.identity->key, std::move(frames), except, current_token_,
                                 std::move(own), output_.now(), for_behind});
}

void room_core::store(stored_event what) {
  if (what.event)
    history_.append(what.seq, output_.now(), std::move(what.event), what.excluded);
  if (config_.counts)
    loop_counts::add(config_.counts->publishes, 1);
}

/// Charges what a command has become beyond its own size to its sender's byte rate: all broadcasts,
/// and the largest frame for one member. So one client alone never fills the outbox of a reader
/// that reads as fast as one client may send.
void room_core::charge_growth(std::size_t to_all, std::size_t to_one) noexcept {
  constexpr std::size_t envelope = 1024; // less than this is not growth of the body
  if (!growth_.is_counted)
    return;
  growth_.to_all_bytes += to_all;
  growth_.to_one_bytes = std::max(growth_.to_one_bytes, to_one);
  auto said = growth_.to_all_bytes + growth_.to_one_bytes;
  if (said <= 2 * growth_.command_bytes + envelope)
    return;
  auto beyond = said - growth_.command_bytes;
  current_token_.charge(beyond - std::exchange(growth_.charged_bytes, beyond));
}

/// The size of the command being handled; without a command, the maximum: no frame is too large.
std::size_t room_core::cause_bytes() const noexcept {
  return current_ ? current_->bytes.size() : protocol::shared_bytes::max_bytes;
}

/// Takes the room's own credit for output that the command being handled does not pay for. A room
/// that is far behind with such output ends.
credit room_core::charge(std::size_t bytes) {
  if (payer_ == payer::client || payer_ == payer::nobody)
    return {};
  auto token = own_->take(bytes);
  auto now = pressure();
  if (watch_.rises(now))
    output_.work_at(room_work::tell_pressure, output_.now());
  if (payer_ == payer::room && now >= overload_factor && !std::exchange(ending_, true))
    output_.request_end(room_end::overloaded);
  return token;
}

void room_core::tell_pressure() {
  if (ending_)
    return;
  command_scope scope{*this, payer::room};
  if (auto now = pressure(); watch_.turns(now)) {
    hook_ = "on_pressure";
    behavior_->on_pressure(*this, now);
    hook_ = nullptr;
  }
  if (watch_.looks())
    output_.work_at(room_work::tell_pressure, output_.now() + time_between_looks);
}

bool room_core::in_use(encoding e) const {
  return encodings_[index_of(e)] > 0 || (e == encoding::v1_json && !observers_.empty());
}

/// The same for an encoding or its deflated form.
bool room_core::is_spoken(encoding plain) const { return in_use(plain) || in_use(deflated(plain)); }

std::string_view room_core::timestamp() {
  auto at = output_.wall_now();
  if (at != timestamp_at_ || timestamp_.empty()) {
    timestamp_ = protocol::iso_8601(at);
    timestamp_at_ = at;
  }
  return timestamp_;
}

// -- server-side members --------------------------------------------------------------------------

void room_core::observe(const observe_request& request) {
  auto same = [&](auto& o) { return o.who == request.who; };
  if (std::any_of(observers_.begin(), observers_.end(), same))
    return;
  auto most = request.options.max_events > 0 ? request.options.max_events : std::int64_t{1} << 40;
  auto account = std::make_shared<credit_account>(credit_limits{most, std::int64_t{1} << 50});
  observers_.push_back({request.who, request.options.policy, std::move(account), 0});
  output_.observer_joined(request.who);
  send_event(observers_.back(),
             {room_event::kind::joined, config_.identity->key, config_.identity->name, {}, 0, {}});
}

void room_core::unobserve(const caf::actor& who) {
  if (std::erase_if(observers_, [&](auto& o) { return o.who == who; }) > 0)
    output_.observer_left(who);
  check_empty(); // even if it had left before: the shard has counted this entry
}

void room_core::tell_observers(const frame_set& frames) {
  auto& frame = frames[index_of(encoding::v1_json)];
  if (observers_.empty() || !frame)
    return;
  // A copy that no meter counts: an actor may keep it for longer than the node lives.
  room_event event{room_event::kind::frame,
                   config_.identity->key,
                   config_.identity->name,
                   protocol::shared_bytes::copy_of(frame.view()),
                   0,
                   {}};
  std::erase_if(observers_, [&](observer& o) {
    if (o.account->positive()) {
      if (o.dropped > 0) {
        room_event gap{room_event::kind::gap,       event.room, event.name, {},
                       std::exchange(o.dropped, 0), {}};
        send_event(o, std::move(gap));
      }
      send_event(o, event);
      return false;
    }
    if (o.policy == behind_policy::drop) {
      ++o.dropped;
      if (config_.counters)
        config_.counters->count(protocol::counter::dropped, "server_member_behind");
      return false;
    }
    send_event(o, {room_event::kind::closed, event.room, event.name, {}, 0, {}});
    output_.observer_left(o.who);
    return true;
  });
  check_empty();
}

void room_core::send_event(observer& o, room_event event) {
  event.token = o.account->take(event.bytes.size());
  output_.to_observer(o.who, std::move(event));
}

// -- properties -----------------------------------------------------------------------------------

std::string_view room_core::name() const { return config_.identity->name; }

const member* room_core::find(session_key key) const {
  auto i = members_.find(key);
  return i == members_.end() ? nullptr : &i->second;
}

std::size_t room_core::member_count() const { return members_.size(); }

void room_core::for_each_member(const std::function<void(const member&)>& f) const {
  std::vector<const member*> present; // `f` may kick
  present.reserve(members_.size());
  for (auto& [key, m] : members_)
    present.push_back(&m);
  for (auto* m : present)
    f(*m);
}

wall_time room_core::now() const { return output_.wall_now(); }

double room_core::pressure() const {
  return static_cast<double>(own_->held_bytes()) / static_cast<double>(own_->limits().bytes);
}

} // namespace troupe::actors
