// What a client's commands do, and what it is told of its rooms.
#include "connection/connection_core.hpp"

#include "connection/message_id.hpp"

#include <troupe/actors/seeded_hash.hpp>
#include <troupe/protocol/reserve.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace troupe::actors {

using protocol::command;
using protocol::command_kind;
using protocol::errc;
using namespace std::chrono_literals;

namespace {

/// The room that a command named; empty if the name is too long for an answer to repeat.
std::string_view nameable(const std::optional<std::string>& room) {
  return room && room->size() <= protocol::max_room_name_bytes ? std::string_view{*room}
                                                               : std::string_view{};
}

/// A hash of the key of a `latest`, the same in both codecs. Whoever finds two keys that are alike
/// only replaces values of its own.
std::uint64_t value_of(const command& c, const hash_key& secret) {
  const protocol::document_view fields{c.source, c.bytes};
  return siphash(secret, fields.string("key").value_or("")) | 1;
}

bool is_room_command(command_kind kind) {
  switch (kind) {
    case command_kind::join:
    case command_kind::leave:
    case command_kind::message:
    case command_kind::binary:
    case command_kind::application:
    case command_kind::presence:
    case command_kind::profile:
    case command_kind::reply:
    case command_kind::history: return true;
    default: return false;
  }
}

} // namespace

connection_core::connection_core(config c, connection_output& output)
  : config_(std::move(c)),
    output_(output),
    commands_(static_cast<double>(config_.options->connections.burst_messages)) {}

void connection_core::open() {
  auto& o = *config_.options;
  auto largest = o.messages.max_message_bytes > 0 ? o.messages.largest_message() : 0;
  protocol::welcome_limits limits{
    largest, o.connections.max_rooms,
    o.connections.messages_per_second.value_or(connection_limits::default_messages_per_second),
    o.connections.burst_messages, command::known_ids};
  has_session_ = config_.secret.has_value();
  auto client = to_text(client_);
  auto resume = has_session_ ? to_text(session_name{config_.key, *config_.secret}) : std::string{};
  if (auto frame = protocol::welcome_frame(
        config_.encoding,
        {config_.user_id, client, resume, o.sessions.resume_window, o.heartbeat.interval, limits},
        config_.meter))
    output_.reply(frame);
  output_.expire_at(config_.claims ? config_.claims->expires_at : std::nullopt);
  output_.list_as(config_.user_id);
  may_resume_ = config_.may_resume && has_session_;
  lobby_waits_ = !o.lobby.empty() && !config_.is_bot;
  if (lobby_waits_ && may_resume_)
    output_.await_lobby(longest_wait_for_resume);
  else if (lobby_waits_)
    enter_lobby();
}

void connection_core::enter_lobby() {
  auto& lobby = config_.options->lobby;
  lobby_waits_ = false;
  if (is_closing() || (config_.claims && !config_.claims->may_join(lobby)))
    return;
  join_request request;
  request.automatic = true;
  start_join(lobby, std::move(request));
}

void connection_core::on_lobby_due() {
  if (lobby_waits_ && !resuming_)
    enter_lobby();
  may_resume_ = false;
  tell_directs();
}

/// It is not `resume`.
void connection_core::note_first_command() {
  has_commands_ = true;
  if (lobby_waits_ && !resuming_)
    enter_lobby();
  if (std::exchange(may_resume_, false))
    tell_directs();
}

// -- taking commands in ---------------------------------------------------------------------------

void connection_core::on_message(inbound message) {
  if (is_closing())
    return;
  running_ = ++arrived_;
  if (!within_rate())
    return refuse_by_rate(message);
  auto is_msgpack = protocol::codec_of(config_.encoding) == protocol::codec::msgpack;
  if (is_msgpack && !message.binary)
    return close(errc::wrong_frame_type);
  if (is_msgpack == message.binary)
    run_or_wait(std::move(message));
  else
    run_binary(message);
}

bool connection_core::within_rate() {
  auto& limits = config_.options->connections;
  auto rate = limits.message_rate(false);
  if (rate <= 0 || config_.is_bot)
    return true;
  auto full = static_cast<double>(limits.burst_messages);
  commands_.refill(output_.now(), rate, full);
  if (!commands_.take())
    return false;
  if (commands_.left() >= full / 2)
    refused_by_rate_ = 0;
  return true;
}

