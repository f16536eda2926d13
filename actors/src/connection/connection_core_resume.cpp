// How a session goes on by another connection: what this one takes up, and what it gives away.
#include "connection/connection_core.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

using protocol::command;
using protocol::command_kind;
using protocol::errc;

/// Makes the former name of the session invalid once the client has shown that it has read
/// `resumed`: by a command that it has sent behind that.
void connection_core::note_command(const command& c) {
  if (c.kind != command_kind::ping && running_ > told_at_)
    output_.forget_name(std::exchange(former_, {}));
}

void connection_core::resume(const command& c, const inbound& message) {
  if (!config_.secret)
    return refuse(c, errc::unsupported,
                  is_plain(config_.encoding) ? "clients without subprotocol have no session"
                                             : "this server keeps no sessions");
  if (std::exchange(has_commands_, true))
    return refuse(c, errc::bad_request, "resume is the first command of a connection");
  auto text = protocol::document_view{c.source, c.bytes}.string("resume");
  auto name = session_name_of(text.value_or(""));
  if (!name || name->key.loop >= config_.loops || name->key == config_.key) {
    refuse(c, errc::session_gone);
    return on_lobby_due();
  }
  resuming_ = std::make_unique<resuming>(c, *name, running_, message.token);
  output_.claim({*name, config_.key, nullptr, config_.is_known ? config_.user_id : std::string{}});
}

void connection_core::on_session(const session_answer& answer) {
  auto is_expired =
    answer.record && !config_.claims && answer.record->claims
    && answer.record->claims->expires_at.value_or(wall_time::max()) <= output_.wall_now();
  if (answer.record && resuming_ && last_ != 0 && !is_expired) {
    resuming_->find(answer.record);
    return leave_lobby();
  }
  if (answer.record)
    give_session_up(*answer.record);
  auto why = answer.record ? errc::session_gone : answer.code;
  if (auto asked = std::exchange(resuming_, nullptr); asked && last_ != 0)
    send_error(
      why, why == errc::identity_mismatch ? "This session is another user's." : std::string_view{},
      asked->ref(), "resume", {});
  on_lobby_due();
  tell_directs();
  run_waiting();
}

/// It has come too late, and ends with this connection.
void connection_core::give_session_up(const session_record& session) {
  for (auto& room : session.rooms)
    leave_former(room.name, session.member ? session.member : session.away,
                 leave_reason::disconnected);
}

/// The node may have put the client into a room already (the lobby), as somebody else: it leaves
/// that without a word, once it is in. Then it is nowhere, and its rooms may take it in.
void connection_core::leave_lobby() {
  auto pending = [](const held_room& r) { return r.state != phase::held; };
  if (!resuming_ || !resuming_->has_found() || std::any_of(rooms_.begin(), rooms_.end(), pending))
    return;
  if (rooms_.empty())
    return on_dropped();
  auto lobbies = std::exchange(rooms_, {});
  for (auto& r : lobbies) {
    output_.leave(r.handle, {config_.key, leave_reason::left, false, nullptr, resuming_->token()});
    output_.drop(r.key);
  }
}

void connection_core::on_dropped() {
  if (!resuming_ || !resuming_->has_found())
    return;
  auto session = resuming_->begin_return();
  if (last_ != 0)
    return adopt(*session);
  give_session_up(*session);
  resuming_ = nullptr;
}

/// Ends a membership that a session still has from its former connection, if it has any.
void connection_core::leave_former(const std::string& room, session_key member,
                                   leave_reason reason) {
  if (member)
    output_.enter(room, leave_request{member, reason, false, nullptr, {}});
}

/// Takes a session over.
void connection_core::adopt(const session_record& session) {
  lobby_waits_ = false;
  may_resume_ = false;
  output_.list_as({});
  config_.user_id = session.user_id;
  output_.list_as(config_.user_id);
  client_ = session.client;
  adopt_directs(session);
  if (!config_.claims && session.claims) {
    config_.claims = session.claims;
    output_.expire_at(config_.claims->expires_at);
  }
  former_ = resuming_->name().key;
  if (session.former && session.former != former_) // its client knows a later name
    output_.forget_name(session.former);
  replaced_ = session.member ? session.member : session.away;
  running_ = resuming_->arrived();
  for (auto& room : session.rooms)
    join_again(session, room);
  end_resume_if_done();
}

