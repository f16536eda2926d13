#pragma once

#include "http/http_message.hpp"
#include "http/request_rules.hpp"

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <memory>
#include <optional>

namespace troupe::transport {

/// Reads the requests of one connection out of its bytes, one after the other. It knows no socket
/// and no clock. Beast parses; what it leaves to its user is done here:
///
/// - One empty line before a request is skipped (RFC 9112, 2.2).
/// - HTTP/1.2 and later minor versions are read as HTTP/1.1; another major version is 505 (RFC
///   9110, 2.5 and 15.6.6).
/// - The header is bounded as a whole: start line, fields and line ends.
/// - Chunk extensions and trailers are bounded, and dropped: a trailer adds nothing to the header
///   that was judged (RFC 9112, 7.1).
/// - Each header has to pass `rule_broken_by`.
///
/// A request that breaks a rule is refused, and ends the connection: it is not known where the next
/// one begins. Errors: none but the refusal; throws `std::bad_alloc`.
class request_reader {
public:
  struct limits {
    std::size_t header_bytes; ///< start line, fields and line ends
    std::size_t headers;      ///< fields; 0: any number
    std::size_t body_bytes;
  };

  enum class status {
    needs_more,  ///< bytes
    has_header,  ///< `request` is valid, without its body
    has_request, ///< `release` gives it
    is_refused,  ///< see `refusal`
  };

  explicit request_reader(const limits& l) : limits_(l) {}

  /// Prepares for the next request.
  void begin() noexcept;
  /// Takes what it can off the front of `buffer`. What it leaves there is at most a line, or the
  /// next request.
  [[nodiscard]] status read(boost::beast::flat_buffer& buffer);

  /// Whether a byte of the request has come.
  [[nodiscard]] bool has_begun() const noexcept { return parser_.has_value(); }
  /// Precondition: a header has come.
  [[nodiscard]] const http_request_message& request() const { return parser_->get(); }
  /// Whether all of the request has come.
  [[nodiscard]] bool is_done() const { return parser_->is_done(); }
  /// Bytes of the body that are some progress: 256, or a thirty-second of an announced length if
  /// that is less. Precondition: a header has come.
  [[nodiscard]] std::size_t least_progress() const;
  [[nodiscard]] const broken_rule& refusal() const noexcept { return refusal_; }
  /// Whether the request is a HEAD, as far as it has come; `buffer` is as `read` has left it. Then
  /// a refusal has no body, either (RFC 9110, 9.3.2).
  [[nodiscard]] bool is_head(const boost::beast::flat_buffer& buffer) const;
  /// The request, without its trailer.
  [[nodiscard]] http_request_message release();

private:
  using parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using error_code = boost::system::error_code;

  [[nodiscard]] bool begins_in(boost::beast::flat_buffer& buffer);
  void start_parser();
  [[nodiscard]] error_code put(boost::beast::flat_buffer& buffer);
  [[nodiscard]] status read_header(boost::beast::flat_buffer& buffer);
  [[nodiscard]] std::size_t start_line_bytes(const boost::beast::flat_buffer& buffer) const;
  [[nodiscard]] status judge_header();
  [[nodiscard]] status read_body(boost::beast::flat_buffer& buffer);
  [[nodiscard]] bool is_padded(std::size_t unread) const;
  [[nodiscard]] status refuse(const broken_rule& why);

  limits limits_;
  std::optional<parser> parser_;
  /// Of a request in chunks, whose trailer Beast adds to the header.
  std::unique_ptr<boost::beast::http::fields> header_;
  std::size_t taken_ = 0; ///< bytes of the header, then of the body
  bool has_header_ = false;
  bool has_skipped_line_ = false;
  broken_rule refusal_{};
};

} // namespace troupe::transport
