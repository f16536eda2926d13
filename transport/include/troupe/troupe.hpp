#pragma once

// All that an embedder needs.

#include <troupe/actors/node.hpp>
#include <troupe/actors/room_behavior.hpp>
#include <troupe/transport/server.hpp>

namespace troupe {
using actors::application_message;
using actors::broadcast_event;
using actors::endpoint;
using actors::endpoint_handlers;
using actors::join_decision;
using actors::leave_reason;
using actors::member;
using actors::raw_connection;
using actors::room_behavior;
using actors::room_context;
using actors::room_handle;
using actors::room_options;
using actors::shared_message;
using protocol::errc;
} // namespace troupe
