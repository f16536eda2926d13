#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace troupe::bench {

/// How clients talk to the server.
enum class dialect : std::uint8_t {
  json,      ///< subprotocol troupe.v1.json
  msgpack,   ///< subprotocol troupe.v1.msgpack
  mixed,     ///< every other client json, the others msgpack
  plain,     ///< no subprotocol: the rooms of the `ws` tutorial
  socketio,  ///< Socket.IO 4 over WebSocket: events `join` and `message`
  echo,      ///< no rooms: the server sends each text back
  broadcast, ///< no rooms: the server sends each text to all
};

/// The names of the dialects in options.
inline constexpr std::pair<const char*, dialect> dialects[] = {
  {"json", dialect::json},          {"msgpack", dialect::msgpack},   {"mixed", dialect::mixed},
  {"plain", dialect::plain},        {"socketio", dialect::socketio}, {"echo", dialect::echo},
  {"broadcast", dialect::broadcast}};

[[nodiscard]] constexpr const char* to_string(dialect d) noexcept {
  for (auto& [name, value] : dialects)
    if (value == d)
      return name;
  return "";
}

struct load_options {
  std::string url;        ///< ws:// or wss://
  std::string host;       ///< of the URL
  std::uint16_t port = 0; ///< of the URL
  std::string path = "/"; ///< of the URL
  bool tls = false;       ///< of the URL; the certificate is not checked

  std::size_t rooms = 1;            ///< 0: nobody joins
  std::string room_prefix = "room"; ///< of the rooms' names
  std::size_t members = 100;        ///< of each room; all connections if there are no rooms
  std::size_t joins = 1;            ///< rooms of each client: its own and the ones after it
  bool mix = false;                 ///< `members` clients in `joins` rooms of all sizes instead
  /// A room of another load, which all clients join, too; its messages are not counted.
  std::string also;
  std::size_t publishers = 1; ///< of each room
  /// The number of the first publisher: loads that share a room need different numbers.
  std::size_t first_publisher = 1;
  std::string word = "message"; ///< type of what is published
  std::size_t bytes = 64;       ///< of each text; at least 16
  double rate = 0;              ///< messages a second of each publisher (open loop); 0: closed loop
  std::size_t in_flight = 1;    ///< of each publisher, in the closed loop
  bool echo = true;             ///< publishers get their own messages
  dialect speech = dialect::json;
  bool deflate = false; ///< offer permessage-deflate
  /// Never sleep under load, so that the server's sends never have to wake this process.
  bool spin = false;

  double ramp = 0;           ///< new connections a second; 0: as fast as the server accepts them
  std::size_t opening = 128; ///< connections that are being opened at a time
  std::size_t sources = 1;   ///< loopback addresses to connect from
  bool reconnect = false;    ///< cut all connections once and open them again before the load
  double churn = 0;          ///< joins and leaves a second, by `visitors` additional clients
  std::size_t visitors = 50;
  double stall = 0; ///< the share of members that never read; publishers always read
  std::chrono::duration<double> warm_up{1};
  std::chrono::duration<double> duration{5};
  /// How long to wait for a connection, and at the end for messages under way.
  std::chrono::duration<double> patience{10};

  int pid = 0;        ///< of the server, to be measured; 0: unknown
  std::string json;   ///< file for all results
  bool quiet = false; ///< no progress
};

} // namespace troupe::bench
