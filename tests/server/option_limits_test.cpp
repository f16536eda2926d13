// Options that cannot work: for each field of each struct, a bad value is refused by a sentence
// that names the field.
#include <utility>

#include <troupe/protocol/ws_reader.hpp>
#include <troupe/testing/manual_clock.hpp>
#include <troupe/testing/manual_loops.hpp>
#include <troupe/testing/memory_session.hpp>
#include <troupe/transport/line_writer.hpp>
#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;

namespace {

constexpr auto infinite = std::numeric_limits<double>::infinity();
constexpr auto not_a_number = std::numeric_limits<double>::quiet_NaN();

/// One field: how to set it to a number, and which numbers are refused.
struct row {
  std::string field;
  std::function<void(server_options&, double)> set;
  std::vector<double> refused;
  double taken = 0;
};

using of = server_options;
const std::vector<double> times{-1, -1e18, 1e18};
const std::vector<double> rates{-0.5, not_a_number, infinite, -infinite, 1e300};
const std::vector<double> sizes{-1, 9e18}; // in an unsigned field -1 becomes huge

template <class T>
T number(double n) {
  return n < 0 ? static_cast<T>(static_cast<std::int64_t>(n)) : static_cast<T>(n);
}

template <class Time>
Time time(double n) {
  return Time{static_cast<typename Time::rep>(n)};
}

std::vector<row> rows() {
  using ms = std::chrono::milliseconds;
  using s = std::chrono::seconds;
  using size = std::size_t;
  return {
    {"server_options.max_connections_per_user",
     [](of& o, double n) { o.max_connections_per_user = number<size>(n); }, sizes},
    {"server_options.max_connections", [](of& o, double n) { o.max_connections = number<size>(n); },
     sizes},
    {"server_options.max_connections_per_ip",
     [](of& o, double n) { o.max_connections_per_ip = number<size>(n); }, sizes},
    {"server_options.admissions_per_second", [](of& o, double n) { o.admissions_per_second = n; },
     rates},
    {"server_options.tls_handshakes_per_ip", [](of& o, double n) { o.tls_handshakes_per_ip = n; },
     rates},
    {"server_options.max_pending", [](of& o, double n) { o.max_pending = number<size>(n); }, sizes},
    {"server_options.max_pending_per_ip",
     [](of& o, double n) { o.max_pending_per_ip = number<size>(n); }, sizes},
    {"server_options.reserved_descriptors",
     [](of& o, double n) { o.reserved_descriptors = number<size>(n); }, sizes},
    {"server_options.max_fragments", [](of& o, double n) { o.max_fragments = number<size>(n); },
     sizes},
    {"server_options.max_header_bytes",
     [](of& o, double n) { o.max_header_bytes = number<size>(n); }, sizes},
    {"server_options.max_headers", [](of& o, double n) { o.max_headers = number<size>(n); }, sizes},
    {"server_options.max_body_bytes", [](of& o, double n) { o.max_body_bytes = number<size>(n); },
     sizes},
    {"server_options.handshake_deadline",
     [](of& o, double n) { o.handshake_deadline = time<ms>(n); }, times},
    {"server_options.keep_alive", [](of& o, double n) { o.keep_alive = time<ms>(n); }, times},
    {"server_options.tls_deadline", [](of& o, double n) { o.tls_deadline = time<ms>(n); }, times},
    {"server_options.handler_deadline", [](of& o, double n) { o.handler_deadline = time<ms>(n); },
     times},
    {"server_options.assembly_deadline", [](of& o, double n) { o.assembly_deadline = time<ms>(n); },
     times},
    {"server_options.write_deadline", [](of& o, double n) { o.write_deadline = time<ms>(n); },
     times},
    {"server_options.close_deadline", [](of& o, double n) { o.close_deadline = time<ms>(n); },
     times},
    {"server_options.drain_delay", [](of& o, double n) { o.drain_delay = time<ms>(n); }, times},
    {"server_options.drain_timeout", [](of& o, double n) { o.drain_timeout = time<ms>(n); }, times},
    {"node_options.loops",
     [](of& o, double n) { o.node.loops = number<unsigned>(n); },
     {-1, 100'000}},
    {"node_options.messages.max_message_bytes",
     [](of& o, double n) { o.node.messages.max_message_bytes = number<size>(n); }, sizes},
    {"node_options.messages.max_depth",
     [](of& o, double n) { o.node.messages.max_depth = number<size>(n); }, sizes},
    {"node_options.messages.max_ref_bytes",
     [](of& o, double n) { o.node.messages.max_ref_bytes = number<size>(n); }, sizes},
    {"node_options.messages.max_type_bytes",
     [](of& o, double n) { o.node.messages.max_type_bytes = number<size>(n); }, sizes},
    {"node_options.messages.max_profile_bytes",
     [](of& o, double n) { o.node.messages.max_profile_bytes = number<size>(n); }, sizes},
    {"node_options.connections.max_rooms",
     [](of& o, double n) { o.node.connections.max_rooms = number<size>(n); }, sizes},
    {"node_options.connections.messages_per_second",
     [](of& o, double n) { o.node.connections.messages_per_second = n; }, rates},
    {"node_options.connections.burst_messages",
     [](of& o, double n) { o.node.connections.burst_messages = number<size>(n); }, sizes},
    {"node_options.connections.bytes_per_second",
     [](of& o, double n) { o.node.connections.bytes_per_second = number<size>(n); }, sizes},
    {"node_options.connections.max_errors",
     [](of& o, double n) { o.node.connections.max_errors = number<size>(n); }, sizes},
    {"node_options.connections.error_window",
     [](of& o, double n) { o.node.connections.error_window = time<s>(n); }, times},
    {"node_options.connections.credits.messages",
     [](of& o, double n) { o.node.connections.credits.messages = number<std::int64_t>(n); }, sizes},
    {"node_options.connections.credits.bytes",
     [](of& o, double n) { o.node.connections.credits.bytes = number<std::int64_t>(n); }, sizes},
    {"node_options.gather_beyond", [](of& o, double n) { o.node.gather_beyond = number<size>(n); },
     sizes},
    {"node_options.rooms.max_members",
     [](of& o, double n) { o.node.rooms.max_members = number<size>(n); }, sizes},
    {"node_options.rooms.max_rooms",
     [](of& o, double n) { o.node.rooms.max_rooms = number<size>(n); }, sizes},
    {"node_options.rooms.max_pending_bytes",
     [](of& o, double n) { o.node.rooms.max_pending_bytes = number<std::int64_t>(n); }, sizes},
    {"node_options.rooms.history_messages",
     [](of& o, double n) { o.node.rooms.history_messages = number<size>(n); }, sizes},
    {"node_options.rooms.history_bytes",
     [](of& o, double n) { o.node.rooms.history_bytes = number<size>(n); }, sizes},
    {"node_options.rooms.history_age",
     [](of& o, double n) { o.node.rooms.history_age = time<s>(n); }, times},
    {"node_options.rooms.linger", [](of& o, double n) { o.node.rooms.linger = time<ms>(n); },
     times},
    {"node_options.heartbeat.interval",
     [](of& o, double n) { o.node.heartbeat.interval = time<ms>(n); }, times},
    {"node_options.heartbeat.timeout",
     [](of& o, double n) { o.node.heartbeat.timeout = time<ms>(n); }, times},
    {"node_options.directs.budget_bytes",
     [](of& o, double n) { o.node.directs.budget_bytes = number<std::int64_t>(n); }, sizes},
    {"node_options.memory_budget_bytes",
     [](of& o, double n) { o.node.memory_budget_bytes = number<std::int64_t>(n); }, sizes},
    {"node_options.history_budget_bytes",
     [](of& o, double n) { o.node.history_budget_bytes = number<std::int64_t>(n); }, sizes},
    {"node_options.inbound_budget_bytes",
     [](of& o, double n) { o.node.inbound_budget_bytes = number<std::int64_t>(n); }, sizes},
    {"node_options.reconnect_min",
     [](of& o, double n) { o.node.reconnect_min = time<ms>(n); },
     {-1, 1e18, 6000}},
    {"node_options.reconnect_max",
     [](of& o, double n) { o.node.reconnect_max = time<ms>(n); },
     {-1, 1e18},
     500},
  };
}

server_options quiet() {
  server_options o;
  o.bind = "127.0.0.1";
  o.port = 0;
  o.log = &protocol::null_logger();
  return o;
}

template <class F>
std::string refusal(F f) {
  try {
    f();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "none";
}

bool names(const std::string& sentence, const std::string& field) {
  return sentence.starts_with(field + " is ") && sentence.find(": expected ") != std::string::npos;
}

} // namespace

TEST_CASE(
  "a number that an option cannot have is refused with its name, itself and what is allowed") {
  for (auto& r : rows())
    for (auto n : r.refused) {
      CAPTURE(r.field, n);
      auto options = quiet();
      r.set(options, n);
      CHECK(names(refusal([&] { server{options}; }), r.field));
    }
}

TEST_CASE("no limit, the default and a large number are options that can be") {
  server{quiet()};
  auto lifted = quiet();
  for (auto& r : rows())
    r.set(lifted, r.taken);
  lifted.node.reconnect_max = 0ms;
  server{lifted};
  auto large = quiet();
  large.node.connections.burst_messages = 1'000'000'000;
  large.node.rooms.history_age = std::chrono::hours{24 * 365 * 10};
  large.write_deadline = large.drain_timeout = std::chrono::hours{24 * 7};
  server{large};
}

TEST_CASE("the sentence says the value and the range") {
  auto options = quiet();
  options.close_deadline = -5ms;
  CHECK(refusal([&] { server{options}; })
        == "server_options.close_deadline is -5 ms: expected 0 to 31536000000 ms");
  options = quiet();
  options.node.connections.messages_per_second = not_a_number;
  CHECK(refusal([&] { server{options}; })
        == "node_options.connections.messages_per_second is nan a second: expected 0 to 1e+09 a "
           "second");
}

namespace {

struct kept_log final : protocol::logger {
  void write(protocol::log_level, std::string_view, std::string_view) noexcept override {}
};

struct kept_counts final : protocol::event_counters {
  void count(protocol::counter, std::string_view, std::uint64_t) noexcept override {}
};

transport::jwt_options& with_key(server_options& o) {
  auto& jwt = o.jwt.emplace();
  jwt.keys.push_back({{}, transport::jwt_algorithm::hs256, std::string(40, 's'), {}});
  return jwt;
}

} // namespace

TEST_CASE("tokens without a key are refused by the server with the name of its field") {
  auto options = quiet();
  options.jwt.emplace();
  CHECK(refusal([&] { server{options}; })
        == "server_options.jwt.keys is empty: expected at least one key to check tokens with");
}

TEST_CASE("what is wrong with a key is told with its name, and never with the secret") {
  auto options = quiet();
  with_key(options).keys[0].material = "too short";

  auto said = refusal([&] { server{options}; });

  CHECK(said.starts_with(
    "server_options.jwt: the key of tokens without kid: expected a secret of 32 bytes"));
  CHECK(said.find("too short") == std::string::npos);
}

TEST_CASE("an address with a zero byte is none, although what is before it is one") {
  auto options = quiet();
  options.bind = std::string{"127.0.0.1\0x", 11};
  CHECK(refusal([&] { server{options}; }).starts_with("server_options.bind is "));
}

TEST_CASE("a server's own log may be its node's, too") {
  kept_log log;
  auto options = quiet();
  options.log = options.node.log = &log;
  CHECK(refusal([&] { server{options}; }) == "none");
}

TEST_CASE("texts and pointers that options cannot have are refused with their name") {
  struct text_row {
    std::string field;
    std::function<void(server_options&)> set;
  };
  const std::vector<text_row> all{
    {"server_options.bind", [](of& o) { o.bind = "localhost"; }},
    {"server_options.bind", [](of& o) { o.bind = "127.0.0.1:80"; }},
    {"server_options.bind", [](of& o) { o.bind = "fe80::1%nosuch"; }},
    {"server_options.bind", [](of& o) { o.bind = "127.0.0.1%lo"; }},
    {"server_options.admin_bind", [](of& o) { o.admin_bind = "[fe80::1%nosuch]:9090"; }},
    {"server_options.admin_bind", [](of& o) { o.admin_bind = "9090"; }},
    {"server_options.admin_bind", [](of& o) { o.admin_bind = "127.0.0.1:70000"; }},
    {"server_options.admin_bind", [](of& o) { o.admin_bind = "nowhere:80"; }},
    {"server_options.admin_bind",
     [](of& o) { o.bind = "127.0.0.1", o.port = 8080, o.admin_bind = "127.0.0.1:8080"; }},
    {"server_options.admin_bind",
     [](of& o) { o.bind = "", o.port = 8080, o.admin_bind = "127.0.0.1:8080"; }},
    {"server_options.admin_bind", [](of& o) { o.admin_bind = ":9090"; }},
    {"server_options.max_header_bytes", [](of& o) { o.max_header_bytes = 255; }},
    {"server_options.max_headers", [](of& o) { o.max_headers = 4; }},
    {"server_options.trusted_proxies", [](of& o) { o.trusted_proxies = {"10.0.0.0/33"}; }},
    {"server_options.origins",
     [](of& o) {
       o.origins = {"https://a.example", "https://b.example", "https://a.example"};
     }},
    {"server_options.cors_origins",
     [](of& o) {
       o.cors_origins = {"*", "https://a.example"};
     }},
    {"server_options.trusted_proxies",
     [](of& o) {
       o.trusted_proxies = {"10.0.0.1", "10.0.0.1"};
     }},
    {"server_options.log_level", [](of& o) { o.log_level = static_cast<protocol::log_level>(9); }},
    {"server_options.jwt.max_token_bytes",
     [](of& o) { with_key(o).max_token_bytes = std::size_t(-1); }},
    {"server_options.jwt.leeway", [](of& o) { with_key(o).leeway = std::chrono::seconds{-1}; }},
    {"server_options.jwt.max_lifetime",
     [](of& o) { with_key(o).max_lifetime = std::chrono::seconds::max(); }},
    {"server_options.jwt.profile",
     [](of& o) { with_key(o).profile = static_cast<transport::jwt_profile>(9); }},
    {"server_options.jwt.keys",
     [](of& o) { with_key(o).keys[0].algorithm = static_cast<transport::jwt_algorithm>(77); }},
    {"server_options.websocket_path", [](of& o) { o.websocket_path = ""; }},
    {"server_options.websocket_path", [](of& o) { o.websocket_path = "ws"; }},
    {"server_options.websocket_path", [](of& o) { o.websocket_path = "/ws?x"; }},
    {"server_options.websocket_path", [](of& o) { o.websocket_path = "/*"; }},
    {"server_options.static_folder", [](of& o) { o.static_folder = "/nowhere/at/all"; }},
    {"server_options.origins",
     [](of& o) {
       o.origins = {"https://good.example", "good.example"};
     }},
    {"server_options.origins", [](of& o) { o.origins = {"https://good.example/"}; }},
    {"server_options.cors_origins", [](of& o) { o.cors_origins = {"good.example"}; }},
    {"server_options.proxy_protocol", [](of& o) { o.proxy_protocol = true; }},
    {"server_options.tls_key", [](of& o) { o.tls_certificates = "cert.pem"; }},
    {"server_options.tls_certificates", [](of& o) { o.tls_key = "key.pem"; }},
    {"server_options.node.clock", [](of& o) { o.node.clock = nullptr; }},
    {"server_options.tls_certificates",
     [](of& o) { o.tls_certificates = "/nowhere/cert.pem", o.tls_key = "/nowhere/key.pem"; }},
    {"server_options.node.verify_token",
     [](of& o) {
       with_key(o);
       o.node.verify_token = [](std::string_view, protocol::wall_time) -> claims_ptr {
         return nullptr;
       };
     }},
    {"server_options.node.log",
     [](of& o) {
       static kept_log other;
       o.node.log = &other;
     }},
    {"server_options.node.counters",
     [](of& o) {
       static kept_counts other;
       o.node.counters = &other;
     }},
    {"node_options.lobby", [](of& o) { o.node.lobby = " a"; }},
    {"node_options.lobby", [](of& o) { o.node.lobby = std::string(200, 'x'); }},
  };
  for (auto& r : all) {
    CAPTURE(r.field);
    auto options = quiet();
    r.set(options);
    CHECK(names(refusal([&] { server{options}; }), r.field));
  }
}

namespace {

/// A node on manual loops.
struct bare {
  explicit bare(actors::node_options o = {}) : node(system, std::move(o)) {}
  ~bare() { node.stop(); }
  caf::actor_system_config config;
  caf::actor_system system{config};
  actors::node node;
};

} // namespace

TEST_CASE("a node without clock, log or counters is refused, and so are limits of its rooms and "
          "observers") {
  CHECK(names(refusal([] { bare b{{.clock = nullptr}}; }), "node_options.clock"));
  CHECK(names(refusal([] { bare b{{.log = nullptr}}; }), "node_options.log"));
  CHECK(names(refusal([] { bare b{{.counters = nullptr}}; }), "node_options.counters"));
  bare b;
  auto make = [](auto) { return std::make_unique<room_behavior>(); };
  room_options negative;
  negative.max_members = static_cast<std::size_t>(-1);
  CHECK(names(refusal([&] { b.node.rooms("r", make, negative); }), "room_options.max_members"));
  negative = {.gather_beyond = static_cast<std::size_t>(-1)};
  CHECK(names(refusal([&] { b.node.rooms("r", make, negative); }), "room_options.gather_beyond"));
  CHECK(refusal([&] { b.node.rooms("r", make); }) == "none"); // the refusal has left no trace
  caf::scoped_actor self{b.system};
  auto who = caf::actor_cast<caf::actor>(self);
  CHECK(names(refusal([&] {
                b.node.observe("r", who, {-1, actors::behind_policy::drop});
              }),
              "observer_options.max_events"));
  CHECK(refusal([&] { b.node.observe("r", nullptr); }) == "observe: the actor is null");
  CHECK(refusal([&] { b.node.unobserve("r", nullptr); }) == "unobserve: the actor is null");
}

TEST_CASE("a loop's options that would let it do nothing are refused") {
  caf::actor_system_config config;
  caf::actor_system system{config};
  auto with = [&](auto set) {
    actors::loop_options o;
    set(o);
    return refusal([&] { actors::event_loop loop{system, 0, o}; });
  };
  CHECK(names(with([](auto& o) { o.handlers_per_turn = 0; }), "loop_options.handlers_per_turn"));
  CHECK(names(with([](auto& o) { o.resumes_per_turn = 0; }), "loop_options.resumes_per_turn"));
  CHECK(
    names(with([](auto& o) { o.messages_per_resume = 0; }), "loop_options.messages_per_resume"));
  CHECK(names(with([](auto& o) { o.gather_wait = -1us; }), "loop_options.gather_wait"));
  CHECK(names(with([](auto& o) { o.long_turn = -1ms; }), "loop_options.long_turn"));
  CHECK(names(with([](auto& o) { o.clock = nullptr; }), "loop_options.clock"));
  CHECK(names(with([](auto& o) { o.log = nullptr; }), "loop_options.log"));
  CHECK(names(with([](auto& o) { o.counters = nullptr; }), "loop_options.counters"));
}

TEST_CASE("the testing kit refuses what cannot be, too") {
  bare b;
  actors::event_loop other{b.system, 0, {}};
  auto with = [&](actors::outbox::bounds bounds) {
    return refusal([&] { testing::memory_session s{b.node, b.node.loop(0), {}, bounds}; });
  };
  CHECK(names(with({static_cast<std::size_t>(-1), 10}), "outbox::bounds.max_bytes"));
  CHECK(names(with({10, static_cast<std::size_t>(-1)}), "outbox::bounds.max_frames"));
  CHECK(refusal([&] {
          testing::memory_session s{b.node, other, {}};
        }).find("its loop is not the node's")
        != std::string::npos);
  testing::manual_clock clock;
  CHECK(refusal([&] { clock.advance(-1ms); }).find("-1 ms") != std::string::npos);
  caf::actor_system_config config;
  CHECK(names(refusal([&] { compat::set_worker_threads(config, 0); }), "set_worker_threads.n"));
  CHECK(refusal([] { transport::line_writer w{-1}; }).find("descriptor") != std::string::npos);
  CHECK(refusal([] { transport::http_reply r{nullptr}; }).find("nobody") != std::string::npos);
}

// Pins §16.1.
TEST_CASE("what is not configured has the limits that are published") {
  constexpr std::size_t kib = 1024, mib = 1024 * 1024;
  const server_options o;
  auto& messages = o.node.messages;
  auto& connections = o.node.connections;
  auto& rooms = o.node.rooms;
  const protocol::ws_limits frames;

  CHECK(messages.max_message_bytes == 64 * kib);
  CHECK(messages.max_depth == 32);
  CHECK(messages.max_type_bytes == 128);
  CHECK(messages.max_ref_bytes == 64);
  CHECK(messages.max_profile_bytes == 4 * kib);
  CHECK(protocol::max_room_name_bytes == 128);
  CHECK(connections.max_rooms == 128);
  CHECK(connections.message_rate(false) == 100);
  CHECK(connections.message_rate(true) == 0);
  CHECK(connections.burst_messages == 200);
  CHECK(connections.max_errors == 10);
  CHECK(connections.error_window == 60s);
  CHECK(connections.credits.messages == 32);
  CHECK(connections.credits.bytes == 128 * 1024);
  CHECK(frames.control_per_second == 100);
  CHECK(frames.control_burst == 200);
  CHECK(rooms.history);
  CHECK(rooms.history_messages == 256);
  CHECK(rooms.history_bytes == mib);
  CHECK(rooms.history_age == 5min);
  CHECK(rooms.linger == 60s);
  CHECK(rooms.max_members == 10'000);
  CHECK(rooms.max_rooms == 100'000);
  CHECK(rooms.max_pending_bytes == 1024 * 1024); // a room ends at eight times this
  CHECK(o.node.heartbeat.interval == 25s);
  CHECK(o.node.heartbeat.timeout == 10s);
  CHECK(o.node.reconnect_min == 500ms);
  CHECK(o.node.reconnect_max == 5s);
  CHECK(o.max_connections_per_user == 10);
  CHECK(o.admissions_per_second == 2000);
  CHECK(o.max_header_bytes == 8 * kib);
  CHECK(o.max_headers == 100);
  CHECK(o.max_body_bytes == 64 * kib);
  CHECK(o.handshake_deadline == 10s);
  CHECK(o.keep_alive == 75s);
  CHECK(o.tls_deadline == 5s);
  CHECK(o.handler_deadline == 5s);
  CHECK(o.assembly_deadline == 10s);
  CHECK(o.write_deadline == 10s);
  CHECK(o.close_deadline == 5s);
  CHECK(o.drain_delay == 0s);
  CHECK(o.drain_timeout == 10s);
  CHECK(o.websocket_path == "/");
}

// Pins §16.2.
TEST_CASE("credits, depth, types and refs that are lifted let everything through") {
  actors::node_options o;
  o.connections.credits = {0, 0};
  o.connections.burst_messages = 0;
  o.messages.max_depth = o.messages.max_type_bytes = o.messages.max_ref_bytes = 0;
  bare b{o};
  testing::manual_loops loops{b.node};
  testing::memory_session ann{b.node, b.node.loop(0), {protocol::encoding::v1_json, "ann"}};
  ann.say(R"({"type":"join","roomId":"r"})");
  auto ref = std::string(500, 'r');

  for (int i = 0; i < 500; ++i)
    ann.say(R"({"type":"message","text":"x"})");
  ann.say(R"({"type":")" + std::string(300, 't') + R"(","ref":")" + ref + R"(","a":)"
          + std::string(50, '[') + std::string(50, ']') + "}");
  loops.settle();

  std::size_t messages = 0;
  std::string last;
  for (auto& f : ann.take_frames()) {
    messages += f.payload.find(R"("type":"message")") != std::string::npos ? 1 : 0;
    last = f.payload;
  }
  CHECK(messages == 500);
  CHECK(last.find("unknown_type") != std::string::npos);
  CHECK(last.find(ref) != std::string::npos);
}
