#include <utility>

#include "http/request_reader.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe::transport;
using namespace std::string_literals;
using status = request_reader::status;

namespace {

const std::string get = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const std::string chunked = "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string post(std::size_t length, const std::string& body = {}) {
  return "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n"
       + body;
}

/// A reader and what has come for it.
struct rig {
  explicit rig(request_reader::limits l = {8192, 100, 65'536}) : reader(l) {}

  status read(std::string_view bytes) {
    add(bytes);
    auto now = reader.read(buffer);
    return now == status::has_header ? reader.read(buffer) : now;
  }

  /// Reads bytes that come one by one, to the end of the first request.
  status read_slowly(std::string_view bytes) {
    auto now = status::needs_more;
    while (!bytes.empty() && now == status::needs_more) {
      now = read(bytes.substr(0, 1));
      bytes.remove_prefix(1);
    }
    rest = bytes;
    return now;
  }

  /// The status of the refusal; 0: there was none.
  unsigned refusal(std::string_view bytes) {
    return read(bytes) == status::is_refused ? reader.refusal().status : 0;
  }

  void add(std::string_view bytes) {
    auto room = buffer.prepare(bytes.size());
    std::copy(bytes.begin(), bytes.end(), static_cast<char*>(room.data()));
    buffer.commit(bytes.size());
  }

  request_reader reader;
  boost::beast::flat_buffer buffer;
  std::string rest;
};

unsigned refusal_of(std::string_view bytes, request_reader::limits l = {8192, 100, 65'536}) {
  return rig{l}.refusal(bytes);
}

} // namespace

// -- one after the other --------------------------------------------------------------------------

TEST_CASE("a request is whole at the same byte, whether it comes at once or byte by byte") {
  auto request = GENERATE(as<std::string>{}, get, "\r\n" + get, post(5, "hello"),
                          chunked + "5\r\nhello\r\n0\r\n\r\n");
  rig at_once, slow;

  CHECK(at_once.read(request + "GET /next") == status::has_request);
  CHECK(at_once.buffer.size() == 9);
  CHECK(slow.read_slowly(request + "GET /next") == status::has_request);
  CHECK(slow.rest == "GET /next");
  CHECK(slow.reader.release().body() == at_once.reader.release().body());
}

TEST_CASE("requests that came together are read one after the other") {
  rig r;
  CHECK(r.read(post(2, "hi") + get) == status::has_request);
  CHECK(r.reader.release().body() == "hi");

  r.reader.begin();
  CHECK_FALSE(r.reader.has_begun());
  CHECK(r.read("") == status::has_request);
  CHECK(r.reader.release().method_string() == "GET");
  r.reader.begin();
  CHECK(r.read("") == status::needs_more);
  CHECK_FALSE(r.reader.has_begun());
}

/// A proxy may cut what it forwards differently: both sides have to see the same request.
TEST_CASE("whatever comes is the same request, or none, however it is cut") {
  const std::vector<std::string> requests{
    "\r\n" + get, post(5, "hello"), chunked + "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "OPTIONS * HTTP/1.2\r\nHost: x\r\nX: a\r\n b\r\nConnection: close\r\n\r\n"};
  constexpr std::string_view likely{"\r\n\t :;,0159afx\0\x80", 16};
  std::mt19937 random{1};
  auto below = [&](std::size_t n) { return random() % n; };
  int whole = 0, refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto text = requests[below(requests.size())];
    for (auto changes = below(4); changes > 0; --changes) {
      auto at = below(text.size());
      switch (below(3)) {
        case 0: text[at] = likely[below(likely.size())]; break;
        case 1: text.erase(at, 1 + below(3)); break;
        default: text.insert(at, 1, likely[below(likely.size())]);
      }
      if (text.empty())
        text = get;
    }
    rig at_once, slow;
    auto expected = at_once.read(text);
    auto found = slow.read_slowly(text);
    INFO(text);
    // Beast looks for the end of a header that comes in parts, and judges its fields then
    if (found == status::needs_more && expected == status::is_refused)
      continue;
    REQUIRE(found == expected);
    refused += found == status::is_refused;
    if (found == status::is_refused)
      REQUIRE(slow.reader.refusal().status == at_once.reader.refusal().status);
    if (found != status::has_request)
      continue;
    ++whole;
    REQUIRE(slow.rest.size() == at_once.buffer.size());
    auto a = slow.reader.release(), b = at_once.reader.release();
    REQUIRE(a.method_string() == b.method_string());
    REQUIRE(a.target() == b.target());
    REQUIRE(a.body() == b.body());
    REQUIRE(std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto& x, auto& y) {
      return x.name_string() == y.name_string() && x.value() == y.value();
    }));
  }
  CHECK(whole > 1000);
  CHECK(refused > 1000);
}

