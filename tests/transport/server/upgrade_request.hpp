#pragma once

#include "websocket/upgrade.hpp"

#include <boost/beast/http/field.hpp>

#include <string_view>

namespace troupe::test {

/// The request of RFC 6455, 1.2.
inline transport::http_request_message good_request(std::string_view target = "/") {
  using boost::beast::http::field;
  transport::http_request_message r{
    boost::beast::http::verb::get, {target.data(), target.size()}, 11};
  r.set(field::host, "server.example.com");
  r.set(field::upgrade, "websocket");
  r.set(field::connection, "Upgrade");
  r.set(field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
  r.set(field::sec_websocket_version, "13");
  return r;
}

} // namespace troupe::test
