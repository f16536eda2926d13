#pragma once

#include <troupe/actors/caf_compat.hpp>
#include <troupe/actors/credit.hpp>
#include <troupe/actors/dispatched.hpp>
#include <troupe/protocol/shared_bytes.hpp>

namespace troupe::actors {

/// What a bot says: one WebSocket message, as a client would send it.
struct bot_input {
  protocol::shared_bytes bytes;
  bool binary = false;
  credit token; ///< of `bot_options::inputs`
};

} // namespace troupe::actors

CAF_BEGIN_TYPE_ID_BLOCK(troupe_bots, 4005)
CAF_ADD_TYPE_ID(troupe_bots, (troupe::actors::bot_input))
CAF_END_TYPE_ID_BLOCK(troupe_bots)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::actors::bot_input)

namespace troupe::actors {

/// The session of a bot.
using bot_actor = compat::typed_actor<
  // The bot says something.
  caf::result<void>(bot_input)>;

} // namespace troupe::actors
