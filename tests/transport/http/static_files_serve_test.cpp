#include "http/static_files.hpp"

#include "node/site.hpp"
#include "text/http_text.hpp"

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
                                  std::string_view path = "/a.txt") const {
    return site::ask(path, headers, std::move(method)).value().response;
  }

  [[nodiscard]] http_response range(const char* value) const { return ask({{"Range", value}}); }
  [[nodiscard]] std::string etag() const { return header(ask({}), "ETag"); }
};

/// The body that answers a GET for `target`, which is not decoded yet; nothing if none does.
std::optional<std::string> served(const site& s, std::string_view target) {
  auto path = decode_path(target);
  if (!path)
    return std::nullopt;
  return s.body(*path);
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

  CHECK_FALSE(s.site::ask("/none.txt", {{"If-None-Match", "*"}, {"Range", "bytes=0-0"}}));
}

TEST_CASE("a HEAD is answered as the GET would be, and reads nothing") {
  digits s;
  auto get = s.ask({});
  auto answer = s.site::ask("/a.txt", {}, "HEAD").value();
  auto& head = answer.response;

  CHECK(head.status == 200);
  CHECK(head.headers == get.headers);
  CHECK(head.content_type == get.content_type);
  CHECK(head.body.empty());
  CHECK(answer.file->range.bytes == get.body.size()); // the length is told
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
  check("bytes=8-99999999999999999999999", "89", "bytes 8-9/10");
  check("bytes=-99999999999999999999999", "0123456789", "bytes 0-9/10");
}