void connection_core::join_again(const session_record& session, const session_record::room& room) {
  if (config_.claims && !config_.claims->may_join(room.name)) {
    leave_former(room.name, replaced_, leave_reason::forbidden);
    return resuming_->lose(room.name, errc::forbidden);
  }
  auto since = std::make_shared<replay_start>();
  if (auto* at = resuming_->position(room.name)) {
    since->epoch = at->epoch;
    since->seq = at->seq;
  }
  since->client = client_;
  since->account = replay_account();
  join_request request;
  if (room.profile && room.profile->is_there.load(std::memory_order_acquire))
    protocol::transcode(session.codec, room.profile->text, protocol::codec_of(config_.encoding),
                        request.profile);
  request.since = std::move(since);
  request.resumed = true;
  request.replaced = replaced_;
  request.must_replace = bool(session.member);
  request.token = resuming_->token();
  start_join(room.name, std::move(request));
}

/// If the room has not taken its member in again, its former member leaves.
void connection_core::on_joined_again(held_room& room, const join_answer& answer) {
  auto& reply = answer.reply;
  if (reply.code != errc::ok)
    leave_former(room.name, replaced_, leave_reason::disconnected);
  if (!reply.room)
    return lose(room, reply.code == errc::ok ? errc::not_joined : reply.code);
  hold(room, answer);
  room.token = {};
  resuming_->note(room.name, reply.returned);
  end_resume_if_done();
}

void connection_core::lose(held_room& room, errc why) {
  resuming_->lose(room.name, why);
  forget(room);
  end_resume_if_done();
}

/// Tells the client that it is back, once all rooms have answered.
void connection_core::end_resume_if_done() {
  auto pending = [](const held_room& r) { return r.state != phase::held; };
  if (!is_returning() || std::any_of(rooms_.begin(), rooms_.end(), pending))
    return;
  auto asked = std::exchange(resuming_, nullptr);
  replaced_ = {};
  told_at_ = arrived_;
  std::vector<std::string_view> names;
  std::vector<room_key> rooms;
  for (auto* r : memberships()) {
    names.push_back(r->name);
    rooms.push_back(r->key);
  }
  auto client = to_text(client_);
  protocol::resumed_directs directs{inbox_ ? inbox_->last() : 0,
                                    asked->directs() == told_directs_
                                      && (!inbox_ || inbox_->has_all_behind(told_directs_))};
  output_.reply(asked->frame(config_.encoding, config_.user_id, client, names,
                             to_text(session_name{config_.key, *config_.secret}), directs,
                             config_.meter));
  tell_directs();
  output_.release(std::move(rooms));
  leave_forbidden(asked->token());
  run_waiting();
}

void connection_core::await_hand_over(std::string_view user_id) {
  if (has_session_ && !resuming_ && (user_id.empty() || user_id == config_.user_id))
    last_ = std::min(last_, arrived_);
}

session_answer connection_core::hand_over(std::string_view user_id) {
  if (!has_session_ || resuming_)
    return {};
  if (!user_id.empty() && user_id != config_.user_id)
    return {errc::identity_mismatch, nullptr};
  has_session_ = false;
  auto record = left_ ? std::exchange(left_, nullptr)
                      : std::make_shared<session_record>(record_of(memberships()));
  give_directs(*record);
  for (auto& r : rooms_) {
    if (r.member)
      record->member = config_.key;
    else if (r.state == phase::entering)
      output_.enter(r.name, leave_request{config_.key, leave_reason::disconnected, false, {}, {}});
  }
  rooms_.clear();
  waiting_.clear();
  refs_.clear();
  last_ = 0;
  output_.close(errc::replaced);
  return {errc::ok, std::move(record)};
}

std::shared_ptr<session_record> connection_core::take_record() {
  auto is_there = std::exchange(has_session_, false);
  if (is_there && left_)
    give_directs(*left_);
  return is_there ? std::exchange(left_, nullptr) : nullptr;
}

void connection_core::give_directs(session_record& record) {
  if (inbox_)
    inbox_->trim_untold();
  record.directs = std::exchange(inbox_, nullptr);
  record.taken_directs = sent_ ? sent_->taken() : nullptr;
}

/// The rooms that it is in, in the order in which it has joined them.
std::vector<const connection_core::held_room*> connection_core::memberships() const {
  std::vector<const held_room*> all;
  for (auto& r : rooms_)
    if (r.member)
      all.push_back(&r);
  std::stable_sort(all.begin(), all.end(),
                   [](auto* a, auto* b) { return a->joined_at < b->joined_at; });
  return all;
}

session_record connection_core::record_of(const std::vector<const held_room*>& rooms) const {
  session_record record;
  record.user_id = config_.user_id;
  record.client = client_;
  record.claims = config_.claims;
  record.codec = protocol::codec_of(config_.encoding);
  record.former = former_;
  record.address = config_.address;
  for (auto* r : rooms)
    record.rooms.push_back({r->name, nullptr});
  return record;
}

} // namespace troupe::actors
