#include "server/check_set_up.hpp"

#include "text/http_text.hpp"

#include <troupe/actors/option_check.hpp>
#include <troupe/protocol/observe.hpp>
#include <troupe/transport/option_text.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

namespace troupe::transport {

namespace {

using actors::option_check;

constexpr std::size_t least_header_bytes = 256;
constexpr std::size_t least_headers = 5; // RFC 6455, 4.1

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

/// Whether a part of it reads as an octet in percent-encoding.
bool has_escape(std::string_view path) {
  auto is_hex = [&](std::size_t at) {
    return at < path.size() && std::isxdigit(static_cast<unsigned char>(path[at]));
  };
  for (auto at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1))
    if (is_hex(at + 1) && is_hex(at + 2))
      return true;
  return false;
}

/// Why no method is written like that; null: one is.
const char* problem_of_method(const std::string& method) {
  if (!is_token(method))
    return "a method is a word of letters, digits and -";
  if (std::any_of(method.begin(), method.end(), [](unsigned char c) { return std::islower(c); }))
    return "a method is written in capitals: case matters";
  if (method == "CONNECT")
    return "this server is no proxy, and answers CONNECT itself";
  return nullptr;
}

/// Why no request can have this path; null: some can.
const char* problem_of_path(std::string_view path) {
  if (!path.starts_with('/'))
    return "a path starts with /";
  if (path.find_first_of("?#") != std::string_view::npos)
    return "a path has neither ? nor #: it ends before the query";
  if (has_control_characters(path))
    return "a path has no control characters";
  if (has_escape(path))
    return "paths are compared decoded: a space is written as it is, not as %20";
  return nullptr;
}

/// Why a segment of a route's pattern is not valid; null: it is. `names`: the names of the segments
/// before it.
const char* problem_of_segment(std::string_view segment, bool is_last,
                               std::vector<std::string_view>& names) {
  constexpr std::string_view allowed =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  if (segment.find('*') != std::string_view::npos)
    return segment == "*" && is_last ? nullptr
                                     : "* stands for the rest of a path, at its end and by itself";
  if (!segment.starts_with(':'))
    return nullptr;
  auto name = segment.substr(1);
  if (name.empty() || name.find_first_not_of(allowed) != std::string_view::npos)
    return "a name follows each :, of letters, digits, _ and -";
  if (std::find(names.begin(), names.end(), name) != names.end())
    return "two segments have the same name";
  names.push_back(name);
  return nullptr;
}

const char* problem_of_pattern(std::string_view pattern) {
  if (auto* problem = problem_of_path(pattern))
    return problem;
  std::vector<std::string_view> names;
  while (pattern.starts_with('/')) {
    pattern.remove_prefix(1);
    auto end = std::min(pattern.find('/'), pattern.size());
    if (auto* problem = problem_of_segment(pattern.substr(0, end), end == pattern.size(), names))
      return problem;
    pattern.remove_prefix(end);
  }
  return nullptr;
}

/// Why no WebSocket can be requested at a path; null: one can.
const char* problem_of_websocket_path(std::string_view path) {
  if (auto* problem = problem_of_path(path))
    return problem;
  auto is_pattern =
    path.find('*') != std::string_view::npos || path.find("/:") != std::string_view::npos;
  return is_pattern ? "WebSockets have whole paths, no patterns" : nullptr;
}

/// Refuses a second entry like the first, which would have no effect.
void check_list(std::string_view field, std::vector<std::string> names, const option_check& is) {
  std::sort(names.begin(), names.end());
  auto twice = std::adjacent_find(names.begin(), names.end());
  is.that(twice == names.end(), field, twice == names.end() ? "" : "\"" + *twice + "\" twice",
          "each of them once");
}

bool is_place_of(const std::pair<std::string, std::uint16_t>& probes, const server_options& o) {
  return o.port != 0 && probes.second == o.port
      && (probes.first.empty() || o.bind.empty() || probes.first == o.bind);
}

/// Also explains the zone if the text has one.
std::string expected_address(const std::string& what, const std::string& text) {
  return text.find('%') == std::string::npos
         ? what
         : what + "; behind % stands an interface of this machine";
}

void check_names(const server_options& o, const option_check& is) {
  auto quoted = [](const std::string& text) { return "\"" + text + "\""; };
  is.that(o.bind.empty() || is_address(o.bind), "bind", quoted(o.bind),
          expected_address("an IPv4 or IPv6 address, or nothing for all", o.bind));
  if (!o.admin_bind.empty())
    is.that(!is_place_of(split_admin_bind(o.admin_bind), o), "admin_bind", quoted(o.admin_bind),
            "another port than the server's own");
  for (auto& origin : o.origins)
    is.that(is_origin(origin), "origins", quoted(origin), "origins such as https://example.org");
  for (auto& origin : o.cors_origins)
    is.that(origin == "*" || is_origin(origin), "cors_origins", quoted(origin),
            "origins such as https://example.org, or *");
  auto has_all =
    std::find(o.cors_origins.begin(), o.cors_origins.end(), "*") != o.cors_origins.end();
  is.that(!has_all || o.cors_origins.size() == 1, "cors_origins", "\"*\" beside others",
          "* alone, which is all, or some");
  check_list("origins", o.origins, is);
  check_list("cors_origins", o.cors_origins, is);
  check_list("trusted_proxies", o.trusted_proxies, is);
  is.that(!o.proxy_protocol || !o.trusted_proxies.empty(), "proxy_protocol", "on",
          "trusted_proxies, who send that header");
  auto* problem = problem_of_websocket_path(o.websocket_path);
  is.that(!problem, "websocket_path", quoted(o.websocket_path),
          problem ? std::string{"a path ("} + problem + ")" : "");
  std::error_code ignored; // after an error it is no folder
  is.that(!o.static_folder || std::filesystem::is_directory(*o.static_folder, ignored),
          "static_folder", o.static_folder ? quoted(*o.static_folder) : "", "a folder");
  is.that(o.tls_certificates.empty() == o.tls_key.empty(),
          o.tls_key.empty() ? "tls_key" : "tls_certificates", "empty",
          "a file: certificates and their key go together");
}

/// Refuses fields that the server sets itself.
void check_own_fields(const server_options& o, const option_check& is) {
  is.that(!o.jwt || !o.node.verify_token, "node.verify_token", "set",
          "nothing beside jwt, which verifies tokens itself");
  is.that(!o.authorize_upgrade || !o.authorize_upgrade_later, "authorize_upgrade_later", "set",
          "nothing beside authorize_upgrade: one of the two decides");
  is.that(o.node.log == &protocol::null_logger() || o.node.log == o.log, "node.log", "set",
          "nothing: a server and its node log to server_options.log");
  is.that(o.node.counters == &protocol::null_counters(), "node.counters", "set",
          "nothing: a server counts by itself, for /metrics");
}

/// Refuses numbers that were cast to an enumeration without such a value.
void check_kinds(const server_options& o, const option_check& is) {
  auto number = [](auto kind) { return std::to_string(static_cast<unsigned>(kind)); };
  is.that(o.log_level <= protocol::log_level::error, "log_level", number(o.log_level),
          "debug, info, warning or error");
  if (!o.jwt)
    return;
  is.bytes("jwt.max_token_bytes", o.jwt->max_token_bytes, most_request_bytes);
  is.that(o.jwt->profile <= jwt_profile::strict, "jwt.profile", number(o.jwt->profile),
          "lenient or strict");
  for (auto& key : o.jwt->keys)
    is.that(key.algorithm <= jwt_algorithm::es256, "jwt.keys", "algorithm " + number(key.algorithm),
            "HS256 to ES256");
}

} // namespace

