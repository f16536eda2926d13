// Access to rooms by name, from outside of them.
#include <utility>

#include "messages/check_options.hpp"
#include "model/check_event.hpp"
#include "node/node_state.hpp"

#include <troupe/protocol/value_encoder.hpp>

#include <stdexcept>

namespace troupe::actors {

struct room_handle::state {
  std::string name;
  std::shared_ptr<node_gate> node;
  protocol::logger* log;
  protocol::event_counters* counters;
  loop_unit* home; ///< valid behind the gate only
  std::shared_ptr<credit_account> account;

  /// Whether another call may be under way; `accepted` if so.
  [[nodiscard]] publish_result may_take() const {
    if (!node->is_open())
      return publish_result::gone;
    return account->positive() ? publish_result::accepted : publish_result::overloaded;
  }
  [[nodiscard]] publish_result pass_on(const std::shared_ptr<outside_work>& what,
                                       std::size_t bytes) const;
};

/// The caller keeps `what` meanwhile: nothing of the application's ends within the gate.
publish_result room_handle::state::pass_on(const std::shared_ptr<outside_work>& what,
                                           std::size_t bytes) const {
  auto token = account->take(bytes);
  auto sent = node->enter([&](node_context&) {
    compat::anon_send(home->registry, outside_task{name, what, std::move(token)});
  });
  return sent ? publish_result::accepted : publish_result::gone;
}

room_handle node::room(std::string_view name) {
  room_handle h;
  if (protocol::is_room_name(name))
    state_->entrance->enter([&](node_context& s) {
      h.state_ = std::make_shared<const room_handle::state>(
        room_handle::state{std::string{name}, state_->entrance, s.options.log, s.options.counters,
                           &s.home_of(name), s.outside_account(name)});
    });
  return h;
}

void node::observe(std::string_view room, caf::actor who, observer_options options) {
  if (!who)
    throw std::invalid_argument{"observe: the actor is null"};
  check_options(options);
  auto asked = protocol::is_room_name(room) && state_->entrance->enter([&](node_context& s) {
    compat::anon_send(s.home_of(room).registry,
                      room_call{std::string{room}, observe_request{0, who, options}});
  });
  if (!asked)
    compat::anon_send(who, room_event{room_event::kind::refused, {}, std::string{room}, {}, 0, {}});
}

rooms_actor node::rooms_actor() const {
  actors::rooms_actor known;
  state_->entrance->enter([&](node_context& s) {
    known = caf::actor_cast<actors::rooms_actor>(
      caf::actor_cast<caf::strong_actor_ptr>(s.units.front()->registry));
  });
  return known;
}

void node::unobserve(std::string_view room, caf::actor who) {
  if (!who)
    throw std::invalid_argument{"unobserve: the actor is null"};
  state_->entrance->enter([&](node_context& s) {
    compat::anon_send(s.home_of(room).registry,
                      room_call{std::string{room}, unobserve_request{std::move(who)}});
  });
}

/// `make_event()` returns what the room is to say.
template <class MakeEvent>
publish_result room_handle::hand_over(MakeEvent&& make_event) const {
  if (!state_ || !state_->node->is_open())
    return publish_result::gone;
  if (!state_->account->positive())
    return publish_result::overloaded;
  auto owned = make_event();
  auto token = state_->account->take(owned->bytes());
  auto sent = state_->node->enter([&](node_context&) {
    compat::anon_send(state_->home->registry,
                      outside_event{state_->name, std::move(owned), std::move(token)});
  });
  return sent ? publish_result::accepted : publish_result::gone;
}

publish_result room_handle::publish(const broadcast_event& event) const {
  check_event(event);
  return hand_over([&] { return std::make_shared<const owned_event>(event); });
}

publish_result room_handle::publish(const broadcast_event& event,
                                    protocol::object_fill fill) const {
  check_filled_event(event);
  return hand_over([&] {
    protocol::value_encoder all;
    all.encode(protocol::codec::json, fill);
    all.encode(protocol::codec::msgpack, fill);
    return std::make_shared<const owned_event>(event, all.fields());
  });
}

publish_result room_handle::ask(std::string_view user_id, const std::vector<protocol::field>& data,
                                std::chrono::milliseconds limit,
                                outside_request_handler then) const {
  check_request(data, limit, bool(then));
  if (!state_ || !state_->node->is_open())
    return publish_result::gone;
  if (!state_->account->positive())
    return publish_result::overloaded;
  auto question = std::make_shared<outside_question>(
    std::string{user_id}, data, limit, std::move(then), *state_->log, *state_->counters);
  auto token = state_->account->take(question->bytes());
  auto sent = state_->node->enter([&](node_context&) {
    compat::anon_send(state_->home->registry,
                      outside_request{state_->name, std::move(question), std::move(token)});
  });
  return sent ? publish_result::accepted : publish_result::gone;
}

publish_result room_handle::post(std::function<void(room_context&)> f) const {
  if (!f)
    throw std::invalid_argument{"room_handle::post: the function is empty"};
  auto answer = state_ ? state_->may_take() : publish_result::gone;
  if (answer != publish_result::accepted)
    return answer;
  return state_->pass_on(std::make_shared<outside_work>(posted_function{std::move(f)}),
                         sizeof(outside_work));
}

publish_result room_handle::send_to_user(std::string_view user_id,
                                         const broadcast_event& event) const {
  check_event(event);
  auto answer = state_ ? state_->may_take() : publish_result::gone;
  if (answer != publish_result::accepted)
    return answer;
  auto work = std::make_shared<outside_work>(std::in_place_type<event_for_user>, user_id, event);
  return state_->pass_on(work, user_id.size() + std::get<event_for_user>(*work).event.bytes());
}

publish_result room_handle::kick(std::string_view user_id, std::string_view message) const {
  auto answer = state_ ? state_->may_take() : publish_result::gone;
  if (answer != publish_result::accepted)
    return answer;
  return state_->pass_on(
    std::make_shared<outside_work>(kick_of_user{std::string{user_id}, std::string{message}}),
    user_id.size() + message.size());
}

publish_result room_handle::end() const {
  auto sent = state_ && state_->node->enter([&](node_context&) {
    compat::anon_send(state_->home->registry, end_request{state_->name, {}, room_end::ended});
  });
  return sent ? publish_result::accepted : publish_result::gone;
}

} // namespace troupe::actors
