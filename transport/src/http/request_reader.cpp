#include <utility>

#include "http/request_reader.hpp"

#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string_view>

namespace troupe::transport {

namespace http = boost::beast::http;
using boost::beast::flat_buffer;

namespace {

constexpr std::size_t least_progress_bytes = 256;
constexpr std::size_t parts_of_progress = 32; ///< of an announced length
/// What chunks may add to the body, in sizes and extensions, beside the size of a header.
constexpr std::size_t padding_per_byte = 16;

constexpr broken_rule no_request{400, "This is no HTTP request.", "request"};
constexpr broken_rule headers_too_large{431, "The headers are too large.", "headers"};
constexpr broken_rule too_many_headers{431, "There are too many headers.", "headers"};
constexpr broken_rule target_too_long{414, "The request target is too long.", "headers"};
constexpr broken_rule body_too_large{413, "The body is too large.", "body"};
constexpr broken_rule other_version{505, "This server speaks HTTP/1.1.", "request"};

/// The version at the end of a request line that has come so far, `HTTP/1.1`; empty if there is
/// none.
std::string_view version_in(std::string_view line) {
  constexpr std::string_view form = "HTTP/x.x";
  for (int words = 0; words < 2; ++words)
    line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
  auto is_digit = [&](std::size_t at) { return line[at] >= '0' && line[at] <= '9'; };
  auto is_version = line.size() >= form.size() && line.starts_with("HTTP/") && is_digit(5)
                 && line[6] == '.' && is_digit(7);
  return is_version ? line.substr(0, form.size()) : std::string_view{};
}

std::string_view text_of(const flat_buffer& buffer) {
  return {static_cast<const char*>(buffer.data().data()), buffer.size()};
}

} // namespace

void request_reader::begin() noexcept {
  parser_.reset();
  header_.reset();
  taken_ = 0;
  has_header_ = has_skipped_line_ = false;
}

request_reader::status request_reader::read(flat_buffer& buffer) {
  if (!parser_ && !begins_in(buffer))
    return status::needs_more;
  return has_header_ ? read_body(buffer) : read_header(buffer);
}

/// Skips one empty line. Returns whether something else has come.
bool request_reader::begins_in(flat_buffer& buffer) {
  if (auto text = text_of(buffer); !has_skipped_line_ && text.starts_with('\r')) {
    if (text.size() == 1)
      return false;
    has_skipped_line_ = text[1] == '\n';
    buffer.consume(has_skipped_line_ ? 2 : 0);
  }
  if (buffer.size() == 0)
    return false;
  start_parser();
  return true;
}

void request_reader::start_parser() {
  parser_.emplace();
  parser_->header_limit(std::numeric_limits<std::uint32_t>::max()); // bounded here, as a whole
  parser_->body_limit(limits_.body_bytes);
}

/// Gives to the parser what has come.
request_reader::error_code request_reader::put(flat_buffer& buffer) {
  error_code ec;
  try {
    auto n = parser_->put(buffer.data(), ec);
    buffer.consume(n);
    taken_ += n;
  } catch (const std::length_error&) { // a field of more than 64 KiB, where headers have no limit
    ec = http::error::header_limit;
  }
  return ec;
}

// -- the header -----------------------------------------------------------------------------------

request_reader::status request_reader::read_header(flat_buffer& buffer) {
  auto ec = put(buffer);
  if (ec == http::error::bad_version) {
    auto version = version_in(text_of(buffer));
    auto is_1 = version.starts_with("HTTP/1.");
    if (!is_1 || version.back() < '2')
      return refuse(version.empty() || is_1 ? no_request : other_version);
    auto minor = version.end() - text_of(buffer).begin() - 1;
    static_cast<char*>(buffer.data().data())[minor] = '1';
    start_parser();
    ec = put(buffer);
  }
  if (ec == http::error::need_more && taken_ + buffer.size() < limits_.header_bytes)
    return status::needs_more;
  if (ec == http::error::need_more)
    return refuse(start_line_bytes(buffer) > limits_.header_bytes ? target_too_long
                                                                  : headers_too_large);
  if (ec == http::error::header_limit)
    return refuse(headers_too_large);
  if (ec == http::error::body_limit) // the length announces it
    return refuse(body_too_large);
  return ec ? refuse(no_request) : judge_header();
}

/// The length of the start line with its end; at least that of what has come of it, and of its end.
std::size_t request_reader::start_line_bytes(const flat_buffer& buffer) const {
  constexpr std::size_t around_target = sizeof "  HTTP/1.1\r\n" - 1;
  auto& message = parser_->get();
  if (!message.target().empty())
    return message.method_string().size() + message.target().size() + around_target;
  auto text = text_of(buffer);
  return std::min(text.find('\n'), text.size()) + 1;
}

request_reader::status request_reader::judge_header() {
  auto& message = parser_->get();
  if (taken_ > limits_.header_bytes)
    return refuse(start_line_bytes({}) > limits_.header_bytes ? target_too_long
                                                              : headers_too_large);
  auto count = static_cast<std::size_t>(std::distance(message.begin(), message.end()));
  if (limits_.headers > 0 && count > limits_.headers)
    return refuse(too_many_headers);
  if (auto rule = rule_broken_by(message))
    return refuse(*rule);
  if (parser_->chunked())
    header_ = std::make_unique<http::fields>(message.base());
  parser_->eager(true); // takes all of the body that is there
  has_header_ = true;
  taken_ = 0;
  return status::has_header;
}

// -- the body -------------------------------------------------------------------------------------

request_reader::status request_reader::read_body(flat_buffer& buffer) {
  if (parser_->is_done())
    return status::has_request;
  if (buffer.size() == 0)
    return status::needs_more;
  auto ec = put(buffer);
  if (ec == http::error::body_limit)
    return refuse(body_too_large);
  if (ec && ec != http::error::need_more)
    return refuse(no_request);
  if (parser_->chunked() && is_padded(parser_->is_done() ? 0 : buffer.size()))
    return refuse(body_too_large);
  return parser_->is_done() ? status::has_request : status::needs_more;
}

/// Whether more has come than a body in chunks needs. `unread`: bytes of a line of it, or of the
/// trailer.
bool request_reader::is_padded(std::size_t unread) const {
  auto decoded = parser_->get().body().size();
  return unread > limits_.header_bytes
      || taken_ + unread - decoded > limits_.header_bytes + padding_per_byte * decoded;
}

std::size_t request_reader::least_progress() const {
  auto length = parser_->content_length();
  auto part = length ? static_cast<std::size_t>(*length) / parts_of_progress : least_progress_bytes;
  return std::clamp<std::size_t>(part, 1, least_progress_bytes);
}

bool request_reader::is_head(const flat_buffer& buffer) const {
  auto is_unread = parser_ && !has_header_ && taken_ == 0;
  return (is_unread && text_of(buffer).starts_with("HEAD "))
      || (parser_ && parser_->get().method() == http::verb::head);
}

// -- the end --------------------------------------------------------------------------------------

request_reader::status request_reader::refuse(const broken_rule& why) {
  refusal_ = why;
  return status::is_refused;
}

http_request_message request_reader::release() {
  auto message = parser_->release();
  if (auto header = std::move(header_))
    static_cast<http::fields&>(message.base()) = std::move(*header);
  return message;
}

} // namespace troupe::transport
