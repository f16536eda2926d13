// A whole server in this process, over real sockets.
#include <utility>

#include "server/stopping.hpp"
#include "support/raw_client.hpp"

#include <troupe/testing/manual_clock.hpp>
#include <troupe/testing/manual_loops.hpp>
#include <troupe/testing/memory_session.hpp>
#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <any>
#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

using namespace troupe;
using troupe::test::masked_text;
using troupe::test::raw_client;

namespace {

/// Throws on command: a std::exception, or something that is none.
struct fragile : room_behavior {
  fragile() {
    on("boom", [](room_context&, const member&, const application_message&) {
      throw std::runtime_error{"boom"};
    });
    on("bang", [](room_context&, const member&, const application_message&) { throw 7; });
  }
};

server_options quiet(unsigned loops) {
  server_options options;
  options.bind = "127.0.0.1";
  options.port = 0;
  options.node.loops = loops;
  options.node.announce = false;
  options.log_level = protocol::log_level::error;
  return options;
}

raw_client member_of(server& node, const std::string& room) {
  raw_client client{node.port()};
  client.send(masked_text(R"({"type":"join","roomId":")" + room + "\"}"));
  client.await(R"("joined")");
  return client;
}

} // namespace

TEST_CASE("a behaviour that throws takes down its room alone") {
  auto loops = GENERATE(1u, 2u);
  auto what = GENERATE("boom", "bang");
  server node{quiet(loops)};
  node.rooms("fragile", [](auto) { return std::make_unique<fragile>(); });
  node.start();
  auto victim = member_of(node, "fragile");
  auto other_victim = member_of(node, "fragile");
  auto witness = member_of(node, "elsewhere");

  victim.send(masked_text(std::string{R"({"type":")"} + what + "\"}"));
  victim.await(R"("room_closed")");
  other_victim.await(R"("room_closed")");

  witness.send(masked_text(R"({"type":"message","text":"still here"})"));
  witness.await("still here");
  victim.send(masked_text(R"({"type":"join","roomId":"fragile"})"));
  victim.await(R"("joined")");
  victim.send(masked_text(R"({"type":"message","text":"again"})"));
  victim.await("again");
}

TEST_CASE("a port that is taken is a set-up mistake, thrown at start") {
  server first{quiet(1)};
  first.start();
  auto options = quiet(1);
  options.port = first.port();

  server second{options};

  CHECK_THROWS_AS(second.start(), std::system_error);
}

TEST_CASE("what another thread publishes reaches the room's members") {
  server node{quiet(2)};
  node.rooms("news", [](auto) { return std::make_unique<room_behavior>(); });
  node.start();
  auto reader = member_of(node, "news");

  auto published = node.room("news").publish("headline", {{"text", "from outside"}});

  CHECK(published == actors::publish_result::accepted);
  reader.await("from outside");
}

// Pins that acks, which catch a member up frame by frame, do not fill its queue within a turn in
// which its socket was offered nothing.
TEST_CASE("many acked messages of one turn cut nobody who reads") {
  constexpr int members = 64;
  constexpr int messages = 32; // per member, as many as its credit allows
  testing::manual_clock clock;
  caf::actor_system_config config;
  compat::set_worker_threads(config, 1);
  caf::actor_system system{config};
  actors::node_options options;
  options.clock = &clock;
  options.connections.messages_per_second = 0;
  options.announce = false;
  actors::node node{system, options};
  testing::manual_loops loops{node};
  std::vector<std::unique_ptr<testing::memory_session>> all;
  for (int i = 0; i < members; ++i) {
    all.push_back(std::make_unique<testing::memory_session>(
      node, node.loop(0), actors::connection_info{protocol::encoding::v1_json}));
    all.back()->say(R"({"type":"join","roomId":"r"})");
  }
  loops.settle();
  for (auto& s : all)
    (void)s->take_frames();

  for (int n = 0; n < messages; ++n)
    for (auto& s : all)
      s->say(R"({"type":"message","text":"x","ref":)" + std::to_string(n) + "}");
  loops.settle();

  for (auto& s : all)
    CHECK(s->take_frames().size() == static_cast<std::size_t>(members * messages + messages));
  all.clear();
  node.stop();
}

// -- HTTP -----------------------------------------------------------------------------------------

