#include "http/static_files.hpp"

#include "node/site.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <utility>

using namespace troupe::transport;
using troupe::test::site;
namespace fs = std::filesystem;

namespace {

std::string header(const http_response& response, std::string_view name) {
  auto found = std::find_if(response.headers.begin(), response.headers.end(),
                            [&](auto& h) { return h.first == name; });
  return found == response.headers.end() ? "none" : found->second;
}

/// A site whose `a.txt` is 0123456789.
struct digits : site {
  digits() { add("a.txt", "0123456789"); }

  [[nodiscard]] http_response ask(const http_headers& headers, std::string method = "GET",
                                  std::string path = "/a.txt") const {
    http_request request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.headers = headers;
    return static_files{folder()}.serve(request).value();
  }

  [[nodiscard]] http_response range(const char* value) const { return ask({{"Range", value}}); }
  [[nodiscard]] std::string etag() const { return header(ask({}), "ETag"); }
};

/// The body that answers a GET for `target`, which is not decoded yet; nothing if none does.
std::optional<std::string> served(const site& s, std::string_view target) {
  auto path = decode_path(target);
  if (!path)
    return std::nullopt;
  http_request request;
  request.method = "GET";
  request.path = *path;
  auto response = static_files{s.folder()}.serve(request);
  return response ? std::optional{response->body} : std::nullopt;
}

} // namespace

TEST_CASE("a GET without conditions is answered whole, with a tag and the promise of ranges") {
  digits s;
  auto response = s.ask({});

  CHECK(response.status == 200);
  CHECK(response.body == "0123456789");
  CHECK(response.content_type == "text/plain; charset=utf-8");
  CHECK(header(response, "Accept-Ranges") == "bytes");
  CHECK(header(response, "Content-Range") == "none");
  CHECK(header(response, "ETag").starts_with('"'));
  CHECK(header(response, "ETag").ends_with('"'));
}

TEST_CASE("what is not there has no answer, whatever the conditions") {
  digits s;
  http_request request;
  request.method = "GET";
  request.path = "/none.txt";
  request.headers = {{"If-None-Match", "*"}, {"Range", "bytes=0-0"}};

  CHECK_FALSE(static_files{s.folder()}.serve(request));
}

TEST_CASE("a HEAD is answered as the GET would be") {
  digits s;
  auto get = s.ask({}), head = s.ask({}, "HEAD");

  CHECK(head.status == 200);
  CHECK(head.headers == get.headers);
  CHECK(head.content_type == get.content_type);
  CHECK(head.body.size() == get.body.size()); // the length is told; the session omits the body
  CHECK(s.ask({{"If-None-Match", s.etag()}}, "HEAD").status == 304);
}

// -- If-None-Match --------------------------------------------------------------------------------

TEST_CASE("a tag that the client knows is answered 304 without a body") {
  digits s;
  auto tag = s.etag();

  for (auto& known : {tag, "W/" + tag, std::string{"*"}, "\"x\", " + tag, tag + ",\"x\"",
                      " \"x\" ,, W/" + tag + " "}) {
    auto response = s.ask({{"if-none-match", known}});
    INFO(known);
    CHECK(response.status == 304);
    CHECK(response.body.empty());
    CHECK(header(response, "ETag") == tag);
  }
}

TEST_CASE("any other tag is answered whole") {
  digits s;
  auto tag = s.etag();
  auto bare = tag.substr(1, tag.size() - 2);

  for (auto& other : {std::string{}, std::string{","}, std::string{"\"x\""}, std::string{"\"*\""},
                      bare, "w/" + tag, "W/" + bare, tag + "x"}) {
    INFO(other);
    CHECK(s.ask({{"If-None-Match", other}}).status == 200);
  }
}

TEST_CASE("a file that changes gets another tag") {
  digits s;
  auto before = s.etag();
  s.add("a.txt", "0123456789+");
  auto longer = s.etag();
  fs::last_write_time(s.folder() / "a.txt",
                      fs::last_write_time(s.folder() / "a.txt") + std::chrono::seconds{1});

  CHECK(longer != before);
  CHECK(s.etag() != longer);
}

TEST_CASE("a known tag counts before a range") {
  digits s;

  CHECK(s.ask({{"If-None-Match", s.etag()}, {"Range", "bytes=0-1"}}).status == 304);
  CHECK(s.ask({{"If-None-Match", "\"x\""}, {"Range", "bytes=0-1"}}).status == 206);
}

// -- Range ----------------------------------------------------------------------------------------

TEST_CASE("a range is answered with its bytes and its place") {
  digits s;
  auto check = [&](const char* range, const char* body, const char* place) {
    auto response = s.range(range);
    INFO(range);
    CHECK(response.status == 206);
    CHECK(response.body == body);
    CHECK(header(response, "Content-Range") == place);
    CHECK(response.content_type == "text/plain; charset=utf-8");
    CHECK(header(response, "ETag") == s.etag());
  };

  check("bytes=0-0", "0", "bytes 0-0/10");
  check("bytes=2-5", "2345", "bytes 2-5/10");
  check("bytes=9-9", "9", "bytes 9-9/10");
  check("bytes=0-9", "0123456789", "bytes 0-9/10");
  check("bytes=7-", "789", "bytes 7-9/10");
  check("bytes=0-", "0123456789", "bytes 0-9/10");
  check("bytes=8-100", "89", "bytes 8-9/10");
  check("bytes=8-18446744073709551615", "89", "bytes 8-9/10");
  check("bytes=-1", "9", "bytes 9-9/10");
  check("bytes=-10", "0123456789", "bytes 0-9/10");
  check("bytes=-11", "0123456789", "bytes 0-9/10");
  check("bytes=-18446744073709551615", "0123456789", "bytes 0-9/10");
}

