#include "http/request_rules.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace troupe::transport;
namespace http = boost::beast::http;
using http::field;

namespace {

using header_list = std::vector<std::pair<field, std::string_view>>;

http_request_message request_with(const header_list& headers, unsigned version = 11) {
  http_request_message r{http::verb::post, "/", version};
  for (auto& [name, value] : headers)
    r.insert(name, boost::beast::string_view{value.data(), value.size()});
  return r;
}

/// The status of the refusal; 0: it breaks no rule.
unsigned refusal_of(const header_list& headers, unsigned version = 11) {
  auto rule = rule_broken_by(request_with(headers, version));
  return rule ? rule->status : 0;
}

unsigned refusal_of_host(std::string_view host) { return refusal_of({{field::host, host}}); }

/// Of a request with these values of `Transfer-Encoding`.
unsigned refusal_of_codings(const std::vector<std::string_view>& values, unsigned version = 11) {
  header_list headers{{field::host, "x"}};
  for (auto v : values)
    headers.emplace_back(field::transfer_encoding, v);
  return refusal_of(headers, version);
}

} // namespace

// -- Host (RFC 9112, 3.2) -------------------------------------------------------------------------

// Pins §1.31.
TEST_CASE("a request of HTTP/1.1 has one Host, and one of HTTP/1.0 at most one") {
  CHECK(refusal_of({{field::host, "example.com:8080"}}) == 0);
  CHECK(refusal_of({}) == 400);
  CHECK(refusal_of({{field::host, "x"}, {field::host, "x"}}) == 400);
  CHECK(refusal_of({}, 10) == 0);
  CHECK(refusal_of({{field::host, "x"}, {field::host, "y"}}, 10) == 400);
}

// Pins §1.31.
TEST_CASE("a Host names a host: a name or an address, with a port or without, or nobody") {
  for (auto host : {"x", "EXAMPLE.com", "127.0.0.1:1", "[::1]:8080", "a_b-c.d", "%41", ""})
    CHECK(refusal_of_host(host) == 0);
  for (auto host : {"a:b", "::1", "[::1", "[::1]x", "a b", "a/b", "http://a", "a,b c", "a?b", "a#b",
                    "\"a\"", "<a>", "\xc3\xa4"})
    CHECK(refusal_of_host(host) == 400);
}

// -- Transfer-Encoding (RFC 9112, 6.1 and 6.3) ----------------------------------------------------

// Pins §1.52.
TEST_CASE("a body whose last coding is not chunked has no end that both sides agree on") {
  CHECK(refusal_of_codings({"chunked"}) == 0);
  CHECK(refusal_of_codings({"Chunked"}) == 0);
  for (auto codings : {"xchunked", "gzip", "identity", "\"chunked\"", "", "chunked, gzip",
                       "chunked, identity", "chunked;q=1"})
    CHECK(refusal_of_codings({codings}) == 400);
  CHECK(refusal_of_codings({"chunked", "gzip"}) == 400);
}

// Pins §1.52.
TEST_CASE("a coding that this server does not know is not implemented") {
  CHECK(refusal_of_codings({"gzip, chunked"}) == 501);
  CHECK(refusal_of_codings({"gzip", "chunked"}) == 501);
  CHECK(refusal_of_codings({"chunked, chunked"}) == 501);
}

// Pins §1.52.
TEST_CASE("HTTP/1.0 knows no transfer codings") {
  CHECK(refusal_of_codings({"chunked"}, 10) == 400);
}

// -- the target (RFC 9112, 3.2) -------------------------------------------------------------------

// Pins §1.58.
TEST_CASE("a target is a path, an address with a host, or all of the server for OPTIONS") {
  auto refusal = [](http::verb method, std::string_view target) {
    http_request_message r{method, boost::beast::string_view{target.data(), target.size()}, 11};
    r.insert(field::host, "x");
    auto rule = rule_broken_by(r);
    return rule ? rule->status : 0;
  };

  for (auto target :
       {"/", "/a?b", "//a", "http://x/a", "HTTPS://x", "http://[::1]:80/", "http://x?a"})
    CHECK(refusal(http::verb::get, target) == 0);
  for (auto target : {"*", "a", "x:80", "ftp://x/", "http://", "http:///a", "http://:80/",
                      "http://a@x/", "http://x:y/", "/a#b", "http:/x"})
    CHECK(refusal(http::verb::get, target) == 400);
  CHECK(refusal(http::verb::options, "*") == 0);
  CHECK(refusal(http::verb::options, "**") == 400);
  CHECK(refusal(http::verb::connect, "x:80") == 501);
}

// -- Expect (RFC 9110, 10.1.1) --------------------------------------------------------------------

// Pins §1.53.
TEST_CASE("a request may expect to be told to go on, and nothing else") {
  CHECK(refusal_of({{field::host, "x"}, {field::expect, "100-Continue"}}) == 0);
  CHECK(refusal_of({{field::host, "x"}, {field::expect, "200-ok"}}) == 417);
}

TEST_CASE("a client of HTTP/1.1 that expects to be told waits for it") {
  const header_list expecting{{field::host, "x"}, {field::expect, "100-continue"}};

  CHECK(awaits_continue(request_with(expecting)));
  CHECK_FALSE(awaits_continue(request_with(expecting, 10)));
  CHECK_FALSE(awaits_continue(request_with({{field::host, "x"}})));
}

// -- Connection (RFC 9112, 9.3) -------------------------------------------------------------------

TEST_CASE("all that Connection lists says whether a connection stays open, and close goes first") {
  auto stays = [](const std::vector<std::string_view>& values, unsigned version) {
    header_list headers{{field::host, "x"}};
    for (auto v : values)
      headers.emplace_back(field::connection, v);
    return persists(request_with(headers, version));
  };

  CHECK(stays({}, 11));
  CHECK(stays({"closed, x"}, 11));
  CHECK_FALSE(stays({"Close"}, 11));
  CHECK_FALSE(stays({"x", "keep-alive, close"}, 11));
  CHECK_FALSE(stays({}, 10));
  CHECK(stays({"x", "y, Keep-Alive"}, 10));
  CHECK_FALSE(stays({"close", "keep-alive"}, 10));
}
