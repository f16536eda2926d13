// One HTTP session on a real socket: files from a disk that hangs, on a clock that the test moves.

#include <utility>

#include "net/tcp.hpp"
#include "server/http_session.hpp"

#include "node/site.hpp"

#include <troupe/testing/manual_clock.hpp>

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/write.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::transport;
using namespace std::chrono_literals;
using troupe::test::site;
namespace asio = boost::asio;

namespace {

actors::loop_options with(const testing::manual_clock& clock) {
  actors::loop_options options;
  options.clock = &clock;
  return options;
}

/// A session with its client, and a worker whose only thread hangs until `disk` is told to go on.
struct rig {
  explicit rig(file_worker::limits most = {1, 1}, std::vector<address_range> proxies = {}) {
    s.add("a.txt", "the file");
    settings.trusted_proxies = std::move(proxies);
    settings.router.set_probes({false, nullptr, nullptr, {}});
    settings.router.set_files(s.folder());
    settings.files = std::make_shared<file_worker>(most);
    settings.pending =
      std::make_shared<pending_sockets>(pending_sockets::limits{}, protocol::null_counters());
    settings.sessions.log = &protocol::null_logger();
    settings.sessions.counters = &protocol::null_counters();
    traffic.push_back(std::make_unique<loop_traffic>());
    settings.sessions.traffic = &traffic;
    hang();
    open();
  }
  ~rig() {
    if (hangs)
      disk.set_value();
  }

  void hang() {
    auto started = std::make_shared<std::promise<void>>();
    auto is_hanging = settings.files->begin([started, go_on = disk.get_future().share()] {
      started->set_value();
      go_on.wait();
    });
    REQUIRE(is_hanging);
    started->get_future().wait();
  }
  /// Lets the disk go on, and waits until nothing is left for it to do.
  void go_on() {
    std::promise<void> is_idle;
    REQUIRE(settings.files->go_on([&] { is_idle.set_value(); }));
    disk.set_value();
    hangs = false;
    is_idle.get_future().wait();
  }

  void open() {
    tcp::acceptor acceptor{peers, {asio::ip::address_v4::loopback(), 0}};
    client.connect(acceptor.local_endpoint());
    client.non_blocking(true);
    tcp::socket accepted{peers};
    acceptor.accept(accepted);
    accepted.non_blocking(true);
    auto session = std::make_shared<http_session>(
      owned_descriptor{accepted.release()}, asio::ip::address_v4::loopback(), *loop, settings,
      counted_socket{std::make_shared<std::atomic<std::size_t>>(0)});
    alive = session;
    session->enter();
    session->start();
    turns();
  }
  /// `header`: with its line end.
  void ask(const std::string& what = "GET /a.txt", const std::string& header = {}) {
    asio::write(client, asio::buffer(what + " HTTP/1.1\r\nHost: x\r\n" + header + "\r\n"));
    turns();
  }
  /// The first line of the answer, without its version.
  std::string status_of(const std::string& what, const std::string& header = {}) {
    ask(what, header);
    auto answer = read();
    return answer.substr(9, answer.find("\r\n") - 9);
  }
  /// Bounds the memory for what is read of files.
  void bound(std::int64_t bytes) {
    windows = std::make_shared<file_windows>(output, bytes);
    settings.router.set_files(s.folder(), windows);
  }
  void turns() {
    while (loop->run_turn()) {}
  }
  /// What has come, or comes within some seconds.
  std::string read() {
    for (auto until = std::chrono::steady_clock::now() + 10s;
         std::chrono::steady_clock::now() < until;) {
      turns();
      std::string some(4096, '\0');
      boost::system::error_code ec;
      some.resize(client.read_some(asio::buffer(some), ec));
      if (!some.empty() || ec == asio::error::eof)
        return some;
      std::this_thread::sleep_for(1ms);
    }
    return "nothing comes";
  }
  void pass(std::chrono::milliseconds time) {
    clock.advance(time);
    turns();
  }

  site s;
  testing::manual_clock clock;
  caf::actor_system_config config{};
  std::unique_ptr<caf::actor_system> system = [this] {
    compat::set_worker_threads(config, 1);
    return std::make_unique<caf::actor_system>(config);
  }();
  server_options options;
  http_settings settings{options};
  node_traffic traffic;
  std::shared_ptr<protocol::memory_meter> output = std::make_shared<protocol::memory_meter>();
  std::shared_ptr<file_windows> windows;
  std::promise<void> disk;
  bool hangs = true;
  std::unique_ptr<actors::event_loop> loop =
    std::make_unique<actors::event_loop>(*system, 0, with(clock));
  asio::io_context peers;
  tcp::socket client{peers};
  std::weak_ptr<http_session> alive;
};

} // namespace

