#include "served_life.hpp"

#include "support/replaced_allocator.hpp"

#include "transport/certificates.hpp"

#include <troupe/protocol/codec.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>

namespace troupe::test {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view v1 = "Sec-WebSocket-Protocol: troupe.v1.json\r\n";
constexpr std::string_view v1_msgpack = "Sec-WebSocket-Protocol: troupe.v1.msgpack\r\n";
constexpr std::string_view v1_deflate = "Sec-WebSocket-Protocol: troupe.v1.json\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";
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

/// Those that stay: a thread that is being named, for one, has a descriptor for a moment.
std::size_t lasting_descriptors() {
  auto least = open_descriptors();
  for (int looks = 0; looks < 5; ++looks) {
    std::this_thread::sleep_for(10ms);
    least = std::min(least, open_descriptors());
  }
  return least;
}

/// Sockets that are accepted from now on take a few KiB at a time: a listening one hands its bound on.
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

std::string said(std::string_view room, std::string_view text, int ref) {
  return R"({"type":"message","roomId":")" + std::string{room} + R"(","text":")" + std::string{text} + R"(","ref":)" + std::to_string(ref)
         + "}";
}

std::string joins(std::string_view room, int ref) {
  return R"({"type":"join","roomId":")" + std::string{room} + R"(","ref":)" + std::to_string(ref) + "}";
}

std::string answers(int ref) { return R"("ref":)" + std::to_string(ref); }

} // namespace

/// Hears how each step went.
class verdict {
public:
  verdict(std::string& wrong, bool must_hear) : wrong_(wrong), must_hear_(must_hear) {}

  /// Whether that was heard; notes it if it may not be so.
  bool operator()(const char* step, outcome o) {
    if (o == outcome::silent || (must_hear_ && o != outcome::heard))
      wrong_ += std::string{step} + (o == outcome::silent ? " waits in vain; " : o == outcome::ended ? " was ended; " : " was refused; ");
    return o == outcome::heard;
  }

private:
  std::string& wrong_;
  bool must_hear_;
};

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

