#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::actors {
struct claims;
} // namespace troupe::actors

namespace troupe::transport {

/// Names and values in the order of the message; a name may occur more than once.
using http_headers = std::vector<std::pair<std::string, std::string>>;

/// One complete HTTP request.
struct http_request {
  std::string method{}; ///< as sent, `GET` or another
  std::string target{}; ///< path and query, as sent
  std::string path{};   ///< decoded, without the query
  /// Without trailers. Of a target with a host (`GET http://host/path`), `Host` names that host.
  http_headers headers{};
  std::string body{}; ///< at most `server_options::max_body_bytes`
  /// The client's address; behind a trusted proxy, the address that the proxy names.
  std::string remote_address{};
  /// What the `:name` and `*` of the route's pattern stand for, decoded.
  http_headers params = {};
  /// Where `authorize_upgrade` is asked: what the request's token has proved; null: no token was
  /// looked at.
  std::shared_ptr<const actors::claims> claims{};

  /// The first header of that name (case does not matter); empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
  /// What stands for `:name` in the path; empty if there is none.
  [[nodiscard]] std::string_view param(std::string_view name) const noexcept;
  /// The first value of that name in the query, decoded; empty if there is none.
  [[nodiscard]] std::string query(std::string_view name) const;
};

/// What a handler answers. The server sets `Content-Length`, `Date`, `Connection` and
/// `X-Content-Type-Options: nosniff`, whatever the handler says of them. To a page (HTML) it adds
/// `Content-Security-Policy: frame-ancestors 'self'`, so that no page of another origin shows it
/// inside itself, unless the answer has `frame-ancestors` in a policy of its own, or
/// `X-Frame-Options`.
///
/// An answer that cannot be sent is logged, and answered with 500: one whose status is not 200 to
/// 599, one with a control character in a header, a header name that is no token, or
/// `Transfer-Encoding`.
struct http_response {
  unsigned status = 200;
  /// Empty: none is told. A `Content-Type` in `headers` goes before it.
  std::string content_type = "text/plain; charset=utf-8";
  std::string body{};
  http_headers headers{};
};

/// Answers one request. Runs on the connection's loop: it must not block. An exception is answered
/// with 500.
using http_handler = std::function<http_response(const http_request&)>;

/// Sends the answer to one request later. All copies stand for the same answer. Thread: any.
class http_reply {
public:
  /// Where an answer goes.
  class receiver {
  public:
    virtual ~receiver() = default;
    virtual void take(http_response response) = 0;
  };

  /// Throws `std::invalid_argument` for null.
  explicit http_reply(std::shared_ptr<receiver> to) : to_(std::move(to)) {
    if (!to_)
      throw std::invalid_argument{"http_reply: an answer to nobody"};
  }

  /// The first answer counts. One that comes after `server_options::handler_deadline` (the client
  /// has got 504), after the connection or after the server has ended has no effect. Throws
  /// `std::bad_alloc` if there is no memory to pass it on; then no answer was given.
  void send(http_response response) const { to_->take(std::move(response)); }

private:
  std::shared_ptr<receiver> to_;
};

/// As `http_handler`, but the answer may come later and from any thread. If the last copy of the
/// reply is dropped unused, the client gets 500 at once, and the log says why. An exception is
/// answered with 500, unless the handler has answered before; it is then only logged and counted.
using late_http_handler = std::function<void(const http_request&, http_reply)>;

} // namespace troupe::transport
