#include "http/static_files.hpp"

#include "node/site.hpp"
#include "text/http_text.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

using namespace troupe::transport;
using troupe::test::site;
namespace fs = std::filesystem;

namespace {

std::optional<std::string> decoded(const char* path) { return std::optional<std::string>{path}; }

} // namespace

// -- what is served -------------------------------------------------------------------------------

TEST_CASE("a file is served whole, byte for byte") {
  site s;
  std::string bytes;
  for (int i = 0; i < 100'000; ++i)
    bytes += static_cast<char>(i * 7);
  s.add("data.bin", bytes);
  s.add("empty.txt", "");

  CHECK(s.body("/data.bin") == bytes);
  CHECK(s.body("/empty.txt") == "");
}

TEST_CASE("a file of many windows is served whole, one window at a time") {
  site s;
  std::string bytes(3 * file_part::window_bytes + 1, 'x');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<char>(i / 251 * 7 + i);
  s.add("large.bin", bytes);

  auto answer = s.ask("/large.bin").value();

  CHECK(answer.response.body.size() == file_part::window_bytes);
  CHECK(answer.file->range.bytes == bytes.size());
  CHECK(site::body_of(answer) == bytes);
}

TEST_CASE("a folder is its index.html") {
  site s;
  s.add("index.html", "top");
  s.add("sub/index.html", "below");

  CHECK(s.body("/") == "top");
  CHECK(s.body("/sub/") == "below");
}

TEST_CASE("a folder without index.html is nothing; its content is not listed") {
  site s;
  s.add("sub/a.txt", "x");

  CHECK(s.body("/sub/") == std::nullopt);
  CHECK(s.body("/sub/a.txt") == "x");
}

TEST_CASE("what is not there is nothing") {
  site s;
  s.add("a.txt", "x");

  for (auto path : {"/b.txt", "/a.txt/", "/a.txt/b", "/a", "/A.TXT", "/sub/none"}) {
    INFO(path);
    CHECK(s.body(path) == std::nullopt);
  }
  CHECK(s.body("/" + std::string(5000, 'x')) == std::nullopt);
  CHECK(s.body("/" + std::string(300, 'x')) == std::nullopt);
}

TEST_CASE("names that need decoding are found") {
  site s;
  s.add("a b+c%.txt", "x");
  s.add("한글.txt", "y");

  CHECK(s.body(*decode_path("/a%20b+c%25.txt")) == "x");
  CHECK(s.body(*decode_path("/%ED%95%9C%EA%B8%80.txt?v=1")) == "y");
}

TEST_CASE("a file that changes is served as it is now") {
  site s;
  static_files files{s.folder()};
  s.add("a.txt", "one");
  http_request request;
  request.method = "GET";
  request.path = "/a.txt";
  auto before = files.serve(request, site::now)->response.body;
  s.add("a.txt", "two");

  CHECK(before == "one");
  CHECK(files.serve(request, site::now)->response.body == "two");
}

// -- what is not ----------------------------------------------------------------------------------

TEST_CASE("no path leads out of the folder") {
  site s;
  s.add("a.txt", "x");
  auto absolute = (s.top() / "secret.txt").string();

  for (auto& path : {std::string{"/../secret.txt"}, std::string{"/sub/../../secret.txt"},
                     std::string{"/..//secret.txt"},
                     std::string{"/sub/../../../../../../../../../../etc/passwd"}, absolute,
                     "/" + absolute, std::string{"/.."}, std::string{"/../site/../secret.txt"}}) {
    INFO(path);
    CHECK(s.body(path) == std::nullopt);
  }
}

TEST_CASE("what starts with a dot is not served, but for .well-known") {
  site s;
  fs::create_directories(s.folder() / ".git");
  fs::create_directories(s.folder() / ".well-known");
  s.add(".env", "secret");
  s.add(".git/config", "secret");
  s.add(".well-known/security.txt", "contact");

  CHECK(s.body("/.env") == std::nullopt);
  CHECK(s.body("/.git/config") == std::nullopt);
  CHECK(s.body("/./.env") == std::nullopt);
  CHECK(s.body("/.well-known/security.txt") == "contact");
}

TEST_CASE("a path may go up and down inside the folder") {
  site s;
  s.add("a.txt", "x");

  CHECK(s.body("/sub/../a.txt") == "x");
  CHECK(s.body("//a.txt") == "x");
  CHECK(s.body("/./sub/.././a.txt") == "x");
}

TEST_CASE("a folder whose name starts like ours is another one") {
  site s;
  fs::create_directories(s.top() / "site2");
  std::ofstream{s.top() / "site2" / "a.txt"} << "other";

  CHECK(s.body("/../site2/a.txt") == std::nullopt);
}

TEST_CASE("a link out of the folder is not followed, one inside is") {
  site s;
  s.add("a.txt", "x");
  fs::create_symlink(s.top() / "secret.txt", s.folder() / "out.txt");
  fs::create_directory_symlink(s.top(), s.folder() / "up");
  fs::create_directory_symlink(s.top(), s.folder() / "sub" / "index.html");
  fs::create_symlink(s.folder() / "a.txt", s.folder() / "in.txt");
  fs::create_symlink(s.folder() / "nowhere", s.folder() / "broken.txt");
  fs::create_symlink(s.folder() / "loop", s.folder() / "loop");

  CHECK(s.body("/out.txt") == std::nullopt);
  CHECK(s.body("/up/secret.txt") == std::nullopt);
  CHECK(s.body("/sub/") == std::nullopt);
  CHECK(s.body("/broken.txt") == std::nullopt);
  CHECK(s.body("/loop") == std::nullopt);
  CHECK(s.body("/in.txt") == "x");
}

TEST_CASE("a linked index.html does not lead out of the folder") {
  site s;
  fs::create_symlink(s.top() / "secret.txt", s.folder() / "index.html");

  CHECK(s.body("/") == std::nullopt);
}

TEST_CASE("the folder itself may be named by a link or by a path with dots") {
  site s;
  s.add("a.txt", "x");
  fs::create_directory_symlink(s.folder(), s.top() / "link");

  CHECK(static_files{s.top() / "link"}.has("/a.txt"));
  CHECK(static_files{s.folder() / "sub" / ".." / ""}.has("/a.txt"));
}

TEST_CASE("what is no regular file is not opened") {
  site s;
  REQUIRE(::mkfifo((s.folder() / "pipe").c_str(), 0600) == 0);

  CHECK(s.body("/pipe") == std::nullopt);
  CHECK_FALSE(open_file::open(s.folder(), "pipe")); // one that has just taken a file's place
}

TEST_CASE("a folder that is not there is told at once") {
  CHECK_THROWS(static_files{"/there/is/no/such/folder"});
}

// -- decode_path ----------------------------------------------------------------------------------

TEST_CASE("a path is decoded once, without query and fragment") {
  CHECK(decode_path("/") == decoded("/"));
  CHECK(decode_path("/a%20b") == decoded("/a b"));
  CHECK(decode_path("/a+b") == decoded("/a+b"));
  CHECK(decode_path("/%2e%2E/x") == decoded("/../x"));
  CHECK(decode_path("/%252e") == decoded("/%2e"));
  CHECK(decode_path("/a?b=%zz") == decoded("/a"));
  CHECK(decode_path("/a#%") == decoded("/a"));
  CHECK(decode_path("/a%3Fb%23c") == decoded("/a?b#c"));
  CHECK(decode_path("/%41") == decoded("/A"));
  CHECK(decode_path("/a%2Fb") == decoded("/a/b"));
}

TEST_CASE("a path that is malformed, holds a zero byte or does not start with a slash is none") {
  for (auto target : {"", "*", "a", "?", "/%", "/%4", "/%4g", "/%g4", "/% 41", "/%+1", "/%00",
                      "/a%00.html", "\\"}) {
    INFO(target);
    CHECK(decode_path(target) == std::nullopt);
  }
  CHECK(decode_path(std::string_view{"/a\0b", 4}) == std::nullopt);
}

TEST_CASE("a target that names scheme and host is its path") {
  CHECK(decode_path("http://host/a%20b?q=1") == "/a b");
  CHECK(decode_path("HTTPS://host:80/") == "/");
  CHECK(decode_path("http://host") == "/");
  CHECK(decode_path("http://host?q=/a") == "/");
  CHECK(origin_form("http://host/a?q=1#x") == "/a?q=1#x");
  CHECK(origin_form("http://host?q=1") == "/?q=1");
  CHECK(origin_form("http://host:80?a/b") == "/?a/b");
  CHECK(origin_form("/http://host/") == "/http://host/");
  CHECK(decode_path("http:/a") == std::nullopt);
}

TEST_CASE("every escape of two hexadecimal digits is its byte") {
  constexpr std::string_view digits = "0123456789abcdefABCDEF";
  auto value = [](char c) { return std::strtol(std::string{c}.c_str(), nullptr, 16); };
  for (auto high : digits)
    for (auto low : digits) {
      auto byte = static_cast<char>(value(high) * 16 + value(low));
      auto path = decode_path(std::string{"/%"} + high + low);
      CHECK(path == (byte == '\0' ? std::nullopt : std::optional{std::string{"/"} + byte}));
    }
}
