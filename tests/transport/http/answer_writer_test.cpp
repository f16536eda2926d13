// Answers on a real socket, on a loop and a clock that only the test moves.

#include <utility>

#include "http/answer_writer.hpp"
#include "net/tcp.hpp"

#include "node/site.hpp"

#include <troupe/testing/manual_clock.hpp>

#include <boost/asio/ip/address_v4.hpp>

#include <catch2/catch.hpp>

#include <sys/socket.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>

using namespace troupe;
using namespace troupe::transport;
using namespace std::chrono_literals;
using troupe::test::site;
namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

constexpr auto deadline = 10s;
constexpr std::size_t much = 16 * 1024 * 1024;

actors::loop_options with(const testing::manual_clock& clock) {
  actors::loop_options options;
  options.clock = &clock;
  return options;
}

/// A server's side with its writer, and the client's side, which reads nothing by itself.
struct rig final : answer_writer::owner, polled_socket::owner {
  rig() {
    tcp::acceptor acceptor{peers, {asio::ip::address_v4::loopback(), 0}};
    int kernel_keeps = 64 * 1024;
    client.open(tcp::v4());
    ::setsockopt(client.native_handle(), SOL_SOCKET, SO_RCVBUF, &kernel_keeps, sizeof(int));
    client.connect(acceptor.local_endpoint());
    client.non_blocking(true);
    tcp::socket accepted{peers};
    acceptor.accept(accepted);
    accepted.non_blocking(true);
    kernel_keeps = 1024 * 1024;
    ::setsockopt(accepted.native_handle(), SOL_SOCKET, SO_SNDBUF, &kernel_keeps, sizeof(int));
    stream = std::make_unique<http_stream>(
      polled_socket{owned_descriptor{accepted.release()}, loop}, nullptr, traffic);
    stream->socket().set_owner(*this);
  }
  ~rig() {
    auto held = writer.cancel();
    close();
    turns();
  }

  std::shared_ptr<void> hold() override { return alive; }
  void on_input() override {}
  void on_answer_progress() override { ++windows; }
  void on_answer_sent() override { ++sent; }
  void on_answer_broken() noexcept override {
    is_broken = true;
    close();
  }
  void close() noexcept {
    boost::system::error_code ignored;
    stream->socket().close(ignored);
  }

  void send(std::string body, std::shared_ptr<const file_part> file = nullptr) {
    http_response_message message;
    message.result(200);
    message.content_length(file ? file->range.bytes : body.size());
    message.body() = std::move(body);
    writer.send(*stream, std::move(message), std::move(file), deadline);
    turns();
  }
  void turns() {
    while (loop.run_turn()) {}
  }
  /// Moves the clock in the steps in which the writer looks.
  void pass(std::chrono::milliseconds time) {
    for (auto step = deadline / 4; time > 0ms; time -= step) {
      clock.advance(step + 20ms);
      turns();
    }
  }
  /// Reads what has come, at most that many bytes; returns whether there was something.
  bool read(std::size_t most) {
    std::string some(most, '\0');
    boost::system::error_code ec;
    auto n = client.read_some(asio::buffer(some), ec);
    received.append(some, 0, n);
    turns();
    return n > 0;
  }
  /// Reads and runs the loop, beside the worker's threads, until the answer has ended.
  void read_all() {
    auto until = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < until)
      if (!read(1 << 20)) {
        if ((sent > 0 || is_broken) && !read(1))
          return;
        std::this_thread::sleep_for(1ms);
      }
    FAIL("the answer does not end");
  }
  [[nodiscard]] std::string body() const {
    auto head = received.find("\r\n\r\n");
    return head == std::string::npos ? std::string{} : received.substr(head + 4);
  }

  testing::manual_clock clock;
  caf::actor_system_config config{};
  std::unique_ptr<caf::actor_system> system = [this] {
    compat::set_worker_threads(config, 1);
    return std::make_unique<caf::actor_system>(config);
  }();
  actors::event_loop loop{*system, 0, with(clock)};
  asio::io_context peers;
  tcp::socket client{peers};
  loop_traffic::bytes traffic;
  file_worker files{{.threads = 1}};
  std::unique_ptr<http_stream> stream;
  std::shared_ptr<int> alive = std::make_shared<int>(0);
  answer_writer writer{*this, loop, &files};
  std::string received;
  int windows = 0, sent = 0;
  bool is_broken = false;
};