served_life::served_life(door by, length how, memory first) : is_tls_(by == door::tls), length_(how) {
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
  o.log = &protocol::null_logger();
  o.admissions_per_second = 0;
  o.max_connections = 16; // so that a place that is lost is missed
  o.deflate = true;
  o.close_deadline = o.tls_deadline = o.handshake_deadline = 2s;
  o.handler_deadline = 1s;
  o.drain_timeout = drain_timeout;
  o.static_folder = fs::path{folder_} / "www";
  fs::create_directory(*o.static_folder);
  std::ofstream{*o.static_folder / "page.txt"} << "a page";
  if (is_tls_) {
    identity self{"localhost"};
    o.tls_certificates = fs::path{folder_} / "cert.pem";
    o.tls_key = fs::path{folder_} / "key.pem";
    std::ofstream{o.tls_certificates} << self.certificate();
    std::ofstream{o.tls_key} << self.key();
  }
  server_ = std::make_unique<server>(std::move(o));
  server_->rooms("*", [](auto) { return std::make_unique<obliging>(); });
  server_->route("POST", "/echo", [](const auto& request) { return transport::http_response{200, "text/plain", request.body, {}}; });
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

// -- the script -----------------------------------------------------------------------------------------------------------

/// Clients of all kinds; each part goes on as far as its client is let.
class served_life::script {
public:
  script(served_life& l, verdict& v) : life_(l), is(v) {}

  void http() {
    wire_client c{life_.way_in()};
    c.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    if (!is("http", c.answer("200 OK")))
      return;
    c.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
    if (!is("http body", c.answer("body")))
      return;
    c.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /page.txt HTTP/1.1\r\nHost: x\r\n\r\n");
    if (is("http later", c.answer("later")) && is("http file", c.answer("a page"))) {
      c.send("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      if (is("http 404", c.answer("404")))
        is("http close", c.await_end());
    }
  }

  void metrics() {
    wire_client c{life_.way_in()};
    c.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    is("metrics", c.answer("ws_opened_total"));
  }

  bool enter(wire_client& c, const char* who, std::string_view headers, std::string_view room) {
    return is(who, c.upgrade("/", headers)) && is(who, c.await("welcome")) && (c.text(joins(room, 1)), is(who, c.await(answers(1))));
  }

  void rooms() {
    wire_client a{life_.way_in()};
    auto& w = witness_.emplace(life_.way_in());
    auto has_witness = enter(w, "witness", v1, "hall");
    auto witnessed = [&](const char* step, std::string_view mark) { return !has_witness || is(step, w.await(mark)); };
    if (!enter(a, "member", v1, "hall"))
      return;
    a.text(said("hall", "small", 2));
    auto good = is("small", a.await(answers(2))) && witnessed("small heard", "small");
    if (!good)
      return;
    auto large = said("hall", std::string(20'000, 'L'), 3);
    std::string_view all{large};
    a.frame(0x01, all.substr(0, 100));
    a.frame(0x00, all.substr(100, 9000));
    a.frame(0x89, "between");
    a.frame(0x80, all.substr(9100));
    good = is("large", a.await(answers(3))) && witnessed("large heard", "LLL");
    a.text(R"({"type":"say","roomId":"hall","ref":4})");
    good = good && is("application", a.await("heard"));
    (void)life_.server_->room("hall").publish("news", {{"n", 7}}); // nobody is told if there is no memory for it
    a.text(said("hall", "behind", 9));
    good = good && is("behind", a.await(answers(9))) && witnessed("behind heard", "behind");
    a.text(joins("other", 5));
    a.text(said("other", "there", 6));
    good = good && is("second room", a.await(answers(6)));
    a.text(R"({"type":"end","roomId":"other","ref":7})");
    good = good && is("end", a.await("roomClosed"));
    a.text(R"({"type":"leave","roomId":"hall","ref":8})");
    good = good && is("leave", a.await(answers(8)));
    a.frame(0x88, "\x03\xe8");
    if (good)
      is("close", a.await_end());
  }

  void deflate() {
    auto& d = deflating_.emplace(life_.way_in());
    if (!enter(d, "deflating", v1_deflate, "hall"))
      return;
    d.deflated_text(said("hall", std::string(500, 'd'), 2));
    if (!is("deflated", d.await("ddd")))
      return;
    d.text(said("hall", "flat", 3));
    is("not deflated", d.await(answers(3)));
  }

  void packed() {
    wire_client m{life_.way_in()};
    if (!is("packed", m.upgrade("/", v1_msgpack)) || !is("packed", m.await("welcome")))
      return;
    auto say = [&](const std::string& json) {
      std::string bytes;
      protocol::transcode(protocol::codec::json, json, protocol::codec::msgpack, bytes);
      m.frame(0x82, bytes);
    };
    say(joins("hall", 1));
    say(said("hall", "packed", 2));
    is("packed", m.await("packed"));
  }

  void plain() {
    wire_client p{life_.way_in()};
    if (!is("plain", p.upgrade("/")))
      return;
    for (auto* room : {"hall", "moved"}) {
      p.text(R"({"type":"join","roomId":")" + std::string{room} + "\"}");
      if (!is("plain join", p.await("joined")))
        return;
    }
    p.text(R"({"type":"message","text":"plainly"})");
    is("plain message", p.await("plainly"));
  }

  void raw() {
    wire_client r{life_.way_in()};
    if (!is("raw", r.upgrade("/raw")))
      return;
    r.text("echo");
    if (!is("raw echo", r.await("echo")))
      return;
    r.frame(0x82, "bytes");
    r.frame(0x8a, "p");
    is("raw bytes", r.await("bytes"));
  }

  void slow_reader() {
    auto way = life_.way_in();
    way.receive_buffer_bytes = 4096;
    wire_client r{way};
    if (!is("slow", r.upgrade("/much")))
      return;
    r.text("go");
    is("slow", r.await("the last"));
  }

  void bad_input() {
    wire_client b{life_.way_in()};
    if (!is("bad", b.upgrade("/", v1)))
      return;
    b.send("\x81\x01x"); // not masked
    is("bad", b.await_end());
    wire_client h{life_.way_in()};
    h.send("NONSENSE\r\n\r\n");
    is("bad http", h.await_end());
  }

  /// Who has come first and is there still hears and is heard.
  void farewell() {
    for (auto* c : {&witness_, &deflating_}) {
      if (!*c)
        continue;
      (*c)->text(R"({"type":"ping","ref":99})");
      auto o = (*c)->await(answers(99));
      while (o == outcome::refused) // what it was told before
        o = (*c)->await(answers(99));
      is("who is left", o);
    }
  }

private:
  served_life& life_;
  verdict& is;
  std::optional<wire_client> witness_, deflating_;
};

void served_life::play(verdict& v) {
  script s{*this, v};
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
    script s{*this, is};
    wire_client a{way_in()}, b{way_in()};
    s.http();
    if (s.enter(a, "fresh", v1, "hall") && s.enter(b, "fresh", v1, "hall")) {
      a.text(said("hall", "fresh", 2));
      is("fresh ack", a.await(answers(2)));
      is("fresh message", b.await("fresh"));
    }
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
  note("actors", on_loop([this] { return server_->node().loop(0).pinned_actors(); }), actors_at_rest_);
  return all;
}

bool served_life::stop() {
  auto began = std::chrono::steady_clock::now();
  server_->stop();
  return std::chrono::steady_clock::now() - began < drain_timeout / 2;
}

} // namespace troupe::test
