#include <utility>

#include "http/request_rules.hpp"

#include "http/beast_text.hpp"
#include "text/http_text.hpp"

#include <algorithm>
#include <cctype>

namespace troupe::transport {

namespace http = boost::beast::http;

namespace {

bool are_all_of(std::string_view text, std::string_view marks) {
  return std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return c < 0x80
        && (std::isalnum(c) || marks.find(static_cast<char>(c)) != std::string_view::npos);
  });
}

/// Whether `text` is nothing, or a port behind its colon.
bool is_port(std::string_view text) {
  return text.empty()
      || (text.front() == ':' && text.find_first_not_of("0123456789", 1) == std::string_view::npos);
}

/// Whether `text` is a host, or nothing, with a port or without (RFC 3986, 3.2.2 and 3.2.3).
bool is_authority(std::string_view text) {
  if (text.starts_with('[')) {
    auto end = text.find(']');
    return end != std::string_view::npos && end > 1
        && are_all_of(text.substr(1, end - 1), "-._~!$&'()*+,;=:") && is_port(text.substr(end + 1));
  }
  auto host = text.substr(0, text.find(':'));
  return are_all_of(host, "-._~%!$&'()*+,;=") && is_port(text.substr(host.size()));
}

/// Whether the target has a form that it may have: a path, an address with a host, or `*`, which
/// stands for the whole server.
bool has_target(const http_request_message& request) {
  auto target = view(request.target());
  if (target.find('#') != std::string_view::npos)
    return false;
  if (auto authority = authority_of(target))
    return !authority->empty() && !authority->starts_with(':') && is_authority(*authority);
  return target.starts_with('/') || (target == "*" && request.method() == http::verb::options);
}

std::optional<broken_rule> broken_by_target(const http_request_message& request) {
  if (request.method() == http::verb::connect)
    return broken_rule{501, "This server is no proxy.", "request"};
  if (!has_target(request))
    return broken_rule{400, "The request target is malformed.", "request"};
  return {};
}

std::optional<broken_rule> broken_by_host(const http_request_message& request) {
  auto [first, last] = request.equal_range(http::field::host);
  auto hosts = std::distance(first, last);
  if (hosts > 1 || (hosts == 0 && request.version() >= 11))
    return broken_rule{400, "A request has one Host header.", "host"};
  if (hosts == 1 && !is_authority(trimmed(view(first->value()))))
    return broken_rule{400, "The Host header names no host.", "host"};
  return {};
}

std::optional<broken_rule> broken_by_coding(const http_request_message& request) {
  if (request.find(http::field::transfer_encoding) == request.end())
    return {};
  auto list = list_header(request, "Transfer-Encoding");
  auto codings = list_elements(list);
  if (request.version() < 11 || codings.empty() || !equal_ignoring_case(codings.back(), "chunked"))
    return broken_rule{400, "It cannot be told where this request ends.", "request"};
  if (codings.size() > 1)
    return broken_rule{501, "Of transfer codings this server knows chunked.", "request"};
  return {};
}

} // namespace

std::optional<broken_rule> rule_broken_by(const http_request_message& request) {
  if (auto rule = broken_by_host(request))
    return rule;
  if (auto rule = broken_by_coding(request))
    return rule;
  if (auto rule = broken_by_target(request))
    return rule;
  auto expected = list_header(request, "Expect");
  for (auto one : list_elements(expected))
    if (!equal_ignoring_case(one, "100-continue"))
      return broken_rule{417, "Of expectations this server knows 100-continue.", "request"};
  return {};
}

bool awaits_continue(const http_request_message& request) {
  return request.version() >= 11 && !list_elements(list_header(request, "Expect")).empty();
}

bool is_for_https(const http_request_message& request) noexcept {
  constexpr std::string_view scheme = "https:";
  return equal_ignoring_case(view(request.target()).substr(0, scheme.size()), scheme);
}

bool persists(const http_request_message& request) {
  auto list = list_header(request, "Connection");
  auto options = list_elements(list);
  auto has = [&](std::string_view option) {
    return std::any_of(options.begin(), options.end(),
                       [&](auto o) { return equal_ignoring_case(o, option); });
  };
  return !has("close") && (request.version() >= 11 || has("keep-alive"));
}

} // namespace troupe::transport