/// Answers each command with a `ref`, and the others once a second. Closes a client that goes on,
/// which bounds the answers.
void connection_core::refuse_by_rate(const inbound& message) {
  auto& limits = config_.options->connections;
  auto& counters = *config_.options->counters;
  counters.count(protocol::counter::dropped, "rate_limited");
  if (++refused_by_rate_ > 2 * limits.burst_messages) {
    counters.count(protocol::counter::protocol_errors, "flood");
    return close(errc::flood);
  }
  constexpr double longest_wait = 24 * 60 * 60 * 1000;
  auto wait = std::chrono::milliseconds{static_cast<std::int64_t>(
    std::min(std::ceil(1000 / limits.message_rate(false)), longest_wait))};
  auto decoded = protocol::decode(protocol::codec_of(config_.encoding), message.bytes.view(),
                                  config_.options->messages);
  auto now = output_.now();
  if (decoded && !decoded->ref.empty()) {
    send_error(errc::rate_limited, {}, decoded->ref, decoded->type, nameable(decoded->room_id),
               wait);
  } else if (now - rate_told_ >= 1s || rate_told_ == steady_time{}) {
    rate_told_ = now;
    send_error(errc::rate_limited, {}, {}, {}, {}, wait);
  }
}

void connection_core::run_or_wait(inbound message) {
  auto decoded = protocol::decode(protocol::codec_of(config_.encoding), message.bytes.view(),
                                  config_.options->messages);
  if (!decoded) {
    auto& f = decoded.error();
    if (f.code == errc::undecodable)
      return close(f.code);
    send_error(f.code, f.detail, f.ref, f.request, nameable(f.room_id));
    count_error(f.code);
    return;
  }
  if (decoded->kind != command_kind::ping && decoded->kind != command_kind::resume)
    note_first_command();
  auto must_wait_now = resuming_ ? decoded->kind != command_kind::ping
                                 : is_room_command(decoded->kind) && must_wait(decoded->room_id);
  if (must_wait_now)
    waiting_.push_back({std::move(message), std::move(decoded->room_id), running_});
  else
    run(*decoded, message);
}

/// Whether a command for `room` (none: the default room) must wait for a pending join, or for a
/// waiting command that may mean the same room.
bool connection_core::must_wait(const std::optional<std::string>& room) const {
  auto pending = [](const held_room& r) { return r.state != phase::held; };
  if (!room || max_rooms() == 1)
    return !waiting_.empty() || std::any_of(rooms_.begin(), rooms_.end(), pending);
  return std::any_of(rooms_.begin(), rooms_.end(),
                     [&](auto& r) { return r.name == *room && pending(r); })
      || std::any_of(waiting_.begin(), waiting_.end(),
                     [&](auto& w) { return !w.room || *w.room == *room; });
}

/// Runs the commands that waited for a join, in order; those that must wait for another stay, in
/// order.
void connection_core::run_waiting() {
  auto waiting = std::exchange(waiting_, {});
  auto is_msgpack = protocol::codec_of(config_.encoding) == protocol::codec::msgpack;
  for (auto& [message, room, arrived] : waiting) {
    if (arrived > last_)
      return;
    running_ = arrived;
    if (message.binary == is_msgpack)
      run_or_wait(std::move(message));
    else
      run_binary(message);
  }
}

void connection_core::run(const command& c, const inbound& message) {
  if (former_)
    note_command(c);
  switch (c.kind) {
    case command_kind::join: return join(c, message);
    case command_kind::leave: return leave(c, message);
    case command_kind::message:
    case command_kind::binary: return publish(c, message);
    case command_kind::application: return application(c, message);
    case command_kind::ping: return pong(c);
    case command_kind::presence: return ask_presence(c, message);
    case command_kind::profile: return change_profile(c, message);
    case command_kind::history: return ask_history(c, message);
    case command_kind::direct: return direct(c, message);
    case command_kind::reply: return answer_request(c, message);
    case command_kind::reserve: return reserve(c, message);
    case command_kind::resume: return resume(c, message);
    case command_kind::auth: return authenticate(c, message.token);
  }
}