TEST_CASE("one empty line before a request is skipped, and is no request") {
  rig r;
  CHECK(r.read("\r") == status::needs_more);
  CHECK(r.read("\n") == status::needs_more);
  CHECK_FALSE(r.reader.has_begun());
  CHECK(r.read(get) == status::has_request);

  CHECK(refusal_of("\r\n\r\n" + get) == 400);
  CHECK(refusal_of("\rGET") == 400);
}

TEST_CASE("what cannot become a request is refused before its first line has an end") {
  CHECK(refusal_of("\x16\x03\x01") == 400);
  CHECK(refusal_of("GET\t/") == 400);
}

// -- versions -------------------------------------------------------------------------------------

// Pins §1.57.
TEST_CASE("a later minor version is read as HTTP/1.1, and another major version is refused") {
  rig r;
  CHECK(r.read("GET /a HTTP/1.2\r\nHost: x\r\n\r\n") == status::has_request);
  CHECK(r.reader.release().version() == 11);
  rig slow;
  CHECK(slow.read_slowly("GET /a HTTP/1.9\r\nHost: x\r\n\r\n") == status::has_request);

  for (auto version : {"HTTP/2.0", "HTTP/0.9", "HTTP/9.9"})
    CHECK(refusal_of("GET /a " + std::string{version} + "\r\nHost: x\r\n\r\n") == 505);
  for (auto version : {"http/1.1", "HTTP/1.", "HTTP/11.1", "HTTP/1.1 ", "HTTPS/1.1", "HTTP/1.10"})
    CHECK(refusal_of("GET /a " + std::string{version} + "\r\nHost: x\r\n\r\n") == 400);
  CHECK(refusal_of("GET /a\r\n") == 400);
}

// -- limits ---------------------------------------------------------------------------------------

// Pins §1.27.
TEST_CASE("the header is bounded with its start line and its line ends") {
  const request_reader::limits limits{256, 100, 10};
  auto with = [](std::size_t bytes) {
    auto header = get.substr(0, get.size() - 2) + "X: ";
    return header + std::string(bytes - header.size() - 4, 'x') + "\r\n\r\n";
  };

  CHECK(rig{limits}.read(with(256)) == status::has_request);
  CHECK(refusal_of(with(257), limits) == 431);
  CHECK(refusal_of(with(300).substr(0, 256), limits) == 431);
  CHECK(rig{limits}.read(with(300).substr(0, 255)) == status::needs_more);
}

// Pins §1.27.
TEST_CASE("a start line beyond the limit is a target that is too long") {
  const request_reader::limits limits{256, 100, 10};
  auto line = "GET /" + std::string(300, 'a');

  CHECK(refusal_of(line, limits) == 414);
  CHECK(refusal_of(line + " HTTP/1.1\r\nHost: x\r\n\r\n", limits) == 414);
}

// Pins §1.27.
TEST_CASE("a header that comes in parts is judged as a whole one is") {
  const request_reader::limits limits{256, 100, 10};
  auto line = "GET /" + std::string(150, 'a') + " HTTP/1.1\r\n";
  rig in_line{limits}, in_field{limits};

  CHECK(in_line.read_slowly("GET /" + std::string(300, 'a')) == status::is_refused);
  CHECK(in_line.reader.refusal().status == 414);
  CHECK(in_field.read_slowly(line + "X: " + std::string(150, 'x')) == status::is_refused);
  CHECK(in_field.reader.refusal().status == 431);
}

