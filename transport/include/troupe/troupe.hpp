#pragma once

// All that most servers need. What needs CAF is in `<troupe/node.hpp>`.

#include <troupe/actors/endpoint.hpp>
#include <troupe/actors/matchmaking.hpp>
#include <troupe/actors/room_behavior.hpp>
#include <troupe/actors/room_handle.hpp>
#include <troupe/actors/user_handle.hpp>
#include <troupe/transport/server.hpp>

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
using actors::matchmaking_options;
using actors::member;
using actors::outside_request_handler;
using actors::publish_result;
using actors::raw_connection;
using actors::request_handler;
using actors::request_result;
using actors::reservation_handler;
using actors::reservation_request;
using actors::reservation_result;
using actors::reserve_policy;
using actors::room_behavior;
using actors::room_context;
using actors::room_handle;
using actors::room_listing;
using actors::room_options;
using actors::room_page;
using actors::room_page_handler;
using actors::session_key;
using actors::shared_message;
using actors::user_handle;
using protocol::binary_value;
using protocol::codec;
using protocol::comparison;
using protocol::errc;
using protocol::filter_term;
using protocol::log_level;
using protocol::logger;
using protocol::metadata;
using protocol::metadata_filter;
using protocol::raw_value;
using protocol::scalar;
using transport::http_reply;
using transport::http_request;
using transport::http_response;
using transport::jwt_options;
using transport::upgrade_decision;
} // namespace troupe
