#include "served_life.hpp"

#include "life_script.hpp"
#include "support/replaced_allocator.hpp"

#include "transport/tls/certificates.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <stdexcept>
#include <thread>

namespace troupe::test {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr auto drain_timeout = 8s;

/// Does what its members ask for.
struct obliging final : actors::room_behavior {
  obliging() {
    on("say", [](auto& room, auto& from, auto&) {
      room.broadcast("said", {{"n", 1}});
      room.send_to(from.key, "heard", {{"n", 2}});
    });
    on("end", [](auto& room, auto&, auto&) { room.end(); });
  }
};

std::size_t open_descriptors() {
  auto all = fs::directory_iterator{"/proc/self/fd"};
  return static_cast<std::size_t>(std::distance(fs::begin(all), fs::end(all)));
}

/// Counts the descriptors that stay open. Some exist only for a moment, for instance while a thread
/// is named.
std::size_t lasting_descriptors() {
  auto least = open_descriptors();
  for (int looks = 0; looks < 5; ++looks) {
    std::this_thread::sleep_for(10ms);
    least = std::min(least, open_descriptors());
  }
  return least;
}

/// Makes sockets that are accepted from now on take only a few KiB at a time. They inherit this
/// from the listening socket.
void narrow_sockets() {
  constexpr int most_descriptors = 256;
  for (int fd = 0; fd < most_descriptors; ++fd) {
    int listens = 0;
    socklen_t size = sizeof listens;
    int bytes = 4096;
    if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0)
      ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  }
}

template <class F>
bool within(std::chrono::milliseconds time, F&& is_so) {
  auto end = std::chrono::steady_clock::now() + time;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > end)
      return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

} // namespace

template <class F>
auto served_life::on_loop(F f) {
  std::packaged_task<decltype(f())()> task{std::move(f)};
  auto done = task.get_future();
  server_->node().loop(0).post([&] {
    unharmed scope;
    task();
  });
  return done.get();
}

served_life::served_life(door by, length how, memory first)
  : is_tls_(by == door::tls), length_(how) {
  folder_ = (fs::temp_directory_path() / "troupe_faults_XXXXXX").string();
  if (!::mkdtemp(folder_.data()))
    throw std::runtime_error{"no temporary folder"};
  set_up();
  if (first == memory::warm) {
    std::string ignored;
    play_well(ignored);
    within(5s, [this] { return server_->node().stats().connections == 0; });
  }
  descriptors_at_rest_ = lasting_descriptors();
  actors_at_rest_ = on_loop([this] { return server_->node().loop(0).pinned_actors(); });
}

served_life::~served_life() {
  server_.reset();
  fs::remove_all(folder_);
}

void served_life::set_up() {
  server_options o;
  o.bind = "127.0.0.1";
  o.port = 0;
  o.node.connections.messages_per_second = 0;
  o.node.rooms.linger = 1ms; // rooms do live on, and soon nothing is left
  o.log = &protocol::null_logger();
  o.admissions_per_second = 0;
  o.max_connections = 16; // few, so that a leaked place shows
  o.deflate = true;
  o.close_deadline = o.tls_deadline = o.handshake_deadline = 2s;
  o.handler_deadline = 1s;
  o.drain_timeout = drain_timeout;
  o.static_folder = fs::path{folder_} / "www";
  fs::create_directory(*o.static_folder);
  std::ofstream{fs::path{*o.static_folder} / "page.txt"} << "a page";
  if (is_tls_) {
    identity self{"localhost"};
    o.tls_certificates = fs::path{folder_} / "cert.pem";
    o.tls_key = fs::path{folder_} / "key.pem";
    std::ofstream{o.tls_certificates} << self.certificate();
    std::ofstream{o.tls_key} << self.key();
  }
  server_ = std::make_unique<server>(std::move(o));
  server_->rooms("*", [](auto) { return std::make_unique<obliging>(); });
  server_->route("POST", "/echo", [](const auto& request) {
    return transport::http_response{200, "text/plain", request.body, {}};
  });
  server_->route_later("GET", "/later", [this](const auto&, auto reply) {
    server_->node().loop(0).post([reply] { reply.send({200, "text/plain", "later", {}}); });
  });
  actors::endpoint_handlers on;
  on.on_message = [this](auto& c, std::string_view text, bool is_binary) {
    if (is_binary)
      return c.send_binary(text);
    c.send(text);
    c.ping("p");
    (void)raw_.broadcast("to all");
  };
  raw_ = server_->endpoint("/raw", on);
  actors::endpoint_handlers much;
  much.on_message = [](auto& c, std::string_view, bool) {
    for (int i = 0; i < 8; ++i)
      c.send(std::string(16'000, 'm'));
    c.send("the last");
  };
  (void)server_->endpoint("/much", much);
  server_->start();
  narrow_sockets();
}

wire_client::way served_life::way_in() const { return {server_->port(), is_tls_}; }

void served_life::play(verdict& v) {
  life_script s{way_in(), *server_, v};
  s.http();
  s.rooms();
  if (length_ == length::full) {
    s.deflate();
    s.packed();
    s.plain();
    s.raw();
  }
  s.slow_reader();
  if (length_ == length::full) {
    s.bad_input();
    s.metrics();
  }
  s.farewell();
}

bool served_life::play_failing(std::size_t nth, std::size_t count, std::string& wrong) {
  on_loop([&] { arm(nth, count); });
  verdict v{wrong, false};
  play(v);
  return on_loop([] {
    disarm();
    return has_failed();
  });
}

void served_life::play_well(std::string& wrong) {
  verdict v{wrong, true};
  play(v);
}

void served_life::judge(std::string& wrong) {
  {
    verdict is{wrong, true};
    life_script s{way_in(), *server_, is};
    s.http();
    s.fresh_pair();
  }
  if (!within(5s, [this] { return remains().empty(); }))
    wrong += remains();
}

std::string served_life::remains() {
  auto now = server_->node().stats();
  std::string all;
  auto note = [&](const char* what, std::size_t n, std::size_t at_rest = 0) {
    if (n != at_rest)
      all += std::to_string(n) + ' ' + what + " instead of " + std::to_string(at_rest) + "; ";
  };
  note("connections", now.connections);
  note("rooms", now.rooms);
  note("members", now.members);
  note("bytes of output", static_cast<std::size_t>(now.output_bytes));
  note("bytes of input", static_cast<std::size_t>(now.inbound_bytes));
  note("bytes of profiles", static_cast<std::size_t>(now.profile_bytes));
  note("bytes of history", static_cast<std::size_t>(now.history_bytes));
  note("raw clients", raw_.client_count());
  note("descriptors", open_descriptors(), descriptors_at_rest_);
  note("sessions", on_loop([this] { return server_->node().loop(0).sessions().size(); }));
  note("actors", on_loop([this] { return server_->node().loop(0).pinned_actors(); }),
       actors_at_rest_);
  return all;
}

bool served_life::stop() {
  auto began = std::chrono::steady_clock::now();
  server_->stop();
  return std::chrono::steady_clock::now() - began < drain_timeout / 2;
}

} // namespace troupe::test
