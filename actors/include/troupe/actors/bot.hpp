#pragma once

#include <troupe/actors/credit.hpp>
#include <troupe/actors/room_event.hpp>
#include <troupe/actors/room_handle.hpp>
#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/event.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {

/// How a bot is joined to its room. 0 lifts a limit.
struct bot_options {
  /// Events that it may be behind; a copy of an event holds its credit.
  std::int64_t max_events = 1024;
  /// What happens when it is behind by that: events are dropped and told as a `gap`, or it leaves
  /// the room, and hears `closed`. What is not a broadcast (`joined`, answers and the like) is
  /// never dropped.
  behind_policy policy = behind_policy::drop;
  /// What it may have said and the room has not taken yet; beyond it, calls return `overloaded`.
  credit_limits inputs{256, 256 * 1024};
  /// The codec of its events and of what it says: `v1_json` or `v1_msgpack`. One that clients of
  /// the room have costs the room nothing; another is one more encoding for each broadcast.
  protocol::encoding encoding = protocol::encoding::v1_json;
};

/// What a CAF actor that is a member of a room (`node::join`) says there. It says all that a
/// troupe.v1 client can, and each call returns at once:
/// - `accepted`: it takes effect in the room, in the order of the calls of one thread, if it is
///   still a member then. If the room refuses it, the actor hears an `error`;
/// - `overloaded`: more than `bot_options::inputs` of it waits. Nothing was said;
/// - `gone`: it is no member any more, or could not become one. Nothing was said, and nothing will
///   be.
///
/// Copies are the same member. Handles may outlive the node. Thread: any. Cost: one encoding, a
/// message to the room's loop.
class bot {
public:
  bot() noexcept = default; ///< nobody's: `gone`

  /// A message of any type that a client may send, with its fields (PROTOCOL.md, "Commands"): an
  /// application's, or `message`, `presence`, `history`, `$reply`, `direct` and so on. A `ref` asks
  /// for an answer. Without `roomId` it is for the bot's room. What is refused is heard as an
  /// `error` frame, and no rate bounds a bot: do not answer every frame. Throws
  /// `std::invalid_argument` for an empty type, a field that is there twice or that no message can
  /// have, and a `raw_value` that is not one whole value.
  publish_result say(std::string_view type, const std::vector<protocol::field>& fields = {}) const;
  publish_result say(std::string_view type, protocol::field_list fields) const {
    return say(type, std::vector<protocol::field>{fields});
  }
  /// A `message` with a text.
  publish_result publish(std::string_view text) const { return say("message", {{"text", text}}); }
  /// A binary message.
  publish_result send_binary(std::string_view bytes) const;
  /// Its profile, as a map of these fields (`$profile`). Throws as `say` does.
  publish_result set_profile(const std::vector<protocol::field>& profile) const;
  publish_result set_profile(protocol::field_list profile) const {
    return set_profile(std::vector<protocol::field>{profile});
  }
  /// Leaves, after all that it has said before; it hears `closed`.
  publish_result leave() const;

  /// The user that it is in the room; empty for nobody's handle.
  [[nodiscard]] const std::string& user_id() const noexcept;

private:
  friend class node;
  friend class bot_session;
  struct state;
  explicit bot(std::shared_ptr<const state> s) noexcept : state_(std::move(s)) {}
  publish_result send(protocol::shared_bytes bytes, bool binary) const;

  std::shared_ptr<const state> state_;
};

} // namespace troupe::actors