TEST_CASE("a file that the disk keeps back for a while is the answer when it comes") {
  rig r;

  r.ask();
  r.go_on();
  auto answer = r.read();

  CHECK(answer.starts_with("HTTP/1.1 200"));
  CHECK(answer.ends_with("the file"));
}

// Pins §16.52.
TEST_CASE("while too many requests wait for the disk another one is 503, to be tried again soon") {
  rig r;
  REQUIRE(r.settings.files->begin([] {})); // there is no more place

  r.ask();
  auto answer = r.read();

  CHECK(answer.starts_with("HTTP/1.1 503"));
  CHECK(answer.find("Retry-After: 1\r\n") != std::string::npos);
}

// Pins §16.54.
TEST_CASE("a request for a file counts for its client, whom a trusted proxy names") {
  const auto peer = asio::ip::make_address("127.0.0.1");
  const auto named = asio::ip::make_address("203.0.113.9");
  auto is_behind_proxy = GENERATE(false, true);
  auto is_others = GENERATE(false, true);
  std::vector<address_range> proxies;
  if (is_behind_proxy)
    proxies.push_back(*address_range::parse("127.0.0.1"));
  rig r{{1, 10, 1}, proxies};
  auto whose = counted_as(is_behind_proxy == is_others ? peer : named, true);
  REQUIRE(r.settings.files->begin([] {}, whose)); // the whole share of an address

  r.ask("GET /a.txt", "X-Forwarded-For: 203.0.113.9\r\n");
  r.go_on();
  auto answer = r.read();

  CHECK(answer.substr(0, 12) == (is_others ? "HTTP/1.1 200" : "HTTP/1.1 503"));
}

// Pins §16.55.
TEST_CASE("while files fill their memory the body of another one is 503, and nothing else is") {
  rig r;
  r.s.add("empty.txt", "");
  r.s.add("sub/index.html", "a page");
  r.bound(1);
  auto other = r.windows->take(1);
  r.go_on();

  r.ask();
  auto refused = r.read();

  CHECK(refused.starts_with("HTTP/1.1 503"));
  CHECK(refused.find("Retry-After: 1\r\n") != std::string::npos);
  CHECK(r.status_of("GET /sub/") == "503 Service Unavailable");
  CHECK(r.status_of("GET /a.txt", "Range: bytes=1-2\r\n") == "503 Service Unavailable");
  CHECK(r.status_of("GET /nothing") == "404 Not Found");
  CHECK(r.status_of("GET /sub") == "301 Moved Permanently");
  CHECK(r.status_of("GET /a.txt", "If-None-Match: *\r\n") == "304 Not Modified");
  CHECK(r.status_of("GET /a.txt", "If-Match: \"x\"\r\n") == "412 Precondition Failed");
  CHECK(r.status_of("GET /a.txt", "Range: bytes=99-\r\n") == "416 Range Not Satisfiable");
  CHECK(r.status_of("GET /a.txt", "Accept-Encoding: identity;q=0\r\n") == "406 Not Acceptable");
  CHECK(r.status_of("GET /empty.txt") == "200 OK");
  CHECK(r.status_of("HEAD /a.txt") == "200 OK");
  other = {};
  CHECK(r.status_of("GET /a.txt") == "200 OK");
}

TEST_CASE("an answer holds what was read of its file, until it is sent or void") {
  enum class end { sent, too_late, without_loop };
  auto ends = GENERATE(end::sent, end::too_late, end::without_loop);
  rig r;
  r.bound(0);

  r.ask();
  CHECK(r.output->used_bytes() == 0); // it waits for the disk
  if (ends == end::too_late)
    r.pass(r.options.handler_deadline + 20ms);
  r.go_on();
  CHECK(r.output->used_bytes() == 8);
  if (ends == end::without_loop)
    r.loop.reset();
  else
    r.turns();

  CHECK(r.output->used_bytes() == 0);
  r.settings.files->stop();
}

TEST_CASE("a file that the disk keeps back for too long is 504, and what comes then is void") {
  rig r;

  r.ask();
  r.pass(r.options.handler_deadline + 20ms);
  auto answer = r.read();
  r.go_on();

  CHECK(answer.starts_with("HTTP/1.1 504"));
  r.ask();
  auto next = r.read();
  CHECK(next.starts_with("HTTP/1.1 200"));
  CHECK(next.find("HTTP/1.1", 1) == std::string::npos);
}

TEST_CASE("a file that comes after the end of its loop is void") {
  rig r;

  r.ask();
  r.loop.reset();
  CHECK(r.alive.expired());
  r.go_on();
  r.settings.files->stop();
}
