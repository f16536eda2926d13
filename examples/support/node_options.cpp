#include "node_options.hpp"

#include "units.hpp"

#include <troupe/transport/option_text.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <type_traits>

namespace troupe::examples {

namespace {

constexpr auto any_size = static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max());
constexpr std::uint64_t max_loops = 256;
constexpr double max_rate = 1e9;

using taker = std::function<bool(std::string_view)>;

/// The type of a field's value; for an optional field, of the value in it.
template <class Target>
struct held {
  using type = Target;
};
template <class Value>
struct held<std::optional<Value>> {
  using type = Value;
};

/// Parses a text and stores the value in `to`, if there is one.
template <class Target, class Parse>
taker into(Target& to, Parse parse) {
  return [&to, parse](std::string_view text) {
    auto parsed = parse(text);
    if (parsed)
      to = static_cast<typename held<Target>::type>(*parsed);
    return parsed.has_value();
  };
}

auto count_up_to(std::uint64_t max) {
  return [max](std::string_view text) { return parse_count(text, max); };
}

std::optional<double> parse_rate(std::string_view text) {
  auto rate = parse_number(text);
  return rate && *rate <= max_rate ? rate : std::nullopt;
}

std::string number_text(double number) {
  std::ostringstream out;
  out << number;
  return out.str();
}

/// `standard`: what stands where `to` says nothing by itself. `zero`: what 0 means.
program_option count_option(std::string name, std::string help, auto& to, std::string standard = {},
                            const std::string& zero = "no limit") {
  if constexpr (std::is_integral_v<std::remove_reference_t<decltype(to)>>)
    standard = std::to_string(to);
  return {std::move(name),
          "N",
          std::move(help) + "; 0: " + zero,
          "a whole number up to 2147483647, or 0 for " + zero,
          into(to, count_up_to(any_size)),
          {},
          false,
          std::move(standard)};
}

/// `zero`: what 0 means.
program_option duration_option(std::string name, std::string help, const char* zero, auto& to) {
  return {std::move(name),
          "TIME",
          std::move(help) + "; 0: " + zero,
          "seconds, or a number with ms, s or m, of at most a day",
          into(to, parse_duration),
          {},
          false,
          duration_text(to)};
}

program_option rate_option(std::string name, std::string help, double standard, taker take) {
  return {std::move(name),
          "N",
          std::move(help) + "; 0: no limit",
          "a number up to 1000000000, or 0 for no limit",
          std::move(take),
          {},
          false,
          number_text(standard)};
}

std::optional<actors::direct_policy> parse_direct_policy(std::string_view text) {
  using actors::direct_policy;
  if (text == "off")
    return direct_policy::off;
  if (text == "shared-room")
    return direct_policy::shared_room;
  return text == "all" ? std::optional{direct_policy::all} : std::nullopt;
}

void add_listening(option_table& table, server_options& o) {
  table.push_back({"port",
                   "N",
                   "Port to listen on; 0 takes a free one",
                   "a number from 0 to 65535",
                   into(o.port, count_up_to(65535)),
                   {},
                   false,
                   std::to_string(o.port)});
  table.push_back({"bind", "ADDRESS", "IP address to listen on; without it all, IPv4 and IPv6",
                   "an IPv4 or IPv6 address", [&o](std::string_view text) {
                     return transport::is_address(text) && (o.bind = text, true);
                   }});
  table.push_back({"loops",
                   "N",
                   "Event loops, each a thread; 0 is one for each core",
                   "a number from 0 to 256",
                   into(o.node.loops, count_up_to(max_loops)),
                   {},
                   false,
                   std::to_string(o.node.loops)});
  table.push_back({"directs",
                   "off|shared-room|all",
                   "Who may say something to all sessions of another user",
                   "off, shared-room or all",
                   into(o.node.directs.allowed, parse_direct_policy),
                   {},
                   false,
                   "off"});
  table.push_back({"origin", "ORIGIN",
                   "Page origin that may connect; may be repeated; without it all may",
                   "an origin such as https://example.org",
                   [&o](std::string_view text) {
                     return transport::is_origin(text) && (o.origins.emplace_back(text), true);
                   },
                   [&o] { o.origins.clear(); }});
}

void add_deadlines(option_table& table, server_options& o) {
  table.push_back(duration_option("ping-interval", "Silence after which a client is pinged",
                                  "never", o.node.heartbeat.interval));
  table.push_back(duration_option("ping-timeout", "Further silence after which it is cut off",
                                  "never", o.node.heartbeat.timeout));
  table.push_back(duration_option(
    "resume-window", "Time for which a client's session is kept after its connection is lost",
    "none is kept", o.node.sessions.resume_window));
  table.push_back(duration_option(
    "keep-alive", "Time between two HTTP requests, after which their connection ends", "never",
    o.keep_alive));
  table.push_back(duration_option(
    "drain-delay", "Time between /readyz turning 503 and the port closing, at the end", "none",
    o.drain_delay));
  table.push_back(duration_option("drain-timeout",
                                  "Time from then on to say goodbye to all clients", "at once",
                                  o.drain_timeout));
}

/// `standard`: what stands where `to` says nothing by itself.
program_option size_option(std::string name, std::string help, auto& to, std::string standard = {},
                           std::uint64_t max = std::uint64_t{1} << 30) {
  if constexpr (std::is_integral_v<std::remove_reference_t<decltype(to)>>)
    if (standard.empty())
      standard = size_text(static_cast<std::uint64_t>(to));
  return {std::move(name),
          "SIZE",
          std::move(help) + "; 0: no limit",
          "bytes, or a whole number with KiB, MiB or GiB, of at most " + size_text(max),
          into(to, [max](std::string_view text) { return parse_size(text, max); }),
          {},
          false,
          std::move(standard)};
}

/// A bound that is a share of the memory by default; 0 lifts it.
program_option budget_option(std::string name, std::string help, std::optional<std::int64_t>& to,
                             std::string standard) {
  return size_option(std::move(name), std::move(help), to, std::move(standard),
                     std::uint64_t{1} << 40);
}

/// Options that bound the memory of the whole node.
void add_memory(option_table& table, server_options& o) {
  auto& node = o.node;
  table.push_back({"history",
                   "on|off",
                   "Rooms keep what they have said last",
                   "on or off",
                   into(node.rooms.history, parse_switch),
                   {},
                   false,
                   node.rooms.history ? "on" : "off"});
  table.push_back(
    count_option("history-messages", "Messages that a room keeps", node.rooms.history_messages));
  table.push_back(
    size_option("history-bytes", "Size of what a room keeps", node.rooms.history_bytes));
  table.push_back({"history-age",
                   "TIME",
                   "Age of what a room keeps; 0: any",
                   "seconds, or a number with ms, s or m, of at most a day",
                   [&age = node.rooms.history_age](std::string_view text) {
                     auto time = parse_duration(text);
                     age = time ? std::chrono::ceil<std::chrono::seconds>(*time) : age;
                     return time.has_value();
                   },
                   {},
                   false,
                   duration_text(node.rooms.history_age)});
  table.push_back(duration_option(
    "linger", "Time in which a room that has kept something lives on without members", "none",
    node.rooms.linger));
  table.push_back(budget_option("history-budget",
                                "Size of what all rooms keep; the largest histories go first",
                                node.history_budget_bytes, "an eighth of the memory"));
  table.push_back(budget_option(
    "output-budget", "Size of all that waits to be sent; beyond it the slowest are cut off",
    node.memory_budget_bytes, "a quarter of the memory"));
  table.push_back(budget_option("direct-budget",
                                "Size of the latest direct messages that sessions keep",
                                node.directs.budget_bytes, "a 64th of the memory"));
  table.push_back(budget_option(
    "inbound-budget", "Size of messages that have come in part; beyond it the slowest are cut off",
    node.inbound_budget_bytes, "a sixteenth of the memory, at least four largest messages"));
}

void add_limits(option_table& table, server_options& o) {
  auto& node = o.node;
  table.push_back(size_option("max-message-bytes", "Size of a client's message",
                              node.messages.max_message_bytes, {},
                              protocol::max_supported_message_bytes));
  table.push_back(count_option("max-fragments", "Fragments of one message", o.max_fragments,
                               "1024, or one for each 256 bytes of --max-message-bytes"));
  table.push_back(count_option("max-connections", "WebSockets at a time", o.max_connections,
                               "0.8 of the descriptors"));
  table.push_back(count_option("max-connections-per-ip",
                               "Those of one address; if given, loopback counts too",
                               o.max_connections_per_ip, "100"));
  auto& sessions = o.node.sessions;
  table.push_back(count_option(
    "max-kept-sessions", "Sessions that each loop keeps without a connection", sessions.max_kept));
  table.push_back(
    count_option("max-kept-sessions-per-user", "Those of one user", sessions.max_kept_per_user));
  table.push_back(count_option("max-kept-sessions-per-ip",
                               "Those of one address; loopback counts as for connections",
                               sessions.max_kept_per_address));
  table.push_back(count_option("max-pending", "Sockets that are no WebSockets (yet)", o.max_pending,
                               "half of the descriptors, 16384 at most"));
  table.push_back(
    count_option("max-pending-per-ip",
                 "Those of one address; loopback counts too if this or the one above is given",
                 o.max_pending_per_ip, "128"));
  table.push_back(count_option("reserved-descriptors",
                               "Descriptors that are no WebSockets: log, files, probes",
                               o.reserved_descriptors, "an eighth, 64 at most", "none"));
  table.push_back(rate_option("admission-rate", "New WebSockets a second", o.admissions_per_second,
                              into(o.admissions_per_second, parse_rate)));
  table.push_back(rate_option("tls-handshakes-per-ip",
                              "TLS handshakes a second of one address, at once five times that; "
                              "loopback counts too if this or --max-connections-per-ip is given",
                              20, into(o.tls_handshakes_per_ip, parse_rate)));
  table.push_back(rate_option(
    "message-rate",
    "Messages a second of one client; in a burst twice that; if given, of WebSockets without "
    "rooms, "
    "too",
    node.connections.message_rate(false), [&limits = node.connections](std::string_view text) {
      auto rate = parse_rate(text);
      if (!rate)
        return false;
      limits.messages_per_second = rate;
      limits.burst_messages = static_cast<std::size_t>(std::ceil(2 * *rate));
      return true;
    }));
  table.push_back(size_option(
    "byte-rate",
    "Size of what one client says a second; if given, of WebSockets without rooms, too",
    node.connections.bytes_per_second, "1MiB or --max-message-bytes; none with --message-rate 0"));
  table.push_back(count_option("max-rooms", "Rooms", node.rooms.max_rooms));
  table.push_back(count_option("max-rooms-per-connection", "Rooms that one client is in",
                               node.connections.max_rooms));
  table.push_back(count_option("max-members", "Members of a room", node.rooms.max_members));
  table.push_back({"announce",
                   "on|off",
                   "Tell rooms who joins and leaves (userJoined, userLeft)",
                   "on or off",
                   into(node.announce, parse_switch),
                   {},
                   false,
                   node.announce ? "on" : "off"});
  table.push_back({"list-members",
                   "on|off",
                   "Tell those who join a room who is there (members of joined)",
                   "on or off",
                   into(node.list_members, parse_switch),
                   {},
                   false,
                   node.list_members ? "on" : "off"});
  table.push_back(count_option(
    "gather-beyond", "Members beyond which a room tells once a second who joins and leaves",
    node.gather_beyond));
}

bool is_file(std::string_view text, std::string& to) {
  std::error_code ignored;
  to = text;
  return std::filesystem::is_regular_file(to, ignored);
}

program_option flag_option(std::string name, std::string help, bool& to) {
  return {
    std::move(name), "on|off", std::move(help), "on or off", into(to, parse_switch), {}, true};
}

/// An option that means nothing without tokens, and so needs a key.
program_option of_tokens(program_option option, token_options& tokens) {
  option.take = [&tokens, name = "--" + option.name,
                 take = std::move(option.take)](std::string_view text) {
    tokens.given = name;
    return take(text);
  };
  return option;
}

/// An option that says what tokens must be.
program_option claim_option(std::string name, std::string value, std::string help,
                            std::string expected, token_options& tokens, taker take,
                            std::string standard = {}) {
  return of_tokens({std::move(name),
                    std::move(value),
                    std::move(help),
                    std::move(expected),
                    std::move(take),
                    {},
                    false,
                    std::move(standard)},
                   tokens);
}

void add_claims(option_table& table, token_options& tokens) {
  table.push_back(claim_option("jwt-issuer", "NAME", "What `iss` of a token must be", "a name",
                               tokens, [&tokens](std::string_view text) {
                                 return !text.empty() && (tokens.jwt.issuer = text, true);
                               }));
  table.push_back(claim_option("jwt-audience", "NAME", "What `aud` of a token must be or hold",
                               "a name", tokens, [&tokens](std::string_view text) {
                                 return !text.empty() && (tokens.jwt.audience = text, true);
                               }));
  table.push_back(claim_option(
    "jwt-profile", "PROFILE", "lenient: ?token= is taken and `exp` optional; strict: neither",
    "lenient or strict", tokens,
    [&tokens](std::string_view text) {
      tokens.jwt.profile =
        text == "strict" ? transport::jwt_profile::strict : transport::jwt_profile::lenient;
      return text == "lenient" || text == "strict" || text == "seed"; // the old name of lenient
    },
    "lenient"));
}

void add_security(option_table& table, server_options& o, token_options& tokens) {
  table.push_back({"tls-cert", "FILE", "Certificates in PEM; with --tls-key the port speaks TLS",
                   "a file",
                   [&o](std::string_view text) { return is_file(text, o.tls_certificates); }});
  table.push_back({"tls-key", "FILE", "Private key in PEM", "a file",
                   [&o](std::string_view text) { return is_file(text, o.tls_key); }});
  table.push_back(
    {"jwt-secret-file", "FILE", "Secret of the tokens (HS256) that clients need", "a file",
     [&tokens](std::string_view text) { return is_file(text, tokens.secret_file.emplace()); }});
  table.push_back({"jwt-key-file", "KID=FILE",
                   "Key of the tokens that name KID: public key in PEM, or secret; may be repeated",
                   "KID=FILE with a file",
                   [&tokens](std::string_view text) {
                     auto equals = text.find('=');
                     std::string file;
                     if (equals == std::string_view::npos || equals == 0
                         || !is_file(text.substr(equals + 1), file))
                       return false;
                     tokens.key_files.emplace_back(text.substr(0, equals), std::move(file));
                     return true;
                   },
                   [&tokens] { tokens.key_files.clear(); }});
  add_claims(table, tokens);
  table.push_back(
    of_tokens(count_option("max-connections-per-user", "WebSockets of one user with a token",
                           o.max_connections_per_user),
              tokens));
}

/// The library's name for each option's field, and the name of the option.
constexpr std::pair<std::string_view, std::string_view> options_by_field[] = {
  {"server_options.bind", "bind"},
  {"server_options.port", "port"},
  {"server_options.origins", "origin"},
  {"server_options.cors_origins", "cors-origin"},
  {"server_options.trusted_proxies", "trusted-proxy"},
  {"server_options.proxy_protocol", "proxy-protocol"},
  {"server_options.admin_bind", "admin-bind"},
  {"server_options.tls_certificates", "tls-cert"},
  {"server_options.tls_key", "tls-key"},
  {"server_options.deflate", "deflate"},
  {"server_options.jwt.profile", "jwt-profile"},
  {"server_options.jwt.issuer", "jwt-issuer"},
  {"server_options.jwt.audience", "jwt-audience"},
  {"server_options.jwt.keys", "jwt-key-file"},
  {"server_options.max_connections_per_user", "max-connections-per-user"},
  {"server_options.max_connections", "max-connections"},
  {"server_options.max_connections_per_ip", "max-connections-per-ip"},
  {"server_options.admissions_per_second", "admission-rate"},
  {"server_options.tls_handshakes_per_ip", "tls-handshakes-per-ip"},
  {"server_options.max_pending", "max-pending"},
  {"server_options.max_pending_per_ip", "max-pending-per-ip"},
  {"server_options.reserved_descriptors", "reserved-descriptors"},
  {"server_options.max_fragments", "max-fragments"},
  {"server_options.keep_alive", "keep-alive"},
  {"server_options.drain_delay", "drain-delay"},
  {"server_options.drain_timeout", "drain-timeout"},
  {"node_options.loops", "loops"},
  {"node_options.messages.max_message_bytes", "max-message-bytes"},
  {"node_options.connections.max_rooms", "max-rooms-per-connection"},
  {"node_options.connections.messages_per_second", "message-rate"},
  {"node_options.connections.burst_messages", "message-rate"},
  {"node_options.connections.bytes_per_second", "byte-rate"},
  {"node_options.rooms.max_members", "max-members"},
  {"node_options.rooms.max_rooms", "max-rooms"},
  {"node_options.rooms.history", "history"},
  {"node_options.rooms.history_messages", "history-messages"},
  {"node_options.rooms.history_bytes", "history-bytes"},
  {"node_options.rooms.history_age", "history-age"},
  {"node_options.rooms.linger", "linger"},
  {"node_options.sessions.resume_window", "resume-window"},
  {"node_options.sessions.max_kept", "max-kept-sessions"},
  {"node_options.sessions.max_kept_per_user", "max-kept-sessions-per-user"},
  {"node_options.sessions.max_kept_per_address", "max-kept-sessions-per-ip"},
  {"node_options.heartbeat.interval", "ping-interval"},
  {"node_options.heartbeat.timeout", "ping-timeout"},
  {"node_options.announce", "announce"},
  {"node_options.list_members", "list-members"},
  {"node_options.gather_beyond", "gather-beyond"},
  {"node_options.memory_budget_bytes", "output-budget"},
  {"node_options.directs.budget_bytes", "direct-budget"},
  {"node_options.history_budget_bytes", "history-budget"},
  {"node_options.inbound_budget_bytes", "inbound-budget"},
};

/// Unlike the library, requires an address: a command line should name it.
bool is_admin_bind(std::string_view text) {
  auto split = transport::read_address_and_port(text);
  return split && !split->first.empty();
}

void add_http(option_table& table, server_options& o) {
  table.push_back(
    {"admin-bind", "ADDRESS:PORT", "Where /metrics and health are, instead of the main port",
     "an address and a port",
     [&o](std::string_view text) { return is_admin_bind(text) && (o.admin_bind = text, true); }});
  table.push_back({"cors-origin", "ORIGIN",
                   "Origin whose pages may read HTTP answers; may be repeated", "an origin, or *",
                   [&o](std::string_view text) {
                     return (text == "*" || transport::is_origin(text))
                         && (o.cors_origins.emplace_back(text), true);
                   },
                   [&o] { o.cors_origins.clear(); }});
  table.push_back({"trusted-proxy", "ADDRESS",
                   "Address or network whose X-Forwarded-For is believed; may be repeated",
                   "an address or a network such as 10.0.0.0/8",
                   [&o](std::string_view text) {
                     return transport::is_network(text)
                         && (o.trusted_proxies.emplace_back(text), true);
                   },
                   [&o] { o.trusted_proxies.clear(); }});
  table.push_back(flag_option("proxy-protocol",
                              "Trusted proxies start each connection with a PROXY header",
                              o.proxy_protocol));
  table.push_back(
    flag_option("deflate", "permessage-deflate for clients that offer it", o.deflate));
}

} // namespace

