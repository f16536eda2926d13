// The HTTP of a whole server in this process, over real sockets.
#include <utility>

#include "server/quiet_server.hpp"
#include "server/stopping.hpp"

#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <future>
#include <ios>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace troupe;
using troupe::test::ask;
using troupe::test::await_ping;
using troupe::test::masked_text;
using troupe::test::quiet;
using troupe::test::raw_client;

namespace {

transport::http_response echo(const transport::http_request& request) {
  return {200, "text/plain", request.body};
}

} // namespace

TEST_CASE("routes match by method and pattern, literal paths first") {
  server node{quiet(1)};
  auto show = [](std::string what) {
    return [what](const transport::http_request& r) {
      return transport::http_response{200, "text/plain",
                                      what + ' ' + std::string{r.param("id")} + ' '
                                        + std::string{r.param("*")} + ' ' + r.query("q")};
    };
  };
  node.get("/users/:id", show("user"))
    .get("/users/me", show("me"))
    .get("/files/*", show("file"))
    .route("POST", "/users/:id", show("post"));
  node.start();

  CHECK(ask(node.port(), "GET", "/users/7%20a?q=x+y").find("user 7 a  x y") != std::string::npos);
  CHECK(ask(node.port(), "GET", "/users/me").find("me") != std::string::npos);
  CHECK(ask(node.port(), "GET", "/files/a/b.txt").find("file  a/b.txt ") != std::string::npos);
  CHECK(ask(node.port(), "POST", "/users/7").find("post 7") != std::string::npos);
  CHECK(ask(node.port(), "GET", "/users").starts_with("HTTP/1.1 404"));
  auto refused = ask(node.port(), "PUT", "/users/7");
  CHECK(refused.starts_with("HTTP/1.1 405"));
  CHECK(refused.find("Allow: GET, HEAD, POST") != std::string::npos);
}

// Pins §16.13.
TEST_CASE("a body of 64 KiB is taken unless configured otherwise, and one byte more is 413") {
  server node{quiet(1)};
  node.route("POST", "/size", [](auto& r) {
    return transport::http_response{200, "text/plain", std::to_string(r.body.size())};
  });
  node.start();
  constexpr std::size_t most = 65'536;
  auto post = [&](std::size_t bytes, bool announced) {
    std::string head = "POST /size HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", body(bytes, 'x');
    if (announced)
      return raw_client(node.port(),
                        head + "Content-Length: " + std::to_string(bytes) + "\r\n\r\n" + body)
        .read_all();
    std::ostringstream size;
    size << std::hex << bytes;
    return raw_client(node.port(), head + "Transfer-Encoding: chunked\r\n\r\n" + size.str() + "\r\n"
                                     + body + "\r\n0\r\n\r\n")
      .read_all();
  };

  CHECK(post(most, true).ends_with("\r\n\r\n65536"));
  CHECK(post(most, false).ends_with("\r\n\r\n65536"));
  CHECK(post(most + 1, true).starts_with("HTTP/1.1 413"));
  CHECK(post(most + 1, false).starts_with("HTTP/1.1 413"));
}

TEST_CASE("an answer that a handler must not give is 500, and adds no header") {
  server node{quiet(1)};
  node.get("/to/:where", [](auto& r) {
    return transport::http_response{
      302, "text/plain", "", {{"Location", std::string{r.param("where")}}}};
  });
  node.get("/status/:code", [](auto& r) {
    return transport::http_response{static_cast<unsigned>(std::stoi(std::string{r.param("code")}))};
  });
  node.get("/type", [](auto&) { return transport::http_response{200, "a\r\nX-Evil: 1", "x"}; });
  node.get("/name", [](auto&) {
    return transport::http_response{200, "text/plain", "x", {{"a b", "1"}}};
  });
  node.get("/date", [](auto&) {
    return transport::http_response{200, "text/plain", "x", {{"Date", "today"}}};
  });
  node.start();
  auto get = [&](const char* path) { return ask(node.port(), "GET", path); };

  auto split = get("/to/x%0d%0aX-Evil:%201");
  auto typed = get("/type");
  auto dated = get("/date");

  CHECK(get("/to/there").find("Location: there\r\n") != std::string::npos);
  CHECK(split.starts_with("HTTP/1.1 500"));
  CHECK(split.find("X-Evil") == std::string::npos);
  CHECK(typed.starts_with("HTTP/1.1 500"));
  CHECK(typed.find("X-Evil") == std::string::npos);
  CHECK(get("/name").starts_with("HTTP/1.1 500"));
  CHECK(dated.find("Date: ") == dated.rfind("Date: "));
  CHECK(dated.find("today") == std::string::npos);
  for (auto path : {"/status/0", "/status/99", "/status/101", "/status/600"})
    CHECK(get(path).starts_with("HTTP/1.1 500"));
  CHECK(get("/status/204").starts_with("HTTP/1.1 204"));
}

