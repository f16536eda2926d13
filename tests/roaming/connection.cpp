#include "connection.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <cstring>
#include <utility>

namespace troupe::roaming {

using protocol::opcode;
using protocol::ws_event;

namespace {

// The example of RFC 6455, 1.3.
constexpr std::string_view key = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view accept_of_key = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
constexpr std::uint16_t broken_rule = 1002;

/// A client has no bound of its own.
constexpr protocol::ws_limits limits{.max_message_bytes = 0, .control_burst = 0};

std::string_view subprotocol_of(protocol::codec codec) {
  return codec == protocol::codec::msgpack ? "troupe.v1.msgpack" : "troupe.v1.json";
}

std::string request_of(protocol::codec codec) {
  std::string out = "GET / HTTP/1.1\r\nHost: troupe\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ";
  out.append(key).append("\r\nSec-WebSocket-Protocol: ").append(subprotocol_of(codec));
  return out += "\r\n\r\n";
}

std::string payload_of_close(std::uint16_t code) {
  if (code == ws_event::no_code)
    return {};
  return {static_cast<char>(code >> 8), static_cast<char>(code)};
}

} // namespace

connection::connection(boost::asio::io_context& io, protocol::codec codec,
                       connection_events& events)
  : socket_(io),
    codec_(codec),
    events_(&events),
    reader_(limits, protocol::ws_reader::role::client),
    mask_(static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(this)) | 1U) {}

void connection::connect(const tcp::endpoint& server) {
  socket_.async_connect(server, [self = shared_from_this()](auto e) { self->on_connect(e); });
}

void connection::on_connect(error_code error) {
  if (error)
    return finish();
  socket_.set_option(tcp::no_delay{true}, error);
  if (events_)
    events_->on_connected(socket_.local_endpoint(error).port());
  out_ = request_of(codec_);
  flush();
  read();
}

// -- out ------------------------------------------------------------------------------------------

void connection::say(std::string_view message) {
  append_frame(codec_ == protocol::codec::msgpack ? opcode::binary : opcode::text, message);
  flush();
}

void connection::close(std::uint16_t code) {
  events_ = nullptr;
  if (!is_open_)
    return abandon();
  append_frame(opcode::close, payload_of_close(code));
  says_close_ = true;
  flush();
}

void connection::abandon() {
  events_ = nullptr;
  error_code ignored;
  socket_.close(ignored);
}

void connection::append_frame(opcode op, std::string_view payload) {
  if (!is_open_ || says_close_)
    return;
  char header[protocol::max_frame_header_bytes];
  const auto size = protocol::write_frame_header(header, op, payload.size());
  header[1] = static_cast<char>(header[1] | 0x80);
  mask_ ^= mask_ << 13;
  mask_ ^= mask_ >> 17;
  mask_ ^= mask_ << 5;
  char mask[sizeof mask_];
  std::memcpy(mask, &mask_, sizeof mask);
  out_.append(header, size).append(mask, sizeof mask);
  const auto begin = out_.size();
  out_.resize(begin + payload.size());
  protocol::ws_mask{mask}.copy(out_.data() + begin, payload.data(), payload.size());
}

void connection::flush() {
  if (!writing_.empty() || out_.empty())
    return;
  std::swap(writing_, out_);
  boost::asio::async_write(socket_, boost::asio::buffer(writing_),
                           [self = shared_from_this()](error_code error, std::size_t) {
                             if (error)
                               return; // reading tells of the end
                             self->writing_.clear();
                             self->flush();
                           });
}

// -- in -------------------------------------------------------------------------------------------

void connection::read() {
  socket_.async_read_some(boost::asio::buffer(in_),
                          [self = shared_from_this()](error_code error, std::size_t size) {
                            if (error)
                              return self->finish();
                            self->on_bytes({self->in_.data(), size});
                          });
}

void connection::on_bytes(std::string_view bytes) {
  if (!is_open_)
    bytes = take_answer(bytes);
  if (is_open_)
    take_frames(bytes);
  if (socket_.is_open())
    read();
}

/// Returns what comes behind the answer.
std::string_view connection::take_answer(std::string_view bytes) {
  const auto before = answer_.size();
  answer_.append(bytes);
  const auto end = answer_.find("\r\n\r\n");
  if (end == std::string::npos)
    return {};
  is_open_ = answer_.starts_with("HTTP/1.1 101 ") && answer_.find(accept_of_key) < end;
  if (!is_open_)
    finish();
  return bytes.substr(end + 4 - before);
}

void connection::take_frames(std::string_view bytes) {
  while (socket_.is_open()) {
    const auto event = reader_.next(bytes, std::chrono::steady_clock::now());
    if (event.what == ws_event::kind::need_more)
      return flush();
    on_event(event);
  }
}

void connection::on_event(const ws_event& event) {
  switch (event.what) {
    case ws_event::kind::message:
      if (events_)
        events_->on_message(event.payload.view());
      return;
    case ws_event::kind::ping: return append_frame(opcode::pong, event.payload.view());
    case ws_event::kind::close:
      end_ = {event.close_code, std::string{event.payload.view()}};
      append_frame(opcode::close, payload_of_close(event.close_code));
      says_close_ = true;
      return flush();
    case ws_event::kind::error:
      end_ = {broken_rule, std::string{to_string(event.why)}};
      return finish();
    default: return;
  }
}

void connection::finish() {
  error_code ignored;
  socket_.close(ignored);
  if (auto* events = std::exchange(events_, nullptr))
    events->on_end(end_);
}

} // namespace troupe::roaming
