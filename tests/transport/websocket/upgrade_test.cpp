#include <utility>

#include "transport/server/upgrade_request.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <initializer_list>
#include <iterator>

using namespace troupe;
using namespace troupe::transport;
namespace http = boost::beast::http;
using http::field;
using test::good_request;

namespace {

upgrade_verdict check(const http_request_message& r) { return check_upgrade(r, {}); }

/// The verdict on a good request with one additional header.
upgrade_verdict with(field name, const char* value) {
  auto r = good_request();
  r.insert(name, value);
  return check(r);
}

/// The verdict on a good request with one header changed.
upgrade_verdict with_other(field name, const char* value) {
  auto r = good_request();
  r.set(name, value);
  return check(r);
}

upgrade_verdict without(field name) {
  auto r = good_request();
  r.erase(name);
  return check(r);
}

} // namespace

// -- wants_upgrade --------------------------------------------------------------------------------

// Pins §1.29.
TEST_CASE("a request that names websocket wants an upgrade, well-formed or not, since HTTP/1.1") {
  auto upper = good_request();
  upper.set(field::upgrade, "h2c, WebSocket");
  auto bare = http_request_message{http::verb::post, "/", 11};
  bare.set(field::upgrade, "websocket");
  auto old = good_request();
  old.version(10);

  CHECK(wants_upgrade(good_request()));
  CHECK(wants_upgrade(upper));
  CHECK(wants_upgrade(bare));
  CHECK_FALSE(wants_upgrade(old));
}

TEST_CASE("a second Upgrade header counts as more of the first") {
  auto r = good_request();
  r.set(field::upgrade, "h2c");
  r.insert(field::upgrade, "websocket");

  CHECK(wants_upgrade(r));
}

// Pins §1.29.
TEST_CASE("any other request wants none") {
  auto none = good_request();
  none.erase(field::upgrade);
  auto other = good_request();
  other.set(field::upgrade, "websockets, xwebsocket");

  CHECK_FALSE(wants_upgrade(none));
  CHECK_FALSE(wants_upgrade(other));
}

// -- check_upgrade --------------------------------------------------------------------------------

// Pins §1.20.
TEST_CASE("the upgrade of the specification is accepted, without a subprotocol") {
  auto v = check(good_request());

  CHECK(v.status == 101);
  CHECK(v.subprotocol.empty());
  CHECK(v.encoding == protocol::encoding::plain_json);
}

TEST_CASE("Connection may list more than the upgrade") {
  auto split = good_request();
  split.set(field::connection, "keep-alive");
  split.insert(field::connection, "upgrade");

  CHECK(with_other(field::connection, "keep-alive, UPGRADE").status == 101);
  CHECK(check(split).status == 101);
}

// Pins §1.30.
TEST_CASE("only GET starts a WebSocket") {
  auto post = good_request();
  post.method(http::verb::post);

  CHECK(check(post).status == 400);
  CHECK(check(post).label == "method");
}

