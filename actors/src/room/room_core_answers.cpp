// What is answered later: joins, and what members say.
#include "room/room_core_scope.hpp"

#include "model/frame_weight.hpp"

#include <stdexcept>
#include <utility>

namespace troupe::actors {

namespace {

/// So that a room with many answers does not keep its loop; the rest follows with the next tick.
constexpr int most_answers_at_once = 256;

/// Messages of a member that wait for answers without credit: as many as credit allows others.
constexpr std::size_t most_without_credit = 32;

} // namespace

join_reply room_core::put_off(const join_request& request, const join_promise& promise) {
  auto answer = late_answer::of(promise);
  if (!answers_.has_place()) {
    answer->close();
    return {errc::overloaded, "Too many joins wait for an answer here."};
  }
  unanswered what{std::move(answer), deadline_of_answers()};
  what.join = std::make_unique<join_request>(request);
  if (!answers_.add(std::move(what), output_.inbox()))
    throw std::logic_error{"join_decision::later: this promise stands for another join"};
  plan_answers();
  join_reply reply;
  reply.is_put_off = true;
  return reply;
}

reply_promise room_core::reply_later() {
  running_room::must_be(*this, "reply_later");
  if (!current_ || replies_later_ || current_->what != room_input::kind::application)
    throw std::logic_error{"reply_later: there is no message to answer later; on_message may call "
                           "it, once, before it answers"};
  if (sender_left_)
    return {};                  // its connection answers
  auto& sender = current_->who; // what has waited for a tick holds no credit, which bounds others
  if (!answers_.has_place()
      || (!current_->token && answers_.messages_of(sender) >= most_without_credit)) {
    refuse(errc::overloaded, "Too many messages wait for an answer here.");
    return {};
  }
  auto promise = late_answer::make_reply();
  unanswered what{late_answer::of(promise), deadline_of_answers()};
  auto& in = *current_;
  what.message = {in.who, in.encoding, in.type, in.ref, in.token, in.bytes.size(), known_id(in)};
  (void)answers_.add(std::move(what), output_.inbox()); // nobody else has this promise
  plan_answers();
  replies_later_ = true;
  return promise;
}

steady_time room_core::deadline_of_answers() const {
  auto limit = config_.limits.answer_deadline;
  return limit.count() > 0 ? output_.now() + limit : steady_time::max();
}

/// Asks to be woken when the next one has not come in time.
void room_core::plan_answers() {
  if (auto when = answers_.next_end(); when && *when != steady_time::max() && !ending_)
    output_.work_at(room_work::take_answers, *when);
}

void room_core::take_answers() {
  auto left = most_answers_at_once;
  while (!ending_ && left > 0) {
    auto next = answers_.take_next(output_.now());
    if (!next)
      return plan_answers();
    next->join ? decide(std::move(*next)) : answer(*next);
    --left;
  }
  if (!ending_)
    output_.work_at(room_work::take_answers, output_.now());
}

/// Meanwhile the room has gone on: all that it checks itself is checked again.
void room_core::decide(unanswered what) {
  half_decided_ = std::move(what.join);
  std::optional<any_answer> given;
  auto why = what.answer->take(given);
  auto& request = *half_decided_;
  if (why == errc::ok && ticks_)
    why = finish_former(request);
  if (ending_)
    return; // the room puts it back: its successor decides
  command_scope scope{*this, request.automatic ? payer::arrival : payer_of(request.token),
                      request.token, request.who};
  entering_ = true;
  member candidate;
  join_reply reply{why};
  if (why == errc::ok && std::get<join_decision>(*given).code == errc::ok)
    reply = examine(candidate, request);
  if (reply.code == errc::ok)
    reply = conclude(std::move(candidate), request, std::move(std::get<join_decision>(*given)));
  entering_ = false;
  output_.join_decided(request, std::move(reply));
  half_decided_ = nullptr;
  check_empty();
}

/// Answers a message, perhaps with a message before.
void room_core::answer(const unanswered& what) {
  std::optional<any_answer> given;
  auto why = what.answer->take(given);
  auto& m = what.message;
  auto* said = given ? &std::get<message_answer>(*given) : nullptr;
  command_scope scope{*this, payer_of(m.token), m.token, m.who};
  growth_ = {true, m.bytes};
  if (why == errc::ok)
    why = said->code;
  if (why != errc::ok) {
    refuse_message(m, why, said ? std::string_view{said->detail} : std::string_view{});
  } else {
    if (said->event)
      send_to(m.who, said->event->event());
    acknowledge(m);
  }
  if (!answers_.has_message_of(m.who))
    output_.all_answered(m.who);
}

/// Precondition: its sender is a member.
void room_core::acknowledge(const unanswered_message& m) {
  if (m.id != 0)
    note_accepted(members_.at(m.who), m.id);
  auto ack = [&](const open_ref_ptr& ref, bool is_repeat) {
    if (ref && !ref->answered.exchange(true))
      to_member(m.who, protocol::ack_frame(m.encoding, ref->value, config_.identity->name, seq_,
                                           config_.meter, is_repeat));
  };
  ack(m.ref, false);
  for (auto& r : m.repeats)
    ack(r.ref, true);
}

void room_core::refuse_message(const unanswered_message& m, errc why, std::string_view detail) {
  refuse_command({m.who, m.encoding, m.type, m.ref.get()}, why, detail);
  for (auto& r : m.repeats)
    refuse_command({m.who, m.encoding, m.type, r.ref.get()}, why, detail);
}

/// A member leaves, or its connection is lost: what it has said is not answered any more.
void room_core::end_messages_of(session_key who, bool tells) {
  auto any = false;
  while (auto what = answers_.take_message_of(who)) {
    any = true;
    if (tells)
      refuse_message(what->message, errc::not_joined,
                     "You have left the room before this was answered.");
  }
  if (any)
    output_.all_answered(who);
}

} // namespace troupe::actors