/// RFC 9110, 8.6 and 15.3.6.
TEST_CASE("an answer whose status allows no body has none") {
  server node{quiet(1)};
  for (auto status : {204u, 205u})
    node.get("/" + std::to_string(status), [status](auto&) {
      return transport::http_response{status, "text/plain", "body", {{"Content-Length", "4"}}};
    });
  node.start();

  auto no_content = ask(node.port(), "GET", "/204");
  auto reset_content = ask(node.port(), "GET", "/205");

  CHECK(no_content.ends_with("\r\n\r\n"));
  CHECK(no_content.find("Content-Length") == std::string::npos);
  CHECK(reset_content.ends_with("\r\n\r\n"));
  CHECK(reset_content.find("Content-Length: 0\r\n") != std::string::npos);
}

// Pins §1.52.
TEST_CASE("a request whose end nobody can tell is the last on its connection") {
  server node{quiet(1)};
  node.route("POST", "/echo", echo);
  node.start();
  raw_client client{node.port(), "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n"
                                 "\r\nPOST /echo HTTP/1.1\r\nHost: x\r\n"
                                 "Content-Length: 8\r\n\r\nsmuggled"};

  auto answers = client.read_all();

  CHECK(answers.starts_with("HTTP/1.1 400"));
  CHECK(answers.find("HTTP/1.1", 1) == std::string::npos);
}