void check_options(const server_options& o) {
  option_check is{"server_options"};
  check_names(o, is);
  check_own_fields(o, is);
  check_kinds(o, is);
  is.count("max_connections_per_user", o.max_connections_per_user);
  is.count("max_connections", o.max_connections);
  is.count("max_connections_per_ip", o.max_connections_per_ip);
  is.rate("admissions_per_second", o.admissions_per_second);
  is.rate("tls_handshakes_per_ip", o.tls_handshakes_per_ip.value_or(0));
  is.count("max_pending", o.max_pending);
  is.count("max_pending_per_ip", o.max_pending_per_ip);
  is.count("reserved_descriptors", o.reserved_descriptors);
  is.count("max_fragments", o.max_fragments);
  is.bytes("max_header_bytes", o.max_header_bytes, most_request_bytes);
  is.that(o.max_header_bytes == 0 || o.max_header_bytes >= least_header_bytes, "max_header_bytes",
          std::to_string(o.max_header_bytes), "at least 256, or 0: no upgrade is shorter");
  is.count("max_headers", o.max_headers);
  is.that(o.max_headers == 0 || o.max_headers >= least_headers, "max_headers",
          std::to_string(o.max_headers), "at least 5, or 0: an upgrade has as many");
  is.bytes("max_body_bytes", o.max_body_bytes, most_request_bytes);
  is.time("handshake_deadline", o.handshake_deadline);
  is.time("keep_alive", o.keep_alive);
  is.time("tls_deadline", o.tls_deadline);
  is.time("handler_deadline", o.handler_deadline);
  is.time("assembly_deadline", o.assembly_deadline);
  is.time("write_deadline", o.write_deadline);
  is.time("close_deadline", o.close_deadline);
  is.time("drain_delay", o.drain_delay);
  is.time("drain_timeout", o.drain_timeout);
  is.not_null("node.clock", o.node.clock);
}

