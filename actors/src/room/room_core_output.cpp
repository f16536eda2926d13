// What a room says: to all its members, to one, and to those on the server's side; and who pays.
#include "room/room_core_scope.hpp"

#include "fanout/dispatcher.hpp"
#include "model/check_event.hpp"
#include "model/frame_weight.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {
namespace {

using namespace std::chrono_literals;

/// Beyond this many times its bound, a room's output ends it.
constexpr double overload_factor = 8;

/// How often a room whose output waits looks whether it still does: each tick of the timers.
constexpr auto time_between_looks = 10ms;

} // namespace

/// Puts a frame into `frames`, and deflated if somebody wants it so.
void room_core::put(protocol::shared_bytes frame, encoding plain, frame_set& frames) const {
  auto small = deflated(plain);
  if (frame && in_use(small))
    frames[index_of(small)] = protocol::deflated_frame(frame, config_.meter);
  if (in_use(plain))
    frames[index_of(plain)] = std::move(frame);
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

void room_core::broadcast(const broadcast_event& event) {
  running_room::must_be(*this, "broadcast");
  check(event);
  say(event, {});
}

void room_core::broadcast_except(session_key who, const broadcast_event& event) {
  running_room::must_be(*this, "broadcast_except");
  check(event);
  say(event, {who});
}

void room_core::broadcast_except(std::span<const session_key> who, const broadcast_event& event) {
  running_room::must_be(*this, "broadcast_except");
  check(event);
  say(event, exclusion_of(who));
}

void room_core::broadcast(const broadcast_event& event, protocol::object_fill fill) {
  running_room::must_be(*this, "broadcast");
  broadcast_except({}, event, fill);
}

void room_core::broadcast_except(session_key who, const broadcast_event& event,
                                 protocol::object_fill fill) {
  running_room::must_be(*this, "broadcast_except");
  check_filled_event(event, type_at_hand());
  if (ended_)
    return;
  protocol::value_encoder all;
  fill_in(event, fill, all);
  say(event, {who}, all.fields());
}

/// Fills in the event in each codec that its frames will need. MessagePack goes first: if `fill`
/// kicks the last member who speaks it, the history keeps the event in JSON.
void room_core::fill_in(const broadcast_event& event, protocol::object_fill fill,
                        protocol::value_encoder& to) const {
  using protocol::codec;
  if (is_spoken(encoding::v1_msgpack))
    to.encode(codec::msgpack, fill);
  auto is_kept = event.stored && !event.is_passing() && history_.is_on();
  if (is_spoken(encoding::v1_json) || (event.plain && is_spoken(encoding::plain_json))
      || (is_kept && !is_spoken(encoding::v1_msgpack)))
    to.encode(codec::json, fill);
}

/// The type of the command being handled if it is an application's.
std::string_view room_core::type_at_hand() const noexcept {
  auto is_application = current_ && current_->what == room_input::kind::application;
  return is_application ? std::string_view{current_->type} : std::string_view{};
}

/// Does not check again what a behaviour passes on from the command being handled.
void room_core::check(const broadcast_event& event) const {
  check_event(event, type_at_hand(), current_ ? current_->bytes.view() : std::string_view{});
}

void room_core::say(const broadcast_event& event, const exclusion& except,
                    const protocol::encoded_by_codec& more) {
  say_by([&](encoding e, auto seq,
             auto* meter) { return application_frame_for(e, event, more, seq, meter); },
         event, except);
}

/// What a member that is behind gets of it.
if_behind room_core::fate_of(const broadcast_event& event) const noexcept {
  if (event.is_latest)
    return value_name({}, siphash(config_.key, event.key));
  return event.is_volatile ? if_behind::skip : if_behind::queue;
}

protocol::shared_bytes room_core::application_frame_for(encoding e, const broadcast_event& event,
                                                        const protocol::encoded_by_codec& more,
                                                        std::optional<std::uint64_t> seq,
                                                        protocol::memory_meter* meter) const {
  if (is_plain(e) && !event.plain)
    return {};
  if (is_plain(e) || event.v1_fields.empty())
    return protocol::application_frame(e, event.type, config_.identity->name, seq, event.fields,
                                       meter, more[index_of(protocol::codec_of(e))]);
  auto all = event.fields;
  all.insert(all.end(), event.v1_fields.begin(), event.v1_fields.end());
  return protocol::application_frame(e, event.type, config_.identity->name, seq, all, meter);
}

void room_core::send_to(session_key who, const broadcast_event& event) {
  running_room::must_be(*this, "send_to");
  check(event);
  say_to(who, event);
}

void room_core::send_to(session_key who, const broadcast_event& event, protocol::object_fill fill) {
  running_room::must_be(*this, "send_to");
  check_filled_event(event, type_at_hand());
  auto* m = find(who);
  if (!m || ended_ || (is_plain(m->encoding) && !event.plain))
    return;
  protocol::value_encoder all;
  all.encode(protocol::codec_of(m->encoding), fill);
  say_to(who, event, all.fields());
}

void room_core::say_to(session_key who, const broadcast_event& event,
                       const protocol::encoded_by_codec& more) {
  auto i = members_.find(who);
  if (i != members_.end() && !ended_)
    send_frame_to(i->second, application_frame_for(i->second.encoding, event, more, std::nullopt,
                                                   config_.meter));
}

/// Sends what the behaviour says to that member alone; an empty frame is nothing.
void room_core::send_frame_to(const resident& m, protocol::shared_bytes frame) {
  make_lighter(frame, cause_bytes());
  charge_growth(0, frame.size());
  if (frame)
    to_member(m.key, std::move(frame), true);
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

void room_core::send_frames(frame_set frames, session_key except,
                            std::optional<stored_event> stored, passing how, if_behind for_behind,
                            std::shared_ptr<const std::vector<session_key>> except_also) {
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
  output_.to_dispatchers(loops_, fan_out{config_.identity->key, std::move(frames), except,
                                         current_token_, std::move(own), output_.now(), for_behind,
                                         std::move(except_also)});
}

void room_core::store(stored_event what) {
  if (what.event && !what.several.empty())
    history_.append(what.seq, output_.now(), std::move(what.event), what.several);
  else if (what.event)
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
  if (auto now = pressure(); watch_.turns(now))
    run_hook("on_pressure", nullptr, [&] { behavior_->on_pressure(*this, now); });
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

double room_core::pressure() const {
  running_room::must_be(*this, "pressure");
  return static_cast<double>(own_->held_bytes()) / static_cast<double>(own_->limits().bytes);
}

} // namespace troupe::actors
