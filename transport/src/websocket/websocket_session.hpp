#pragma once

#include "net/admission.hpp"
#include "net/polled_socket.hpp"
#include "net/traffic.hpp"
#include "tls/channel.hpp"
#include "websocket/inbound_parts.hpp"
#include "websocket/session_ending.hpp"
#include "websocket/session_reader.hpp"
#include "websocket/session_writer.hpp"
#include "websocket/upgrade.hpp"

#include <troupe/actors/node.hpp>
#include <troupe/actors/outbox.hpp>
#include <troupe/actors/sink.hpp>
#include <troupe/protocol/ws_inflater.hpp>
#include <troupe/protocol/ws_reader.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace troupe::transport {

/// What all sessions of a server share. Fixed while the server runs.
struct session_settings {
  reader_settings reader;
  actors::outbox::bounds bounds;
  session_deadlines deadlines;
  bool deflate = false; ///< negotiate permessage-deflate with clients that offer it
  actors::node* node = nullptr;
  std::span<protocol::ws_inflater> inflaters; ///< one for each loop
  node_traffic* traffic = nullptr;            ///< of all loops
  protocol::logger* log = nullptr;
  protocol::event_counters* counters = nullptr;
};

/// One WebSocket: the socket side of a connection, and a sink for the dispatcher.
///
/// It is composed of a reader, whose messages go to the connection actor as far as that may read; a
/// writer, through which all output goes; and an ending.
///
/// It ends after a close frame of either side; when the peer has ended and all that it sent was
/// heard; at a deadline; by `terminate`; or by an exception, which ends only the session that it is
/// thrown in. A peer that breaks a rule, reads too slowly or holds memory that others need gets a
/// close frame; from then on the peer's close frame and its end alone are heeded. A failed write
/// only mutes the session: it reads on to the end, up to the deadline of a close. The actor is told
/// when a close begins, and when the socket has ended. `end` takes effect once. Thread: the loop's.
class websocket_session final : public actors::sink,
                                public actors::deferred_work,
                                private session_reader::owner,
                                private session_writer::owner,
                                private session_ending::owner,
                                public std::enable_shared_from_this<websocket_session> {
  using phase = session_ending::phase;

public:
  /// `make_channel` returns a `channel`, which counts in the loop's traffic of WebSockets.
  template <class MakeChannel>
  websocket_session(MakeChannel&& make_channel, actors::event_loop& loop,
                    const session_settings& settings, admission::lease lease,
                    counted_socket counted)
    : writer_(std::forward<MakeChannel>(make_channel), settings.bounds,
              &settings.node->output_meter(), *(*settings.traffic)[loop.index()], *this),
      loop_(loop),
      settings_(settings),
      ending_(writer_, settings.deadlines, *this),
      reader_(writer_.next_layer(), settings.reader, *this),
      lease_(std::move(lease)),
      counted_(std::move(counted)) {}
  ~websocket_session() override;

  /// Answers the upgrade and starts. `leftover`: bytes that came after the request.
  void start(const http_request_message& request, const std::string& subprotocol,
             actors::connection_info info, std::string_view leftover);
  /// Starts behind an upgrade that was answered elsewhere. Throws what `actors::node::open` throws;
  /// then the session has not begun.
  void start(actors::connection_info info);

  /// Whether it heeds what the client says: until a close frame of either side.
  [[nodiscard]] bool is_open() const noexcept { return ending_.is(phase::open); }
  [[nodiscard]] bool has_ended() const noexcept { return ending_.is(phase::ended); }
  /// How many messages were heard, modulo its range.
  [[nodiscard]] std::uint32_t heard_messages() const noexcept { return reader_.heard_messages(); }
  /// Messages whose credit has not come back.
  [[nodiscard]] std::int64_t held_messages() const { return port_.held_messages(); }

  // -- sink ---------------------------------------------------------------------------------------
  void write(const protocol::shared_bytes& batch, std::span<const actors::byte_range> parts,
             std::uint32_t frames) override;
  void write_all(std::span<const actors::output_piece> pieces) override;
  void append(const protocol::shared_bytes& bytes, actors::byte_range part, std::uint32_t frames,
              actors::output_kind kind) override;
  actors::value_fate put_value(const protocol::shared_bytes& bytes, actors::byte_range part,
                               actors::if_behind name) override;
  std::size_t drop_values() noexcept override { return writer_.drop_values(); }
  void flush() override;
  void ping(std::string_view payload) override;
  void close(protocol::errc why, std::string_view reason) override;
  void close_with(std::uint16_t code, std::string_view reason) override;
  void cut(protocol::errc why) override;
  void terminate(protocol::errc why) override;
  void resume_reading() override;
  [[nodiscard]] actors::steady_time last_inbound() const override { return reader_.last_inbound(); }
  [[nodiscard]] const actors::sink_state* state() const noexcept override {
    return writer_.state();
  }
  [[nodiscard]] std::size_t queued_bytes() const override { return writer_.queued_bytes(); }
  [[nodiscard]] bool is_behind() const override { return writer_.is_waiting(); }
  [[nodiscard]] std::optional<actors::steady_time> oldest_queued() const override {
    return writer_.oldest_queued();
  }

  // -- deferred_work ------------------------------------------------------------------------------
  void run_deferred() override { read(); }

  // -- polled_socket::owner -----------------------------------------------------------------------
  [[nodiscard]] std::shared_ptr<void> hold() override { return shared_from_this(); }
  void on_input() override { read(); }
  void on_room() override;

private:
  // -- session_reader::owner ----------------------------------------------------------------------
  bool may_hear() override;
  void on_event(protocol::ws_event event) override;
  void on_gone() override;
  void read_later() override { loop_.defer(shared_from_this()); }
  void on_part(actors::steady_time since) override { ending_.await_rest_of_message(since); }
  actors::credit expect_message() override { return port_.expect_message(); }
  void on_parts_needed() override;

  // -- session_writer::owner ----------------------------------------------------------------------
  void on_blocked() override { ending_.await_write(); }
  void on_last_sent() override;
  void on_broken() override;
  void on_over_bound() override;

  // -- session_ending::owner ----------------------------------------------------------------------
  [[nodiscard]] std::optional<actors::steady_time> part_since() const override {
    return reader_.part_since();
  }
  void on_time() noexcept override;
  void on_late(protocol::errc why) override;
  void end() noexcept override;

  void answer(const http_request_message& request, const std::string& subprotocol);
  void open(actors::connection_info info, std::string_view early);
  void read();
  void on_error(const protocol::ws_event& error);
  void on_close(protocol::ws_event event);
  void answer_close();
  void flush_soon();
  void say_close(std::uint16_t code, std::string_view reason, protocol::errc why);
  void begin_closing(protocol::errc why);
  void refuse(protocol::errc why);

  template <class F>
  void contained(F&& f) noexcept;
  template <class F>
  void later(F f);
  void fail() noexcept;

  session_writer writer_; // first: what each delivery touches lies together
  actors::event_loop& loop_;
  const session_settings& settings_;
  /// Set until `end`: nobody else holds a session that reads nothing.
  std::shared_ptr<websocket_session> self_;
  bool deflated_ = false;           ///< the client takes the deflated frames that all share
  bool refused_ = false;            ///< we have ended it for what has come
  bool peer_closed_ = false;        ///< by a close frame
  std::uint16_t close_code_ = 1006; ///< the peer's; 1006: it has said none (RFC 6455, 7.4.1)
  session_ending ending_;
  session_reader reader_;
  actors::connection_port port_;
  admission::lease lease_;
  counted_socket counted_;
  protocol::shared_bytes close_reason_; ///< the peer's
};

} // namespace troupe::transport
