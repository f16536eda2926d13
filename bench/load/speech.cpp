#include "speech.hpp"

#include "frames.hpp"
#include "marker.hpp"

#include <msgpack.hpp>

#include <stdexcept>

namespace troupe::bench {

namespace {

constexpr unsigned text = 1;
constexpr unsigned binary = 2;

/// A MessagePack map of strings, with `echo: false` if `silent`.
std::string packed(std::initializer_list<std::pair<std::string_view, std::string_view>> fields,
                   bool silent = false) {
  msgpack::sbuffer buffer;
  msgpack::packer packer{buffer};
  packer.pack_map(static_cast<std::uint32_t>(fields.size() + (silent ? 1 : 0)));
  for (auto& [key, value] : fields) {
    packer.pack(key);
    packer.pack(value);
  }
  if (silent) {
    packer.pack("echo");
    packer.pack(false);
  }
  return {buffer.data(), buffer.size()};
}

std::string in_quotes(std::string_view word) { return '"' + std::string{word} + '"'; }

std::string text_of(std::size_t bytes) {
  std::string body(bytes < marker::size ? marker::size : bytes, 'x');
  marker{}.write(body.data());
  return body;
}

publish_template with_marker(unsigned opcode, std::string_view payload, std::string_view body) {
  publish_template t;
  t.frame = masked_frame(opcode, payload);
  t.marker_at = t.frame.find(body.substr(0, marker::size));
  if (t.marker_at == std::string::npos)
    throw std::logic_error{"a publish without its marker"};
  return t;
}

} // namespace

std::string speech::upgrade() const {
  auto request = "GET " + options_.path
               + (dialect_ == dialect::socketio ? "socket.io/?EIO=4&transport=websocket" : "")
               + " HTTP/1.1\r\nHost: " + options_.host + ':' + std::to_string(options_.port)
               + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
                 "dGhlIHNhbXBsZSBub25jZQ==\r\n"
                 "Sec-WebSocket-Version: 13\r\n";
  if (dialect_ == dialect::json)
    request += "Sec-WebSocket-Protocol: troupe.v1.json\r\n";
  if (dialect_ == dialect::msgpack)
    request += "Sec-WebSocket-Protocol: troupe.v1.msgpack\r\n";
  if (options_.deflate)
    request += "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
               "client_no_context_takeover\r\n";
  return request + "\r\n";
}

std::string speech::opening(std::string_view room) const {
  return dialect_ == dialect::socketio ? masked_frame(text, "40") : join(room);
}

bool speech::is_invitation(std::string_view payload) const {
  return dialect_ == dialect::socketio && payload.starts_with("40");
}

std::string speech::join(std::string_view room) const {
  switch (dialect_) {
    case dialect::msgpack:
      return masked_frame(binary, packed({{"type", "join"}, {"roomId", room}}));
    case dialect::socketio: return masked_frame(text, "42[\"join\"," + in_quotes(room) + ']');
    case dialect::echo:
    case dialect::broadcast: return "";
    default: return masked_frame(text, R"({"type":"join","roomId":)" + in_quotes(room) + '}');
  }
}

std::string speech::leave(std::string_view room) const {
  switch (dialect_) {
    case dialect::msgpack:
      return masked_frame(binary, packed({{"type", "leave"}, {"roomId", room}}));
    case dialect::socketio: return masked_frame(text, "42[\"leave\"," + in_quotes(room) + ']');
    case dialect::echo:
    case dialect::broadcast: return "";
    default: return masked_frame(text, R"({"type":"leave","roomId":)" + in_quotes(room) + '}');
  }
}

publish_template speech::publish(std::string_view room) const {
  auto body = text_of(options_.bytes);
  switch (dialect_) {
    case dialect::msgpack:
      return with_marker(
        binary, packed({{"type", options_.word}, {"roomId", room}, {"text", body}}, !options_.echo),
        body);
    case dialect::socketio:
      return with_marker(text,
                         "42[\"message\",{\"roomId\":" + in_quotes(room)
                           + ",\"text\":" + in_quotes(body) + "}]",
                         body);
    case dialect::echo:
    case dialect::broadcast: return with_marker(text, body, body);
    case dialect::plain:
      return with_marker(text, R"({"type":"message","text":)" + in_quotes(body) + '}', body);
    default:
      return with_marker(text,
                         R"({"type":)" + in_quotes(options_.word) + R"(,"roomId":)"
                           + in_quotes(room) + ",\"text\":" + in_quotes(body)
                           + (options_.echo ? "}" : ",\"echo\":false}"),
                         body);
  }
}

bool speech::is_joined(std::string_view payload) const {
  return payload.find("joined") != std::string_view::npos;
}

bool speech::is_notice(std::string_view payload) const {
  return payload.find("userJoined") != std::string_view::npos
      || payload.find("userLeft") != std::string_view::npos;
}

std::string speech::answer_to(std::string_view payload) const {
  // Engine.IO's ping and pong
  return dialect_ == dialect::socketio && payload == "2" ? masked_frame(text, "3") : "";
}

} // namespace troupe::bench