void check_route(const std::string& method, const std::string& pattern, bool has_handler,
                 const http_router& router) {
  auto fail = [&](const char* why) {
    throw std::invalid_argument{"route(\"" + method + "\", \"" + pattern + "\"): " + why};
  };
  if (auto* problem = problem_of_method(method))
    fail(problem);
  if (auto* problem = problem_of_pattern(pattern))
    fail(problem);
  if (!has_handler)
    fail("the handler is empty");
  if (router.hides(method, pattern))
    fail("one that was given before takes all of these paths: the first match wins");
  if (router.hides_files(method, pattern))
    fail("it would take the path of each file of server_options.static_folder: routes go first");
}

void check_endpoint(const std::string& path, const websocket_routes& routes,
                    const server_options& o, const std::string& rooms) {
  auto fail = [&](const std::string& why) {
    throw std::invalid_argument{"endpoint(\"" + path + "\"): " + why};
  };
  if (auto* problem = problem_of_websocket_path(path))
    fail(problem);
  if (auto i = routes.find(path); i != routes.end() && i->second.endpoint)
    fail("there is one at this path already");
  if (path != o.websocket_path || (rooms.empty() && o.node.lobby.empty()))
    return;
  auto given = rooms.empty() ? "server_options.node.lobby, the room \"" + o.node.lobby + "\","
                             : "rooms(\"" + rooms + "\")";
  fail(given
       + " would have no effect: it takes the place of the rooms, which are at "
         "server_options.websocket_path; give one of them another path");
}

void check_rooms(const std::string& pattern, const websocket_routes& routes,
                 const server_options& o) {
  if (auto i = routes.find(o.websocket_path); i != routes.end() && i->second.endpoint)
    throw std::invalid_argument{
      "rooms(\"" + pattern + "\"): they would have no effect: endpoint(\"" + o.websocket_path
      + "\"), which was given before, takes the place of the rooms, which are at "
        "server_options.websocket_path; give one of them another path"};
}

void check_reserved(const server_options& o, std::size_t descriptors) {
  auto reserved = o.reserved_descriptors.value_or(0);
  option_check is{"server_options"};
  is.that(descriptors == 0 || reserved < descriptors, "reserved_descriptors",
          std::to_string(reserved),
          "fewer than the " + std::to_string(descriptors) + " that this process may open");
}

std::pair<std::string, std::uint16_t> split_admin_bind(const std::string& text) {
  auto split = read_address_and_port(text);
  auto is_whole = split && !split->first.empty();
  option_check{"server_options"}.that(is_whole, "admin_bind", "\"" + text + "\"",
                                      expected_address("address:port", text));
  return std::move(*split);
}

} // namespace troupe::transport
