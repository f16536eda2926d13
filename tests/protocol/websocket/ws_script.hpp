#pragma once

#include "support/client_frames.hpp"

#include <troupe/protocol/ws_reader.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test {

inline constexpr std::chrono::steady_clock::time_point script_start{std::chrono::hours{1}};

/// One event as a line: "text hello", "ping x", "close 1000 bye", "error too_big"; "more" for none.
inline std::string line_of(const protocol::ws_event& e) {
  using kind = protocol::ws_event::kind;
  const std::string payload{e.payload.view()};
  switch (e.what) {
    case kind::message: return (e.is_binary ? "binary " : "text ") + payload;
    case kind::ping: return "ping " + payload;
    case kind::pong: return "pong " + payload;
    case kind::close: return "close " + std::to_string(e.close_code) + ' ' + payload;
    case kind::error:
      return "error " + std::string{protocol::to_string(e.why)}
           + (e.in_deflate ? " in deflate" : "");
    case kind::need_more:
    case kind::inflating: break;
  }
  return "more";
}

using lines = std::vector<std::string>;

/// Feeds one piece of input until nothing is left of it. Appends the events to `heard`.
inline void feed(protocol::ws_reader& reader, std::string_view bytes, lines& heard) {
  while (!bytes.empty() || reader.is_inflating()) {
    auto e = reader.next(bytes, script_start);
    if (auto line = line_of(e); line != "more")
      heard.push_back(line);
  }
}

/// The events of `bytes` if they come in pieces. `piece` returns the size of the next one; 0: all
/// the rest.
inline lines heard_of(protocol::ws_reader& reader, std::string_view bytes,
                      const std::function<std::size_t()>& piece) {
  lines heard;
  while (!bytes.empty()) {
    auto size = piece();
    auto some = bytes.substr(0, size == 0 ? bytes.size() : size);
    bytes.remove_prefix(some.size());
    feed(reader, some, heard);
  }
  return heard;
}

inline lines heard_of(protocol::ws_reader& reader, std::string_view bytes) {
  return heard_of(reader, bytes, [] { return std::size_t{0}; });
}

} // namespace troupe::test