/// A binary message on a JSON connection goes to the default room.
void connection_core::run_binary(const inbound& message) {
  note_first_command();
  if (resuming_ || must_wait(std::nullopt)) {
    waiting_.push_back({message, std::nullopt, running_});
    return;
  }
  if (former_)
    note_command({command_kind::binary});
  auto* room = default_room();
  if (!room) {
    send_error(errc::not_joined, {}, {}, "binary", {});
    return;
  }
  auto in = input_for(*room, room_input::kind::binary);
  in.bytes = message.bytes;
  in.body = in.bytes.view();
  in.type = "binary";
  in.token = message.token;
  output_.publish(room->handle, std::move(in));
}

// -- commands -------------------------------------------------------------------------------------

void connection_core::join(const command& c, const inbound& message) {
  if (!protocol::is_room_name(*c.room_id)) {
    refuse(c, errc::bad_room);
    count_error(errc::bad_room);
    return;
  }
  if (config_.claims && !config_.claims->may_join(*c.room_id))
    return refuse(c, errc::forbidden);
  auto* room = find(*c.room_id);
  if (!room && max_rooms() > 1 && rooms_.size() >= max_rooms())
    return refuse(c, errc::room_limit);
  join_request request;
  request.profile = c.profile;
  if (!c.ref.empty())
    request.ref = open_ref_for(c);
  if (c.has_since)
    request.since = replay_start_for(c);
  request.token = message.token;
  start_join(*c.room_id, std::move(request));
}

/// One join at a time brings what was missed along, while little is queued: several could be more
/// than a client may have queued.
std::shared_ptr<const replay_start> connection_core::replay_start_for(const command& c) {
  constexpr std::size_t slice_bytes = std::size_t{64} * 1024, little = slice_bytes / 4;
  const protocol::document_view fields{c.source, c.bytes};
  const protocol::document_view since{c.source, fields.raw("since")};
  auto brings_some = [](const held_room& r) { return r.state != phase::held && r.has_since; };
  auto start = std::make_shared<replay_start>();
  start->epoch = since.string("epoch").value_or("");
  start->seq = since.unsigned_integer("seq").value_or(0);
  start->client = client_id_of(since.string("clientId").value_or(""));
  if (std::none_of(rooms_.begin(), rooms_.end(), brings_some) && output_.queued_bytes() <= little)
    start->first_slice_bytes = slice_bytes;
  start->account = replay_account();
  return start;
}

const std::shared_ptr<credit_account>& connection_core::replay_account() {
  if (!replays_)
    replays_ = std::make_shared<credit_account>(config_.replay_limits);
  return replays_;
}

void connection_core::start_join(std::string name, join_request request) {
  request.who = config_.key;
  request.client = client_;
  request.user_id = config_.user_id;
  request.claims = config_.claims;
  request.encoding = config_.encoding;
  auto* room = find(name);
  if (!room) {
    room = &rooms_.emplace_back();
    room->name = std::move(name);
    count_profile(*room, request.profile.size());
  }
  room->ticket = request.ticket = next_ticket_++;
  room->asked_at = request.automatic ? 0 : running_;
  room->ref = request.ref;
  room->token = request.token;
  room->has_since = request.since != nullptr;
  room->request = std::make_unique<join_request>(std::move(request));
  auto* held = max_rooms() == 1 ? default_room() : nullptr;
  if (held && held != room)
    awaited_ = {held->key, held->handle};
  else
    awaited_ = std::exchange(before_, {});
  if (awaited_.key) { // what that room has said must come before the new room's `joined`
    room->state = phase::waiting;
    output_.await_handled(awaited_.handle, room->ticket);
  } else {
    enter(*room);
  }
}

void connection_core::enter(held_room& room) {
  room.state = phase::entering;
  output_.enter(room.name, std::move(*std::exchange(room.request, nullptr)));
}

void connection_core::leave(const command& c, const inbound& message) {
  auto* room = target(c);
  if (!room)
    return refuse(c, errc::not_joined);
  leave_request request{config_.key, leave_reason::left, true, open_ref_for(c), message.token};
  track(room->key, request.ref);
  output_.leave(room->handle, std::move(request));
  note_left(*room);
  forget(*room);
}

/// For a client of one room: its next join waits for what this room has still to say.
void connection_core::note_left(const held_room& room) {
  if (max_rooms() == 1)
    before_ = {room.key, room.handle};
}

