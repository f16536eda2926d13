// A CAF actor as a member of a room: how it enters, and what it says.
#include <utility>

#include "bot/bot_session.hpp"
#include "messages/check_options.hpp"
#include "model/check_event.hpp"
#include "node/node_state.hpp"

#include <stdexcept>

namespace troupe::actors {

bot node::join(std::string_view room, caf::actor who, std::string_view user_id, claims_ptr claims,
               bot_options options) {
  if (!who)
    throw std::invalid_argument{"join: the actor is null"};
  if (user_id.empty() && claims)
    user_id = claims->subject;
  if (user_id.empty())
    throw std::invalid_argument{
      "join: a bot needs a user id, its own or the subject of its claims"};
  check_options(options);
  constexpr std::int64_t any = std::int64_t{1} << 40, any_bytes = std::int64_t{1} << 50;
  auto inputs = options.inputs;
  inputs.messages = inputs.messages > 0 ? inputs.messages : any;
  inputs.bytes = inputs.bytes > 0 ? inputs.bytes : any_bytes;
  auto handle = std::make_shared<bot::state>();
  handle->user_id = user_id;
  handle->encoding = options.encoding;
  handle->account = std::make_shared<credit_account>(inputs);
  auto asked = protocol::is_room_name(room) && state_->entrance->enter([&](node_context& s) {
    auto& unit = s.home_of(room);
    compat::spawn_on<bot_session>(*unit.loop, s, unit, std::string{room}, who, std::move(claims),
                                  options, handle);
  });
  if (!asked)
    compat::anon_send(who, room_event{room_event::kind::refused, {}, std::string{room}, {}, 0, {}});
  return bot{std::move(handle)};
}

const std::string& bot::user_id() const noexcept {
  static const std::string nobody;
  return state_ ? state_->user_id : nobody;
}

publish_result bot::say(std::string_view type, const std::vector<protocol::field>& fields) const {
  check_said(type, fields);
  if (!state_)
    return publish_result::gone;
  auto codec = protocol::codec_of(state_->encoding);
  std::vector<protocol::field> all{{"type", type}};
  all.insert(all.end(), fields.begin(), fields.end());
  return send(protocol::shared_bytes::copy_of(protocol::encode_map(codec, all)),
              codec == protocol::codec::msgpack);
}

publish_result bot::send_binary(std::string_view bytes) const {
  if (state_ && protocol::codec_of(state_->encoding) == protocol::codec::msgpack)
    return say("binary", {{"data", protocol::binary_value{bytes}}});
  return send(protocol::shared_bytes::copy_of(bytes), true);
}

publish_result bot::set_profile(const std::vector<protocol::field>& profile) const {
  check_data(profile);
  if (!state_)
    return publish_result::gone;
  auto codec = protocol::codec_of(state_->encoding);
  auto map = protocol::encode_map(codec, profile);
  return say("$profile", {{"profile", protocol::raw_value{codec, map}}});
}

publish_result bot::leave() const { return say("leave"); }

/// Its messages have one order for each thread: that of the session's mailbox.
publish_result bot::send(protocol::shared_bytes bytes, bool binary) const {
  if (!state_ || !state_->entrance || !state_->entrance->is_open())
    return publish_result::gone;
  if (!state_->account->positive())
    return publish_result::overloaded;
  auto token = state_->account->take(bytes.size());
  auto sent = state_->entrance->enter([&](bot_session& session) {
    session.post({std::move(bytes), binary, std::move(token)});
  });
  return sent ? publish_result::accepted : publish_result::gone;
}

} // namespace troupe::actors