namespace {

/// Sends one request on a connection of its own. Returns all that comes until its end.
std::string ask(std::uint16_t port, const std::string& method, const std::string& target,
                const std::string& headers = {}) {
  raw_client client{port, method + ' ' + target
                            + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers
                            + "\r\n"};
  return client.read_all();
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

// Pins §16.15.
TEST_CASE("an answer may come later from another thread, and one that never comes is 504") {
  auto options = quiet(1);
  options.handler_deadline = std::chrono::milliseconds{200};
  server node{options};
  std::vector<std::thread> threads;
  node.route_later(
    "GET", "/later", [&](const transport::http_request&, transport::http_reply reply) {
      threads.emplace_back([reply] { reply.send({200, "text/plain", "here it is"}); });
    });
  node.route_later("GET", "/never", [](const transport::http_request&, transport::http_reply) {});
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

// -- endpoints ------------------------------------------------------------------------------------

TEST_CASE("an endpoint's handlers are told of everything that happens to a connection") {
  server node{quiet(2)};
  std::mutex mutex;
  std::vector<std::string> log;
  auto note = [&](std::string line) {
    std::lock_guard guard{mutex};
    log.push_back(std::move(line));
  };
  std::promise<void> closed;
  endpoint_handlers on;
  on.on_listening = [&] { note("listening"); };
  on.on_open = [&](const raw_connection& c) {
    note("open " + c.request().target);
    c.user_data() = 0;
    c.ping("p");
  };
  on.on_message = [&](const raw_connection& c, std::string_view m, bool binary) {
    auto n = ++std::any_cast<int&>(c.user_data());
    note((binary ? "binary " : "text ") + std::string{m} + ' ' + std::to_string(n));
    if (m == "throw")
      throw std::runtime_error{"thrown"};
  };
  on.on_pong = [&](const raw_connection&, std::string_view payload) {
    note("pong " + std::string{payload});
  };
  on.on_error = [&](const raw_connection&, std::string_view what) {
    note("error " + std::string{what});
  };
  on.on_close = [&](const raw_connection&, std::uint16_t, std::string_view) {
    note("close");
    closed.set_value();
  };
  on.on_stop = [&] { note("stop"); };
  auto e = node.endpoint("/raw", std::move(on));
  node.start();

  raw_client client{node.port(), raw_client::upgrade_of("/raw?x=1")};
  client.await("\r\n\r\n");
  client.send({"\x8a\x81\0\0\0\0p", 7});
  client.send(masked_text("hello"));
  client.send(masked_text("throw"));
  client.await("internal");
  client.send({"\x88\x82\0\0\0\0\x03\xf3", 8});
  closed.get_future().wait();
  node.stop();

  std::vector<std::string> expected{"listening",    "open /raw?x=1", "pong p", "text hello 1",
                                    "text throw 2", "error thrown",  "close",  "stop"};
  CHECK(log == expected);
  CHECK(e.client_count() == 0);
}

TEST_CASE("a ping and a reason are cut to what a control frame takes") {
  server node{quiet(1)};
  endpoint_handlers on;
  on.on_open = [](const raw_connection& c) {
    c.ping(std::string(126, 'p'));
    c.close(1000, std::string(123, 'r') + "more");
  };
  (void)node.endpoint("/raw", std::move(on));
  node.start();
  raw_client client{node.port(), raw_client::upgrade_of("/raw")};
  client.await("\x89\x7d" + std::string(125, 'p') + "\x88\x7d\x03\xe8" + std::string(123, 'r'));
  client.send({"\x88\x82\0\0\0\0\x03\xe8", 8});
  auto rest = client.read_all();
  CHECK(rest.find("more") == std::string::npos);
}

// Pins §4.57.
TEST_CASE("a message that has begun behind one that stopped the reading has its time once reading "
          "goes on") {
  auto options = quiet(1);
  options.node.connections.bytes_per_second = 40'000;
  options.node.heartbeat.interval = std::chrono::milliseconds{0};
  options.assembly_deadline = std::chrono::milliseconds{100};
  options.close_deadline = std::chrono::milliseconds{100};
  server node{std::move(options)};
  node.start();
  raw_client client{node.port()};

  // This message exceeds the byte rate by half a second.
  auto large = R"({"type":"message","text":")" + std::string(60'000 - 28, 'x') + "\"}";
  client.send(std::string{"\x81\xfe\xea\x60\0\0\0\0", 8} + large + "\x81");

  client.await("assembly_timeout");
}

TEST_CASE("what handlers throw is logged with the path that they answer at") {
  test::fixture f;
  server node{f.options()};
  node.get("/users/:id", [](const transport::http_request&) -> transport::http_response {
    throw std::runtime_error{"no"};
  });
  endpoint_handlers on;
  on.on_message = [](const raw_connection&, std::string_view, bool) {
    throw std::runtime_error{"not that"};
  };
  on.on_stop = [] { throw std::runtime_error{"not yet"}; };
  (void)node.endpoint("/raw", std::move(on));
  node.start();

  CHECK(ask(node.port(), "GET", "/users/7").starts_with("HTTP/1.1 500"));
  raw_client client{node.port(), raw_client::upgrade_of("/raw")};
  client.await("\r\n\r\n");
  client.send(masked_text("x"));
  client.await("internal");
  node.stop();

  CHECK(f.log.has("/users/7: no\n"));
  CHECK(f.log.has("/raw in on_message: not that\n"));
  CHECK(f.log.has("/raw: not yet\n"));
}

TEST_CASE("a handler that takes long before it closes leaves the peer its time to answer") {
  auto options = quiet(1);
  options.close_deadline = std::chrono::milliseconds{1000};
  server node{std::move(options)};
  std::promise<std::uint16_t> closed;
  endpoint_handlers on;
  on.on_message = [](const raw_connection& c, std::string_view, bool) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1100}); // longer than the deadline
    c.close(1000, "bye");
  };
  on.on_close = [&](const raw_connection&, std::uint16_t code, std::string_view) {
    closed.set_value(code);
  };
  auto e = node.endpoint("/slow", std::move(on));
  node.start();

  raw_client client{node.port(), raw_client::upgrade_of("/slow")};
  client.await("\r\n\r\n");
  client.send(masked_text("x"));
  client.await("bye");
  client.send({"\x88\x82\0\0\0\0\x03\xe8", 8});

  CHECK(closed.get_future().get() == 1000);
}
