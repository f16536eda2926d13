#pragma once

#include "net/admission.hpp"
#include "net/guarded_handler.hpp"
#include "net/polled_socket.hpp"
#include "net/socket_writer.hpp"
#include "net/traffic.hpp"
#include "tls/tls_channel.hpp"
#include "tls/tls_writer.hpp"
#include "websocket/inbound_parts.hpp"
#include "websocket/upgrade.hpp"
#include <troupe/protocol/ws_inflater.hpp>
#include <troupe/protocol/ws_reader.hpp>

#include <troupe/actors/node.hpp>
#include <troupe/actors/sink.hpp>
#include <troupe/transport/outbox.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace troupe::transport {

/// What all sessions of a server share. Fixed while the server runs.
struct session_settings {
  protocol::ws_limits reading;
  outbox::bounds bounds;
  std::chrono::milliseconds assembly_deadline{10'000};
  std::chrono::milliseconds write_deadline{10'000};
  std::chrono::milliseconds close_deadline{5'000};
  bool deflate = false; ///< negotiate permessage-deflate with clients that offer it
  actors::node* node = nullptr;
  std::span<protocol::ws_inflater> inflaters; ///< one for each loop
  inbound_account* parts = nullptr;
  node_traffic* traffic = nullptr; ///< of all loops
  protocol::logger* log = nullptr;
  protocol::event_counters* counters = nullptr;
};

/// One WebSocket: a socket on the inside, a sink for the dispatcher on the outside.
///
/// What the socket has goes through the reader, whose messages go to the connection actor, as far
/// as that may read. Output goes through the outbox only and at once, by one system call, or by one
/// for each TLS record (`tls_writer`). Four things end it: the peer's close, an error, a close of
/// ours, a deadline; `end` runs once. Thread: the loop's.
template <class Socket>
class basic_websocket_session final
  : public actors::sink,
    public inbound_parts::holder,
    public actors::pending_work,
    public polled_socket::host,
    public std::enable_shared_from_this<basic_websocket_session<Socket>> {
public:
  basic_websocket_session(Socket&& socket, actors::event_loop& loop,
                          const session_settings& settings, admission::lease lease,
                          socket_share share);
  ~basic_websocket_session() override;

  /// Answers the upgrade and starts. `leftover`: bytes that came behind the request.
  void start(const http_request_message& request, const std::string& subprotocol,
             actors::connection_info info, std::string_view leftover);

  // -- sink ---------------------------------------------------------------------------------------
  void write(const protocol::shared_bytes& batch, std::span<const actors::byte_range> parts,
             std::uint32_t frames) override;
  void write_all(std::span<const actors::output_piece> pieces) override;
  void append(const protocol::shared_bytes& bytes, actors::byte_range part, std::uint32_t frames,
              actors::output_kind kind) override;
  void flush() override;
  void ping(std::string_view payload) override;
  void close(protocol::errc why, std::string_view reason) override;
  void close_with(std::uint16_t code, std::string_view reason) override;
  void cut(protocol::errc why) override;
  void terminate(protocol::errc why) override;
  void resume_reading() override;
  [[nodiscard]] actors::steady_time last_inbound() const override;
  [[nodiscard]] std::size_t queued_bytes() const override {
    return outbox_.queued_bytes() + unsent_bytes();
  }
  [[nodiscard]] std::optional<actors::steady_time> oldest_queued() const override {
    return outbox_.oldest_data();
  }

  // -- pending_work -------------------------------------------------------------------------------
  void run_pending() override;

  // -- polled_socket::host ------------------------------------------------------------------------
  [[nodiscard]] std::shared_ptr<void> hold() override { return this->shared_from_this(); }
  void on_input() override { run_pending(); }

  // -- inbound_parts::holder ----------------------------------------------------------------------
  void give_up_input() override;

private:
  using writer = std::conditional_t<is_tls<Socket>, tls_writer, socket_writer>;

  enum class phase : std::uint8_t {
    opening,
    open,
    closing,   ///< a close frame of either side is on its way
    lingering, ///< output is shut; input is thrown away until the peer ends or the deadline
    ended,
  };

  struct deadline final : actors::timer_wheel::entry {
    explicit deadline(basic_websocket_session& s) : owner(s) {}
    void on_deadline() override {
      owner.contained([this] { owner.check_deadlines(); });
    }
    basic_websocket_session& owner;
  };

  void answer(const http_request_message& request, const std::string& subprotocol);
  void open(actors::connection_info info, std::string_view early);
  void read_next();
  void read_socket();
  void receive(std::size_t n) requires is_tls<Socket>;
  [[nodiscard]] bool reads_on();
  bool take_in(std::string_view bytes);
  void take_rest();
  void drop_rest() noexcept;
  void take_events(std::string_view& bytes);
  void take(protocol::ws_event event);
  void answer_ping(std::string_view payload);
  void answer_close();
  void hold_parts();
  void drop_input() noexcept;
  void throw_away_input();

  void flush_soon();
  void send_queued();
  void handle(outbox::status s);
  void wait_writable();
  void note_queued() noexcept;
  [[nodiscard]] loop_traffic& traffic() noexcept { return *(*settings_.traffic)[loop_.index()]; }
  void on_drained();
  void check_bound();

  void say_close(std::uint16_t code, std::string_view reason, protocol::errc why);
  void begin_closing(protocol::errc why);
  void refuse(protocol::errc why);
  void end_unheard();
  void linger();
  void end_soon() noexcept;
  void end() noexcept;
  void count_end() noexcept;
  void check_deadlines();
  void arm_deadline(actors::steady_time at);
  /// What the writer has taken and the socket has not.
  [[nodiscard]] std::size_t unsent_bytes() const noexcept {
    if constexpr (is_tls<Socket>)
      return writer_.unsent_bytes();
    else
      return 0;
  }
  [[nodiscard]] bool has_output() const noexcept { return unsent_bytes() > 0 || !outbox_.empty(); }
  [[nodiscard]] auto& socket() noexcept { return lowest_layer(socket_); }
  [[nodiscard]] actors::steady_time now() const { return loop_.now(); }

  template <class F>
  void behind_messages(F work);
  template <class F>
  auto guarded(F f);
  template <class F>
  void contained(F&& f) noexcept;
  void fail() noexcept;
  template <class Session, class F>
  friend class guarded_handler;
  void lose_handler() noexcept;

  // What each delivery touches comes first and lies together.
  outbox outbox_;
  writer writer_;
  protocol::errc why_ = protocol::errc::ok; ///< why the server ended it
  phase phase_ = phase::opening;
  bool broken_ = false;
  bool ending_ = false; ///< it has nothing to wait for
  bool waiting_writable_ = false;
  bool refused_ = false; ///< we have ended it for what has come: nothing behind that is read
  bool paused_ = false;
  bool deflated_ = false; ///< the client takes deflated frames that serve all
  bool peer_closed_ = false;
  bool throwing_away_ = false;
  bool lost_ = false; ///< a handler; see `lose_handler`
  bool ended_by_application_ = false;
  protocol::encoding encoding_ = protocol::encoding::plain_json;
  std::array<std::uint32_t, 2> queued_{}; ///< what the loop's traffic counts of the outbox, by kind

  actors::event_loop& loop_;
  const session_settings& settings_;
  /// Until `end`: a session that reads nothing is held by nobody else.
  std::shared_ptr<basic_websocket_session> self_;
  Socket socket_;
  protocol::ws_reader reader_;
  std::string rest_;        ///< what was read and may not be heard yet,
  std::size_t rest_at_ = 0; ///< from here on
  /// Of a message that is not whole yet, or not inflated.
  std::unique_ptr<inbound_parts::share> parts_;
  actors::credit inflating_; ///< of a message that is
  /// The start of what comes next: most messages whole.
  std::array<char, is_tls<Socket> ? 256 : 0> first_;
  actors::connection_port port_;
  admission::lease lease_;
  socket_share share_;
  deadline deadline_{*this};
  actors::steady_time deadline_at_{};
  actors::steady_time heard_;
  actors::steady_time paused_at_{};
  actors::steady_time closing_at_{};
  std::uint32_t delivered_ = 0;         ///< messages, modulo its range
  protocol::shared_bytes close_reason_; ///< the peer's
  std::uint16_t close_code_ = 1006;     ///< the peer's; 1006: it has said none (RFC 6455, 7.4.1)
};

using websocket_session = basic_websocket_session<polled_socket>;
using tls_websocket_session = basic_websocket_session<tls_channel>;

extern template class basic_websocket_session<polled_socket>;
extern template class basic_websocket_session<tls_channel>;

} // namespace troupe::transport
