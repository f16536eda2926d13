// Access to rooms by name, from outside of them.
#include <utility>

#include "messages/check_options.hpp"
#include "model/check_event.hpp"
#include "node/node_state.hpp"

#include <stdexcept>

namespace troupe::actors {

struct room_handle::state {
  std::string name;
  std::shared_ptr<node_gate> node;
  protocol::logger* log;
  protocol::event_counters* counters;
  loop_unit* home; ///< valid behind the gate only
  std::shared_ptr<credit_account> account;
};

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

publish_result room_handle::publish(const broadcast_event& event) const {
  check_event(event);
  if (!state_ || !state_->node->is_open())
    return publish_result::gone;
  if (!state_->account->positive())
    return publish_result::overloaded;
  auto owned = std::make_shared<const owned_event>(event);
  auto token = state_->account->take(owned->bytes());
  auto sent = state_->node->enter([&](node_context&) {
    compat::anon_send(state_->home->registry,
                      outside_event{state_->name, std::move(owned), std::move(token)});
  });
  return sent ? publish_result::accepted : publish_result::gone;
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

publish_result room_handle::end() const {
  auto sent = state_ && state_->node->enter([&](node_context&) {
    compat::anon_send(state_->home->registry, end_request{state_->name, {}, room_end::ended});
  });
  return sent ? publish_result::accepted : publish_result::gone;
}

} // namespace troupe::actors
