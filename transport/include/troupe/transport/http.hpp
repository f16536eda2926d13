#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::transport {

/// Names and values, in the order in which they stand in a message; a name may be there more than
/// once.
using http_headers = std::vector<std::pair<std::string, std::string>>;

/// One HTTP request, whole.
struct http_request {
  std::string method{}; ///< as sent, `GET` or another
  std::string target{}; ///< as sent: path and query
  std::string path{};   ///< decoded, without the query
  http_headers headers{};
  std::string body{}; ///< at most `server_options::max_body_bytes`
  /// Of the client; behind a trusted proxy the one that the proxy names.
  std::string remote_address{};
  /// What the `:name` and `*` of the route's pattern stand for, decoded.
  http_headers params = {};

  /// The first header of that name (case does not matter); empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
  /// What stands for `:name` in the path; empty if there is none.
  [[nodiscard]] std::string_view param(std::string_view name) const noexcept;
  /// The first value of that name in the query, decoded; empty if there is none.
  [[nodiscard]] std::string query(std::string_view name) const;
};

/// What a handler answers. `Content-Length`, `Date` and connection headers are added.
struct http_response {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body{};
  http_headers headers{};
};

/// Answers one request. Runs on the connection's loop: it must not block. What it throws is
/// answered 500.
using http_handler = std::function<http_response(const http_request&)>;

/// The place for the answer to one request that is given later. Copies are the same place. Thread:
/// any.
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

  /// The first answer counts; one that comes after 5 s (answered 504 by then), to a connection that
  /// has gone, or after the server's end is void. Throws `std::bad_alloc` where there is no memory
  /// to pass it on; then it was not given yet.
  void send(http_response response) const { to_->take(std::move(response)); }

private:
  std::shared_ptr<receiver> to_;
};

/// As `http_handler`, but the answer may come later and from any thread. A reply that is dropped
/// unused ends in 504. What it throws is answered 500, unless it has answered before: then it is
/// logged and counted only.
using late_http_handler = std::function<void(const http_request&, http_reply)>;

} // namespace troupe::transport
