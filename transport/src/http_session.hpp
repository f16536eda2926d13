#pragma once

#include "admission.hpp"
#include "metrics.hpp"
#include "static_files.hpp"
#include "upgrade.hpp"
#include "websocket_session.hpp"

#include <troupe/actors/event_loop.hpp>
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

class http_session;

/// What all HTTP sessions of a server share. Fixed while the server runs, but for its atomics.
struct http_settings {
  std::size_t max_header_bytes = 8 * 1024;
  std::size_t max_headers = 100;
  std::size_t max_body_bytes = 64 * 1024;
  std::chrono::milliseconds request_deadline{10'000};
  std::vector<std::string> origins;
  std::string websocket_path = "/";
  std::map<std::pair<std::string, std::string>, http_handler> routes; ///< by method and path
  std::optional<static_files> files;
  session_settings sessions;
  std::shared_ptr<admission> admissions;
  metrics* counts = nullptr;
  std::atomic<bool> ready{false};
};

/// The HTTP sessions of one loop, so that a stop can end them. Thread: the loop's.
using http_session_set = std::unordered_set<http_session*>;

/// One socket until it becomes a WebSocket: requests one after the other, each whole before its deadline.
/// Thread: the loop's.
class http_session final : public std::enable_shared_from_this<http_session> {
public:
  http_session(tcp::socket&& socket, actors::event_loop& loop, http_settings& settings, http_session_set& set,
               socket_share share);
  ~http_session();

  void start();

  /// Closes the socket; what is under way ends with an error.
  void end();

private:
  struct deadline final : actors::timer_wheel::entry {
    explicit deadline(http_session& s) : owner(s) {}
    void on_deadline() override { owner.end(); }
    http_session& owner;
  };

  using parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void read_request();
  void on_header(boost::system::error_code ec);
  void on_body(boost::system::error_code ec);
  void upgrade();
  void answer(const http_request_message& request);
  [[nodiscard]] http_response respond(const http_request& request);
  [[nodiscard]] http_response built_in(const http_request& request, bool& found);
  [[nodiscard]] std::string allowed_methods(std::string_view path) const;
  void refuse(unsigned status, std::string_view reason, std::string_view label,
              std::vector<std::pair<std::string, std::string>> headers = {});
  void send(http_response response, bool head, bool keep_alive);
  void finish();

  tcp::socket socket_;
  actors::event_loop& loop_;
  http_settings& settings_;
  http_session_set& set_;
  socket_share share_;
  boost::beast::flat_buffer buffer_;
  std::unique_ptr<parser> parser_;
  deadline deadline_{*this};
};

} // namespace troupe::transport
