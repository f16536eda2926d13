#include <utility>

#include <troupe/testing/memory_session.hpp>

#include "net/memory_pipe.hpp"
#include "net/traffic.hpp"
#include "websocket/inbound_parts.hpp"
#include "websocket/websocket_session.hpp"

#include <troupe/actors/option_check.hpp>
#include <troupe/protocol/frame.hpp>
#include <troupe/protocol/ws_header.hpp>

#include <stdexcept>

namespace troupe::testing {

std::uint16_t received_frame::close_code() const noexcept {
  if (opcode != 8 || payload.size() < 2)
    return 0;
  return static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8
                                    | static_cast<unsigned char>(payload[1]));
}

namespace {

actors::outbox::bounds checked(const actors::outbox::bounds& bounds, actors::node& node,
                               actors::event_loop& loop) {
  actors::option_check is{"outbox::bounds"};
  is.bytes("max_bytes", bounds.max_bytes);
  is.count("max_frames", bounds.max_frames);
  if (loop.index() >= node.loops() || &node.loop(loop.index()) != &loop)
    throw std::invalid_argument{"memory_session: its loop is not the node's"};
  return bounds;
}

} // namespace

/// Notes when the session is cut: its counter counts before anything more is sent.
class memory_session::cut_watch final : public protocol::event_counters {
public:
  cut_watch(protocol::event_counters& all, const std::string& received)
    : all_(all), received_(received) {}

  void count(protocol::counter what, std::string_view label, std::uint64_t n) noexcept override {
    if (what == protocol::counter::dropped)
      cut_at_ = taken_ + received_.size();
    all_.count(what, label, n);
  }

  /// The client has handed out `bytes` more.
  void take(std::size_t bytes) noexcept { taken_ += bytes; }
  /// Whether the next byte that it hands out came after the cut.
  [[nodiscard]] bool has_passed() const noexcept { return cut_at_ && taken_ >= *cut_at_; }

private:
  protocol::event_counters& all_;
  const std::string& received_;
  std::uint64_t taken_ = 0;
  std::optional<std::uint64_t> cut_at_; ///< bytes that the client had been sent by then
};

/// The line between the two, and what a server gives to its sessions.
struct memory_session::line {
  line(actors::node& node, actors::event_loop& loop, const actors::outbox::bounds& bounds,
       const transport::session_deadlines& deadlines)
    : counters(*node.options().counters, pipe.received()) {
    traffic.resize(loop.index() + 1);
    traffic.back() = std::make_unique<transport::loop_traffic>();
    parts.meter = &node.inbound_meter();
    for (unsigned i = 0; i < node.loops(); ++i)
      parts.loops.push_back(std::make_unique<transport::inbound_parts>(parts, node.loop(i)));
    auto& limits = settings.reader.limits;
    limits.max_message_bytes = node.options().messages.largest_message();
    limits.max_fragments = protocol::ws_limits::fragments_for(limits.largest_message());
    settings.reader.parts = &parts;
    settings.bounds = bounds;
    settings.deadlines = deadlines;
    settings.node = &node;
    settings.traffic = &traffic;
    settings.log = node.options().log;
    settings.counters = &counters;
  }

  transport::memory_pipe pipe;
  transport::node_traffic traffic; ///< of one loop
  transport::inbound_account parts;
  cut_watch counters;
  transport::session_settings settings;
};

memory_session::memory_session(actors::node& node, actors::event_loop& loop,
                               actors::connection_info info, actors::outbox::bounds bounds,
                               transport::session_deadlines deadlines)
  : line_(std::make_shared<line>(node, loop, checked(bounds, node, loop), deadlines)) {
  auto make_channel = [&] {
    return transport::channel{line_->pipe, loop, line_->traffic.back()->websocket};
  };
  // its loop may hold the session for longer than this, and with it the line
  session_ = {new transport::websocket_session{make_channel, loop, line_->settings, {}, {}},
              [kept = line_](transport::websocket_session* s) { delete s; }};
  session_->start(std::move(info));
}

memory_session::~memory_session() { disconnect(); }

// -- the client's side ----------------------------------------------------------------------------

/// Sends a frame under a mask of zeros, which leaves the payload as it is.
void memory_session::send(protocol::opcode op, std::string_view payload) {
  if (ended() || disconnected_)
    return;
  char header[protocol::ws_header::max_bytes] = {};
  auto size = protocol::write_frame_header(header, op, payload.size());
  header[1] = static_cast<char>(header[1] | 0x80);
  size += 4;
  line_->pipe.say(std::string{header, size}.append(payload));
}

void memory_session::say(std::string_view message, bool binary) {
  if (!ended() && !disconnected_)
    ++said_;
  send(binary ? protocol::opcode::binary : protocol::opcode::text, message);
}

void memory_session::pong(std::string_view payload) { send(protocol::opcode::pong, payload); }

void memory_session::close(std::uint16_t code, std::string_view reason) {
  std::string payload;
  if (code != 0)
    payload = {static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  send(protocol::opcode::close, payload.append(reason));
  line_->pipe.end_input_with_output();
}

void memory_session::set_window(std::optional<std::size_t> bytes) { line_->pipe.set_window(bytes); }

void memory_session::disconnect() {
  if (!ended() && !std::exchange(disconnected_, true))
    line_->pipe.reset();
}

std::vector<received_frame> memory_session::take_frames() {
  std::vector<received_frame> frames;
  auto& received = line_->pipe.received();
  std::string_view rest = received;
  using protocol::ws_header;
  while (rest.size() >= 2 && rest.size() >= ws_header::bytes(static_cast<std::uint8_t>(rest[1]))) {
    auto whole = protocol::frame_length(rest);
    if (rest.size() < whole)
      break;
    frames.push_back({static_cast<std::uint8_t>(rest[0] & 0x0f),
                      std::string{protocol::frame_payload(rest)}, line_->counters.has_passed()});
    rest.remove_prefix(whole);
    line_->counters.take(whole);
  }
  received.erase(0, received.size() - rest.size());
  return frames;
}

// -- where it stands ------------------------------------------------------------------------------

bool memory_session::ended() const noexcept { return session_->has_ended(); }

bool memory_session::heeded() const noexcept { return session_->is_open(); }

std::size_t memory_session::unread() const noexcept { return said_ - session_->heard_messages(); }

std::size_t memory_session::unread_bytes() const noexcept { return line_->pipe.unread_bytes(); }

std::int64_t memory_session::held_messages() const { return session_->held_messages(); }

std::size_t memory_session::queued_bytes() const { return session_->queued_bytes(); }

} // namespace troupe::testing
