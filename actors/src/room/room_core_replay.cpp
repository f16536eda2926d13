// What a member has missed: how it catches up with its room, and what a `history` finds.
#include "room/room_core_scope.hpp"

#include "model/frame_weight.hpp"

#include <troupe/protocol/history.hpp>

#include <algorithm>
#include <utility>

namespace troupe::actors {

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
    if (history_.excludes(e, asker->client))
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

} // namespace troupe::actors
