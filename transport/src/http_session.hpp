#pragma once

#include "admission.hpp"
#include "client_address.hpp"
#include "http_router.hpp"
#include "socket_kinds.hpp"
#include "upgrade.hpp"
#include "websocket_session.hpp"

#include <troupe/actors/event_loop.hpp>
#include <troupe/transport/authorize.hpp>
#include <troupe/transport/http.hpp>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace troupe::transport {

/// Anything on a loop that is no WebSocket yet.
class pending_socket {
public:
  virtual ~pending_socket() = default;
  /// Closes the socket; what is under way ends with an error.
  virtual void end() = 0;
};

/// Those of one loop, so that a stop can end them. Thread: the loop's.
using pending_socket_set = std::unordered_set<pending_socket*>;

/// A path at which WebSockets are accepted.
struct websocket_place {
  std::shared_ptr<actors::endpoint_state> endpoint; ///< null: the rooms
};

/// What all HTTP sessions of one port share. Fixed while the server runs, but for its atomics.
struct http_settings {
  std::size_t max_header_bytes = 8 * 1024;
  std::size_t max_headers = 100;
  std::size_t max_body_bytes = 64 * 1024;
  std::chrono::milliseconds request_deadline{10'000};
  std::chrono::milliseconds handler_deadline{5'000}; ///< for an answer that is given later
  std::chrono::milliseconds tls_deadline{5'000};
  std::vector<std::string> origins;
  std::vector<address_range> trusted_proxies;
  bool proxy_protocol = false;               ///< trusted proxies start with a PROXY header
  http_router router;
  std::map<std::string, websocket_place> places; ///< where WebSockets are accepted, by path
  upgrade_authorizer authorize;              ///< may be empty
  session_settings sessions;
  std::shared_ptr<admission> admissions;
  std::atomic<bool> ready{false};
};

/// One socket until it becomes a WebSocket: requests one after the other, each whole before its deadline.
/// Thread: the loop's.
template <class Socket>
class basic_http_session final : public pending_socket,
                                 public actors::pending_work,
                                 public std::enable_shared_from_this<basic_http_session<Socket>> {
public:
  basic_http_session(Socket&& socket, const boost::asio::ip::address& peer, actors::event_loop& loop, http_settings& settings,
                     pending_socket_set& set, socket_share share);
  ~basic_http_session() override;

  void start();
  void end() override;
  void run_pending() override;

private:
  struct deadline final : actors::timer_wheel::entry {
    explicit deadline(basic_http_session& s) : owner(s) {}
    void on_deadline() override { owner.on_deadline(); }
    basic_http_session& owner;
  };
  struct late_answer;

  using parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void on_deadline();
  void read_proxy();
  void on_proxy_bytes(boost::system::error_code ec, std::size_t n);
  void shake_hands();
  void read_request();
  void on_header(boost::system::error_code ec);
  void on_body(boost::system::error_code ec);
  void upgrade();
  void become_websocket(const http_request_message& request, upgrade_verdict verdict, admission::lease lease,
                        actors::connection_info info, const websocket_place& place, http_request seen);
  void answer(const http_request_message& message);
  void answer_later(const late_http_handler& handler);
  void take_late(http_response response);
  [[nodiscard]] http_request read_from(const http_request_message& message, std::string path) const;
  [[nodiscard]] boost::asio::ip::address client_of(const http_request_message& message) const;
  [[nodiscard]] upgrade_decision authorize(const http_request& request, const boost::asio::ip::address& client);
  void report(const char* where);
  void refuse(unsigned status, std::string_view reason, std::string_view label, http_headers headers = {});
  void respond(http_response response);
  void send(http_response response, bool head, bool keep_alive);
  void finish();
  [[nodiscard]] plain_socket& lowest() { return lowest_layer(socket_); }

  Socket socket_;
  actors::event_loop& loop_;
  http_settings& settings_;
  pending_socket_set& set_;
  socket_share share_;
  boost::asio::ip::address peer_;
  boost::beast::flat_buffer buffer_;
  std::unique_ptr<parser> parser_;
  std::unique_ptr<http_request> request_; ///< the one being answered
  std::shared_ptr<late_answer> late_;     ///< whose answer is awaited
  std::shared_ptr<basic_http_session> pending_; ///< itself meanwhile: nothing else holds it
  bool keep_alive_ = false;
  bool has_asked_ = false;
  deadline deadline_{*this};
};

extern template class basic_http_session<plain_socket>;
extern template class basic_http_session<tls_socket>;

} // namespace troupe::transport
