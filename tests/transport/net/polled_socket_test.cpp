// A socket after its upgrade, on a loop that only the test runs.

#include <utility>

#include "net/polled_socket.hpp"
#include "net/tcp.hpp"

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/write.hpp>

#include <catch2/catch.hpp>

#include <sys/socket.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::transport;
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

using plain_socket = tcp::socket;

std::pair<plain_socket, plain_socket> connected(asio::io_context& io) {
  tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
  plain_socket client{io}, server{io};
  client.connect(acceptor.local_endpoint());
  acceptor.accept(server);
  server.non_blocking(true);
  return {std::move(client), std::move(server)};
}

struct manual_loop {
  manual_loop() { compat::set_worker_threads(config, 1); }
  caf::actor_system_config config;
  caf::actor_system system{config};
  actors::event_loop loop{system, 0};
  asio::io_context peers;
  std::pair<plain_socket, plain_socket> both = connected(peers);
};

/// A served socket, and its peer.
struct connection final : manual_loop, polled_socket::host {
  connection()
    : peer(std::move(both.first)), socket(owned_descriptor{both.second.release()}, loop) {
    socket.serve(*this);
    turns();
  }
  ~connection() {
    error_code ignored;
    socket.close(ignored);
    turns();
  }

  std::shared_ptr<void> hold() override {
    ++holds;
    return {};
  }
  void on_input() override { ++told; }
  void on_room() override { ++told_of_room; }

  void say(std::string_view text) { asio::write(peer, asio::buffer(text)); }
  void turns() {
    while (loop.run_turn()) {}
  }
  std::string read(error_code& ec, std::size_t most = 64) {
    std::string into(most, 0);
    into.resize(socket.read_some(asio::buffer(into), ec));
    return into;
  }
  /// Sends input, and runs the loop until the socket knows of it.
  void hear(std::string_view text) {
    say(text);
    turns();
  }

  plain_socket peer;
  polled_socket socket;
  int told = 0;
  int told_of_room = 0;
  int holds = 0;
};

/// What a handler was given.
struct outcome {
  error_code ec;
  std::size_t bytes = 0;
};

} // namespace

TEST_CASE("a host is told of input once each time it waits") {
  connection c;
  c.socket.await_input();
  c.turns();
  CHECK(c.told == 0);
  c.hear("one");
  CHECK(c.told == 1);
  c.hear("two");
  CHECK(c.told == 1);
  CHECK(c.socket.may_have_input());
}

TEST_CASE("a read that brings less than it has room for has emptied the socket") {
  connection c;
  c.hear("hello");
  error_code ec;
  CHECK(c.read(ec, 5) == "hello");
  CHECK(c.socket.may_have_input()); // it has not seen that it is empty
  CHECK(c.read(ec).empty());
  CHECK(ec == asio::error::would_block);
  CHECK_FALSE(c.socket.may_have_input());
  c.hear("again");
  CHECK(c.read(ec) == "again");
  CHECK_FALSE(ec);
  CHECK_FALSE(c.socket.may_have_input());
}

TEST_CASE("an end that came together with the last bytes is found behind them") {
  connection c;
  c.say("last");
  c.peer.shutdown(plain_socket::shutdown_send);
  c.turns();
  error_code ec;
  CHECK(c.read(ec) == "last");
  CHECK(c.socket.may_have_input());
  CHECK(c.read(ec).empty());
  CHECK(ec == asio::error::eof);
}

TEST_CASE("an end that comes after the last bytes were read is told of") {
  connection c;
  c.hear("last");
  error_code ec;
  c.read(ec);
  c.socket.await_input();
  c.peer.shutdown(plain_socket::shutdown_send);
  c.turns();
  CHECK(c.told == 1);
  c.read(ec);
  CHECK(ec == asio::error::eof);
}

TEST_CASE("a reset is found, together with the last bytes or after them") {
  connection c;
  auto is_late = GENERATE(false, true);
  c.say("last");
  if (is_late)
    c.turns();
  c.peer.set_option(asio::socket_base::linger{true, 0});
  c.peer.close();
  error_code ec;
  if (is_late)
    c.read(ec);
  c.turns();
  for (int i = 0; i < 2 && !ec; ++i) {
    REQUIRE(c.socket.may_have_input());
    c.read(ec);
  }
  CHECK((ec == asio::error::connection_reset || ec == asio::error::eof));
}

TEST_CASE("a read that stops short at an urgent byte has not emptied the socket") {
  connection c;
  c.say("before");
  REQUIRE(::send(c.peer.native_handle(), "!", 1, MSG_OOB) == 1);
  c.say("behind");
  c.turns();
  std::string all;
  error_code ec;
  while (!ec) {
    REQUIRE(c.socket.may_have_input());
    all += c.read(ec);
  }
  CHECK(ec == asio::error::would_block);
  CHECK(all == "beforebehind");
  CHECK_FALSE(c.socket.may_have_input());
}

TEST_CASE("who waits again and again for input that nobody reads does not hold the turn") {
  connection c;
  int told = 0;
  std::function<void(error_code)> again = [&](error_code ec) {
    if (!ec && ++told < 1000)
      c.socket.async_wait(plain_socket::wait_read, again);
  };
  c.hear("hello");
  again({});
  c.loop.run_turn(3);
  CHECK(told <= 4);
  told = 1000;
}