// Pins §1.53.
TEST_CASE("a client that waits to be told to go on is told, and its body is taken") {
  server node{quiet(1)};
  node.route("POST", "/echo", echo);
  node.start();
  raw_client client{node.port(), "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                                 "Connection: close\r\nContent-Length: 4\r\n\r\n"};

  client.await("HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  auto answer = client.read_all();

  CHECK(answer.starts_with("HTTP/1.1 200"));
  CHECK(answer.ends_with("\r\n\r\nbody"));
}

TEST_CASE("a trailer is dropped: it adds nothing to the header that was judged") {
  server node{quiet(1)};
  node.route("POST", "/echo", [](auto& r) {
    auto body = r.body + '|';
    return transport::http_response{
      200, "text/plain",
      body.append(r.header("X-Kind")).append("|").append(r.header("Authorization"))};
  });
  node.start();
  raw_client client{node.port(), "POST /echo HTTP/1.1\r\nHost: x\r\nX-Kind: told\r\n"
                                 "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
                                 "X-Kind: trailed\r\nAuthorization: Bearer x\r\n"
                                 "Connection: close\r\n\r\n"
                                 "POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                 "Content-Length: 3\r\n\r\nbye"};

  auto answers = client.read_all();

  CHECK(answers.find("hi|told|") != std::string::npos);
  CHECK(answers.find("Bearer") == std::string::npos);
  CHECK(answers.ends_with("bye||")); // the first request has not closed the connection
}

// Pins §16.2.
TEST_CASE("sizes of a request that are 0 let through more than the defaults do") {
  auto options = quiet(1);
  options.max_header_bytes = options.max_headers = options.max_body_bytes = 0;
  server node{options};
  node.route("POST", "/size", [](auto& r) {
    return transport::http_response{200, "text/plain", std::to_string(r.body.size())};
  });
  node.start();
  std::string request = "POST /size HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
  for (int i = 0; i < 150; ++i)
    request += "X-" + std::to_string(i) + ": " + std::string(100, 'x') + "\r\n";
  request += "Content-Length: 100000\r\n\r\n" + std::string(100'000, 'x');

  auto answer = raw_client{node.port(), request}.read_all();

  CHECK(answer.starts_with("HTTP/1.1 200"));
  CHECK(answer.ends_with("\r\n\r\n100000"));
}

// Pins §16.2.
TEST_CASE("sizes of a request that are configured hold instead of the defaults") {
  auto options = quiet(1);
  options.max_header_bytes = 300;
  options.max_headers = 5;
  options.max_body_bytes = 10;
  server node{options};
  auto size = [](const transport::http_request& r) {
    return transport::http_response{200, "text/plain", std::to_string(r.body.size())};
  };
  node.get("/size", size).route("POST", "/size", size);
  node.start();
  auto post = [&](std::size_t bytes) {
    return raw_client(node.port(),
                      "POST /size HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: "
                        + std::to_string(bytes) + "\r\n\r\n" + std::string(bytes, 'x'))
      .read_all();
  };
  auto get = [&](const std::string& headers) { // beside `Host` and `Connection`
    return ask(node.port(), "GET", "/size", headers);
  };

  CHECK(post(10).ends_with("\r\n\r\n10"));
  CHECK(post(11).starts_with("HTTP/1.1 413"));
  CHECK(get("A: 1\r\nB: 2\r\nC: 3\r\n").starts_with("HTTP/1.1 200"));
  CHECK(get("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n").starts_with("HTTP/1.1 431"));
  CHECK(get("A: " + std::string(150, 'x') + "\r\n").starts_with("HTTP/1.1 200"));
  CHECK(get("A: " + std::string(300, 'x') + "\r\n").starts_with("HTTP/1.1 431"));
}

TEST_CASE("a target that names its host goes before Host, and handlers see a path") {
  server node{quiet(1)};
  node.get("/where", [](auto& r) {
    return transport::http_response{200, "text/plain",
                                    r.target + ' ' + std::string{r.header("Host")}};
  });
  node.start();
  auto get = [&](const std::string& target, const std::string& rest) {
    return raw_client{node.port(), "GET " + target + rest + "Connection: close\r\n\r\n"}.read_all();
  };

  CHECK(get("/where?a", " HTTP/1.1\r\nHost: x\r\n").ends_with("/where?a x"));
  CHECK(get("http://a.example:80/where?a", " HTTP/1.1\r\nHost: x\r\n")
          .ends_with("/where?a a.example:80"));
  CHECK(get("http://a.example/where", " HTTP/1.0\r\n").ends_with("/where a.example"));
}

/// A server whose requests have that time; a body is answered with its size.
struct hurried_server {
  explicit hurried_server(std::chrono::milliseconds deadline,
                          std::chrono::milliseconds keep_alive = std::chrono::seconds{10})
    : node([&] {
        auto options = quiet(1);
        options.handshake_deadline = deadline;
        options.keep_alive = keep_alive;
        return options;
      }()) {
    node.route("POST", "/size", [](auto& r) {
      return transport::http_response{200, "text/plain", std::to_string(r.body.size())};
    });
    node.start();
  }
  [[nodiscard]] raw_client asking(const std::string& more) const {
    return {node.port(), "POST /size HTTP/1.1\r\nHost: x\r\n" + more};
  }
  server node;
};

/// Sends the text again and again until the server has ended the connection, or that many times.
/// Returns how often it has.
int drip(raw_client& client, std::string_view text, std::chrono::milliseconds pause, int times) {
  for (int i = 0; i < times; ++i) {
    if (client.has_ended())
      return i;
    client.send(text);
    ::poll(nullptr, 0, static_cast<int>(pause.count()));
  }
  return times;
}

// Pins §16.43.
TEST_CASE("a body may take its time as long as some of it comes, announced or in chunks") {
  hurried_server s{std::chrono::milliseconds{300}};
  constexpr std::chrono::milliseconds pause{50};

  auto announced = s.asking("Connection: close\r\nContent-Length: 3200\r\n\r\n");
  CHECK(drip(announced, std::string(160, 'x'), pause, 20) == 20);
  CHECK(announced.read_all().ends_with("\r\n\r\n3200"));

  auto in_chunks = s.asking("Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(drip(in_chunks, "80\r\n" + std::string(128, 'x') + "\r\n", pause, 20) == 20);
  in_chunks.send("0\r\n\r\n");
  CHECK(in_chunks.read_all().ends_with("\r\n\r\n2560"));
}

// Pins §16.43.
TEST_CASE("single bytes hold no connection: neither of a body nor of a header") {
  hurried_server s{std::chrono::milliseconds{200}};
  auto ended_by = [&](const std::string& begin, std::string_view text) {
    auto client = s.asking(begin);
    auto times = drip(client, text, std::chrono::milliseconds{20}, 100);
    return client.read_all().empty() ? times : -1;
  };

  for (auto [begin, text] : {std::pair{"Content-Length: 60000\r\n\r\n", "x"},
                             {"Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
                             {"X: ", "x"}}) {
    INFO(begin);
    auto times = ended_by(begin, text);
    CHECK(times > 2);
    CHECK(times < 60);
  }
}

// Pins §16.43.
TEST_CASE("some of a body holds no connection once nothing comes any more") {
  hurried_server s{std::chrono::milliseconds{300}};
  auto client = s.asking("Content-Length: 60000\r\n\r\n");
  client.send(std::string(1000, 'x'));

  ::poll(nullptr, 0, 1200);

  CHECK(client.has_ended());
}

// Pins §1.48.
TEST_CASE("the first header has one time, from the beginning of the connection on") {
  hurried_server s{std::chrono::milliseconds{1000}};
  raw_client late{s.node.port(), ""};
  ::poll(nullptr, 0, 800);

  late.send("POST /size HTTP/1.1\r\n");
  ::poll(nullptr, 0, 600);

  CHECK(late.has_ended());
}

// Pins §16.41.
TEST_CASE("a connection waits longer for another request than for its first, or less") {
  using std::chrono::milliseconds;
  auto [first, next] = GENERATE(std::pair{milliseconds{300}, milliseconds{60'000}},
                                std::pair{milliseconds{60'000}, milliseconds{300}});
  hurried_server s{first, next};
  raw_client silent{s.node.port(), ""};
  auto answered = s.asking("Content-Length: 0\r\n\r\n");
  answered.await("\r\n\r\n0");

  ::poll(nullptr, 0, 900);

  CHECK(silent.has_ended() == (first < next));
  CHECK(answered.has_ended() == (next < first));
}

// Pins §16.43.
TEST_CASE("a request behind another has the time of a request from its first byte on") {
  hurried_server s{std::chrono::milliseconds{300}};
  auto client = s.asking("Content-Length: 0\r\n\r\n");
  client.await("\r\n\r\n0");
  ::poll(nullptr, 0, 600);
  REQUIRE_FALSE(client.has_ended());

  client.send("\r\n"); // no request begins with an empty line
  ::poll(nullptr, 0, 600);
  CHECK_FALSE(client.has_ended());
  client.send("POST /size");
  ::poll(nullptr, 0, 900);
  CHECK(client.has_ended());
}

/// One client says half of a request, one waits for its answer, and one has got it.
// Pins §16.2.
TEST_CASE("deadlines of a request that are 0 never end it") {
  auto options = quiet(1);
  options.handshake_deadline = options.handler_deadline = options.keep_alive =
    std::chrono::milliseconds{0};
  options.node.heartbeat.interval = std::chrono::milliseconds{100};
  std::promise<transport::http_reply> asked;
  server node{options};
  node.get("/now", [](auto&) { return transport::http_response{200, "text/plain", "here it is"}; });
  node.route_later("GET", "/later",
                   [&](const transport::http_request&, transport::http_reply reply) {
                     asked.set_value(std::move(reply));
                   });
  node.start();
  raw_client says_half{node.port(), "GET /now HTTP/1.1\r\nHost: x\r\n"};
  raw_client waits{node.port(), "GET /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"};
  raw_client answered{node.port(), "GET /now HTTP/1.1\r\nHost: x\r\n\r\n"};
  answered.await("here it is");
  auto reply = asked.get_future();
  REQUIRE(reply.wait_for(std::chrono::seconds{10}) == std::future_status::ready);

  await_ping(node.port());
  CHECK_FALSE(answered.has_ended());
  says_half.send("Connection: close\r\n\r\n");
  reply.get().send({200, "text/plain", "at last"});

  CHECK(says_half.read_all().ends_with("here it is"));
  CHECK(waits.read_all().ends_with("at last"));
}

// Pins §16.15.
TEST_CASE("an answer may come later from another thread, and one that never comes is 504") {
  auto options = quiet(1);
  options.handler_deadline = std::chrono::milliseconds{200};
  server node{options};
  std::vector<std::thread> threads;
  std::vector<transport::http_reply> kept;
  node.route_later(
    "GET", "/later", [&](const transport::http_request&, transport::http_reply reply) {
      threads.emplace_back([reply] { reply.send({200, "text/plain", "here it is"}); });
    });
  node.route_later("GET", "/never",
                   [&](const transport::http_request&, transport::http_reply reply) {
                     kept.push_back(std::move(reply));
                   });
  node.route_later("GET", "/throws", [](const transport::http_request&, transport::http_reply) {
    throw std::runtime_error{"no"};
  });
  node.start();

  CHECK(ask(node.port(), "GET", "/later").ends_with("here it is"));
  CHECK(ask(node.port(), "GET", "/never").starts_with("HTTP/1.1 504"));
  CHECK(ask(node.port(), "GET", "/throws").starts_with("HTTP/1.1 500"));
  for (auto& t : threads)
    t.join();
}

TEST_CASE("a reply that is dropped without an answer is 500 at once, and the log says why") {
  test::kept_log log;
  auto options = quiet(1);
  options.log = &log;
  options.handler_deadline = std::chrono::hours{1};
  server node{options};
  std::thread other;
  node.route_later("GET", "/here", [](const transport::http_request&, transport::http_reply) {});
  node.route_later("GET", "/there",
                   [&](const transport::http_request&, transport::http_reply reply) {
                     other = std::thread{[r = std::move(reply)] { auto gone = r; }};
                   });
  node.route_later("GET", "/twice",
                   [](const transport::http_request&, transport::http_reply reply) {
                     reply.send({200, "text/plain", "here it is"});
                   });
  node.start();

  CHECK(ask(node.port(), "GET", "/here").starts_with("HTTP/1.1 500"));
  CHECK(log.has("/here: its reply was dropped without an answer"));
  CHECK(ask(node.port(), "GET", "/there").starts_with("HTTP/1.1 500"));
  CHECK(ask(node.port(), "GET", "/twice").ends_with("here it is"));
  other.join();
}

TEST_CASE("an answer that was given before its handler throws is the answer, and the log says what "
          "was thrown") {
  test::kept_log log;
  auto options = quiet(1);
  options.log = &log;
  server node{options};
  std::optional<transport::http_reply> kept;
  node.route_later("GET", "/answers",
                   [](const transport::http_request&, transport::http_reply reply) {
                     reply.send({200, "text/plain", "here it is"});
                     throw std::runtime_error{"and then failed"};
                   });
  node.route_later("GET", "/fails",
                   [&](const transport::http_request&, transport::http_reply reply) {
                     kept = reply;
                     throw std::runtime_error{"at once"};
                   });
  node.start();

  auto answered = ask(node.port(), "GET", "/answers");
  auto failed = ask(node.port(), "GET", "/fails");
  kept->send({200, "text/plain", "too late"});

  CHECK(answered.starts_with("HTTP/1.1 200"));
  CHECK(answered.ends_with("here it is"));
  CHECK(log.has("/answers: and then failed"));
  CHECK(failed.starts_with("HTTP/1.1 500"));
  CHECK(ask(node.port(), "GET", "/metrics").find("handler_error_total{where=\"http\"} 2")
        != std::string::npos);
}

TEST_CASE("an answer that comes after the end of its server is void") {
  std::promise<transport::http_reply> asked;
  std::optional<server> node{quiet(1)};
  node->route_later("GET", "/later",
                    [&](const transport::http_request&, transport::http_reply reply) {
                      asked.set_value(std::move(reply));
                    });
  node->start();
  raw_client client{node->port(), "GET /later HTTP/1.1\r\nHost: x\r\n\r\n"};
  auto reply = asked.get_future().get();

  node.reset();
  reply.send({200, "text/plain", "too late"});
  reply.send({200, "text/plain", "and again"});

  CHECK(client.read_all().find("late") == std::string::npos);
}

TEST_CASE("pages of allowed origins may read answers") {
  auto options = quiet(1);
  options.cors_origins = {"https://good.example"};
  server node{options};
  node.get("/data", [](auto&) { return transport::http_response{200, "application/json", "{}"}; });
  node.start();

  auto good = ask(node.port(), "GET", "/data", "Origin: https://good.example\r\n");
  auto bad = ask(node.port(), "GET", "/data", "Origin: https://bad.example\r\n");
  auto preflight = ask(node.port(), "OPTIONS", "/data",
                       "Origin: https://good.example\r\nAccess-Control-Request-Method: "
                       "GET\r\nAccess-Control-Request-Headers: x-a\r\n");

  CHECK(good.find("Access-Control-Allow-Origin: https://good.example") != std::string::npos);
  CHECK(bad.find("Access-Control-Allow-Origin") == std::string::npos);
  CHECK(preflight.starts_with("HTTP/1.1 204"));
  CHECK(preflight.find("Access-Control-Allow-Headers: x-a") != std::string::npos);
}

TEST_CASE("the client behind a trusted proxy is the one that the proxy names") {
  auto options = quiet(1);
  options.trusted_proxies = {"127.0.0.0/8", "10.0.0.0/8"};
  server node{options};
  node.get("/me", [](auto& r) {
    return transport::http_response{200, "text/plain", r.remote_address};
  });
  node.start();

  CHECK(ask(node.port(), "GET", "/me").ends_with("127.0.0.1"));
  CHECK(ask(node.port(), "GET", "/me", "X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.1.2.3\r\n")
          .ends_with("203.0.113.9"));
  CHECK(ask(node.port(), "GET", "/me", "X-Forwarded-For: nonsense\r\n").ends_with("127.0.0.1"));
}

TEST_CASE("a PROXY header of a trusted proxy names the client") {
  auto options = quiet(1);
  options.trusted_proxies = {"127.0.0.1"};
  options.proxy_protocol = true;
  server node{options};
  node.get("/me", [](auto& r) {
    return transport::http_response{200, "text/plain", r.remote_address};
  });
  node.start();
  std::string request = "GET /me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  std::string v2{"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\x7f\0\0\x01\x10\0\0\x50", 28};

  CHECK(raw_client(node.port(), "PROXY TCP4 203.0.113.9 127.0.0.1 4000 80\r\n" + request)
          .read_all()
          .ends_with("203.0.113.9"));
  CHECK(raw_client(node.port(), v2 + request).read_all().ends_with("203.0.113.7"));
  CHECK(raw_client(node.port(), "PROXY UNKNOWN\r\n" + request).read_all().ends_with("127.0.0.1"));
  CHECK(raw_client(node.port(), request).read_all().empty());
}

// Pins §1.59.
TEST_CASE("a trusted proxy may bring what https names, whichever client its PROXY header names") {
  auto options = quiet(1);
  options.trusted_proxies = {"127.0.0.1"};
  auto without = options;
  auto untrusting = quiet(1);
  options.proxy_protocol = untrusting.proxy_protocol = true;
  untrusting.trusted_proxies = {"192.0.2.1"};
  server with_headers{options}, without_headers{without}, of_clients{untrusting};
  for (auto* node : {&with_headers, &without_headers, &of_clients})
    node->start();
  const std::string request =
    "GET https://x/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  const std::string v1 = "PROXY TCP4 203.0.113.5 192.0.2.9 4000 443\r\n";
  const std::string v2{"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x05\x7f\0\0\x01\x10\0\0\x50",
                       28};
  auto status = [&](const server& node, const std::string& header) {
    return raw_client(node.port(), header + request).read_all().substr(0, 12);
  };

  CHECK(status(with_headers, v1) == "HTTP/1.1 200");
  CHECK(status(with_headers, v2) == "HTTP/1.1 200");
  CHECK(status(with_headers, "PROXY UNKNOWN\r\n") == "HTTP/1.1 200");
  CHECK(status(without_headers, "") == "HTTP/1.1 200");
  CHECK(status(of_clients, "") == "HTTP/1.1 421");
}

TEST_CASE("the probes have a port of their own if asked") {
  auto options = quiet(1);
  options.admin_bind = "127.0.0.1:0";
  server node{options};
  node.start();

  CHECK(ask(node.admin_port(), "GET", "/metrics").find("troupe_connections 0")
        != std::string::npos);
  CHECK(ask(node.admin_port(), "GET", "/readyz").starts_with("HTTP/1.1 200"));
  CHECK(ask(node.port(), "GET", "/metrics").starts_with("HTTP/1.1 404"));
}

// Pins §1.44.
TEST_CASE("the upgrade hook lets in with claims or refuses with its status") {
  auto options = quiet(1);
  options.authorize_upgrade = [](const transport::http_request& r) {
    if (r.query("key") != "open")
      return transport::upgrade_decision::refuse(402, "Pay first");
    actors::claims c;
    c.subject = "payer";
    return transport::upgrade_decision::accept(
      std::make_shared<const actors::claims>(std::move(c)));
  };
  server node{options};
  std::atomic<bool> seen{false};
  struct watching : room_behavior {
    explicit watching(std::atomic<bool>& s) : seen(s) {}
    void on_join(room_context&, const member& m) override {
      seen = m.claims && m.claims->subject == "payer" && m.user_id == "payer";
    }
    std::atomic<bool>& seen;
  };
  node.rooms("*", [&](auto) { return std::make_unique<watching>(seen); });
  node.start();

  auto refused = raw_client{node.port(), raw_client::upgrade_of("/")}.read_all();
  CHECK(refused.starts_with("HTTP/1.1 402"));
  CHECK(refused.find("\r\n\r\nPay first") != std::string::npos);
  raw_client client{node.port(), raw_client::upgrade_of("/?key=open")};
  client.await("\r\n\r\n");
  client.send(masked_text(R"({"type":"join","roomId":"r"})"));
  client.await("joined");

  CHECK(seen);
}

// Pins §1.37.
TEST_CASE("an upgrade to an address with a query and without a path is one to the path /") {
  auto options = quiet(1);
  std::string seen;
  options.authorize_upgrade = [&](const transport::http_request& r) {
    seen = r.path + ' ' + r.target + ' ' + r.query("token") + ' ' + std::string{r.header("Host")};
    return transport::upgrade_decision::accept();
  };
  server node{options};
  node.start();

  raw_client client{node.port(), raw_client::upgrade_of("http://a.example?token=1")};
  client.await("HTTP/1.1 101");

  CHECK(seen == "/ /?token=1 1 a.example");
}

// Pins §1.25.
TEST_CASE("of two rules that a request breaks the one that stands first in the table is told") {
  struct parts {
    std::string method = "GET", target = "/", version = "HTTP/1.1", headers{};
  };
  struct fault {
    std::string status;
    std::function<void(parts&)> make;
  };
  auto adds = [](std::string line) { return [line](parts& p) { p.headers += line + "\r\n"; }; };
  const std::vector<fault> in_order{
    {"505", [](parts& p) { p.version = "HTTP/2.0"; }},
    {"400", adds("Host: y")}, // the second one
    {"400", adds("Transfer-Encoding: gzip")},
    {"501", [](parts& p) { p.method = "CONNECT"; }},
    {"400", [](parts& p) { p.target = p.target.starts_with("https:") ? "https://a@x/" : "*"; }},
    {"417", adds("Expect: 200-ok")},
    {"421", [](parts& p) { p.target = "https://x/"; }},
    {"400", adds("Upgrade: websocket")}, // without Connection
  };
  server node{quiet(1)};
  node.start();
  auto answer = [&](const parts& p) {
    auto all = raw_client(node.port(), p.method + ' ' + p.target + ' ' + p.version
                                         + "\r\nHost: x\r\n" + p.headers + "\r\n")
                 .read_all();
    return all.substr(9, 4) + all.substr(std::min(all.find("\r\n\r\n"), all.size()));
  };

  std::vector<std::string> told;
  for (auto& f : in_order) {
    parts p;
    f.make(p);
    told.push_back(answer(p));
    CHECK(told.back().substr(0, 3) == f.status);
  }

  CHECK(std::set<std::string>{told.begin(), told.end()}.size() == in_order.size());
  for (std::size_t first = 0; first < in_order.size(); ++first)
    for (auto second = first + 1; second < in_order.size(); ++second) {
      INFO(first << " and " << second);
      parts p;
      in_order[second].make(p);
      in_order[first].make(p);
      CHECK(answer(p) == told[first]);
    }
}
