// The life of a room: who enters, who leaves, and how it ends.
#include "room/room_core_scope.hpp"

#include "fanout/dispatcher.hpp"
#include "model/check_refusal.hpp"
#include "room/room_ticks.hpp"
#include "room/room_timers.hpp"

#include <troupe/actors/make_room.hpp>
#include <troupe/protocol/observe.hpp>

#include <exception>
#include <utility>

namespace troupe::actors {
namespace {

credit_limits own_limits(const room_limits& limits) {
  return {std::int64_t{1} << 40,
          limits.max_pending_bytes > 0 ? limits.max_pending_bytes : std::int64_t{1} << 50};
}

} // namespace

room_core::payer room_core::payer_of(const credit& token) noexcept {
  return token ? payer::client : payer::room;
}

room_core::room_core(config c, std::unique_ptr<room_behavior> behavior, room_output& output)
  : config_(std::move(c)),
    output_(output),
    metadata_(std::move(config_.metadata)),
    requests_(config_.limits.max_requests_per_member, config_.limits.max_requests),
    answers_(config_.limits.max_late_answers),
    history_(config_.limits, config_.histories, config_.meter),
    own_(std::make_shared<credit_account>(own_limits(config_.limits))),
    behavior_(std::move(behavior)) {}

/// What the behaviour and its handlers hold may use the room a last time; that reaches nobody.
room_core::~room_core() {
  running_room last{*this};
  ending_ = ended_ = true;
  timers_.reset();
  requests_.end_all(errc::room_closed);
  while (requests_.take_ended()) {}
  behavior_.reset();
}

void room_core::create() {
  command_scope scope{*this, payer::room};
  hook_ = "on_create";
  behavior_->on_create(*this);
  hook_ = nullptr;
  listing_changed();
}

bool room_core::run_as_hook(const char* name, const std::function<void()>& f) {
  if (ending_)
    return false;
  command_scope scope{*this, payer::room};
  return run_hook(name, nullptr, f);
}

join_reply room_core::join(const join_request& request) {
  if (ticks_)
    if (auto code = finish_former(request); code != errc::ok)
      return {code};
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
    take_held_seat(request.user_id);
    return {errc::ok, {}, config_.identity->key, i->second.place};
  }
  member candidate;
  if (auto refused = examine(candidate, request); refused.code != errc::ok) {
    check_empty(); // it may have been made for this, and be locked
    return refused;
  }
  entering_ = true;
  join_decision decision;
  auto is_decided = run_hook("authorize_join", &candidate, [&] {
    decision = behavior_->authorize_join(*this, candidate);
    if (decision.code != errc::ok)
      check_refusal("authorize_join", decision.code);
  });
  if (!is_decided)
    decision = {errc::internal};
  // If that hook has ended the room, the successor decides.
  auto reply = ending_          ? join_reply{errc::room_closed}
             : decision.promise ? put_off(request, *decision.promise)
                                : conclude(std::move(candidate), request, std::move(decision));
  entering_ = false;
  check_empty();
  return reply;
}

/// Makes the member that a client would become. Returns why it cannot, whatever the behaviour says.
join_reply room_core::examine(member& candidate, const join_request& request) const {
  candidate = member{request.who,     request.user_id,   request.encoding,
                     request.profile, request.automatic, request.claims};
  auto former = former_of(request);
  candidate.returning = request.resumed || former;
  if (request.resumed && !former && (keeps_seats() || request.must_replace))
    return {errc::not_joined}; // its membership has ended
  if (former && (request.resumed || candidate.profile.empty()))
    take_profile(candidate, members_.at(former));
  if (locked_ && !candidate.returning && !reservations_.holds(candidate.user_id))
    return {errc::forbidden, "The room is locked."};
  return {};
}

