// What a room asks its members.
#include "room/room_core_scope.hpp"

#include "model/check_event.hpp"
#include "model/frame_weight.hpp"

#include <tuple>
#include <utility>

namespace troupe::actors {

/// An answer counts once, from whom was asked.
void room_core::take_reply(const room_input& in) {
  auto source = protocol::codec_of(in.encoding);
  auto id = protocol::document_view{source, in.bytes.view()}.string("requestId");
  auto asked = requests_.take(in.who, id.value_or(""));
  if (!asked)
    return refuse(errc::timed_out, "No request of this requestId waits for your answer.");
  asked->then(*this, {in.who, errc::ok, {source, in.body}});
}

void room_core::outside(const outside_request& asked) {
  if (ending_)
    return asked.question->answer({{}, errc::room_closed});
  command_scope scope{*this, payer_of(asked.token), asked.token};
  ask(session_to_ask(asked.question->user_id()), asked.question->data(), asked.question->limit(),
      [question = asked.question](room_context&, const request_result& r) { question->answer(r); });
}

/// `encode(codec)` returns the data. It may be the behaviour's, and kick the member.
template <class Encode>
void room_core::ask_with(Encode&& encode, session_key who, std::chrono::milliseconds limit,
                         request_handler&& then) {
  if (ended_)
    return;
  auto find_who = [&] {
    auto i = members_.find(who);
    return i == members_.end() ? nullptr : &i->second;
  };
  auto* m = find_who();
  std::string data;
  if (reason_against_asking(m) == errc::ok) {
    data = encode(protocol::codec_of(m->encoding));
    m = find_who();
  }
  open_request asked{.who = m ? who : session_key{}, .then = std::move(then)};
  asked.why = reason_against_asking(m);
  if (asked.why != errc::ok) {
    requests_.refuse(std::move(asked));
    return plan_requests();
  }
  asked.source = protocol::codec_of(m->encoding);
  asked.data = std::move(data);
  asked.until = output_.now() + limit;
  auto& opened = requests_.open(std::move(asked));
  plan_requests();
  if (!m->away)
    send_request(*m, opened);
}

void room_core::ask(session_key who, const std::vector<protocol::field>& data,
                    std::chrono::milliseconds limit, request_handler then) {
  running_room::must_be(*this, "ask");
  check_request(data, limit, bool(then), current_ ? current_->bytes.view() : std::string_view{});
  ask_with([&](protocol::codec to) { return protocol::encode_map(to, data); }, who, limit,
           std::move(then));
}

void room_core::ask(session_key who, protocol::object_fill fill, std::chrono::milliseconds limit,
                    request_handler then) {
  running_room::must_be(*this, "ask");
  check_request({}, limit, bool(then));
  auto encode = [&](protocol::codec to) {
    protocol::value_encoder all{protocol::value_encoder::names::of_data};
    all.encode(to, fill);
    return protocol::map_of(to, all.fields(to));
  };
  ask_with(encode, who, limit, std::move(then));
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
  auto then = std::move(asked.then); // what it holds may use the room a last time
  run_hook(handler_of_request, find(asked.who), [&] {
    then(*this, {asked.who, asked.why, {asked.source, {}}});
  });
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

} // namespace troupe::actors
