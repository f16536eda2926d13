// Sockets that are not (yet) WebSockets, the places of WebSockets, and wrong tokens, in a whole
// server over real sockets.

#include <mutex>
#include <utility>

#include "support/raw_client.hpp"

#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using troupe::test::raw_client;

namespace {

server_options quiet(unsigned loops = 1) {
  server_options options;
  options.bind = "127.0.0.1";
  options.port = 0;
  options.node.loops = loops;
  options.log_level = protocol::log_level::error;
  return options;
}

const std::string healthz = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

bool is_served(std::uint16_t port, const std::string& first = {}) {
  return raw_client{port, first + healthz}.read_all().find("200 OK") != std::string::npos;
}

/// Opens `n` sockets that send `first`, and no more.
std::vector<raw_client> crowd_of(std::uint16_t port, int n, const std::string& first) {
  std::vector<raw_client> crowd;
  for (int i = 0; i < n; ++i)
    crowd.emplace_back(port, first);
  return crowd;
}

/// Checks that the server ends the first `n` of them without an answer.
void await_ends(std::vector<raw_client>& crowd, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i)
    CHECK(crowd[i].read_all().empty());
}

/// Waits until any `n` have ended, since a loop may read them in any order.
void await_any_ends(const std::vector<raw_client>& crowd, std::ptrdiff_t n) {
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds{8};
  auto ended = [&] {
    return std::count_if(crowd.begin(), crowd.end(), [](auto& c) { return c.has_ended(); });
  };
  while (ended() < n && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  CHECK(ended() == n);
}

} // namespace