/// Carries out what the behaviour has decided.
join_reply room_core::conclude(member candidate, const join_request& request,
                               join_decision decision) {
  if (decision.code != errc::ok)
    return {decision.code, std::move(decision.detail)};
  return admit(std::move(candidate), request, decision);
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

join_reply room_core::admit(member candidate, const join_request& request,
                            const join_decision& decision) {
  auto former = former_of(request);
  auto* replaced = find(decision.replaces == former ? session_key{} : decision.replaces);
  if (!former && !replaced && !has_seat_for(candidate.user_id))
    return {errc::room_full};
  growth_ = {true, candidate.profile.size()};
  auto was_away = keeps_seats() && users_.is_away(candidate.user_id);
  auto take_out_replaced = [&] {
    replaced = &take_out(replaced->key, leave_reason::kicked,
                         farewell_to_kicked(replaced->key, decision.detail));
  };
  // One of the same user goes behind its successor: for the others the user never goes.
  auto is_same_user = replaced && replaced->user_id == candidate.user_id;
  if (replaced && !is_same_user)
    take_out_replaced();
  announce_join(candidate);
  auto& kept = seat(std::move(candidate), request);
  if (is_same_user)
    take_out_replaced();
  count_member(kept, 1);
  if (request.resumed)
    kept.accepted = ids_of(former, request.client);
  auto returned = subscribe_member(kept, request);
  growth_ = {};
  request.ref->answered = true; // not before: if the above throws, others answer
  auto* gone = former ? &take_place(former) : nullptr;
  ask_again(former, kept);
  announce_away(kept, was_away);
  if (replaced) {
    say_left(*replaced, leave_reason::kicked);
    if (!members_.contains(request.who)) // that has kicked it
      return {};
  }
  if (gone)
    run_hook("on_return", &kept, [&] { behavior_->on_return(*this, kept, *gone); });
  else
    run_hook("on_join", &kept, [&] { behavior_->on_join(*this, kept); });
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
  take_held_seat(kept.user_id);
  return kept;
}

user_index::removal room_core::unseat(resident& gone) noexcept {
  end_replay(gone);
  places_[gone.place] = nullptr;
  free_places_.push_back(gone.place);
  queues_.forget(gone.key);
  listing_changed();
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
  finish_inputs(request.who);
  if (ending_)
    return;
  auto i = members_.find(request.who);
  if (i == members_.end()) {
    answers_.drop_join_of(request.who);
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
  auto& gone = take_out(who, reason, farewell, ref);
  try {
    say_left(gone, reason);
  } catch (...) {
    check_empty(); // the hook that has kicked it may catch this
    throw;
  }
  check_empty();
}

/// Takes a member out, and tells its client and the others; `on_leave` is still to run. It stays in
/// memory until the command ends.
const member& room_core::take_out(session_key who, leave_reason reason,
                                  const protocol::shared_bytes& farewell, open_ref* ref) {
  auto place = members_.find(who);
  if (!answers_.is_empty()) // of who was kicked or lost, its connection answers
    end_messages_of(who, reason == leave_reason::left || reason == leave_reason::forbidden);
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
  if (ticks_)
    ticks_->inputs.drop_of(gone.place, who);
  if (reason == leave_reason::disconnected)
    keep_ids(gone);
  sender_left_ |= current_ && current_->who == who;
  if (gone.away)
    seats_.forget(who);
  else
    count_member(gone, -1);
  if (left.was_last)
    announce_leave(gone, reason);
  else if (left.shown)
    announce_profile(mark_of_profile(gone), *left.shown, {});
  if (!left.was_last)
    announce_away(gone, was_away);
  return gone;
}

/// May run inside another hook, which has kicked the member; that one gets what this throws.
void room_core::say_left(const member& gone, leave_reason reason) {
  auto* outer = hook_;
  if (!outer) {
    run_hook("on_leave", &gone, [&] { behavior_->on_leave(*this, gone, reason); });
    return;
  }
  hook_ = "on_leave";
  behavior_->on_leave(*this, gone, reason);
  hook_ = outer;
}

void room_core::kick(session_key who, std::string_view message) {
  running_room::must_be(*this, "kick");
  if (members_.contains(who) && !ended_)
    remove(who, leave_reason::kicked, farewell_to_kicked(who, message));
}

/// Precondition: it is a member.
protocol::shared_bytes room_core::farewell_to_kicked(session_key who,
                                                     std::string_view message) const {
  auto& m = members_.at(who);
  if (auto frame =
        protocol::left_frame(m.encoding, config_.identity->name, position_of(m),
                             to_string(leave_reason::kicked), message, {}, config_.meter))
    return frame;
  // a plain client knows `error` only
  auto why = message.empty() ? std::string_view{"You were removed from the room."} : message;
  return protocol::error_frame(
    m.encoding, {errc::not_joined, why, {}, {}, config_.identity->name, {}}, config_.meter);
}

void room_core::check_empty() {
  if (members_.empty() && observers_.empty() && reservations_.empty() && !entering_
      && !answers_.has_joins() && !config_.keep_when_empty && !ending_)
    output_.report_empty(history_.entries().empty() ? std::chrono::milliseconds{}
                                                    : config_.limits.linger);
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

void room_core::refuse(errc code, std::string_view detail) {
  running_room::must_be(*this, "refuse");
  check_refusal("refuse", code);
  if (current_ && !replies_later_)
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

void room_core::outside(const outside_event& event) {
  if (ending_) {
    if (config_.counters)
      config_.counters->count(protocol::counter::dropped, "no_such_room");
    return;
  }
  command_scope scope{*this, payer_of(event.token), event.token};
  say(event.event->event(), {}, event.event->more());
}

/// Asks the behaviour whether the room survives the exception in flight.
bool room_core::goes_on(const member* about) {
  if (ended_)
    return false;
  auto* failed = std::exchange(hook_, "on_error");
  auto stays = false;
  std::exception_ptr again;
  try {
    stays = behavior_->on_error(*this, about, protocol::exception_text());
  } catch (...) {
    again = std::current_exception();
  }
  if (!stays && !again) {
    hook_ = failed; // the crash names it
    return false;
  }
  output_.report_hook_failure(failed);
  if (again)
    std::rethrow_exception(again);
  return true;
}

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

void room_core::end() {
  running_room::must_be(*this, "end");
  if (!std::exchange(ending_, true))
    output_.request_end(room_end::ended);
}

std::string_view room_core::name() const {
  running_room::must_be(*this, "name");
  return config_.identity->name;
}

const member* room_core::find(session_key key) const {
  running_room::must_be(*this, "find");
  auto i = members_.find(key);
  return i == members_.end() ? nullptr : &i->second;
}

std::size_t room_core::member_count() const {
  running_room::must_be(*this, "member_count");
  return members_.size();
}

void room_core::for_each_member(const std::function<void(const member&)>& f) const {
  running_room::must_be(*this, "for_each_member");
  std::vector<const member*> present; // `f` may kick
  present.reserve(members_.size());
  for (auto& [key, m] : members_)
    present.push_back(&m);
  for (auto* m : present)
    f(*m);
}

wall_time room_core::now() const {
  running_room::must_be(*this, "now");
  return output_.wall_now();
}

} // namespace troupe::actors
