// Access to users by name, from outside of their connections.
#include <utility>

#include <troupe/actors/user_handle.hpp>
#include <troupe/protocol/value_encoder.hpp>

#include "model/check_event.hpp"
#include "node/node_state.hpp"

#include <stdexcept>

namespace troupe::actors {

struct user_handle::state {
  std::string name;
  std::shared_ptr<node_gate> node;
  std::shared_ptr<credit_account> account;

  /// Sends a message to the directory of each loop.
  template <class Message>
  publish_result tell(const Message& message) const {
    auto sent = node->enter([&](node_context& s) {
      for (auto& unit : s.units)
        compat::anon_send(unit->directory, message);
    });
    return sent ? publish_result::accepted : publish_result::gone;
  }

  [[nodiscard]] publish_result say(std::string_view field, protocol::body_field what,
                                   protocol::shared_bytes map) const;
};

user_handle node::user(std::string_view user_id) {
  user_handle h;
  state_->entrance->enter([&](node_context& s) {
    h.state_ = std::make_shared<const user_handle::state>(
      user_handle::state{std::string{user_id}, state_->entrance, s.outside_directs});
  });
  return h;
}

namespace {

constexpr auto kept_in = protocol::codec::msgpack;

/// A map as a message, of which the direct has the value of one field, or all.
protocol::shared_bytes message_of(std::string_view map) {
  if (map.size() > direct_inbox::most_bytes)
    throw std::invalid_argument{"user_handle::send: more than 64 KiB"};
  return protocol::shared_bytes::copy_of(map);
}

protocol::shared_bytes encoded(std::span<const protocol::field> fields) {
  check_data({fields.begin(), fields.end()});
  return message_of(protocol::encode_map(kept_in, fields));
}

protocol::shared_bytes encoded(protocol::object_fill fill) {
  protocol::value_encoder all{protocol::value_encoder::names::of_data};
  all.encode(kept_in, fill);
  return message_of(protocol::map_of(kept_in, all.fields(kept_in)));
}

} // namespace

/// `field`: of the map, which the direct has; empty: it has all of it.
publish_result user_handle::state::say(std::string_view field, protocol::body_field what,
                                       protocol::shared_bytes map) const {
  auto message = std::make_shared<direct_message>();
  message->to = name;
  message->codec = kept_in;
  message->bytes = std::move(map);
  message->field = what;
  message->body = field.empty()
                  ? message->bytes.view()
                  : protocol::document_view{message->codec, message->bytes.view()}.raw(field);
  if (!account->positive())
    return node->is_open() ? publish_result::overloaded : publish_result::gone;
  auto sent = node->enter([&](node_context& s) {
    message->number = ++s.directs.said;
    message->timestamp = protocol::iso_8601(s.options.clock->wall_now());
    auto fate = std::make_shared<direct_fate>(
      [token = account->take(message->bytes.size())](protocol::errc) {});
    for (auto& unit : s.units)
      compat::anon_send(unit->directory, direct_call{message, fate});
  });
  return sent ? publish_result::accepted : publish_result::gone;
}

publish_result user_handle::send(std::string_view text) const {
  const protocol::field body{"text", text};
  return state_ ? state_->say("text", protocol::body_field::text, encoded({&body, 1}))
                : publish_result::gone;
}

publish_result user_handle::send(std::span<const protocol::field> data) const {
  return state_ ? state_->say({}, protocol::body_field::data, encoded(data)) : publish_result::gone;
}

publish_result user_handle::send(protocol::object_fill fill) const {
  return state_ ? state_->say({}, protocol::body_field::data, encoded(fill)) : publish_result::gone;
}

publish_result user_handle::disconnect() const {
  return state_ ? state_->tell(user_call{state_->name, user_call::kind::disconnect})
                : publish_result::gone;
}

publish_result user_handle::drop_kept_sessions() const {
  return state_ ? state_->tell(user_call{state_->name, user_call::kind::drop_sessions})
                : publish_result::gone;
}

publish_result user_handle::count(std::function<void(presence)> told) const {
  if (!told)
    throw std::invalid_argument{"user_handle::count: nobody to tell"};
  if (!state_)
    return publish_result::gone;
  // Its last owner may be this one, and what is told may call whatever it likes: not within the
  // gate.
  auto count = std::make_shared<user_count>([told = std::move(told)](auto connections, auto kept) {
    told({connections, kept});
  });
  auto sent = state_->node->enter([&](node_context& s) {
    count->was_asked = true;
    for (auto& unit : s.units)
      compat::anon_send(unit->directory, user_call{state_->name, user_call::kind::count, count});
  });
  return sent ? publish_result::accepted : publish_result::gone;
}

} // namespace troupe::actors