// Pins §1.32, §1.35.
TEST_CASE("a missing or doubled header is a bad request that names it") {
  CHECK(without(field::connection).label == "connection");
  CHECK(with_other(field::connection, "keep-alive").label == "connection");
  CHECK(without(field::sec_websocket_key).label == "key");
  CHECK(with(field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==").label == "key");
  CHECK(with_other(field::sec_websocket_key, "x").label == "key");
  for (auto name : {field::connection, field::sec_websocket_key})
    CHECK(without(name).status == 400);
}

TEST_CASE("every refusal has a sentence") {
  for (auto name : {field::connection, field::sec_websocket_key, field::sec_websocket_version})
    CHECK_FALSE(without(name).reason.empty());
}

// Pins §1.33.
TEST_CASE("an upgrade with a body is refused however it is announced") {
  auto body = good_request();
  body.body() = "x";

  CHECK(check(body).label == "body");
  CHECK(with(field::content_length, "5").label == "body");
  CHECK(with(field::transfer_encoding, "chunked").label == "body");
  CHECK(with(field::content_length, "0").status == 101);
}

// Pins §1.34.
TEST_CASE("another version is answered 426") {
  for (auto version : {"8", "12", "14", "013", "13, 8", ""}) {
    INFO(version);
    CHECK(with_other(field::sec_websocket_version, version).status == 426);
    CHECK(with_other(field::sec_websocket_version, version).label == "version");
  }
  CHECK(without(field::sec_websocket_version).status == 426);
  CHECK(with(field::sec_websocket_version, "8").status == 426);
}

// Pins §1.25.
TEST_CASE("of several faults the first of the table is told") {
  using fault = std::pair<std::string_view, std::function<void(http_request_message&)>>;
  const fault faults[] = {
    {"method", [](auto& r) { r.method(http::verb::post); }},
    {"connection", [](auto& r) { r.erase(field::connection); }},
    {"body", [](auto& r) { r.set(field::content_length, "5"); }},
    {"version", [](auto& r) { r.erase(field::sec_websocket_version); }},
    {"key", [](auto& r) { r.erase(field::sec_websocket_key); }},
    {"origin", [](auto& r) { r.set(field::origin, "https://evil.example"); }},
  };
  auto r = good_request();
  for (auto f = std::rbegin(faults); f != std::rend(faults); ++f) {
    f->second(r);
    CHECK(check_upgrade(r, {"https://good.example"}).label == f->first);
  }
}

// -- keys -----------------------------------------------------------------------------------------

TEST_CASE("a key is 22 characters of base64 and two equals signs") {
  for (auto key : {"dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA==",
                   "/////////////////////w==", "+/+/+/+/+/+/+/+/+/+/+w=="}) {
    INFO(key);
    CHECK(is_websocket_key(key));
  }
}

// Pins §1.35.
TEST_CASE("anything else is no key") {
  for (auto key : {"", "x", "==", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ",
                   "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZQAA",
                   "dGhlIHNhbXBsZSBub25j Q==", "dGhlIHNhbXBsZSBub25j_Q==",
                   "dGhlIHNhbXBsZSBub25j=Q==", "!!!!!!!!!!!!!!!!!!!!!!==", "ééééééééééé=="}) {
    INFO(key);
    CHECK_FALSE(is_websocket_key(key));
  }
}

TEST_CASE("a key with a zero byte is no key") {
  std::string key{"dGhlIHNhbXBsZSBub25jZQ=="};
  key[5] = '\0';

  CHECK_FALSE(is_websocket_key(key));
}

// -- origins --------------------------------------------------------------------------------------

TEST_CASE("without a list every origin is accepted, and none is needed") {
  CHECK(with(field::origin, "https://evil.example").status == 101);
  CHECK(check(good_request()).status == 101);
}

// Pins §1.36.
TEST_CASE("with a list only its origins are accepted, whole and once") {
  std::vector<std::string> list{"https://good.example", "http://localhost:8080"};
  auto verdict = [&](std::initializer_list<const char*> origins) {
    auto r = good_request();
    for (auto o : origins)
      r.insert(field::origin, o);
    return check_upgrade(r, list);
  };

  CHECK(verdict({"https://good.example"}).status == 101);
  CHECK(verdict({"http://localhost:8080"}).status == 101);
  for (auto bad :
       {"https://good.example.evil.com", "http://good.example", "https://good.example:443",
        "https://good.example/", "https://good.exampl", "null", "", "http://localhost"}) {
    INFO(bad);
    CHECK(verdict({bad}).status == 403);
    CHECK(verdict({bad}).label == "origin");
  }
  CHECK(verdict({}).status == 403);
  CHECK(verdict({"https://good.example", "https://good.example"}).status == 403);
  CHECK(verdict({"https://good.example", "https://evil.example"}).status == 403);
}

TEST_CASE("the origin of a sandboxed page can be allowed by name") {
  auto r = good_request();
  r.set(field::origin, "null");

  CHECK(check_upgrade(r, {"null"}).status == 101);
}

// -- subprotocols ---------------------------------------------------------------------------------

// Pins §1.19, §1.21.
TEST_CASE("the client's first offer that is spoken here is chosen") {
  auto json_first = with(field::sec_websocket_protocol, "chat, troupe.v1.json, troupe.v1.msgpack");
  auto msgpack_first = with(field::sec_websocket_protocol, "troupe.v1.msgpack,troupe.v1.json");

  CHECK(json_first.subprotocol == "troupe.v1.json");
  CHECK(json_first.encoding == protocol::encoding::v1_json);
  CHECK(msgpack_first.subprotocol == "troupe.v1.msgpack");
  CHECK(msgpack_first.encoding == protocol::encoding::v1_msgpack);
}

// Pins §1.21.
TEST_CASE("offers may come in several headers") {
  auto r = good_request();
  r.insert(field::sec_websocket_protocol, "chat");
  r.insert(field::sec_websocket_protocol, "troupe.v1.msgpack");

  CHECK(check(r).encoding == protocol::encoding::v1_msgpack);
}

// Pins §4.119.
TEST_CASE("an offer of troupe.resume says what is to come, and is not chosen") {
  for (auto offers : {"troupe.v1.json, troupe.resume", "troupe.resume, troupe.v1.json"}) {
    auto v = with(field::sec_websocket_protocol, offers);
    CHECK(v.subprotocol == "troupe.v1.json");
    CHECK(v.may_resume);
  }
  CHECK_FALSE(with(field::sec_websocket_protocol, "troupe.v1.json").may_resume);
  CHECK(with(field::sec_websocket_protocol, "troupe.resume").subprotocol.empty());
}

// Pins §1.20, §1.22, §1.23.
TEST_CASE("a client whose offers are not spoken here is plain, and none is echoed") {
  for (auto offers :
       {"chat", "troupe.v1", "troupe.v1.jsonx", "TROUPE.V1.JSON", "troupe.v2.json", ""}) {
    INFO(offers);
    auto v = with(field::sec_websocket_protocol, offers);
    CHECK(v.status == 101);
    CHECK(v.subprotocol.empty());
    CHECK(v.encoding == protocol::encoding::plain_json);
  }
}

TEST_CASE("the answer has the key's counterpart, and the subprotocol if there is one") {
  auto r = good_request();
  r.set(field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ=="); // RFC 6455, 1.3
  std::string head =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

  CHECK(transport::switching_protocols(r, "") == head + "\r\n");
  CHECK(transport::switching_protocols(r, "troupe.v1.json")
        == head + "Sec-WebSocket-Protocol: troupe.v1.json\r\n\r\n");
}

// -- list headers ---------------------------------------------------------------------------------

TEST_CASE("a token is found in a list whatever its case and the space around it") {
  for (auto list :
       {"upgrade", "Upgrade", "keep-alive, Upgrade", "keep-alive ,\tUPGRADE ,x", ", ,upgrade,"}) {
    INFO(list);
    CHECK(has_list_element(list, "upgrade"));
  }
  for (auto list : {"", ",", "upgrades", "up grade", "keep-alive", "\"upgrade\""}) {
    INFO(list);
    CHECK_FALSE(has_list_element(list, "upgrade"));
  }
}
