// A whole server of three loops, plain and TLS, that ends while it is used. One loop accepts
// sockets and another serves them, and sockets lose their places to others at every stage. Asio's
// timers run on every loop, whose contexts do not lock. Other threads use the server's handles
// before and after its end. The test is for the thread sanitizer.
#include "support/tsan_suppressions.hpp"

#include "support/wire_client.hpp"
#include "transport/tls/certificates.hpp"

#include <troupe/node.hpp>
#include <troupe/transport/server.hpp>

#include <catch2/catch.hpp>

#include <boost/asio/steady_timer.hpp>

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using transport::server;
using transport::server_options;

namespace {

constexpr unsigned loops = 3, guests = 6, places = 2;

struct folder {
  folder() { REQUIRE(::mkdtemp(path.data())); }
  ~folder() { std::filesystem::remove_all(path); }
  std::string path = (std::filesystem::temp_directory_path() / "troupe-stress-XXXXXX").string();
};

server_options options_of(bool tls, const std::filesystem::path& where) {
  server_options o;
  o.bind = "127.0.0.1";
  o.port = 0;
  o.admin_bind = "127.0.0.1:0"; // at this port no socket loses its place
  o.node.loops = loops;
  o.log = &protocol::null_logger();
  o.max_pending = places; // fewer than guests, who so take each other's places
  o.admissions_per_second = 0;
  o.handler_deadline = 50ms;
  o.close_deadline = 1s;
  o.drain_timeout = 200ms;
  if (tls) {
    identity self{"localhost"};
    o.tls_certificates = where / "cert.pem";
    o.tls_key = where / "key.pem";
    std::ofstream{o.tls_certificates} << self.certificate();
    std::ofstream{o.tls_key} << self.key();
  }
  return o;
}

/// The server's handles, for use on any thread.
class handles {
public:
  void give_to(server& s) {
    s.route_later("GET", "/later", [this](auto&, transport::http_reply reply) {
      std::lock_guard guard{mutex_};
      reply_ = std::move(reply);
    });
    actors::endpoint_handlers on;
    on.on_open = [this](const actors::raw_connection& c) {
      std::lock_guard guard{mutex_};
      connection_ = c;
    };
    at_ = s.endpoint("/raw", std::move(on));
    room_ = s.room("r");
  }

  void use() {
    std::optional<transport::http_reply> reply;
    std::optional<actors::raw_connection> connection;
    {
      std::lock_guard guard{mutex_};
      reply = reply_;
      connection = connection_;
    }
    if (reply)
      reply->send({200, "text/plain", "later", {}});
    if (connection)
      connection->send("to one");
    (void)at_->broadcast("to all");
    (void)room_->publish("said", {});
  }

private:
  std::mutex mutex_;
  std::optional<transport::http_reply> reply_;
  std::optional<actors::raw_connection> connection_;
  std::optional<actors::endpoint> at_;
  std::optional<actors::room_handle> room_;
};

/// Keeps Asio's timers busy on a loop, until the loop ends.
void tick(const std::shared_ptr<boost::asio::steady_timer>& timer) {
  timer->expires_after(1ms);
  timer->async_wait([timer](auto ec) {
    if (!ec)
      tick(timer);
  });
}

/// Connects in one of several ways, goes as far as the server lets it, and ends. Returns whether it
/// was served.
bool visit(wire_client::way door, std::minstd_rand& dice) {
  auto way = dice() % 6;
  if (way == 0)
    door.tls = false; // a TLS server does not understand this
  wire_client guest{door};
  if (way == 1)
    return false; // leaves after the handshake
  if (way == 2)
    return guest.upgrade("/raw") == outcome::heard && guest.await("to all") == outcome::heard;
  guest.send(way == 3 ? "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n"
                      : "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n");
  if (guest.answer(way == 3 ? "later" : "404") != outcome::heard || way == 4)
    return false;
  return guest.upgrade("/", "Sec-WebSocket-Protocol: troupe.v1.json\r\n") == outcome::heard
      && guest.await("welcome") == outcome::heard;
}

unsigned number_from(const char* name, unsigned otherwise) {
  auto* text = std::getenv(name);
  return text ? static_cast<unsigned>(std::atoi(text)) : otherwise;
}

/// Whether the metrics show that a guest has lost its place.
bool has_driven_out(wire_client::way door) {
  for (int tries = 0; tries < 100; ++tries) {
    wire_client c{door};
    c.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    if (c.answer("troupe_ws_handshake_rejected_total{reason=\"sockets\"} 0\n") == outcome::refused)
      return true; // an answer with another number
  }
  return false;
}

/// Runs a server under load and ends it. Returns how many guests were served.
int live(bool tls, unsigned seed, std::chrono::milliseconds time) {
  folder files;
  handles given; // they outlive the server
  std::optional<server> s{std::in_place, options_of(tls, files.path)};
  given.give_to(*s);
  s->start();
  for (unsigned i = 0; i < loops; ++i)
    s->node().loop(i).post([&loop = s->node().loop(i)] {
      tick(std::make_shared<boost::asio::steady_timer>(loop.context()));
    });
  wire_client::way door{s->port(), tls, 0, 500ms};

  std::atomic<bool> ends{false};
  std::atomic<int> welcomed{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < guests; ++i)
    threads.emplace_back([&, dice = std::minstd_rand{seed + i}]() mutable {
      while (!ends)
        welcomed += visit(door, dice);
    });
  threads.emplace_back([&] {
    for (; !ends; std::this_thread::sleep_for(200us))
      given.use();
  });
  std::thread reloading{[&, stop_at = std::chrono::steady_clock::now() + time] {
    for (; tls && std::chrono::steady_clock::now() < stop_at; std::this_thread::sleep_for(5ms))
      s->reload_tls();
  }};
  std::this_thread::sleep_for(time);
  reloading.join();
  CHECK(has_driven_out({s->admin_port(), false, 0, 500ms}));
  s.reset(); // while guests come
  given.use();
  ends = true;
  for (auto& t : threads)
    t.join();
  return welcomed;
}

} // namespace

TEST_CASE("a server of three loops may end while clients, Asio's timers and other threads use it") {
  ::signal(SIGPIPE, SIG_IGN); // the guests' sockets; the library masks it on its own threads
  auto tls = GENERATE(false, true);
  auto seconds = number_from("TROUPE_STRESS_SECONDS", std::getenv("TROUPE_LONG") ? 20 : 6);
  int welcomed = 0;
  for (unsigned life = 0; life < seconds; ++life)
    welcomed += live(tls, number_from("TROUPE_STRESS_SEED", 1) * 1000 + life * guests, 500ms);
  CHECK(welcomed > 0);
  WARN(welcomed << " were welcomed");
}
