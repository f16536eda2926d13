#pragma once

#include "http/answer_writer.hpp"
#include "http/request_reader.hpp"
#include "net/guarded_handler.hpp"
#include "net/pending_sockets.hpp"
#include "net/polled_socket.hpp"
#include "server/http_settings.hpp"
#include "server/upgrade_admission.hpp"
#include "tls/channel.hpp"
#include "tls/http_stream.hpp"

#include <troupe/actors/event_loop.hpp>

#include <boost/beast/core/flat_buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>

namespace troupe::transport {

/// Serves HTTP on one socket until it becomes a WebSocket, one request after the other.
///
/// One timer bounds one stage after the other: the PROXY header, the TLS handshake, the first
/// header with the wait for it, the wait for another request, its header, some progress of a body,
/// an answer or a decision that is given later, and what is thrown away behind the last answer. The
/// sending of an answer has a deadline of its own, which counts the time without progress. A late
/// answer, or a late decision about an upgrade, becomes a 504; every other missed deadline ends the
/// session. A handler that answers at once has no deadline.
///
/// An exception ends only the session that it is thrown in. Thread: the loop's, but for its
/// constructor and `enter`.
class http_session final : public pending_socket,
                           public polled_socket::owner,
                           public answer_writer::owner,
                           public std::enable_shared_from_this<http_session> {
public:
  /// `accepted`: a non-blocking socket. `start` makes a stream of it.
  http_session(owned_descriptor accepted, const boost::asio::ip::address& peer,
               actors::event_loop& loop, http_settings& settings, counted_socket counted);
  ~http_session() override;

  /// Takes its place among the pending sockets, before `start`.
  void enter();
  void start();
  void end() override;
  void end_if_idle() override;
  [[nodiscard]] std::shared_ptr<void> hold() override { return shared_from_this(); }
  void on_input() override;
  void on_loop_end() noexcept override;
  void on_answer_progress() override { pending_sockets_->note_answering(*this); }
  void on_answer_sent() override;
  void on_answer_broken() noexcept override;

private:
  struct deadline final : actors::timer_wheel::entry {
    explicit deadline(http_session& s) : owner(s) {}
    void on_deadline() override { owner.on_deadline(); }
    http_session& owner;
  };
  struct late_answer;
  struct answer_line;
  struct late_decision;
  struct decision_line;

  /// Of what comes behind the last answer.
  static constexpr std::size_t most_thrown_away = std::size_t{1024} * 1024;

  enum class stage : std::uint8_t {
    opening, ///< no byte of a request has come yet
    idle,    ///< another request may come
    header,
    body,
    answering, ///< or throwing input away behind the answer
  };

  template <class F>
  void contained(F&& f) noexcept;
  template <class F>
  auto guarded(F f);
  template <class Session, class F>
  friend class guarded_handler;
  void lose_handler() noexcept;

  void open();
  void on_deadline();
  void end_late_answer();
  void read_proxy();
  void on_proxy_bytes(boost::system::error_code ec, std::size_t n);
  void shake_hands();
  void read_request();
  void end_and_say_so();
  void await_bytes();
  void on_bytes(boost::system::error_code ec, std::size_t n);
  void read_on();
  void note_begin();
  void on_header();
  void count_for_client();
  void say_continue();
  void await_body();
  [[nodiscard]] bool has_progressed() const;
  void upgrade();
  void decide_later(http_request_message request, wanted_upgrade wanted, actors::claims_ptr proved);
  void take_decision(upgrade_decision decision, const std::exception_ptr& failure);
  void end_late_decision();
  void become_websocket(const http_request_message& request, admitted_upgrade admitted);
  void answer(const http_request_message& message);
  void await_answer();
  void answer_later(const late_http_handler& handler);
  void answer_from_file(http_router::file_handler handler);
  [[nodiscard]] bool begin_file(http_router::file_handler handler);
  void take_late(http_answer answer, const std::exception_ptr& failure);
  void report_failure() noexcept;
  void refuse(const refused_request& why);
  void respond(http_answer answer);
  void send(http_answer answer, bool head, bool keep_alive);
  void set_under_way(bool is_under_way) noexcept;
  [[nodiscard]] loop_traffic& traffic() noexcept {
    return *(*settings_.sessions.traffic)[loop_.index()];
  }
  [[nodiscard]] bool is_open() noexcept { return stream_ && stream_->socket().is_open(); }
  void linger();
  void await_silence();
  void throw_input_away();

  owned_descriptor accepted_; ///< until `start`
  /// From `start` on: an Asio object of a loop's context belongs to that loop's thread.
  std::optional<http_stream> stream_;
  std::unique_ptr<channel> lingering_; ///< what the stream has become behind the last answer
  actors::steady_time linger_until_{};
  bool has_input_ = false;      ///< something came lately behind the last answer, or will come
  std::size_t thrown_away_ = 0; ///< bytes that came behind it
  http_settings& settings_;
  std::shared_ptr<pending_sockets> pending_sockets_;
  counted_socket counted_;
  boost::asio::ip::address peer_; ///< of the socket, or whom a PROXY header names
  const bool is_from_proxy_;      ///< the socket's own peer is a trusted proxy
  bool is_proxy_;                 ///< `peer_` is one: each request names its client
  boost::beast::flat_buffer buffer_;
  request_reader reader_;
  stage stage_ = stage::opening;
  std::size_t progress_ = 0;              ///< bytes of a body since its deadline was set
  std::shared_ptr<http_request> request_; ///< the one being answered
  std::shared_ptr<late_answer> late_;     ///< whose answer is awaited
  /// The upgrade about which somebody decides later; null: there is none.
  std::shared_ptr<late_decision> deciding_;
  std::shared_ptr<http_session> self_; ///< set while it waits: nothing else holds it
  answer_writer writer_{*this, loop_, settings_.files.get()};
  file_windows::share window_; ///< of the file that it is answered with
  bool keep_alive_ = false;
  bool is_under_way_ = false; ///< counted in the settings
  deadline deadline_{*this};
};

} // namespace troupe::transport
