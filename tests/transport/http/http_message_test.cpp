#include <utility>

#include "http/http_message.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace troupe::transport;

namespace {

http_response_message sent(http_response response) {
  return message_of(std::move(response), false, true, {});
}

std::string policies_of(http_response response) {
  std::string all;
  auto message = sent(std::move(response));
  auto [first, last] = message.equal_range("Content-Security-Policy");
  for (; first != last; ++first)
    all.append(all.empty() ? "" : " | ").append(std::string{first->value()});
  return all;
}

} // namespace

TEST_CASE("no browser is to guess another type, whatever the answer") {
  for (auto status : {200u, 204u, 206u, 302u, 304u, 404u, 500u}) {
    http_response response;
    response.status = status;
    INFO(status);
    CHECK(sent(response)["X-Content-Type-Options"] == "nosniff");
  }
  CHECK(sent({200, "image/png", "x", {{"x-content-type-options", "sniff"}}})
          .count("X-Content-Type-Options")
        == 1);
}

TEST_CASE("a page is shown in no page of another origin, unless the application says who may") {
  CHECK(policies_of({200, "text/html; charset=utf-8", "x"}) == "frame-ancestors 'self'");
  CHECK(policies_of({404, "TEXT/HTML", "x"}) == "frame-ancestors 'self'");
  CHECK(policies_of({200, "text/plain", "x"}) == "");
  CHECK(policies_of({200, "text/htmlx", "x"}) == "");
  CHECK(policies_of({200, "text/html", "x", {{"content-security-policy", "default-src 'self'"}}})
        == "default-src 'self' | frame-ancestors 'self'");
  CHECK(
    policies_of(
      {200, "text/html", "x", {{"Content-Security-Policy", "Frame-Ancestors https://example.org"}}})
    == "Frame-Ancestors https://example.org");
  CHECK(policies_of({200, "text/html", "x", {{"X-Frame-Options", "DENY"}}}) == "");
}

TEST_CASE("an answer without body has no type; each other one has its length") {
  CHECK(sent({304, "text/html", ""}).count("Content-Type") == 0);
  CHECK(sent({204, "text/html", ""}).count("Content-Type") == 0);
  CHECK(sent({200, "text/html", "four"})["Content-Length"] == "4");
}

TEST_CASE("an answer to HEAD has the length of its body, and none if it has no body") {
  auto head = [](http_response response) {
    return message_of(std::move(response), true, true, {});
  };

  CHECK(head({200, "text/plain", "four"})["Content-Length"] == "4");
  CHECK(head({200, "text/plain", "four"}).body().empty());
  CHECK(head({200, "text/plain", ""}).count("Content-Length") == 0);
  CHECK(sent({200, "text/plain", ""})["Content-Length"] == "0");
}

TEST_CASE("a header with a control character cannot be sent, one with a tab or other letters can") {
  for (auto bad : {"\r", "\n", "\r\nX-Evil: 1", "\x01", "\x1b[31m", "\x7f"}) {
    CHECK(fault_of({200, "text/plain", "x", {{"X-Name", std::string{"a"} + bad}}})
          == "an answer whose header X-Name has a control character");
    CHECK(fault_of({200, std::string{"text/plain"} + bad, "x"})
          == "an answer whose content_type has a control character");
  }
  CHECK(!fault_of({200, "", "x", {{"X-Name", std::string{"a\0b", 3}}}}).empty());

  CHECK(fault_of({200, "text/plain", "x", {{"X-Name", "a\tb \xc3\xa9 \xff"}}}).empty());
}

TEST_CASE("an answer has one type, or none") {
  CHECK(sent({200, "text/plain", "x", {{"content-type", "image/png"}}})["Content-Type"]
        == "image/png");
  CHECK(sent({200, "text/plain", "x", {{"Content-Type", "image/png"}}}).count("Content-Type") == 1);
  CHECK(sent({302, "", ""}).count("Content-Type") == 0);
  CHECK(policies_of({200, "", "x", {{"Content-Type", "text/html"}}}) == "frame-ancestors 'self'");
}

TEST_CASE("also what ends at its header has a date") {
  for (auto status : {200u, 204u, 304u})
    CHECK(sent({status, "text/plain", ""}).count("Date") == 1);
}

TEST_CASE("a head is its status line, its headers in order, and an empty line") {
  http_response_message message;
  message.version(11);
  message.result(404);
  message.insert("A", "1");
  message.insert("B", "two words");
  message.insert("a", "2");

  auto head = head_of(message);

  CHECK(head.starts_with("HTTP/1.1 404 Not Found\r\n"));
  CHECK(head.find("A: 1\r\n") != std::string::npos);
  CHECK(head.find("a: 2\r\n") != std::string::npos);
  CHECK(head.find("B: two words\r\n") != std::string::npos);
  CHECK(head.ends_with("\r\n\r\n"));
}
