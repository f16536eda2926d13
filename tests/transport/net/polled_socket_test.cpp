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

/// A socket with its owner, and its peer.
struct connection final : manual_loop, polled_socket::owner {
  connection()
    : peer(std::move(both.first)), socket(owned_descriptor{both.second.release()}, loop) {
    socket.set_owner(*this);
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
  /// Begins one write after the other until one waits for room.
  void write_until_full() {
    for (auto begun = written.size(); written.size() == begun; turns()) {
      ++begun;
      socket.async_write_some(asio::buffer(much),
                              [this](error_code ec, std::size_t) { written.push_back(ec); });
    }
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
  std::vector<char> much = std::vector<char>(1 << 20);
  std::vector<error_code> written; ///< the results of the writes that have ended
};

/// What a handler was given.
struct outcome {
  error_code ec;
  std::size_t bytes = 0;
};

} // namespace

TEST_CASE("what has come is counted without being read") {
  connection c;
  CHECK(c.socket.unread_bytes() == 0);

  c.hear("hello");

  CHECK(c.socket.unread_bytes() == 5);
  error_code ec;
  CHECK(c.read(ec, 2) == "he");
  CHECK(c.socket.unread_bytes() == 3);
}

TEST_CASE("an owner is told of input once each time it waits") {
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

TEST_CASE("who reads again and again, a byte at a time, does not hold the turn") {
  int told = 0;
  char byte = 0;
  std::function<void(error_code, std::size_t)> again;
  connection c;
  again = [&](error_code ec, std::size_t) {
    if (!ec && ++told < 1000)
      c.socket.async_read_some(asio::buffer(&byte, 1), again);
  };
  c.hear(std::string(1000, 'x'));
  again({}, 0);
  c.loop.run_turn(3);
  CHECK(told <= 4);
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

TEST_CASE("a write that waits for room goes on when the peer has read") {
  connection c;
  c.write_until_full();
  auto before = c.written.size();
  c.peer.non_blocking(true);
  std::vector<char> into(1 << 20);
  auto drain = [&] {
    error_code ec;
    while (!ec)
      c.peer.read_some(asio::buffer(into), ec);
  };
  for (int i = 0; i < 1000 && c.written.size() == before; ++i) {
    drain();
    c.turns();
  }
  REQUIRE(c.written.size() == before + 1);
  CHECK_FALSE(c.written.back());
}

TEST_CASE("an owner is told of room once each time it waits, soon if there is some") {
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
  std::vector<error_code> read;
  std::string into(16, 0);
  c.socket.async_read_some(asio::buffer(into),
                           [&](error_code ec, std::size_t) { read.push_back(ec); });
  c.write_until_full();
  auto before = c.written.size();
  error_code ec;
  c.socket.close(ec);
  CHECK_FALSE(ec);
  CHECK(read.empty());
  CHECK(c.written.size() == before);
  c.turns();
  CHECK(read == std::vector<error_code>(1, asio::error::operation_aborted));
  REQUIRE(c.written.size() == before + 1);
  CHECK(c.written.back() == asio::error::operation_aborted);
  c.read(ec);
  CHECK(ec == asio::error::operation_aborted);
}

TEST_CASE("what begins after a close ends with an error, from no call of its own") {
  connection c;
  error_code ec;
  c.socket.close(ec);
  std::optional<error_code> read, written;
  std::string into(16, 0);
  c.socket.async_read_some(asio::buffer(into), [&](error_code e, std::size_t) { read = e; });
  c.socket.async_write_some(asio::buffer(into), [&](error_code e, std::size_t) { written = e; });
  CHECK_FALSE(read);
  CHECK_FALSE(written);
  c.turns();
  CHECK(read == asio::error::operation_aborted);
  CHECK(written == asio::error::bad_descriptor);
}

TEST_CASE(
  "what waits in a socket at its loop's end goes with the loop, and the owner that it keeps") {
  struct kept_owner final : polled_socket::owner {
    explicit kept_owner(manual_loop& m)
      : socket(owned_descriptor{m.both.second.release()}, m.loop) {}
    std::shared_ptr<void> hold() override { return {}; }
    void on_input() override {}
    polled_socket socket;
    std::string into = std::string(16, 0);
  };
  std::weak_ptr<kept_owner> seen;
  {
    manual_loop m;
    auto o = std::make_shared<kept_owner>(m);
    seen = o;
    o->socket.set_owner(*o);
    o->socket.async_read_some(asio::buffer(o->into), [o](error_code, std::size_t) {});
    std::vector<char> much(1 << 20);
    while (::send(o->socket.native_handle(), much.data(), much.size(), MSG_DONTWAIT) > 0) {}
    o->socket.async_write_some(asio::buffer(o->into), [o](error_code, std::size_t) {});
    o.reset();
    CHECK_FALSE(seen.expired());
  }
  CHECK(seen.expired());
}

TEST_CASE("a socket that is handed on keeps what it knows, and is heard by its new owner") {
  connection c;
  c.hear("early");
  struct next_owner final : polled_socket::owner {
    std::shared_ptr<void> hold() override { return {}; }
    void on_input() override { ++told; }
    int told = 0;
  } next;
  polled_socket moved{std::move(c.socket)};
  CHECK_FALSE(c.socket.is_open());
  CHECK(moved.may_have_input());
  moved.set_owner(next);
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
