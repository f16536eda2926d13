#include <utility>

#include <troupe/testing/memory_session.hpp>

#include "net/memory_pipe.hpp"
#include "net/traffic.hpp"
#include "websocket/session_ending.hpp"
#include "websocket/session_writer.hpp"

#include <troupe/actors/option_check.hpp>
#include <troupe/protocol/frame.hpp>
#include <troupe/protocol/ws_header.hpp>

#include <algorithm>
#include <deque>
#include <stdexcept>

namespace troupe::testing {

using protocol::errc;
using protocol::shared_bytes;
using transport::session_ending;
using transport::session_writer;

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

/// The server's side of it.
class memory_session::session final : public actors::sink,
                                      private session_writer::owner,
                                      private session_ending::owner,
                                      public std::enable_shared_from_this<session> {
public:
  session(actors::event_loop& loop, const actors::outbox::bounds& bounds,
          protocol::memory_meter* meter, const transport::session_deadlines& deadlines)
    : loop_(loop),
      writer_(
        [&] {
          return transport::channel{pipe_, loop, traffic_.websocket};
        },
        bounds, meter, traffic_, *this),
      deadlines_(deadlines),
      ending_(writer_, deadlines_, *this),
      heard_(loop.now()) {
    writer_.next_layer().set_owner(*this);
  }

  void open(actors::node& node, actors::connection_info info) {
    ending_.open();
    writer_.set_encoding(info.encoding);
    port_ = node.open(loop_, *this, std::move(info));
  }

  // -- the client's side --------------------------------------------------------------------------

  void say(std::string message, bool binary) {
    if (has_ended())
      return;
    unread_.push_back({std::move(message), binary});
    heard_ = loop_.now();
    contained([this] { read(); });
  }

  void pong(std::string payload) {
    heard_ = loop_.now();
    if (!has_ended() && port_.wants_pongs())
      port_.ponged(std::move(payload));
  }

  void disconnect() noexcept { end(); }

  void close(std::uint16_t code, std::string reason) {
    closed_with_ = code;
    close_reason_ = std::move(reason);
    contained([this] { read(); }); // what was said before
    end();
  }

  [[nodiscard]] transport::memory_pipe& pipe() noexcept { return pipe_; }
  [[nodiscard]] bool has_ended() const noexcept { return ending_.is(session_ending::phase::ended); }
  [[nodiscard]] std::size_t unread() const noexcept { return unread_.size(); }
  [[nodiscard]] std::int64_t held_messages() const { return port_.held_messages(); }
  [[nodiscard]] std::vector<received_frame> take_frames();

  // -- sink ---------------------------------------------------------------------------------------

  void write(const shared_bytes& batch, std::span<const actors::byte_range> parts,
             std::uint32_t frames) override {
    contained([&] { writer_.write(batch, parts, frames); });
  }
  void write_all(std::span<const actors::output_piece> pieces) override {
    contained([&] { writer_.write_all(pieces); });
  }
  void append(const shared_bytes& bytes, actors::byte_range part, std::uint32_t frames,
              actors::output_kind kind) override {
    contained([&] { writer_.append(bytes, part, frames, kind); });
  }
  void flush() override {
    contained([this] { writer_.flush(); });
  }
  void ping(std::string_view payload) override {
    contained([&] {
      writer_.append(protocol::make_frame(protocol::opcode::ping, payload.substr(0, 125)));
    });
  }
  void close(errc why, std::string_view reason) override {
    auto& row = info(why);
    contained([&] { say_close(row.close_code, reason.empty() ? row.name : reason, why); });
  }
  void close_with(std::uint16_t code, std::string_view reason) override {
    contained([&] { say_close(code, reason, errc::ok); });
  }
  void cut(errc why) override {
    if (writer_.is_sealed() || has_ended())
      return;
    contained([&] {
      auto& row = info(why);
      (void)writer_.cut(protocol::make_close_frame(row.close_code, row.name));
      cut_at_ = taken_ + pipe_.received().size();
      ending_.begin(why);
    });
  }
  void terminate(errc why) override {
    ending_.note(why);
    writer_.stop();
    ending_.end_soon();
  }
  void resume_reading() override {
    is_paused_ = false;
    heard_ = loop_.now();
    contained([this] { read(); });
  }
  [[nodiscard]] std::size_t queued_bytes() const override { return writer_.queued_bytes(); }
  [[nodiscard]] actors::steady_time last_inbound() const override {
    return is_paused_ ? loop_.now() : heard_;
  }
  [[nodiscard]] std::optional<actors::steady_time> oldest_queued() const override {
    return writer_.oldest_queued();
  }

private:
  struct message {
    std::string bytes;
    bool binary;
  };

  std::shared_ptr<void> hold() override { return shared_from_this(); }
  void on_input() override {}
  void on_room() override {
    contained([this] {
      writer_.on_room();
      if (is_paused_ && writer_.allows_input())
        resume_reading();
    });
  }
  void on_blocked() override { ending_.await_write(); }
  void on_last_sent() override {} // the client decides when it answers
  void on_broken() override { ending_.end_soon(); }
  void on_over_bound() override { cut(errc::slow_consumer); }
  [[nodiscard]] std::optional<actors::steady_time> part_since() const override { return {}; }
  void on_time() noexcept override {
    contained([this] { ending_.check(); });
  }
  void on_late(errc why) override { terminate(why); }
  void end() noexcept override {
    if (!ending_.end())
      return;
    writer_.stop();
    writer_.forget_queued();
    try {
      port_.closed(closed_with_, std::move(close_reason_), std::string{ending_.error()});
    } catch (...) { // no memory for the text
      port_.closed(closed_with_);
    }
  }

  void read() {
    while (!has_ended() && !unread_.empty()) {
      is_paused_ = !writer_.allows_input() || !port_.may_read();
      if (is_paused_)
        return;
      auto m = std::move(unread_.front());
      unread_.pop_front();
      writer_.note_input(m.bytes.size());
      port_.deliver(shared_bytes::copy_of(m.bytes), m.binary);
    }
  }

  void say_close(std::uint16_t code, std::string_view reason, errc why) {
    if (writer_.is_sealed() || has_ended())
      return;
    writer_.close(protocol::make_close_frame(code, reason));
    ending_.begin(why);
  }

  /// Runs `f`; what it throws ends this session: with a close frame if that can be made.
  template <class F>
  void contained(F&& f) noexcept {
    try {
      f();
    } catch (...) {
      fail();
    }
  }

  void fail() noexcept {
    if (writer_.is_sealed())
      return terminate(errc::internal);
    try {
      auto& row = info(errc::internal);
      say_close(row.close_code, row.name, errc::internal);
    } catch (...) {
      terminate(errc::internal);
    }
  }

  actors::event_loop& loop_;
  transport::memory_pipe pipe_;
  transport::loop_traffic traffic_;
  session_writer writer_;
  const transport::session_deadlines deadlines_;
  session_ending ending_;
  std::deque<message> unread_;
  actors::steady_time heard_;
  std::uint64_t taken_ = 0;             ///< bytes that were handed out
  std::optional<std::uint64_t> cut_at_; ///< bytes that it had been sent at the cut
  std::uint16_t closed_with_ = 1006;    ///< by the client
  std::string close_reason_;
  bool is_paused_ = false;
  actors::connection_port port_; ///< last: opening it may write
};

std::vector<received_frame> memory_session::session::take_frames() {
  std::vector<received_frame> frames;
  auto& received = pipe_.received();
  std::string_view rest = received;
  using protocol::ws_header;
  while (rest.size() >= 2 && rest.size() >= ws_header::bytes(static_cast<std::uint8_t>(rest[1]))) {
    auto whole = protocol::frame_length(rest);
    if (rest.size() < whole)
      break;
    frames.push_back({static_cast<std::uint8_t>(rest[0] & 0x0f),
                      std::string{protocol::frame_payload(rest)}, cut_at_ && taken_ >= *cut_at_});
    rest.remove_prefix(whole);
    taken_ += whole;
  }
  received.erase(0, received.size() - rest.size());
  return frames;
}

memory_session::memory_session(actors::node& node, actors::event_loop& loop,
                               actors::connection_info info, actors::outbox::bounds bounds,
                               transport::session_deadlines deadlines)
  : session_(
    std::make_shared<session>(loop, checked(bounds, node, loop), &node.output_meter(), deadlines)) {
  session_->open(node, std::move(info));
}

memory_session::~memory_session() { session_->disconnect(); }

void memory_session::say(std::string message, bool binary) {
  session_->say(std::move(message), binary);
}

void memory_session::pong(std::string payload) { session_->pong(std::move(payload)); }

void memory_session::set_window(std::optional<std::size_t> bytes) {
  session_->pipe().set_window(bytes);
}

void memory_session::disconnect() { session_->disconnect(); }

void memory_session::close(std::uint16_t code, std::string reason) {
  session_->close(code, std::move(reason));
}

std::vector<received_frame> memory_session::take_frames() { return session_->take_frames(); }

bool memory_session::ended() const noexcept { return session_->has_ended(); }

std::size_t memory_session::unread() const noexcept { return session_->unread(); }

std::int64_t memory_session::held_messages() const { return session_->held_messages(); }

std::size_t memory_session::queued_bytes() const { return session_->queued_bytes(); }

} // namespace troupe::testing