TEST_CASE("a range behind the end cannot be satisfied") {
  digits s;
  for (auto range : {"bytes=10-", "bytes=10-11", "bytes=18446744073709551615-", "bytes=-0"}) {
    auto response = s.range(range);
    INFO(range);
    CHECK(response.status == 416);
    CHECK(response.body.empty());
    CHECK(header(response, "Content-Range") == "bytes */10");
  }
}

TEST_CASE("a range of a file without bytes cannot be satisfied") {
  digits s;
  s.add("a.txt", "");

  CHECK(s.ask({}).status == 200);
  CHECK(s.range("bytes=0-").status == 416);
  CHECK(s.range("bytes=0-0").status == 416);
  CHECK(header(s.range("bytes=0-"), "Content-Range") == "bytes */0");
}

TEST_CASE("what is no range is ignored, as are several at once") {
  digits s;
  for (auto range : {"",
                     "bytes",
                     "bytes=",
                     "bytes=-",
                     "bytes=a-b",
                     "bytes=1",
                     "bytes=1-x",
                     "bytes=x-1",
                     "bytes=--1",
                     "bytes=1--2",
                     "bytes=+1-2",
                     "bytes=5-3",
                     "bytes= 1-2",
                     "bytes=1 - 2",
                     "bytes=0x1-2",
                     "bytes=-1-",
                     "bytes:1-2",
                     "items=0-1",
                     "bytes=0-1,3-4",
                     "bytes=0-1,",
                     "bytes=0-99999999999999999999999",
                     "bytes=-99999999999999999999999"}) {
    auto response = s.range(range);
    INFO(range);
    CHECK(response.status == 200);
    CHECK(response.body == "0123456789");
    CHECK(header(response, "Content-Range") == "none");
  }
}

// RFC 9110, 14.2: range handling is defined for GET alone.
TEST_CASE("a HEAD has no range") {
  digits s;

  CHECK(s.ask({{"Range", "bytes=0-1"}}, "HEAD").status == 200);
  CHECK(s.ask({{"Range", "bytes=10-"}}, "HEAD").status == 200);
}

TEST_CASE("a range that was meant for another file is ignored") {
  digits s;
  auto status = [&](const std::string& condition) {
    return s.ask({{"Range", "bytes=0-1"}, {"If-Range", condition}}).status;
  };

  CHECK(status(s.etag()) == 206);
  CHECK(status("\"x\"") == 200);
  CHECK(status("W/" + s.etag()) == 200);
  CHECK(status("Sun, 06 Nov 1994 08:49:37 GMT") == 200);
  CHECK(s.ask({{"Range", "bytes=10-"}, {"If-Range", "\"x\""}}).status == 200);
}

TEST_CASE("ranges put together are the file, byte for byte") {
  digits s;
  std::string bytes;
  for (int i = 0; i < 10'000; ++i)
    bytes += static_cast<char>(i * 31);
  s.add("a.txt", bytes);

  std::string whole;
  for (std::size_t at = 0; at < bytes.size(); at += 777)
    whole += s.range(("bytes=" + std::to_string(at) + '-' + std::to_string(at + 776)).c_str()).body;

  CHECK(whole == bytes);
}

// -- paths ----------------------------------------------------------------------------------------

TEST_CASE("a folder is served as its index.html, with its tag and its type") {
  digits s;
  s.add("index.html", "top");
  auto response = s.ask({}, "GET", "/");

  CHECK(response.body == "top");
  CHECK(response.content_type == "text/html; charset=utf-8");
  CHECK(s.ask({{"If-None-Match", header(response, "ETag")}}, "GET", "/").status == 304);
  CHECK(served(s, "/sub/") == std::nullopt);
}

TEST_CASE("no target leads out of the folder, however it is written") {
  digits s;
  auto secret = (s.top() / "secret.txt").string();
  fs::create_symlink(secret, s.folder() / "link.txt");
  fs::create_directory_symlink(s.top(), s.folder() / "up");

  for (auto& target : {std::string{"/../secret.txt"},
                       std::string{"/%2e%2e/secret.txt"},
                       std::string{"/%2E./secret.txt"},
                       std::string{"/sub/%2e%2e/%2e%2e/secret.txt"},
                       std::string{"/..%2fsecret.txt"},
                       std::string{"/%2e%2e%2fsecret.txt"},
                       std::string{"/..%5csecret.txt"},
                       std::string{"/..\\secret.txt"},
                       std::string{"/%252e%252e/secret.txt"},
                       std::string{"/%c0%ae%c0%ae/secret.txt"},
                       std::string{"/....//secret.txt"},
                       "/" + secret,
                       secret,
                       "//" + secret,
                       "/%2f" + secret,
                       std::string{"/link.txt"},
                       std::string{"/up/secret.txt"},
                       std::string{"/up/site/../secret.txt"},
                       std::string{"/a.txt%00"},
                       std::string{"/a.txt%00.html"},
                       std::string{"/../secret.txt%00.html"},
                       "file://" + secret,
                       std::string{"/."},
                       std::string{"/.."},
                       std::string{"/%2e%2e"},
                       std::string{"/~"},
                       std::string{"/up"}}) {
    INFO(target);
    CHECK(served(s, target) == std::nullopt);
  }
}

TEST_CASE("an encoded target inside the folder is served, its query left alone") {
  digits s;
  fs::create_directory_symlink(s.folder(), s.folder() / "sub" / "inside");

  CHECK(served(s, "/%61.txt") == "0123456789");
  CHECK(served(s, "/sub%2f..%2fa.txt") == "0123456789");
  CHECK(served(s, "/sub/inside/a.txt") == "0123456789");
  CHECK(served(s, "/a.txt?../../secret.txt") == "0123456789");
}
