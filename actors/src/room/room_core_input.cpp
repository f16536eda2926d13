// What members say: the hooks that hear it, the others that get it, and its answer.
#include "room/room_core_scope.hpp"

#include "fanout/dispatcher.hpp"

#include <string>
#include <utility>

namespace troupe::actors {
namespace {

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

/// Repeats of one message that wait for its answer; nobody repeats it so often in earnest.
constexpr std::size_t most_repeats_waiting = 32;

} // namespace

void room_core::input(const room_input& in) {
  if (ending_)
    return; // the connection answers open refs when it hears that the room is closed
  if (ticks_ && waits_for_tick(in))
    return;
  history_.prefetch_oldest();
  command_scope scope{*this, payer_of(in.token), in.token, in.who};
  auto* sender = find_at(in.place, in.who);
  if (!sender)
    return refuse_input(in, errc::not_joined, {});
  auto& from = *sender;
  if (auto id = known_id(in); id != 0 && is_repeat(in, id, from))
    return;
  current_ = &in;
  sender_left_ = replies_later_ = false;
  growth_ = {true, in.bytes.size()};
  auto is_relayed = false;
  auto is_done = run_hook(hook_of(in.what), &from, [&] { is_relayed = tell(in, from); });
  if (is_done && is_relayed && is_current())
    relay_input(in, from);
  if (!is_current())
    return;
  if (!is_done)
    return refuse(errc::internal, {});
  if (auto id = known_id(in); id != 0)
    note_accepted(*find_at(in.place, in.who), id);
  answer(in);
}

bool room_core::is_passing(const room_input& in) const noexcept {
  return in.is_volatile || (!in.names_delivery && config_.delivery != protocol::delivery::reliable);
}

/// What a member that is behind gets of what is passing.
if_behind room_core::fate_of(const room_input& in, const resident& from) const noexcept {
  if (in.value != 0)
    return value_name(from.client, in.value);
  if (in.names_delivery || config_.delivery != protocol::delivery::latest)
    return if_behind::skip;
  return value_name(from.client, siphash(config_.key, {}) | 1); // as of an empty key
}

/// The id by which the room knows the input again; 0: by none.
std::uint64_t room_core::known_id(const room_input& in) const noexcept {
  auto has_one = in.what == room_input::kind::application ? config_.command_ids : !is_passing(in);
  return has_one ? in.id : 0;
}

/// Answers what was accepted before, or lets it wait for the answer to the first one.
bool room_core::is_repeat(const room_input& in, std::uint64_t id, const resident& from) {
  if (auto* seq = from.accepted ? from.accepted->find(id) : nullptr) {
    answer_again(in, *seq);
    return true;
  }
  auto* first = answers_.is_empty() ? nullptr : answers_.find_message(in.who, id);
  if (!first)
    return false;
  if (first->repeats.size() < most_repeats_waiting)
    first->repeats.push_back({in.ref, in.token});
  else
    refuse_input(in, errc::overloaded, "This message is waiting for its answer already.");
  return true;
}

/// Calls the hook for what a member says. Returns whether that is for the others, too.
bool room_core::tell(const room_input& in, resident& from) {
  application_message whole{in.type, {protocol::codec_of(in.encoding), in.bytes.view()}};
  switch (in.what) {
    case room_input::kind::message: return behavior_->on_publish(*this, from, whole);
    case room_input::kind::binary: return behavior_->on_binary(*this, from, in.body);
    case room_input::kind::profile:
      return behavior_->on_profile(*this, from, {protocol::codec_of(in.encoding), in.body});
    case room_input::kind::reply: take_reply(in); break;
    case room_input::kind::application:
      if (protocol::is_application_type(in.type))
        behavior_->on_message(*this, from, whole);
      else // a type that only servers send
        refuse(errc::unknown_type, {});
      break;
  }
  return false;
}

void room_core::relay_input(const room_input& in, resident& from) {
  if (in.what == room_input::kind::message)
    relay(in, from);
  else if (in.what == room_input::kind::binary)
    relay_binary(in, from);
  else
    take_profile(in, from);
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

void room_core::note_accepted(resident& from, std::uint64_t id) {
  if (!from.accepted)
    from.accepted = std::make_unique<accepted_ids>();
  from.accepted->add(id, seq_);
}

/// The position of what is about to be relayed; none if it is not stored.
std::optional<std::uint64_t> room_core::next_seq(const room_input& in) noexcept {
  return is_passing(in) ? std::nullopt : std::optional{++seq_};
}

void room_core::relay(const room_input& in, const resident& from) {
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
  auto seq = next_seq(in);
  auto make = [&](encoding e, protocol::memory_meter* meter) {
    return protocol::binary_frame(e, config_.identity->name, from.user_id, seq, in.body, meter);
  };
  relay(in, from, make);
}

template <class Make>
void room_core::relay(const room_input& in, const resident& from, Make&& make) {
  auto except = in.echo ? session_key{} : in.who;
  if (is_passing(in))
    return send_frames(frames_by([&](encoding e) { return make(e, config_.meter); }), except,
                       std::nullopt, passing::yes, fate_of(in, from));
  protocol::shared_bytes event;
  auto frames = stored_frames_by(make, event);
  stored_event stored{seq_, std::move(event), in.echo ? client_id{} : from.client};
  send_frames(std::move(frames), except, std::move(stored));
}

void room_core::take_profile(const room_input& in, resident& from) {
  auto before = config_.announce ? mark_of_profile(*users_.shown(from.user_id)) : 0;
  from.profile = in.body;
  users_.show(from);
  announce_profile(before, from, in.who);
}

void room_core::answer(const room_input& in) {
  if (!in.ref)
    return;
  auto seq = is_passing(in) ? std::nullopt : std::optional{seq_};
  to_member(in.who, protocol::ack_frame(in.encoding, in.ref->value, config_.identity->name, seq,
                                        config_.meter));
  in.ref->answered = true;
}

} // namespace troupe::actors