void connection_core::publish(const command& c, const inbound& message) {
  auto* room = target(c);
  if (!room)
    return refuse(c, c.room_id ? errc::forbidden : errc::not_joined);
  auto in = input_for(*room, c.kind == command_kind::binary ? room_input::kind::binary
                                                            : room_input::kind::message);
  in.bytes = c.decoded ? protocol::shared_bytes::copy_of(*c.decoded) : message.bytes;
  in.field = c.field;
  in.body = c.decoded ? in.bytes.view() : c.body;
  in.type = c.type;
  in.echo = c.echo;
  in.names_delivery = c.mode.has_value();
  in.is_volatile = c.mode && c.mode != protocol::delivery::reliable;
  if (c.mode == protocol::delivery::latest)
    in.value = value_of(c, config_.hash);
  in.id = in.is_volatile ? 0 : id_of(c);
  in.ref = open_ref_for(c);
  in.token = message.token;
  track(room->key, in.ref);
  output_.publish(room->handle, std::move(in));
}

void connection_core::application(const command& c, const inbound& message) {
  auto* room = target(c);
  if (!room)
    return refuse(c, c.room_id ? errc::forbidden : errc::not_joined);
  auto in = input_for(*room, room_input::kind::application);
  in.bytes = message.bytes;
  in.type = c.type;
  in.id = id_of(c);
  in.ref = open_ref_for(c);
  in.token = message.token;
  track(room->key, in.ref);
  output_.publish(room->handle, std::move(in));
}

void connection_core::ask_presence(const command& c, const inbound& message) {
  auto* room = target(c);
  if (!room)
    return refuse(c, c.room_id ? errc::forbidden : errc::not_joined);
  const protocol::document_view fields{c.source, c.bytes};
  presence_request request{config_.key,
                           room->place,
                           config_.encoding,
                           open_ref_for(c),
                           fields.string("after").value_or(""),
                           fields.integer("limit").value_or(command::default_page),
                           message.token};
  track(room->key, request.ref);
  output_.ask(room->handle, std::move(request));
}

void connection_core::ask_history(const command& c, const inbound& message) {
  auto* room = target(c);
  if (!room)
    return refuse(c, c.room_id ? errc::forbidden : errc::not_joined);
  const protocol::document_view fields{c.source, c.bytes};
  history_request request{config_.key,
                          room->place,
                          config_.encoding,
                          open_ref_for(c),
                          fields.unsigned_integer("after"),
                          fields.unsigned_integer("before"),
                          fields.integer("limit").value_or(command::history_page),
                          message.token};
  track(room->key, request.ref);
  output_.ask(room->handle, std::move(request));
}

void connection_core::change_profile(const command& c, const inbound& message) {
  auto* room = target(c);
  if (!room)
    return refuse(c, c.room_id ? errc::forbidden : errc::not_joined);
  count_profile(*room, c.profile.size());
  auto in = input_for(*room, room_input::kind::profile);
  in.bytes = message.bytes;
  in.body = c.profile;
  in.type = c.type;
  in.ref = open_ref_for(c);
  in.token = message.token;
  track(room->key, in.ref);
  output_.publish(room->handle, std::move(in));
}

void connection_core::answer_request(const command& c, const inbound& message) {
  auto* room = target(c);
  if (!room)
    return refuse(c, c.room_id ? errc::forbidden : errc::not_joined);
  auto in = input_for(*room, room_input::kind::reply);
  in.bytes = message.bytes;
  in.body = c.body;
  in.type = c.type;
  in.ref = open_ref_for(c);
  in.token = message.token;
  track(room->key, in.ref);
  output_.publish(room->handle, std::move(in));
}

void connection_core::pong(const command& c) {
  output_.reply(protocol::pong_frame(config_.encoding, c.ref,
                                     protocol::iso_8601(output_.wall_now()), config_.meter));
}

