// What users say to each other.
#include "connection/connection_core.hpp"

#include "connection/message_id.hpp"
#include "model/check_refusal.hpp"
#include "model/frame_weight.hpp"

#include <utility>

namespace troupe::actors {

using protocol::command;
using protocol::errc;

namespace {

/// Of directs that wait for the answer to a `resume`; a client that is sent more comes back to
/// them.
constexpr std::size_t most_held_direct_bytes = std::size_t{1024} * 1024;

} // namespace

void connection_core::direct(const command& c, const inbound& message) {
  auto id = id_of(c);
  if (!sent_)
    sent_ = std::make_unique<sent_directs>();
  if (sent_->has_taken(id))
    return answer_direct(c.ref, errc::ok, true);
  auto to = protocol::document_view{c.source, c.bytes}.string("to").value_or("");
  if (auto why = check_direct(to); why != errc::ok)
    return refuse(c, why);
  if (c.body.size() > direct_inbox::most_bytes)
    return refuse(c, errc::bad_request, "text or data of a direct has at most 64 KiB");
  if (sent_->wait_for(id, {std::string{c.ref}, message.token}))
    return;
  auto what = direct_of(c, std::move(to));
  auto ticket = sent_->begin(id, {std::string{c.ref}, message.token});
  output_.say_direct(std::move(what), ticket, message.token);
}

errc connection_core::check_direct(std::string_view to) const {
  auto& o = config_.options->directs;
  if (o.allowed == direct_policy::off)
    return errc::unsupported;
  if (!o.authorize)
    return errc::ok;
  try {
    auto why = o.authorize({config_.user_id, config_.claims.get(), to});
    if (why != errc::ok)
      check_refusal("direct_options::authorize", why);
    return why;
  } catch (...) {
    protocol::report_exception(*config_.options->log, *config_.options->counters,
                               "authorize_direct");
    return errc::internal;
  }
}

direct_ptr connection_core::direct_of(const command& c, std::string to) const {
  auto what = std::make_shared<direct_message>();
  what->number = ++config_.directs->said;
  what->to = std::move(to);
  what->from = config_.user_id;
  what->timestamp = protocol::iso_8601(output_.wall_now());
  what->codec = c.source;
  what->bytes = protocol::shared_bytes::copy_of(c.body); // unknown fields are not kept
  what->field = c.field;
  what->body = what->bytes.view();
  if (config_.options->directs.allowed == direct_policy::shared_room
      && what->to != config_.user_id) {
    auto& rooms = what->rooms.emplace();
    for (auto& r : rooms_)
      if (r.member)
        rooms.push_back(r.name);
  }
  return what;
}

void connection_core::on_direct_answer(std::uint32_t ticket, errc code) {
  bool is_repeat = false;
  for (auto& asker : sent_->end(ticket, code == errc::ok))
    answer_direct(asker.ref, code, std::exchange(is_repeat, true));
}

void connection_core::answer_direct(std::string_view ref, errc code, bool is_repeat) {
  if (code != errc::ok)
    return send_error(code, {}, ref, "direct", {});
  if (!ref.empty())
    output_.reply(
      protocol::ack_frame(config_.encoding, ref, {}, std::nullopt, config_.meter, is_repeat));
}

errc connection_core::on_direct(const direct_ptr& what) {
  auto is_here = has_session_ || (!is_closing() && !input_ended_);
  if (!is_here || what->to != config_.user_id)
    return errc::user_away;
  auto is_shared = [&](const held_room& r) {
    return (r.member || is_returning()) && what->names(r.name);
  };
  if (what->rooms && std::none_of(rooms_.begin(), rooms_.end(), is_shared))
    return errc::forbidden;
  auto can_tell = !is_closing() && !input_ended_;
  if (!can_tell && config_.directs->is_used_up())
    return errc::user_away;
  if (!inbox_) {
    inbox_ = std::make_shared<direct_inbox>(*config_.directs);
    if (may_resume_ && !lobby_waits_ && !resuming_)
      output_.await_lobby(longest_wait_for_resume);
  }
  inbox_->add(what);
  tell_directs();
  if (!can_tell)
    inbox_->trim_untold();
  else if (inbox_->bytes() > most_held_direct_bytes)
    close(errc::slow_consumer);
  return errc::ok;
}

/// Sends what the client has not got, unless it may still become another session.
void connection_core::tell_directs() {
  if (!inbox_ || resuming_ || may_resume_ || is_closing() || input_ended_)
    return;
  for (auto& d : inbox_->kept()) {
    if (d.seq <= told_directs_)
      continue;
    auto& what = *d.what;
    auto frame = protocol::direct_frame(
      config_.encoding, {what.from, d.seq, what.timestamp, what.field, {what.codec, what.body}},
      config_.meter);
    make_lighter(frame, what.body.size());
    output_.tell(frame);
  }
  told_directs_ = inbox_->last();
  if (has_session_)
    inbox_->trim(told_directs_);
  else
    inbox_->forget(told_directs_);
}

/// What has reached this connection since it was opened may have missed the session on its way.
void connection_core::adopt_directs(const session_record& session) {
  auto own = std::exchange(inbox_, session.directs);
  auto latest = inbox_ ? inbox_->last() : 0;
  auto told = std::exchange(told_directs_, std::min(latest, resuming_->directs().value_or(latest)));
  if (own && !inbox_)
    inbox_ = std::make_shared<direct_inbox>(*config_.directs);
  if (own)
    for (auto& d : own->kept())
      if (d.seq > told && d.what->to == config_.user_id)
        inbox_->add(d.what);
  if (session.taken_directs && !sent_)
    sent_ = std::make_unique<sent_directs>();
  if (sent_)
    sent_->adopt(session.taken_directs);
}

} // namespace troupe::actors
