#include <utility>

#include "http/request_rules.hpp"

#include "text/http_text.hpp"

#include <algorithm>
#include <cctype>

namespace troupe::transport {

namespace http = boost::beast::http;

namespace {

std::string_view view(boost::beast::string_view s) { return {s.data(), s.size()}; }

/// Whether each character may occur in a host with its port (RFC 3986, 3.2.2).
bool may_be_host(std::string_view text) {
  constexpr std::string_view marks = "-._~%!$&'()*+,;=:[]";
  return std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) || marks.find(static_cast<char>(c)) != marks.npos);
  });
}

std::optional<broken_rule> broken_by_host(const http_request_message& request) {
  auto [first, last] = request.equal_range(http::field::host);
  auto hosts = std::distance(first, last);
  if (hosts > 1 || (hosts == 0 && request.version() >= 11))
    return broken_rule{400, "A request has one Host header.", "host"};
  if (hosts == 1 && !may_be_host(trimmed(view(first->value()))))
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
  auto expected = list_header(request, "Expect");
  if (!expected.empty() && !equal_ignoring_case(trimmed(expected), "100-continue"))
    return broken_rule{417, "Of expectations this server knows 100-continue.", "request"};
  return {};
}

bool awaits_continue(const http_request_message& request) {
  return request.version() >= 11 && request.find(http::field::expect) != request.end();
}

} // namespace troupe::transport