/// Takes a fresh token of the same user.
void connection_core::authenticate(const command& c, const credit& token) {
  if (!config_.check_token && !config_.options->verify_token)
    return refuse(c, errc::unsupported);
  auto text = protocol::document_view{c.source, c.bytes}.string("token");
  auto fresh = check(text.value_or(""));
  if (!fresh.claims) {
    refuse(c, fresh.code, fresh.detail);
    if (fresh.code == errc::unauthorized)
      count_error(fresh.code);
    return;
  }
  if (!is_same_user(*fresh.claims))
    return refuse(c, errc::identity_mismatch);
  config_.claims = std::move(fresh.claims);
  if (!c.ref.empty())
    output_.reply(protocol::ack_frame(config_.encoding, c.ref, {}, std::nullopt, config_.meter));
  leave_forbidden(token);
  claims_since_ = next_ticket_;
  for (auto& r : rooms_)
    if (r.member)
      output_.renew(r.handle, {config_.key, config_.claims, token});
  output_.expire_at(config_.claims->expires_at); // which may be now
}

token_decision connection_core::check(std::string_view token) const {
  if (config_.check_token)
    return (*config_.check_token)(token, output_.wall_now());
  try {
    return {config_.options->verify_token(token, output_.wall_now()), errc::unauthorized, {}};
  } catch (...) {
    protocol::report_exception(*config_.options->log, *config_.options->counters, "verify_token");
    return {nullptr, errc::internal, {}};
  }
}

/// Claims without a subject may be renewed only by claims without one.
bool connection_core::is_same_user(const claims& fresh) const {
  return fresh.subject == (config_.claims ? config_.claims->subject : config_.user_id);
}

void connection_core::end(errc why) {
  last_ = 0;
  has_session_ = false;
  output_.close(why);
}

room_input connection_core::input_for(const held_room& room, room_input::kind what) const {
  room_input in;
  in.what = what;
  in.who = config_.key;
  in.place = room.place;
  in.encoding = config_.encoding;
  return in;
}

connection_core::held_room* connection_core::target(const command& c) {
  auto* room = c.room_id ? find(*c.room_id) : default_room();
  return room && room->state == phase::held ? room : nullptr;
}

// -- seats ----------------------------------------------------------------------------------------

/// A client that may join some rooms of the pattern only might be led to another one.
void connection_core::reserve(const command& c, const inbound& message) {
  auto wish = protocol::seat_wish_of(c);
  if (config_.claims && !config_.claims->may_join(wish.pattern))
    return refuse(c, errc::forbidden);
  reservation_request wanted{std::move(wish.pattern), config_.user_id, std::move(wish.filter),
                             std::move(wish.wanted)};
  auto why = output_.reserve(std::move(wanted), std::string{c.ref}, message.token);
  if (why == errc::forbidden)
    refuse(c, why, "Clients do not reserve rooms of this pattern.");
  else if (why != errc::ok)
    refuse(c, why);
}

void connection_core::on_reserved(const reserve_answer& answer) {
  auto& r = answer.result;
  if (r.code != errc::ok)
    return send_error(r.code, {}, answer.ref, "$reserve", {});
  output_.reply(protocol::reserved_frame(config_.encoding,
                                         {answer.ref, r.room_name, r.hold, r.made}, config_.meter));
}

// -- what registry and rooms answer ---------------------------------------------------------------

void connection_core::on_handled(std::uint32_t ticket, bool in_full) {
  auto before = std::exchange(awaited_, {});
  // the old room's dispatcher may not report it: it has nothing to say to a client of one room that
  // is in another room by now
  if (!in_full)
    on_membership_lost({before.key});
  if (auto* room = find_ticket(ticket))
    enter(*room);
}

void connection_core::on_joined(const join_answer& answer) {
  auto* room = find_ticket(answer.ticket);
  if (!room)
    return;
  auto& reply = answer.reply;
  if (is_returning())
    return on_joined_again(*room, answer);
  if (reply.code != errc::ok) {
    give_up(*room, reply.code, reply.detail);
    return;
  }
  auto name = room->name;
  auto token = std::exchange(room->token, {});
  if (reply.room) {
    hold(*room, answer);
    if (answer.ticket < claims_since_)
      output_.renew(room->handle, {config_.key, config_.claims, {}});
  } else { // let in and thrown out again
    forget(*room);
  }
  if (max_rooms() == 1)
    leave_others(name, token);
  leave_forbidden(token); // claims may have changed since the join was sent
  run_waiting();
  leave_lobby();
}

/// Notes that the client is a member of the room.
void connection_core::hold(held_room& room, const join_answer& answer) {
  room.handle = answer.room;
  room.key = answer.reply.room;
  room.place = answer.reply.place;
  room.state = phase::held;
  room.member = true;
  room.ticket = 0;
  room.ref = nullptr;
  room.joined_at = room.asked_at;
}