TEST_CASE("an address's sockets beyond its bound end those that wait longest, at whatever stage") {
  auto stage = GENERATE(as<std::string>{}, "", "G", "GET / HTTP/1.1\r\n",
                        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx");
  auto options = quiet(GENERATE(1u, 2u));
  options.max_pending_per_ip = 5;
  server node{options};
  node.start();

  auto crowd = crowd_of(node.port(), 12, stage);
  await_ends(crowd, 7);

  CHECK(is_served(node.port())); // this ends one more of the crowd
}

TEST_CASE("sockets that have become WebSockets count no more among those that have not") {
  auto options = quiet(GENERATE(1u, 2u));
  options.max_pending_per_ip = 2;
  server node{options};
  node.start();

  std::vector<raw_client> members;
  for (int i = 0; i < 6; ++i)
    members.emplace_back(node.port());
  auto crowd = crowd_of(node.port(), 6, "");
  await_ends(crowd, 4);

  for (auto& m : members) {
    m.send(test::masked_text(R"({"type":"ping"})"));
    m.await("pong");
  }
}

// Pins §1.49.
TEST_CASE("idle sockets of loopback addresses end at the bound in all") {
  auto options = quiet(GENERATE(1u, 2u));
  options.max_pending = 10;
  server node{options};
  node.start();

  auto crowd = crowd_of(node.port(), 25, "");
  await_ends(crowd, 15);

  CHECK(is_served(node.port()));
  raw_client member{node.port()};
}

TEST_CASE("a trusted proxy's sockets are bounded once they have named their client") {
  auto options = quiet();
  options.trusted_proxies = {"127.0.0.1"};
  options.proxy_protocol = true;
  options.max_pending_per_ip = 3;
  server node{options};
  node.start();

  auto unnamed = crowd_of(node.port(), 10, "PROX");
  auto named = crowd_of(node.port(), 8, "PROXY TCP4 203.0.113.9 127.0.0.1 4000 80\r\n");
  await_any_ends(named, 5);
  auto v6 = crowd_of(node.port(), 8, "PROXY TCP6 2001:db8::9 ::1 4000 80\r\n");
  await_any_ends(v6, 5);

  for (auto& u : unnamed)
    u.send("Y TCP4 203.0.113.77 127.0.0.1 4000 80\r\n");
  await_any_ends(unnamed, 7);
  CHECK(is_served(node.port(), "PROXY TCP4 203.0.113.8 127.0.0.1 4000 80\r\n"));
}

TEST_CASE(
  "a client that a trusted proxy names by X-Forwarded-For has its bound while it is served") {
  auto options = quiet();
  options.trusted_proxies = {"127.0.0.1"};
  options.max_pending_per_ip = 3;
  options.handler_deadline = std::chrono::milliseconds{20'000};
  std::mutex mutex;
  std::vector<transport::http_reply> kept; // one that is dropped is an answer
  server node{options};
  node.route_later("GET", "/never",
                   [&](const transport::http_request&, transport::http_reply reply) {
                     std::lock_guard guard{mutex};
                     kept.push_back(std::move(reply));
                   });
  node.start();

  auto idle = crowd_of(node.port(), 10, "");
  auto crowd = crowd_of(node.port(), 8,
                        "GET /never HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n");
  await_any_ends(crowd, 5);

  for (auto& i : idle) {
    i.send(healthz);
    CHECK(i.read_all().find("200 OK") != std::string::npos);
  }
}

TEST_CASE("the admin port has places of its own") {
  auto options = quiet();
  options.admin_bind = "127.0.0.1:0";
  options.max_pending = 4;
  server node{options};
  node.start();
  auto idle_at_admin = crowd_of(node.admin_port(), 2, "");
  auto crowd = crowd_of(node.port(), 20, "");
  await_ends(crowd, 16);

  for (auto& i : idle_at_admin) {
    i.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK(i.read_all().find("200 OK") != std::string::npos);
  }
}

// -- WebSockets -----------------------------------------------------------------------------------

namespace {

/// Sets the process's limit of descriptors, and restores it.
struct limit_scope {
  explicit limit_scope(rlim_t descriptors) {
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit low{descriptors, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &low);
  }
  limit_scope(const limit_scope&) = delete;
  limit_scope& operator=(const limit_scope&) = delete;
  ~limit_scope() { ::setrlimit(RLIMIT_NOFILE, &before); }
  rlimit before{};
};

/// Upgrades as a client that a trusted proxy names, if `address` is given, and checks the status.
raw_client upgraded(std::uint16_t port, const std::string& status, const std::string& address) {
  auto named = address.empty() ? address : "X-Forwarded-For: " + address + "\r\n";
  raw_client client{port, raw_client::upgrade_of("/", named)};
  CHECK_NOTHROW(client.await("HTTP/1.1 " + status));
  return client;
}

/// Opens `n` WebSockets.
std::vector<raw_client> members_of(std::uint16_t port, int n, const std::string& address = {}) {
  std::vector<raw_client> members;
  for (int i = 0; i < n; ++i)
    members.push_back(upgraded(port, "101", address));
  return members;
}

} // namespace

// Pins §1.45, §16.1.
TEST_CASE("one address has a hundred WebSockets unless configured otherwise, and one more is 503") {
  auto options = quiet();
  options.trusted_proxies = {"127.0.0.1"};
  server node{options};
  node.start();

  auto members = members_of(node.port(), 100, "203.0.113.9");

  upgraded(node.port(), "503", "203.0.113.9");
  upgraded(node.port(), "101", "203.0.113.8");
}

/// The server is made with few descriptors; those of the clients come on top.
// Pins §1.45, §16.1.
TEST_CASE("eight tenths of the descriptors may be WebSockets unless configured otherwise, and one "
          "more is 503") {
  auto options = quiet();
  options.reserved_descriptors = 0;
  std::optional<server> node;
  {
    limit_scope few{100};
    node.emplace(options);
  }
  node->start();

  auto members = members_of(node->port(), 80);

  upgraded(node->port(), "503", {});
}

// -- wrong tokens ---------------------------------------------------------------------------------

namespace {

/// A server that lets in whoever shows the key, by upgrade and at `/session`.
struct guarded_server {
  explicit guarded_server(server_options options) : node(with_hook(std::move(options))) {
    node.get("/session", [this](const transport::http_request& r) {
      auto decision = node.authorize(r);
      return transport::http_response{
        decision.status == 0 ? 204 : decision.status, "text/plain", "", {}};
    });
    node.start();
  }

  static server_options with_hook(server_options o) {
    o.max_connections_per_ip = 1000; // must exceed this test's connections from the loopback
    o.authorize_upgrade = [](const transport::http_request& r) {
      return r.header("Authorization") == "Bearer good"
             ? transport::upgrade_decision::accept()
             : transport::upgrade_decision::refuse(401, "No");
    };
    return o;
  }

  static std::string with(const std::string& headers) {
    return "GET /session HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n";
  }
  std::string status_at_session(const std::string& headers) {
    return raw_client{node.port(), with(headers)}.read_all().substr(9, 3);
  }
  std::string status_of_upgrade(const std::string& headers) {
    auto request = raw_client::upgrade_of("/");
    request.insert(request.size() - 2, headers);
    return raw_client{node.port(), request}.read_all().substr(9, 3);
  }

  server node;
};

const std::string bad = "Authorization: Bearer bad\r\n";
const std::string good = "Authorization: Bearer good\r\n";

} // namespace

// Pins §1.40.
TEST_CASE("wrong tokens at the upgrade and at other doors have one count") {
  guarded_server s{quiet()};
  for (int i = 0; i < 10; ++i) {
    CHECK(s.status_at_session(bad) == "401");
    CHECK(s.status_of_upgrade(bad) == "401");
  }
  for (int i = 0; i < 3; ++i)
    (void)s.status_at_session(bad); // some refusals are forgotten meanwhile

  CHECK(s.status_at_session(bad) == "429");
  CHECK(s.status_of_upgrade(bad) == "429");
  CHECK(s.status_at_session(good) == "429"); // the answer does not tell which token is good
}

/// Pins that users are not locked out because somebody at the same address is not signed in.
// Pins §1.40.
TEST_CASE("requests that show no secret are never counted as wrong") {
  guarded_server s{quiet()};
  for (int i = 0; i < 30; ++i) {
    CHECK(s.status_at_session("") == "401");
    CHECK(s.status_of_upgrade("") == "401");
  }

  CHECK(s.status_at_session(good) == "204");
}
