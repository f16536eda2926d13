#include <utility>

#include "websocket/upgrade.hpp"

#include "http/beast_text.hpp"
#include "text/http_text.hpp"
#include "tls/openssl_errors.hpp"

#include <troupe/protocol/base64.hpp>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>

namespace troupe::transport {

namespace http = boost::beast::http;
namespace beast = boost::beast;
using http::field;

namespace {

upgrade_verdict refuse(unsigned status, std::string_view reason, std::string_view label) {
  upgrade_verdict v;
  v.status = status;
  v.reason = reason;
  v.label = label;
  return v;
}

/// Adds the value of one more header of that name.
void add_to(std::string& list, std::string_view value) {
  if (!list.empty())
    list += ',';
  list += value;
}

/// The headers that `check_upgrade` looks at, found in one pass. Of several with one name it keeps
/// the first, their number, or all as one list.
struct upgrade_headers {
  explicit upgrade_headers(const http_request_message& request) {
    for (auto& f : request)
      note(f.name(), view(f.value()));
  }

  std::size_t keys = 0;
  std::size_t origins = 0;
  bool has_transfer_encoding = false;
  std::optional<std::string_view> content_length;
  std::size_t versions = 0;
  std::string_view version;
  std::string_view key;
  std::string_view origin;
  std::string connection;
  std::string protocols;

private:
  void note(field name, std::string_view value) {
    switch (name) {
      case field::connection: add_to(connection, value); break;
      case field::sec_websocket_protocol: add_to(protocols, value); break;
      case field::transfer_encoding: has_transfer_encoding = true; break;
      case field::content_length: content_length = content_length.value_or(value); break;
      case field::sec_websocket_version: version = versions++ == 0 ? value : version; break;
      case field::sec_websocket_key: key = keys++ == 0 ? value : key; break;
      case field::origin: origin = origins++ == 0 ? value : origin; break;
      default: break;
    }
  }
};

/// Chooses the first that the server knows; `troupe.resume` only says what is to come.
void choose_subprotocol(const std::string& offers, upgrade_verdict& v) {
  for (auto offer : list_elements(offers)) {
    v.may_resume |= offer == "troupe.resume";
    if (!v.subprotocol.empty())
      continue;
    if (offer == "troupe.v1.json")
      v.encoding = protocol::encoding::v1_json;
    else if (offer == "troupe.v1.msgpack")
      v.encoding = protocol::encoding::v1_msgpack;
    else
      continue;
    v.subprotocol = std::string{offer};
  }
}

/// Origins are compared byte by byte: browsers serialize them in lower case (RFC 6454, 6.1).
bool origin_allowed(const upgrade_headers& headers, const std::vector<std::string>& origins) {
  return origins.empty()
      || (headers.origins == 1
          && std::find(origins.begin(), origins.end(), headers.origin) != origins.end());
}

/// Errors: `std::runtime_error`, and the next call tries again.
const EVP_MD* sha1() {
  auto fetch = [] {
    openssl_error_guard guard;
    std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> found{EVP_MD_fetch(nullptr, "SHA1", nullptr),
                                                          &EVP_MD_free};
    if (!found)
      throw std::runtime_error{"OpenSSL has no SHA-1"};
    return found;
  };
  static const auto fetched = fetch();
  return fetched.get();
}

/// Appends the base64 of the SHA-1 of the key and RFC 6455's GUID.
void append_accept_value(std::string& out, std::string_view key) {
  const auto begin = out.size();
  out.append(key).append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  const auto text = std::string_view{out}.substr(begin);
  openssl_error_guard guard;
  std::array<unsigned char, 20> digest;
  if (EVP_Digest(text.data(), text.size(), digest.data(), nullptr, sha1(), nullptr) != 1)
    throw std::bad_alloc{};
  out.resize(begin);
  protocol::append_base64(out, {reinterpret_cast<const char*>(digest.data()), digest.size()});
}

} // namespace

void prepare_upgrades() { (void)sha1(); }

std::string switching_protocols(const http_request_message& request, std::string_view subprotocol,
                                std::string_view extensions) {
  std::string answer;
  answer.reserve(256);
  answer += "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
            "upgrade\r\nSec-WebSocket-Accept: ";
  append_accept_value(answer, view(request[field::sec_websocket_key]));
  if (!subprotocol.empty())
    answer.append("\r\nSec-WebSocket-Protocol: ").append(subprotocol);
  if (!extensions.empty())
    answer.append("\r\nSec-WebSocket-Extensions: ").append(extensions);
  return answer += "\r\n\r\n";
}

bool has_list_element(std::string_view list, std::string_view element) {
  return http::token_list{beast::string_view{list.data(), list.size()}}.exists(
    beast::string_view{element.data(), element.size()});
}

bool is_websocket_key(std::string_view key) noexcept {
  auto is_base64 = [](unsigned char c) { return std::isalnum(c) || c == '+' || c == '/'; };
  return key.size() == 24 && key.ends_with("==")
      && std::all_of(key.begin(), key.end() - 2, is_base64);
}

bool wants_upgrade(const http_request_message& request) {
  return request.version() >= 11 && has_list_element(list_header(request, "Upgrade"), "websocket");
}

upgrade_verdict check_upgrade(const http_request_message& request,
                              const std::vector<std::string>& origins) {
  if (request.method() != http::verb::get)
    return refuse(400, "A WebSocket starts with a GET request.", "method");
  upgrade_headers headers{request};
  if (!has_list_element(headers.connection, "upgrade"))
    return refuse(400, "A WebSocket request has the header Connection: Upgrade.", "connection");
  if (headers.has_transfer_encoding || !request.body().empty()
      || headers.content_length.value_or("0") != "0")
    return refuse(400, "A WebSocket request has no body.", "body");
  if (headers.versions != 1 || headers.version != "13")
    return refuse(426, "This server speaks WebSocket version 13.", "version");
  if (headers.keys != 1 || !is_websocket_key(headers.key))
    return refuse(400, "Sec-WebSocket-Key is not the base64 of 16 bytes.", "key");
  if (!origin_allowed(headers, origins))
    return refuse(403, "This origin is not allowed.", "origin");
  upgrade_verdict v;
  choose_subprotocol(headers.protocols, v);
  return v;
}

} // namespace troupe::transport
