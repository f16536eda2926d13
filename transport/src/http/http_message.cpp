#include <utility>

#include "http/http_message.hpp"

#include "http/beast_text.hpp"
#include "text/http_date.hpp"
#include "text/http_text.hpp"

#include <algorithm>
#include <cctype>

namespace troupe::transport {

namespace http = boost::beast::http;
namespace beast = boost::beast;

namespace {

/// What has no body and tells no length.
bool ends_at_header(unsigned status) noexcept { return status == 204 || status == 304; }

bool contains_ignoring_case(std::string_view text, std::string_view word) {
  auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
  return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

bool is_page(std::string_view content_type) {
  auto type = trimmed(content_type.substr(0, content_type.find(';')));
  return equal_ignoring_case(type, "text/html")
      || equal_ignoring_case(type, "application/xhtml+xml");
}

/// Whether the application says itself who may show a page inside another one.
bool has_frame_rule(const http_response_message& m) {
  auto [first, last] = m.equal_range("Content-Security-Policy");
  return m.find(http::field::x_frame_options) != m.end() || std::any_of(first, last, [](auto& f) {
           return contains_ignoring_case(view(f.value()), "frame-ancestors");
         });
}

/// Tells browsers to take no content for what it is not, and no page into one of another origin.
void guard_content(http_response_message& m) {
  m.set("X-Content-Type-Options", "nosniff");
  if (is_page(view(m[http::field::content_type])) && !has_frame_rule(m))
    m.insert("Content-Security-Policy", "frame-ancestors 'self'");
}

} // namespace

std::string list_header(const http_request_message& message, std::string_view name) {
  std::string all;
  auto [first, last] = message.equal_range(beast::string_view{name.data(), name.size()});
  for (; first != last; ++first)
    all.append(all.empty() ? "" : ",").append(view(first->value()));
  return all;
}

std::string list_header(const http_headers& headers, std::string_view name) {
  std::string all;
  for (auto& [key, value] : headers)
    if (equal_ignoring_case(key, name))
      all.append(all.empty() ? "" : ",").append(value);
  return all;
}

bool has_header(const http_headers& headers, std::string_view name) noexcept {
  return std::any_of(headers.begin(), headers.end(),
                     [&](auto& h) { return equal_ignoring_case(h.first, name); });
}

boost::asio::ip::address client_of(const http_request_message& message,
                                   const boost::asio::ip::address& peer,
                                   const std::vector<address_range>& trusted_proxies) {
  return trusted_proxies.empty()
         ? peer
         : forwarded_address(peer, list_header(message, "X-Forwarded-For"), trusted_proxies);
}

http_request request_of(const http_request_message& message, std::string path,
                        const boost::asio::ip::address& client) {
  http_request r;
  r.method = view(message.method_string());
  r.target = origin_form(view(message.target()));
  r.path = std::move(path);
  auto authority = authority_of(view(message.target()));
  for (auto& f : message)
    r.headers.emplace_back(view(f.name_string()), authority && f.name() == http::field::host
                                                    ? *authority
                                                    : view(f.value()));
  if (authority && r.header("Host").empty()) // HTTP/1.0 needs none
    r.headers.emplace_back("Host", *authority);
  r.body = message.body();
  r.remote_address = client.to_string();
  return r;
}

std::string fault_of(const http_response& response) {
  if (response.status < 200 || response.status > 599)
    return "an answer with status " + std::to_string(response.status);
  if (!is_field_value(response.content_type))
    return "an answer whose content_type has a control character";
  for (auto& [name, value] : response.headers) {
    if (!is_token(name))
      return "an answer with a header that has no legal name";
    if (!is_field_value(value))
      return "an answer whose header " + name + " has a control character";
    if (equal_ignoring_case(name, "Transfer-Encoding"))
      return "an answer with a header Transfer-Encoding";
  }
  return {};
}

bool is_bodiless(const http_response& response, bool head) noexcept {
  return head || ends_at_header(response.status);
}

http_response_message message_of(http_response response, bool head, bool keep_alive,
                                 protocol::wall_time now) {
  http_response_message m;
  m.version(11);
  m.result(response.status);
  auto has_type = !response.content_type.empty() && !has_header(response.headers, "Content-Type");
  if (has_type && !ends_at_header(response.status))
    m.set(http::field::content_type, response.content_type);
  for (auto& [name, value] : response.headers)
    m.insert(name, value);
  guard_content(m);
  m.set(http::field::date, http_date(now));
  m.keep_alive(keep_alive);
  if (keep_alive)
    m.insert(http::field::connection, "keep-alive"); // HTTP/1.0 has to be told
  if (response.status == 204)
    m.erase(http::field::content_length);
  if (response.status == 205)
    response.body.clear();
  auto may_be_unmade = head && response.body.empty(); // then nobody knows its length
  if (!ends_at_header(response.status) && !may_be_unmade)
    m.content_length(response.body.size());
  if (!is_bodiless(response, head))
    m.body() = std::move(response.body);
  return m;
}

std::string head_of(const http_response_message& message) {
  std::string head = "HTTP/1.1 " + std::to_string(message.result_int()) + ' ';
  head.append(view(message.reason())).append("\r\n");
  for (auto& field : message)
    head.append(view(field.name_string())).append(": ").append(view(field.value())).append("\r\n");
  return head.append("\r\n");
}

} // namespace troupe::transport