TEST_CASE("a refusal of a HEAD is known as such, wherever it was refused") {
  for (auto& text : {"HEAD /" + std::string(9000, 'a'), "HEAD / HTTP/1.1\r\nX y: z\r\n\r\n"s,
                     "HEAD * HTTP/1.1\r\nHost: x\r\n\r\n"s,
                     "HEAD / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"s}) {
    rig r;
    REQUIRE(r.read(text) == status::is_refused);
    CHECK(r.reader.is_head(r.buffer));
  }
  rig other;
  REQUIRE(other.read(chunked + "HEAD \r\n") == status::is_refused);
  CHECK_FALSE(other.reader.is_head(other.buffer));
}

TEST_CASE("a field beyond what Beast can hold is too large, where headers have no limit") {
  auto header = get.substr(0, get.size() - 2) + "X: " + std::string(70'000, 'x') + "\r\n\r\n";

  CHECK(refusal_of(header, {std::size_t{1} << 30, 0, 10}) == 431);
}

TEST_CASE("a body beyond its limit is refused, announced or not") {
  const request_reader::limits limits{8192, 100, 10};

  CHECK(rig{limits}.read(post(10, "0123456789")) == status::has_request);
  CHECK(refusal_of(post(11), limits) == 413);
  CHECK(refusal_of(chunked + "b\r\n", limits) == 413);
  CHECK(refusal_of(chunked + "6\r\n012345\r\n5\r\n", limits) == 413);
}

// -- chunks ---------------------------------------------------------------------------------------

TEST_CASE("chunks may have extensions and a trailer, and both are dropped") {
  rig r;
  CHECK(r.read(chunked + "2;a=b;c=\"d\"\r\nhi\r\n0;last\r\nX-Late: 1\r\n\r\n")
        == status::has_request);
  auto message = r.reader.release();

  CHECK(message.body() == "hi");
  CHECK(message.find("X-Late") == message.end());
  CHECK(message["Host"] == "x");
}

// Pins §16.42.
TEST_CASE("extensions and trailers are bounded, one by one and together") {
  const request_reader::limits limits{256, 100, 65'536};
  auto padded = [](std::size_t bytes) { return "1;" + std::string(bytes, 'x') + "\r\na\r\n"; };
  auto all = [&](std::size_t chunks, std::size_t bytes) {
    auto text = chunked;
    for (std::size_t i = 0; i < chunks; ++i)
      text += padded(bytes);
    return text;
  };

  CHECK(rig{limits}.read(all(1, 200)) == status::needs_more);
  CHECK(rig{limits}.read(all(1000, 8)) == status::needs_more);
  CHECK(refusal_of(all(2, 200), limits) == 413);
  CHECK(refusal_of(chunked + "1;" + std::string(300, 'x'), limits) == 413);
  CHECK(refusal_of(chunked + "0\r\nX: " + std::string(300, 'x'), limits) == 413);
}

TEST_CASE("many chunks of one byte are a body like any other") {
  auto request = chunked;
  for (int i = 0; i < 10'000; ++i)
    request += "1\r\nx\r\n";

  CHECK(rig{}.read(request + "0\r\n\r\n") == status::has_request);
}

// -- progress -------------------------------------------------------------------------------------

// Pins §16.43.
TEST_CASE("what is some progress of a body is small where the body is small") {
  auto least = [](const std::string& request) {
    rig r;
    REQUIRE(r.read(request) == status::needs_more);
    return r.reader.least_progress();
  };

  CHECK(least(post(20)) == 1);
  CHECK(least(post(3200)) == 100);
  CHECK(least(post(65'536)) == 256);
  CHECK(least(chunked) == 256);
}