/// A site with a file that no buffer of a kernel holds.
struct large_file : site {
  large_file() {
    std::string bytes(much, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<char>(i / 997 + i);
    add("large", bytes);
    answer = ask("/large").value();
  }
  [[nodiscard]] fs::path path() const { return folder() / "large"; }
  http_answer answer;
};

} // namespace

TEST_CASE("an answer leaves whole, head and body") {
  rig r;

  r.send("the body");
  r.read_all();

  CHECK(r.sent == 1);
  CHECK(r.received == "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nthe body");
}

TEST_CASE("a file leaves whole, window by window") {
  rig r;
  large_file file;

  r.send(file.answer.response.body, file.answer.file);
  r.read_all();

  CHECK(r.sent == 1);
  CHECK_FALSE(r.is_broken);
  CHECK(r.windows == much / file_part::window_bytes - 1);
  CHECK(r.body() == site::body_of(file.answer));
}

TEST_CASE("of a file no window is read before the one before it has left") {
  rig r;
  large_file file;

  r.send(file.answer.response.body, file.answer.file);
  auto windows = [&] { // those that the kernel takes, once no more come
    auto before = r.windows;
    std::this_thread::sleep_for(50ms);
    r.turns();
    return std::pair{before, r.windows};
  };
  auto w = windows();
  while (w.first != w.second)
    w = windows();

  CHECK(r.sent == 0);
  CHECK(r.windows < 20); // of 64
}

TEST_CASE("a file that changes under way breaks its answer, short of its length") {
  rig r;
  large_file file;
  auto whole = site::body_of(file.answer);

  r.send(file.answer.response.body, file.answer.file);
  fs::resize_file(file.path(), much - 1);
  r.read_all();

  CHECK(r.sent == 0);
  CHECK(r.is_broken);
  CHECK(r.body().size() < much);
  CHECK(whole.starts_with(r.body()));
}

TEST_CASE("a peer that takes nothing breaks the answer after the deadline, or a quarter more") {
  rig r;

  r.send(std::string(much, 'x'));
  r.pass(deadline * 3 / 4);
  CHECK_FALSE(r.is_broken);
  r.pass(deadline / 2);

  CHECK(r.sent == 0);
  CHECK(r.is_broken);
}

TEST_CASE("a peer that takes little, but some each time, has all the time that it needs") {
  rig r;
  r.send(std::string(much, 'x'));

  for (int i = 0; i < 80; ++i) { // twenty deadlines
    r.read(70'000);              // the kernel tells of room for a segment, which has 64 KiB here
    r.pass(deadline / 4);
  }
  CHECK_FALSE(r.is_broken);
  r.read_all();

  CHECK(r.sent == 1);
  CHECK(r.body().size() == much);
}

// Pins §16.56.
TEST_CASE("who has taken some for long may pause for a quarter of that time longer") {
  rig r;
  r.send(std::string(much, 'x'));
  for (int i = 0; i < 32; ++i) { // eight deadlines
    r.read(70'000);
    r.pass(deadline / 4);
  }

  r.pass(deadline * 5 / 2);
  CHECK_FALSE(r.is_broken);
  r.pass(deadline);

  CHECK(r.is_broken);
}

TEST_CASE("a window that comes after the owner has closed is thrown away") {
  rig r;
  large_file file;
  std::promise<void> disk, is_idle;
  REQUIRE(r.files.begin([&] { disk.get_future().wait(); })); // the only thread hangs
  r.send(file.answer.response.body, file.answer.file);
  while (r.body().size() < file_part::window_bytes)
    r.read(1 << 20); // so that the next one is asked for

  auto held = r.writer.cancel();
  CHECK(held == r.alive);
  r.close();
  REQUIRE(r.files.go_on([&] { is_idle.set_value(); }));
  disk.set_value();
  is_idle.get_future().wait();
  r.turns();

  CHECK(r.windows == 0);
  CHECK(r.sent == 0);
}