/// Handles a refused join: tells the client, and runs the commands that waited for it (they fail,
/// or go to the default room). If the room failed after it had let in a client of one room, that
/// client is in no room.
void connection_core::give_up(held_room& room, errc code, std::string_view detail) {
  auto ref = room.ref;
  auto name = room.name;
  auto token = std::exchange(room.token, {});
  // If it was answered, the client was let in, and its dispatcher has told it what became of the
  // room.
  auto was_let_in = ref->answered.exchange(true);
  if (!was_let_in)
    send_error(code, detail, ref->value, "join", name);
  if (room.member) { // a second join was refused; the first still holds
    room.state = phase::held;
    room.ticket = 0;
    room.ref = nullptr;
    leave_forbidden(token);
  } else {
    forget(room);
    if (was_let_in && max_rooms() == 1)
      leave_others(name, token);
  }
  run_waiting();
  leave_lobby();
}

void connection_core::on_membership_lost(const membership_lost& lost) {
  auto room =
    std::find_if(rooms_.begin(), rooms_.end(), [&](auto& r) { return r.key == lost.room; });
  auto name = room == rooms_.end() ? std::string_view{} : std::string_view{room->name};
  for (auto& r : refs_)
    if (r.room == lost.room && !r.ref->answered.exchange(true))
      send_error(lost.answer, {}, r.ref->value, r.ref->request, name);
  if (room == rooms_.end())
    return;
  if (room->state == phase::held && is_returning())
    lose(*room, lost.answer);
  else if (room->state == phase::held)
    forget(*room);
  else
    room->member = false; // its pending second join finds out by itself
}

/// `token`: the join's credit, which pays for what the rooms say about the leave.
void connection_core::leave_others(const std::string& name, const credit& token) {
  for (auto& r : rooms_)
    if (r.name != name && r.state == phase::held)
      output_.leave(r.handle, leave_request{config_.key, leave_reason::left, true, nullptr, token});
  std::erase_if(rooms_, [&](auto& r) { return r.name != name && r.state == phase::held; });
}

/// Leaves the rooms that new claims do not admit to; `token`: the credit of the command that
/// brought them. Rooms with a pending join follow once it is answered.
void connection_core::leave_forbidden(const credit& token) {
  if (!config_.claims || !config_.claims->rooms)
    return;
  auto is_forbidden = [this](const held_room& r) {
    return r.state == phase::held && !config_.claims->may_join(r.name);
  };
  for (auto& r : rooms_)
    if (is_forbidden(r)) {
      output_.leave(r.handle,
                    leave_request{config_.key, leave_reason::forbidden, true, nullptr, token});
      note_left(r);
    }
  std::erase_if(rooms_, is_forbidden);
}

bool connection_core::finished() const {
  auto pending = [](const held_room& r) { return r.state != phase::held; };
  return input_ended_ && !has_open_directs()
      && (last_ == 0 || (!resuming_ && std::none_of(rooms_.begin(), rooms_.end(), pending)));
}

/// Lets the room hand the profile over to what is kept of the session.
kept_profile_ptr connection_core::keep_profile(held_room& room) {
  auto kept = std::make_shared<kept_profile>();
  kept->counted = std::exchange(room.profile_bytes, {});
  for (auto& r : left_->rooms)
    if (r.name == room.name)
      r.profile = kept;
  return kept;
}

void connection_core::leave_all(leave_reason reason, bool may_return) {
  may_return = may_return && has_session_;
  if (may_return && !left_) {
    left_ = std::make_shared<session_record>(record_of(memberships()));
    left_->away = config_.key;
  }
  last_ = 0;
  if (resuming_ && resuming_->has_found())
    give_session_up(*resuming_->begin_return());
  for (auto& r : rooms_) {
    leave_request request{config_.key, reason, false, nullptr, {}, may_return};
    if (may_return && r.member && r.profile_bytes.bytes() > 0)
      request.profile = keep_profile(r);
    if (r.state == phase::entering) // behind the pending join
      output_.enter(r.name, std::move(request));
    else if (r.member)
      output_.leave(r.handle, std::move(request));
    r.state = phase::held; // if telling one throws, the next call goes on from there
    r.member = false;
  }
  rooms_.clear();
  waiting_.clear();
  refs_.clear();
}