TEST_CASE("a read that waits gets what comes, from no call of its own") {
  connection c;
  auto is_there = GENERATE(false, true);
  if (is_there)
    c.hear("hello");
  std::string into(16, 0);
  std::optional<outcome> got;
  c.socket.async_read_some(asio::buffer(into), [&](error_code ec, std::size_t n) {
    got = outcome{ec, n};
  });
  CHECK_FALSE(got);
  if (!is_there)
    c.say("hello");
  c.turns();
  REQUIRE(got);
  CHECK_FALSE(got->ec);
  CHECK(into.substr(0, got->bytes) == "hello");
  CHECK(c.holds > 0);
}

TEST_CASE("a read that finds nothing after all goes on waiting") {
  connection c;
  c.hear("hello");
  std::string into(16, 0);
  std::optional<outcome> got;
  c.socket.async_read_some(asio::buffer(into), [&](error_code ec, std::size_t n) {
    got = outcome{ec, n};
  });
  error_code ec;
  c.read(ec); // somebody else reads the input first
  c.turns();
  CHECK_FALSE(got);
  c.hear("again");
  REQUIRE(got);
  CHECK(into.substr(0, got->bytes) == "again");
}

TEST_CASE("who waits for room is told when the peer has read") {
  connection c;
  std::vector<char> much(1 << 20);
  while (::send(c.socket.native_handle(), much.data(), much.size(), MSG_DONTWAIT) > 0) {}
  int told = 0;
  auto wait = [&] {
    c.socket.async_wait(plain_socket::wait_write, [&](error_code ec) { told += !ec; });
  };
  wait();
  c.turns();
  CHECK(told == 0);
  c.peer.non_blocking(true);
  auto drain = [&] {
    error_code ec;
    while (!ec)
      c.peer.read_some(asio::buffer(much), ec);
  };
  for (int i = 0; i < 1000 && told == 0; ++i) {
    drain();
    c.turns();
  }
  CHECK(told == 1);
  wait(); // there is room now
  c.turns();
  CHECK(told == 2);
}

TEST_CASE("a host is told of room once each time it waits, soon if there is some") {
  connection c;
  c.turns();
  CHECK(c.told_of_room == 0);
  c.socket.await_room();
  CHECK(c.told_of_room == 0);
  c.turns();
  CHECK(c.told_of_room == 1);
  c.turns();
  CHECK(c.told_of_room == 1);
}

TEST_CASE("a read without room for a byte ends soon, whatever there is") {
  connection c;
  std::optional<outcome> empty;
  c.socket.async_read_some(asio::mutable_buffer{}, [&](error_code ec, std::size_t n) {
    empty = {ec, n};
  });
  CHECK_FALSE(empty);
  c.turns();
  REQUIRE(empty);
  CHECK_FALSE(empty->ec);
  CHECK(empty->bytes == 0);
}

TEST_CASE("a close ends what waits, once, from no call of its own") {
  connection c;
  std::vector<error_code> got;
  std::string into(16, 0);
  c.socket.async_read_some(asio::buffer(into),
                           [&](error_code ec, std::size_t) { got.push_back(ec); });
  c.socket.async_wait(plain_socket::wait_write, [&](error_code ec) { got.push_back(ec); });
  error_code ec;
  c.socket.close(ec);
  CHECK_FALSE(ec);
  CHECK(got.empty());
  c.turns();
  CHECK(got == std::vector<error_code>(2, asio::error::operation_aborted));
  c.read(ec);
  CHECK(ec == asio::error::operation_aborted);
}

TEST_CASE("a cancel ends the read and leaves the wait for room") {
  connection c;
  std::optional<error_code> read, room;
  std::string into(16, 0);
  c.socket.async_read_some(asio::buffer(into), [&](error_code ec, std::size_t) { read = ec; });
  c.socket.async_wait(plain_socket::wait_write, [&](error_code ec) { room = ec; });
  error_code ec;
  c.socket.cancel(ec);
  c.turns();
  CHECK(read == asio::error::operation_aborted);
  CHECK(room == error_code{});
}

TEST_CASE(
  "what waits in a socket at its loop's end goes with the loop, and the host that it keeps") {
  struct kept_host final : polled_socket::host {
    explicit kept_host(manual_loop& m)
      : socket(owned_descriptor{m.both.second.release()}, m.loop) {}
    std::shared_ptr<void> hold() override { return {}; }
    void on_input() override {}
    polled_socket socket;
    std::string into = std::string(16, 0);
  };
  std::weak_ptr<kept_host> seen;
  {
    manual_loop m;
    auto h = std::make_shared<kept_host>(m);
    seen = h;
    h->socket.serve(*h);
    h->socket.async_read_some(asio::buffer(h->into), [h](error_code, std::size_t) {});
    h->socket.async_wait(plain_socket::wait_write, [h](error_code) {});
    h.reset();
    CHECK_FALSE(seen.expired());
  }
  CHECK(seen.expired());
}

TEST_CASE("a socket that is handed on keeps what it knows, and is heard by its new host") {
  connection c;
  c.hear("early");
  struct next_host final : polled_socket::host {
    std::shared_ptr<void> hold() override { return {}; }
    void on_input() override { ++told; }
    int told = 0;
  } next;
  polled_socket moved{std::move(c.socket)};
  CHECK_FALSE(c.socket.is_open());
  CHECK(moved.may_have_input());
  moved.serve(next);
  std::string into(16, 0);
  error_code ec;
  into.resize(moved.read_some(asio::buffer(into), ec));
  CHECK(into == "early");
  c.turns();
  moved.read_some(asio::buffer(into), ec);
  moved.await_input();
  c.hear("later");
  CHECK(next.told == 1);
  CHECK(c.told == 0);
  moved.close(ec);
}