TEST_CASE("a range behind the end cannot be satisfied") {
  digits s;
  for (auto range : {"bytes=10-", "bytes=10-11", "bytes=18446744073709551615-",
                     "bytes=18446744073709551616-", "bytes=99999999999999999999999-", "bytes=-0"}) {
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
  CHECK(s.range("bytes=-0").status == 416);
  CHECK(header(s.range("bytes=0-"), "Content-Range") == "bytes */0");
}

TEST_CASE("the last bytes of a file without bytes are the whole file") {
  digits s;
  s.add("a.txt", "");
  auto response = s.range("bytes=-5");

  CHECK(response.status == 200);
  CHECK(header(response, "Content-Range") == "none");
}

TEST_CASE("a range on two lines is ignored, and so is one whose condition stands on two") {
  digits s;

  CHECK(s.ask({{"Range", "bytes=0-1"}, {"Range", "bytes=3-4"}}).status == 200);
  CHECK(s.ask({{"Range", "bytes=0-1"}, {"range", "bytes=0-1"}}).status == 200);
  CHECK(s.ask({{"Range", "bytes=0-1"}, {"If-Range", s.etag()}, {"If-Range", "\"x\""}}).status
        == 200);
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
                     "bytes=99999999999999999999999x-"}) {
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
  CHECK(status(header(s.ask({}), "Last-Modified")) == 200); // two versions may have the same
  CHECK(status("Sun, 06 Nov 1994 08:49:37 GMT") == 200);
  CHECK(status("Sun, 06 Nov 2094 08:49:37 GMT") == 200);
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

TEST_CASE("a folder without its slash is where its slash is, on the same host, with the query") {
  site s;
  s.add("sub/index.html", "below");
  auto moved = [&](std::string_view path, std::string_view query = {}) {
    auto response = s.ask(path, {}, "GET", query).value().response;
    return std::to_string(response.status) + ' ' + header(response, "Location");
  };

  CHECK(moved("/sub") == "301 ./sub/");
  CHECK(moved("/sub", "?a=/b?c") == "301 ./sub/?a=/b?c");
  CHECK(moved("//sub", "?x") == "301 ./sub/?x"); // //sub/ would be a host
  CHECK(moved("/sub/../sub") == "301 ./sub/");
  CHECK(moved("/sub/") == "200 none");
  CHECK(moved("/sub/index.html") == "200 none");
  CHECK(header(s.ask("/sub")->response, "Cache-Control") == "no-cache");
  CHECK_FALSE(s.ask("/sub")->file);
}

TEST_CASE("a folder without a page is no more there without its slash") {
  site s;

  CHECK_FALSE(s.ask("/sub"));
  CHECK_FALSE(s.ask("/sub/"));
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

// -- dates ----------------------------------------------------------------------------------------

TEST_CASE("a file tells when it was changed, but for one of the future") {
  digits s;
  using namespace std::chrono;
  auto changed_at = [&](sys_seconds at) {
    fs::last_write_time(s.folder() / "a.txt", file_clock::from_sys(at));
    return header(s.ask({}), "Last-Modified");
  };

  CHECK(changed_at(sys_seconds{784'111'777s}) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(changed_at(floor<seconds>(site::now) + 24h) == http_date(site::now));
}

TEST_CASE("a file that is not newer than the client's is 304, with what a 200 would tell") {
  digits s;
  s.add("a.txt.gz", "pressed");
  auto whole = s.ask({});
  auto date = header(whole, "Last-Modified");
  auto known = s.ask({{"If-Modified-Since", date}});

  CHECK(known.status == 304);
  CHECK(known.body.empty());
  for (auto name : {"ETag", "Last-Modified", "Cache-Control", "Vary"}) {
    INFO(name);
    CHECK(header(known, name) == header(whole, name));
    CHECK(header(known, name) != "none");
  }
  CHECK(s.ask({{"If-Modified-Since", date}}, "HEAD").status == 304);
  CHECK(s.ask({{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}).status == 200);
  CHECK(s.ask({{"If-Modified-Since", "yesterday"}}).status == 200);
  CHECK(s.ask({{"If-Modified-Since", date}, {"If-Modified-Since", date}}).status == 200);
}

TEST_CASE("a tag counts before a date") {
  digits s;
  auto date = header(s.ask({}), "Last-Modified");

  CHECK(s.ask({{"If-None-Match", "\"x\""}, {"If-Modified-Since", date}}).status == 200);
  CHECK(s.ask({{"If-None-Match", s.etag()}, {"If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}})
          .status
        == 304);
  CHECK(
    s.ask({{"If-Match", s.etag()}, {"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}).status
    == 200);
}

TEST_CASE("a file that is not in the state that was asked for is 412, before all else") {
  digits s;
  auto tag = s.etag();

  CHECK(s.ask({{"If-Match", tag}}).status == 200);
  CHECK(s.ask({{"If-Match", "*"}}).status == 200);
  CHECK(s.ask({{"If-Match", "\"x\", " + tag}}).status == 200);
  CHECK(s.ask({{"If-Match", "\"x\""}, {"If-Match", tag}}).status == 200);
  for (auto& other : {std::string{}, std::string{"\"x\""}, "W/" + tag}) {
    INFO(other);
    CHECK(s.ask({{"If-Match", other}}).status == 412);
    CHECK(s.ask({{"If-Match", other}}, "HEAD").status == 412);
    CHECK(s.ask({{"If-Match", other}, {"If-None-Match", tag}}).status == 412);
    CHECK(s.ask({{"If-Match", other}, {"Range", "bytes=0-1"}}).status == 412);
  }
  CHECK(s.ask({{"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"}}).status == 412);
  CHECK(s.ask({{"If-Unmodified-Since", header(s.ask({}), "Last-Modified")}}).status == 200);
  CHECK(s.ask({{"If-Unmodified-Since", "yesterday"}}).status == 200);
}

// -- codings --------------------------------------------------------------------------------------

TEST_CASE("who takes a coding gets the file beside the file, as the same resource") {
  digits s;
  s.add("x.js", "whole");
  s.add("x.js.br", "b");
  s.add("x.js.gz", "gz");
  auto ask = [&](const char* accepted) {
    return s.ask({{"Accept-Encoding", accepted}}, "GET", "/x.js");
  };
  auto check = [&](const char* accepted, const char* coding, const char* body) {
    auto response = ask(accepted);
    INFO(accepted);
    CHECK(response.status == 200);
    CHECK(header(response, "Content-Encoding") == coding);
    CHECK(header(response, "Vary") == "Accept-Encoding");
    CHECK(response.content_type == "text/javascript; charset=utf-8");
    CHECK(response.body == body);
  };

  check("gzip, deflate, br", "br", "b");
  check("gzip", "gzip", "gz");
  check("x-gzip", "gzip", "gz");
  check("GZIP;Q=0.3", "gzip", "gz");
  check("br;q=0.5, gzip;q=0.8", "gzip", "gz");
  check("*", "br", "b");
  check("*;q=0.5, br;q=0", "gzip", "gz");
  check("identity;q=0, gzip;q=0.001", "gzip", "gz");
  check("", "none", "whole");
  check("deflate", "none", "whole");
  check("br;q=0, gzip;q=0", "none", "whole");
  check("identity, gzip;q=0.5", "none", "whole");
  check("gzip;q=2, br;q=x", "none", "whole");
  CHECK(ask("identity;q=0, *;q=0").status == 406);
  CHECK(ask("deflate, *;q=0").status == 406);
}

TEST_CASE("each coding has a tag of its own") {
  digits s;
  s.add("x.js", "same size");
  s.add("x.js.br", "same size");
  s.add("x.js.gz", "same size");
  for (auto name : {"x.js.br", "x.js.gz"})
    fs::last_write_time(s.folder() / name, fs::last_write_time(s.folder() / "x.js"));
  auto tag = [&](const char* accepted) {
    return header(s.ask({{"Accept-Encoding", accepted}}, "GET", "/x.js"), "ETag");
  };

  CHECK(tag("br") != tag("gzip"));
  CHECK(tag("br") != tag("identity"));
  CHECK(tag("gzip") != tag("identity"));
  CHECK(s.ask({{"Accept-Encoding", "br"}, {"If-None-Match", tag("br")}}, "GET", "/x.js").status
        == 304);
  CHECK(s.ask({{"Accept-Encoding", "br"}, {"If-None-Match", tag("gzip")}}, "GET", "/x.js").status
        == 200);
}

TEST_CASE("a file without others beside it does not vary") {
  digits s;
  auto response = s.ask({{"Accept-Encoding", "gzip, br"}});

  CHECK(header(response, "Vary") == "none");
  CHECK(header(response, "Content-Encoding") == "none");
}

TEST_CASE("a compressed file that is no regular file of the folder is not served") {
  digits s;
  fs::create_symlink(s.top() / "secret.txt", s.folder() / "a.txt.br");
  fs::create_directories(s.folder() / "a.txt.gz");
  auto response = s.ask({{"Accept-Encoding", "gzip, br"}});

  CHECK(response.body == "0123456789");
  CHECK(header(response, "Content-Encoding") == "none");
}

TEST_CASE("a page of a folder, too, may lie there compressed; a range is one of its bytes") {
  digits s;
  s.add("index.html", "top");
  s.add("index.html.gz", "compressed");
  auto response = s.ask({{"Accept-Encoding", "gzip"}, {"Range", "bytes=0-3"}}, "GET", "/");

  CHECK(response.status == 206);
  CHECK(response.body == "comp");
  CHECK(header(response, "Content-Range") == "bytes 0-3/10");
  CHECK(header(response, "Content-Encoding") == "gzip");
}
