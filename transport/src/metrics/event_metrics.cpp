#include "metrics/event_metrics.hpp"

#include <troupe/protocol/errc.hpp>
#include <troupe/transport/jwt.hpp>

#include <array>

namespace troupe::transport {

using protocol::counter;
using protocol::errc;

namespace {

using values = std::vector<std::string>;

values nothing() { return {}; }

template <class F>
void for_each_errc(F f) {
  for (std::uint8_t i = 1; info(static_cast<errc>(i)).code == static_cast<errc>(i); ++i)
    f(info(static_cast<errc>(i)));
}

values closes() {
  values all{"none peer", "none application"};
  for_each_errc([&](auto& row) {
    if (row.close_code != 0)
      all.push_back(std::to_string(row.close_code) + ' ' + std::string{row.name});
  });
  return all;
}

/// The codes of `error`; a room's behaviour may refuse a join with any of them.
values command_errors() {
  values all{"internal", "too_big"};
  for_each_errc([&](auto& row) {
    if (row.close_code == 0)
      all.emplace_back(row.name);
  });
  return all;
}

values rejected_handshakes() {
  return {"auth",
          "body",
          "connection",
          "connections",
          "connections_per_ip",
          "connections_per_user",
          "descriptors",
          "draining",
          "headers",
          "host",
          "key",
          "method",
          "origin",
          "overloaded",
          "path",
          "proxy_header",
          "rate",
          "rate_per_ip",
          "request",
          "sockets",
          "sockets_per_ip",
          "tls",
          "tls_rate_per_ip",
          "version"};
}

values protocol_errors() {
  values all{"framing", "inflate"};
  for (auto why : {errc::malformed, errc::bad_request, errc::bad_payload, errc::bad_room,
                   errc::unauthorized, errc::undecodable, errc::too_big, errc::flood,
                   errc::assembly_timeout, errc::protocol_error, errc::parts_limit})
    all.emplace_back(to_string(why));
  return all;
}

values dropped() {
  return {"given_up",     "no_such_room",         "node_overloaded",
          "rate_limited", "server_member_behind", "slow_consumer"};
}

values accept_errors() {
  return {"ECONNABORTED", "EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "other"};
}

values actor_names() {
  return {"troupe.bot",      "troupe.connection", "troupe.directory",      "troupe.dispatcher",
          "troupe.endpoint", "troupe.matchmaker", "troupe.raw_connection", "troupe.registry",
          "troupe.room"};
}

values handlers() {
  auto all = actor_names();
  all.insert(all.end(), {"actor", "flush", "handler", "http", "timer"});
  return all;
}

values failing_handlers() {
  auto all = handlers();
  all.insert(all.end(),
             {"accept", "authorize_direct", "authorize_upgrade", "bot", "connection", "directory",
              "dispatcher", "drain", "endpoint", "matchmaking", "node", "prepare_thread",
              "registry", "request", "room", "session", "verify_token"});
  return all;
}

values refused_tokens() {
  values all{"bearer_alone", "hook", "throttled", "token_in_query", "token_repeated"};
  for (auto i = auth_failure::missing; i <= auth_failure::subject;
       i = static_cast<auth_failure>(static_cast<int>(i) + 1))
    all.emplace_back(to_string(i));
  return all;
}

constexpr std::array table{
  event_metric{counter::connections_opened, "troupe_ws_opened_total", "WebSockets opened.", nullptr,
               nothing},
  event_metric{counter::connections_closed, "troupe_ws_closed_total",
               "WebSockets ended, by the reason and, where the server ended it, the close code "
               "that goes with it.",
               "code", closes},
  event_metric{counter::handshakes_rejected, "troupe_ws_handshake_rejected_total",
               "Sockets and upgrades refused.", "reason", rejected_handshakes},
  event_metric{counter::protocol_errors, "troupe_ws_protocol_error_total",
               "Frames and messages that broke a rule.", "kind", protocol_errors},
  event_metric{counter::slow_consumers, "troupe_slow_consumer_total",
               "Connections cut at the bound of their output.", nullptr, nothing},
  event_metric{counter::dropped, "troupe_dropped_total", "Messages and frames dropped.", "reason",
               dropped},
  event_metric{counter::joins_rejected, "troupe_room_join_rejected_total", "Joins refused.",
               "reason", command_errors},
  event_metric{counter::accept_errors, "troupe_accept_error_total", "Errors of accept.", "errno",
               accept_errors},
  event_metric{counter::handler_errors, "troupe_handler_error_total", "Exceptions out of handlers.",
               "where", failing_handlers},
  event_metric{counter::rooms_crashed, "troupe_room_crashed_total", "Rooms ended by an exception.",
               nullptr, nothing},
  event_metric{counter::long_turns, "troupe_long_turn_total",
               "Handlers that ran for 100 ms or longer.", "handler", handlers},
  event_metric{counter::command_errors, "troupe_command_error_total",
               "Commands answered by an error.", "code", command_errors},
  event_metric{counter::auth_failures, "troupe_auth_failed_total",
               "Upgrades and renewals refused for their token or by the hook.", "reason",
               refused_tokens},
  event_metric{counter::tls_reload_errors, "troupe_tls_reload_error_total",
               "Certificates that could not be loaded again.", nullptr, nothing},
};

} // namespace

event_metric::labels event_metric::labels_of(std::string_view value) const {
  if (!label)
    return {};
  auto space = value.find(' ');
  if (what != counter::connections_closed || space == std::string_view::npos)
    return {{label, std::string{value}}};
  return {{label, std::string{value.substr(0, space)}},
          {"reason", std::string{value.substr(space + 1)}}};
}

std::span<const event_metric> event_metrics() noexcept { return table; }

} // namespace troupe::transport
