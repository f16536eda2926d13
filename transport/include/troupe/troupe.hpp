#pragma once

// All that most servers need. What needs CAF is in `<troupe/node.hpp>`.

#include <troupe/actors/endpoint.hpp>
#include <troupe/actors/room_behavior.hpp>
#include <troupe/actors/room_handle.hpp>
#include <troupe/actors/user_handle.hpp>
#include <troupe/transport/server.hpp>
#include <troupe/version.hpp>

namespace troupe {
using actors::application_message;
using actors::broadcast_event;
using actors::claims;
using actors::claims_ptr;
using actors::connection_state;
using actors::direct_policy;
using actors::direct_request;
using actors::drain_kind;
using actors::endpoint;
using actors::endpoint_handlers;
using actors::handshake;
using actors::join_decision;
using actors::leave_reason;
using actors::member;
using actors::outside_request_handler;
using actors::publish_result;
using actors::raw_connection;
using actors::request_handler;
using actors::request_result;
using actors::room_behavior;
using actors::room_context;
using actors::room_handle;
using actors::room_options;
using actors::session_key;
using actors::shared_message;
using actors::user_handle;
using protocol::binary_value;
using protocol::codec;
using protocol::errc;
using protocol::log_level;
using protocol::logger;
using protocol::raw_value;
using transport::http_reply;
using transport::http_request;
using transport::http_response;
using transport::jwt_options;
using transport::upgrade_decision;
} // namespace troupe
