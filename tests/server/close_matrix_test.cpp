// Every close of the server's own, over TCP and TLS, and whatever the client does then. Each cell
// of the matrix has a server of its own, and is one line of the output.
#include <utility>

#include "server/stopping.hpp"
#include "support/wire_client.hpp"
#include "transport/tls/certificates.hpp"

#include <catch2/catch.hpp>

#include <signal.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
namespace fs = std::filesystem;

namespace {

constexpr milliseconds deadline = 1500ms; ///< of a close
constexpr milliseconds at_once = 750ms;   ///< at most, on a machine that has other things to do
constexpr double most_read = 1024 * 1024;
constexpr double of_tls = 48 * 1024; ///< one read, and what the records of 1 MiB add
constexpr unsigned cells_at_a_time = 24;

// -- one server and its clients -------------------------------------------------------------------

/// A folder with a certificate and its key.
class certificate_files {
public:
  certificate_files() {
    if (!::mkdtemp(folder_.data()))
      throw std::runtime_error{"no temporary folder"};
    identity self{"localhost"};
    std::ofstream{certificates()} << self.certificate();
    std::ofstream{key()} << self.key();
  }
  ~certificate_files() { fs::remove_all(folder_); }
  certificate_files(const certificate_files&) = delete;
  certificate_files& operator=(const certificate_files&) = delete;
  [[nodiscard]] fs::path certificates() const { return fs::path{folder_} / "cert.pem"; }
  [[nodiscard]] fs::path key() const { return fs::path{folder_} / "key.pem"; }

private:
  std::string folder_ = (fs::temp_directory_path() / "troupe_close_XXXXXX").string();
};

/// OpenSSL's clients write to connections that have ended.
class no_pipe_signal {
public:
  no_pipe_signal() : before_(::signal(SIGPIPE, SIG_IGN)) {}
  ~no_pipe_signal() { ::signal(SIGPIPE, before_); }
  no_pipe_signal(const no_pipe_signal&) = delete;
  no_pipe_signal& operator=(const no_pipe_signal&) = delete;

private:
  void (*before_)(int);
};

const std::string packed_join{"\x82\xa4type\xa4join\xa6roomId\xa1r", 20};

/// A server, a client that it is about to close, and a member of that client's room.
struct scene {
  scene(const std::function<void(server_options&)>& configure, const certificate_files* tls,
        const std::string& path, const std::string& protocol)
    : node(options(configure, tls)) {
    endpoint_handlers on;
    on.on_message = [this](const raw_connection& c, std::string_view text, bool) {
      if (text == "throw")
        throw std::runtime_error{"thrown"};
      if (text == "much") {
        for (int i = 0; i < 4; ++i)
          c.send(std::string(60'000, 'm'));
        ++given;
      }
      if (text == "1000" || text == "4001")
        c.close(text == "1000" ? 1000 : 4001, "enough");
    };
    place = node.endpoint("/raw", std::move(on));
    node.start();
    client = connect(path, protocol);
    if (path == "/raw")
      return;
    member = connect("/", "json");
    join(*member, "json");
    join(*client, protocol);
    (void)member->await("userJoined");
  }
  ~scene() {
    if (stop.joinable())
      stop.join();
  }
  scene(const scene&) = delete;
  scene& operator=(const scene&) = delete;

  [[nodiscard]] std::unique_ptr<wire_client> connect(const std::string& path,
                                                     const std::string& protocol) const {
    auto c = std::make_unique<wire_client>(
      wire_client::way{node.port(), is_tls, path == "/raw" ? 4096 : 0, 10s});
    if (c->upgrade(path,
                   path == "/raw" ? "" : "Sec-WebSocket-Protocol: troupe.v1." + protocol + "\r\n")
        != outcome::heard)
      throw std::runtime_error{"no upgrade"};
    return c;
  }

  /// Whether those who have to know it know that the client is being closed.
  [[nodiscard]] bool is_told() {
    if (!member)
      return comes([this] { return place.client_count() == 0; });
    return member->await("userLeft") == outcome::heard;
  }
  [[nodiscard]] bool client_has_ended() {
    return comes([this] { return node.node().stats().connections == (member ? others + 1 : 0); },
                 2 * deadline);
  }
  /// A sum of the metrics.
  [[nodiscard]] double metric(const std::string& series) const {
    auto text = asking(node, "/metrics", node.admin_port()).read_all();
    auto at = text.find('\n' + series);
    return at == std::string::npos ? 0 : std::stod(text.substr(text.find(' ', at + 1)));
  }

  bool is_tls = false;
  std::atomic<int> given{0}; ///< how often it was asked for much
  server node;
  actors::endpoint place;
  std::unique_ptr<wire_client> client;
  std::unique_ptr<wire_client> member; ///< null at an endpoint
  std::string rest;                    ///< of the client's last frame, if that is not whole
  std::size_t others = 0;              ///< connections besides the two
  std::unique_ptr<wire_client> other;
  std::thread stop; ///< of the server

private:
  static void join(wire_client& c, const std::string& protocol) {
    if (protocol == "json")
      c.text(R"({"type":"join","roomId":"r"})");
    else
      c.frame(0x82, packed_join);
    (void)c.await("joined");
  }

  server_options options(const std::function<void(server_options&)>& configure,
                         const certificate_files* tls) {
    server_options o;
    o.bind = "127.0.0.1";
    o.port = 0;
    o.admin_bind = "127.0.0.1:0";
    o.log = &protocol::null_logger();
    o.close_deadline = deadline;
    if ((is_tls = tls != nullptr)) {
      o.tls_certificates = tls->certificates();
      o.tls_key = tls->key();
    }
    configure(o);
    return o;
  }
};

// -- what the server closes for -------------------------------------------------------------------

struct closing {
  std::string name; ///< code and reason, as the client is told
  std::string how;  ///< if several causes have one name
  std::function<void(scene&)> provoke;
  std::string protocol = "json"; ///< "" at an endpoint
  std::function<void(server_options&)> configure = [](server_options&) {};
  std::string label{}; ///< of its counter: reason, with code `none`; "": those of `name`
  bool reads = true;   ///< the client
  bool stops = false;  ///< the whole server; rooms end before
};

std::string frames(int count, const std::string& one) {
  std::string all;
  while (count-- > 0)
    all += one;
  return all;
}

/// `rest`: what is still to come of the last frame.
std::function<void(scene&)> sends(std::string bytes, std::size_t rest = 0) {
  return [bytes = std::move(bytes), rest](scene& s) {
    s.rest.assign(rest, 'x');
    s.client->send(bytes);
  };
}

/// Asks for output until the client is closed; it reads none of it.
void asks_for_much(scene& s) {
  for (int i = 0; i < 3000 && s.place.client_count() > 0; ++i) {
    s.client->text("much");
    ::poll(nullptr, 0, 1);
  }
}

/// Sends a part of a message as another client does, which has begun later.
void holds_parts(scene& s) {
  auto half = std::string{"\x02\xfe\x9c\x40\0\0\0\0", 8} + std::string(39'000, 'x');
  s.client->send(half);
  s.rest.assign(1000, 'x');
  s.others = 1;
  s.other = s.connect("/", "json");
  (void)comes([&] { return s.node.node().stats().inbound_bytes > 30'000; });
  s.other->send(half);
}

std::function<void(scene&)> stops(actors::drain_kind kind) {
  return [kind](scene& s) {
    s.member = nullptr; // it would be waited for, too
    s.stop = std::thread{[&node = s.node, kind] { node.stop(kind); }};
  };
}

const std::string pong{"\x8a\x80\0\0\0\0", 6}, part{"\0\x81\0\0\0\0x", 7};

std::vector<closing> closings() {
  auto expires_soon = [](server_options& o) {
    o.authorize_upgrade = [](const auto& request) {
      actors::claims c;
      auto expires = request.header("Sec-WebSocket-Protocol") == "troupe.v1.msgpack";
      c.subject = expires ? "bob" : "ann";
      if (expires)
        c.expires_at =
          std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now()) + 500ms;
      return transport::upgrade_decision::accept(std::make_shared<const actors::claims>(c));
    };
  };
  auto slowly = [](server_options& o) {
    o.node.connections.messages_per_second = 1;
    o.node.connections.burst_messages = 10;
  };
  std::vector<closing> all{
    {"1000 enough", "", sends(masked_text("1000")), "", {}, "application"},
    {"4001 enough", "", sends(masked_text("4001")), "", {}, "application"},
    {"1001 shutdown", "", stops(actors::drain_kind::shutdown)},
    {"1012 restart", "", stops(actors::drain_kind::restart)},
    {"1002 protocol_error", "opcode", sends({"\x83\x80\0\0\0\0", 6})},
    {"1002 protocol_error", "no mask", sends("\x81\x02hi")},
    {"1003 wrong_frame_type", "", sends(masked_text("{}")), "msgpack"},
    {"1007 undecodable", "text", sends(masked_text("\xff"))},
    {"1007 undecodable", "document", sends({"\x82\x81\0\0\0\0\xc1", 7}), "msgpack"},
    {"1008 too_many_errors", "", sends(frames(10, masked_text("{")))},
    {"1008 flood", "messages", sends(frames(60, masked_text(R"({"type":"ping"})"))), "json",
     slowly},
    {"1008 flood", "at an endpoint", sends(frames(20, masked_text("ignored"))), "", slowly},
    {"1008 flood", "pongs", sends(frames(300, pong))},
    {"1008 flood", "fragments", sends("\x01" + part.substr(1) + frames(20, part)), "json",
     [](server_options& o) { o.max_fragments = 16; }},
    {"1008 assembly_timeout", "", sends({"\x01\x82\0\0\0\0x", 7}, 1), "json",
     [](server_options& o) { o.assembly_deadline = 200ms; }},
    {"1008 token_expired", "", [](scene&) {}, "msgpack", expires_soon},
    {"1009 too_big", "", sends({"\x82\xff\0\0\0\0\0\1\0\1\0\0\0\0", 14}, 65'537)},
    {"1011 internal", "", sends(masked_text("throw")), ""},
    {"1013 slow_consumer", "", asks_for_much, ""},
    {"1013 node_overloaded", "", asks_for_much, "",
     [](server_options& o) { o.node.memory_budget_bytes = 128 * 1024; }},
    {"1013 parts_limit", "", holds_parts, "json",
     [](server_options& o) { o.node.inbound_budget_bytes = 50'000; }},
  };
  for (auto& c : all) {
    c.reads = !c.name.starts_with("1013 s") && !c.name.starts_with("1013 n");
    c.stops = c.name == "1001 shutdown" || c.name == "1012 restart";
    if (!c.configure)
      c.configure = [](server_options&) {};
  }
  return all;
}

// -- what the client does then --------------------------------------------------------------------

struct reaction {
  std::string name;
  std::function<void(scene&)> act;
  bool ends = true; ///< the connection, at once; else it ends at the deadline
  bool of_tls = false;
  bool reads_on = true; ///< to the end; else there is a reset, of either side
};

const std::string answer{"\x88\x82\0\0\0\0\x03\xe8", 8};

std::vector<reaction> reactions() {
  return {
    {"FIN", [](scene& s) { s.client->end_output(); }},
    {"FIN without TLS's word", [](scene& s) { s.client->cut_output(); }, true, true},
    {"RST", [](scene& s) { s.client->reset(); }, true, false, false},
    {"close frame", [](scene& s) { s.client->send(s.rest + answer); }},
    {"data without end",
     [](scene& s) { s.client->send_for_ever(frames(20, masked_text(std::string(100, 'x')))); },
     false, false, false},
    {"silence", [](scene&) {}, false},
  };
}

// -- a cell ---------------------------------------------------------------------------------------

struct cell {
  closing why;
  reaction then;
  bool is_tls;

  [[nodiscard]] std::string name() const {
    return why.name + (why.how.empty() ? "" : " (" + why.how + ")") + " × " + then.name
         + (is_tls ? " × TLS" : " × TCP");
  }
};

struct verdict {
  std::string line;
  std::string faults; ///< empty: none
};

milliseconds since(steady_clock::time_point begin) {
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin);
}

verdict judge(const cell& c, const certificate_files& files) {
  scene s{c.why.configure, c.is_tls ? &files : nullptr, c.why.protocol.empty() ? "/raw" : "/",
          c.why.protocol};
  std::ostringstream line, faults;
  line << c.name() << ": ";
  auto received = "troupe_received_bytes_total{protocol=\"websocket\"}";

  c.why.provoke(s);
  auto provoked = steady_clock::now();
  if (!c.why.stops && !s.is_told())
    faults << " nobody is told;";
  auto told = since(provoked);
  if (told > at_once + (c.why.name == "1008 token_expired" ? 500ms : 200ms))
    faults << " told after " << told.count() << " ms;";
  auto reads = c.why.reads || c.then.name == "close frame";
  if (reads)
    if (auto code = s.client->await_close(); code != c.why.name)
      faults << " closed with " << code << ';';
  auto before = c.why.stops ? 0 : s.metric(received);

  auto began = steady_clock::now();
  auto act = std::thread{[&] { c.then.act(s); }};
  auto ended = s.client_has_ended() || c.why.stops;
  if (c.why.stops)
    s.stop.join();
  auto took = since(began);
  act.join();
  auto read = c.why.stops ? 0 : s.metric(received) - before;

  if (reads && c.then.reads_on) {
    auto more = s.client->await_fin();
    if (!more || !more->empty())
      faults << " then comes " << (more ? *more : "no end in order") << ';';
  }
  if (!ended)
    faults << " does not end;";
  else if (c.then.ends && took > at_once)
    faults << " ends after " << took.count() << " ms;";
  else if (!c.then.ends && (since(provoked) < deadline - 50ms || took > deadline + at_once))
    faults << " ends " << took.count() << " ms later;";
  if (read > most_read + (c.is_tls ? of_tls : 0))
    faults << " reads " << read << " bytes;";
  auto space = c.why.name.find(' ');
  auto label = c.why.label.empty() ? "code=\"" + c.why.name.substr(0, space) + "\",reason=\""
                                       + c.why.name.substr(space + 1) + "\""
                                   : "code=\"none\",reason=\"" + c.why.label + "\"";
  if (!c.why.stops && s.metric("troupe_ws_closed_total{" + label + "}") != 1)
    faults << " not counted as " << label << ';';
  line << "told after " << told.count() << " ms, ended after " << took.count() << " ms, read "
       << read << " bytes behind the close" << (faults.str().empty() ? "" : " WRONG:")
       << faults.str();
  return {line.str(), faults.str()};
}

std::vector<cell> cells() {
  std::vector<cell> all;
  for (auto& why : closings())
    for (auto& then : reactions())
      for (bool tls : {false, true})
        if (tls || !then.of_tls)
          all.push_back({why, then, tls});
  return all;
}

} // namespace

// Pins §13.12, §13.13, §13.14, §13.16, §13.17, §13.18.
TEST_CASE(
  "after a close of the server's own, the client's end, reset and answer end the connection "
  "at once, all else at the deadline, and others are told at once") {
  const no_pipe_signal ignored;
  const certificate_files files;
  const auto all = cells();
  std::vector<verdict> verdicts(all.size());
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < cells_at_a_time; ++i)
    threads.emplace_back([&] {
      for (auto at = next++; at < all.size(); at = next++)
        try {
          verdicts[at] = judge(all[at], files);
        } catch (const std::exception& e) {
          verdicts[at] = {all[at].name() + ": " + e.what(), e.what()};
        }
    });
  for (auto& t : threads)
    t.join();

  for (auto& v : verdicts) {
    std::cout << v.line << '\n';
    INFO(v.line);
    CHECK(v.faults.empty());
  }
}

// Pins §13.11, §13.18.
TEST_CASE("a client that answers its close at once and reads later gets all that was queued") {
  const no_pipe_signal ignored;
  const certificate_files files;
  auto is_tls = GENERATE(false, true);
  scene s{[](server_options&) {}, is_tls ? &files : nullptr, "/raw", ""};
  const auto close = std::string{"\x88\x10\x03\xea", 4} + "protocol_error";
  const auto output_bytes = [&] { return s.node.node().stats().output_bytes; };

  int asked = 0;
  while (output_bytes() < 300'000) { // the kernel takes no more
    s.client->text("much");
    ++asked;
    REQUIRE(comes([&] { return s.given == asked; }));
  }
  s.client->send(std::string{"\x83\x80\0\0\0\0", 6} + answer);
  REQUIRE(s.is_told());
  std::this_thread::sleep_for(1s); // less than the deadline
  CHECK(output_bytes() > 0);
  auto all = s.client->await_fin();

  REQUIRE(all.has_value());
  CHECK(all->size() == static_cast<std::size_t>(asked) * 4 * (4 + 60'000) + close.size());
  CHECK(all->ends_with(close));
}
