#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::transport {

/// One HTTP request, whole.
struct http_request {
  std::string method;
  std::string target; ///< as sent: path and query
  std::string path;   ///< decoded, without the query
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  /// The first header of that name (case does not matter); empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
};

/// What a handler answers. `Content-Length`, `Date` and connection headers are added.
struct http_response {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

/// Answers one request. Runs on the connection's loop: it must not block. What it throws is answered 500.
using http_handler = std::function<http_response(const http_request&)>;

} // namespace troupe::transport