// -- the table ------------------------------------------------------------------------------------

connection_core::held_room* connection_core::find(std::string_view name) {
  auto i = std::find_if(rooms_.begin(), rooms_.end(), [&](auto& r) { return r.name == name; });
  return i == rooms_.end() ? nullptr : &*i;
}

connection_core::held_room* connection_core::find_ticket(std::uint32_t ticket) {
  auto i = std::find_if(rooms_.begin(), rooms_.end(), [&](auto& r) { return r.ticket == ticket; });
  return i == rooms_.end() ? nullptr : &*i;
}

connection_core::held_room* connection_core::default_room() {
  held_room* latest = nullptr;
  for (auto& r : rooms_)
    if (r.member && (!latest || r.joined_at >= latest->joined_at))
      latest = &r;
  return latest;
}

/// Counts the larger of both profiles: the room may keep the former one.
void connection_core::count_profile(held_room& room, std::size_t bytes) {
  if (bytes > room.profile_bytes.bytes())
    room.profile_bytes = {config_.profiles, bytes};
}

void connection_core::forget(held_room& room) {
  rooms_.erase(rooms_.begin() + (&room - rooms_.data()));
}

// -- answers --------------------------------------------------------------------------------------

open_ref_ptr connection_core::open_ref_for(const command& c) {
  if (c.ref.empty())
    return nullptr;
  auto ref = std::make_shared<open_ref>();
  ref->value = c.ref;
  ref->request = c.type;
  return ref;
}

/// Remembers a `ref` that a room is to answer. Bounded: the answered ones go, and the others hold
/// credit.
void connection_core::track(room_key room, const open_ref_ptr& ref) {
  if (!ref)
    return;
  std::erase_if(refs_, [](auto& r) { return r.ref->answered.load(); });
  refs_.push_back({room, ref});
}

void connection_core::refuse(const command& c, errc code, std::string_view detail) {
  send_error(code, detail, c.ref, c.type, nameable(c.room_id));
}

void connection_core::send_error(errc code, std::string_view detail, std::string_view ref,
                                 std::string_view request, std::string_view room,
                                 std::optional<std::chrono::milliseconds> retry_after) {
  protocol::error_event event;
  event.code = code;
  event.detail = detail;
  event.ref = ref;
  event.request = request;
  event.room_id = room;
  event.retry_after = retry_after;
  config_.options->counters->count(protocol::counter::command_errors, to_string(code));
  if (request == "join")
    config_.options->counters->count(protocol::counter::joins_rejected, to_string(code));
  auto frame = protocol::error_frame(config_.encoding, event, config_.meter);
  // its dispatcher may still have to say that the client was thrown out
  if (code == errc::not_joined)
    output_.reply_behind_rooms(std::move(frame));
  else
    output_.reply(frame);
}

void connection_core::count_error(errc code) {
  auto& limits = config_.options->connections;
  if (limits.max_errors == 0)
    return;
  auto now = output_.now();
  if (!errors_)
    errors_ = std::make_unique<std::vector<steady_time>>();
  std::erase_if(*errors_, [&](auto at) { return now - at >= limits.error_window; });
  errors_->push_back(now);
  config_.options->counters->count(protocol::counter::protocol_errors, to_string(code));
  if (errors_->size() >= limits.max_errors)
    close(errc::too_many_errors);
}

/// Closes for the command that runs. Those that were sent before it, and wait, still take effect.
void connection_core::close(errc why) {
  last_ = std::min(last_, running_);
  has_session_ = has_session_ && protocol::info(why).retryable;
  output_.close(why);
}

void connection_core::say_goodbye(bool restart) {
  last_ = 0;
  has_session_ = false;
  std::vector<room_key> rooms;
  for (auto& r : rooms_)
    if (r.member)
      rooms.push_back(r.key);
  auto& o = *config_.options;
  std::optional<std::pair<std::chrono::milliseconds, std::chrono::milliseconds>> again;
  if (restart)
    again.emplace(o.reconnect_min, o.reconnect_max);
  auto why = restart ? errc::restart : errc::shutdown;
  output_.end_behind_rooms(
    std::move(rooms),
    protocol::goodbye_frame(config_.encoding, to_string(why), again, config_.meter), why);
}

} // namespace troupe::actors
