// The doors of a server of three loops, plain and TLS: sockets are accepted on one loop and served on another, and lose their places to
// others at every stage. It is for the thread sanitizer, as Asio's part of a loop locks nothing.
#include "support/tsan_suppressions.hpp"

#include "faults/wire_client.hpp"
#include "transport/certificates.hpp"

#include <troupe/transport/server.hpp>

#include <catch2/catch.hpp>

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using transport::server_options;

namespace {

constexpr unsigned loops = 3, guests = 6, places = 4;

struct folder {
  folder() { REQUIRE(::mkdtemp(path.data())); }
  ~folder() { std::filesystem::remove_all(path); }
  std::string path = (std::filesystem::temp_directory_path() / "troupe-doors-XXXXXX").string();
};

server_options options_of(bool tls, const std::filesystem::path& where) {
  server_options o;
  o.bind = "127.0.0.1";
  o.port = 0;
  o.node.loops = loops;
  o.log = &protocol::null_logger();
  o.max_pending = places; // fewer than there are guests: they drive each other out
  o.admissions_per_second = 0;
  o.close_deadline = 1s;
  o.drain_timeout = 1s;
  if (tls) {
    identity self{"localhost"};
    o.tls_certificates = where / "cert.pem";
    o.tls_key = where / "key.pem";
    std::ofstream{o.tls_certificates} << self.certificate();
    std::ofstream{o.tls_key} << self.key();
  }
  return o;
}

/// Comes in one of several ways, goes as far as it is let, and ends. Returns whether it was welcomed.
bool visit(wire_client::way door, std::minstd_rand& dice) {
  auto way = dice() % 4;
  if (way == 0)
    door.tls = false; // which TLS does not understand
  wire_client guest{door};
  if (way == 1)
    return false; // goes once it has shaken hands
  guest.send("GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n");
  if (guest.answer("404") != outcome::heard || way == 2)
    return false;
  return guest.upgrade("/", "Sec-WebSocket-Protocol: troupe.v1.json\r\n") == outcome::heard && guest.await("welcome") == outcome::heard;
}

unsigned number_from(const char* name, unsigned otherwise) {
  auto* text = std::getenv(name);
  return text ? static_cast<unsigned>(std::atoi(text)) : otherwise;
}

/// Returns how many were welcomed.
int live(bool tls, unsigned seed, std::chrono::milliseconds time) {
  folder files;
  transport::server server{options_of(tls, files.path)};
  server.start();
  std::atomic<bool> ends{false};
  std::atomic<int> welcomed{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < guests; ++i)
    threads.emplace_back([&, dice = std::minstd_rand{seed + i}]() mutable {
      while (!ends)
        welcomed += visit({server.port(), tls, 0, 500ms}, dice);
    });
  threads.emplace_back([&] {
    while (tls && !ends) {
      std::this_thread::sleep_for(5ms);
      server.reload_tls();
    }
  });
  std::this_thread::sleep_for(time);
  server.stop(); // while they come
  ends = true;
  for (auto& t : threads)
    t.join();
  CHECK(server.node().stats().connections == 0);
  return welcomed;
}

} // namespace

TEST_CASE("doors of three loops let clients in while others take their places") {
  ::signal(SIGPIPE, SIG_IGN); // the guests' sockets; the library masks it on its own threads
  auto tls = GENERATE(false, true);
  auto seconds = number_from("TROUPE_STRESS_SECONDS", std::getenv("TROUPE_LONG") ? 20 : 3);
  int welcomed = 0;
  for (unsigned life = 0; life < seconds; ++life)
    welcomed += live(tls, number_from("TROUPE_STRESS_SEED", 1) * 1000 + life * guests, 500ms);
  CHECK(welcomed > 0);
  WARN(welcomed << " were welcomed");
}