void token_options::apply_to(server_options& options) const {
  if (!secret_file && key_files.empty()) {
    if (!given.empty())
      throw std::runtime_error{given + ": expected with --jwt-secret-file or --jwt-key-file"};
    return;
  }
  auto all = jwt;
  if (secret_file)
    all.keys.push_back(transport::load_secret_file(*secret_file, all.profile));
  for (auto& [kid, file] : key_files)
    all.keys.push_back(transport::load_key_file(kid, file, all.profile));
  options.jwt = std::move(all);
}

void check_together(const server_options& options) {
  if (options.tls_certificates.empty() != options.tls_key.empty())
    throw std::runtime_error{"--tls-cert and --tls-key: expected both or neither"};
  if (options.proxy_protocol && options.trusted_proxies.empty())
    throw std::runtime_error{"--proxy-protocol: expected with --trusted-proxy"};
  if (options.tls_handshakes_per_ip && options.tls_certificates.empty())
    throw std::runtime_error{"--tls-handshakes-per-ip: expected with --tls-cert and --tls-key"};
}

std::string with_option_names(std::string_view sentence) {
  // the rest of the sentence names the key or its file
  constexpr std::string_view of_key = "server_options.jwt: ";
  if (sentence.starts_with(of_key))
    return std::string{sentence.substr(of_key.size())};
  auto field = sentence.substr(0, sentence.find(' '));
  auto named = std::find_if(std::begin(options_by_field), std::end(options_by_field),
                            [&](auto& row) { return row.first == field; });
  if (named == std::end(options_by_field))
    return std::string{sentence};
  return std::string{"--"}.append(named->second).append(sentence.substr(field.size()));
}

option_table node_options(server_options& options, token_options& tokens) {
  option_table table;
  add_listening(table, options);
  add_deadlines(table, options);
  add_limits(table, options);
  add_memory(table, options);
  add_security(table, options, tokens);
  add_http(table, options);
  return table;
}

} // namespace troupe::examples
