#include "emptying_read.hpp"

#include "socket_kinds.hpp"

#include <catch2/catch.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/write.hpp>

#include <poll.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

using namespace troupe::transport;
using namespace std::chrono_literals;
using troupe::transport::tcp;

namespace {

/// Two ends of a connection over loopback; `reader` was accepted by a socket that tells what is
/// left.
struct wire {
  wire() {
    boost::asio::basic_socket_acceptor<tcp, boost::asio::io_context::executor_type> acceptor{
      context, tcp::endpoint{boost::asio::ip::address_v4::loopback(), 0}};
    tell_what_is_left(acceptor.native_handle());
    writer.connect(acceptor.local_endpoint());
    acceptor.accept(reader);
  }

  void write(const std::string& text) { boost::asio::write(writer, boost::asio::buffer(text)); }
  void wait_for(short events) {
    pollfd p{reader.native_handle(), events, 0};
    REQUIRE(::poll(&p, 1, 5000) == 1);
    REQUIRE((p.revents & events) == events);
  }

  struct outcome {
    std::string bytes;
    boost::system::error_code ec;
  };
  /// `meanwhile`: happens while the read waits.
  std::optional<outcome> read(std::size_t most = 64, const std::function<void()>& meanwhile = [] {}) {
    std::string into(most, 0);
    std::optional<outcome> got;
    reader.async_read_some(emptying_buffer{boost::asio::buffer(into), emptied}, [&](boost::system::error_code ec, std::size_t n) {
      got = outcome{into.substr(0, n), ec};
    });
    meanwhile();
    context.restart();
    context.run_for(5s);
    return got;
  }

  boost::asio::io_context context;
  plain_socket writer{context}, reader{context};
  bool emptied = false;
};

} // namespace

TEST_CASE("a read gets what has come, and the next one what comes later") {
  wire w;
  w.write("one");
  auto first = w.read();
  w.write("two");
  auto second = w.read();

  REQUIRE(first);
  CHECK(first->bytes == "one");
  REQUIRE(second);
  CHECK(second->bytes == "two");
}

TEST_CASE("what a read leaves in the socket the next one gets without anything new coming") {
  wire w;
  auto first = w.read(4, [&] {
    w.write("a long one");
    w.wait_for(POLLIN);
  });
  auto second = w.read();

  REQUIRE(first);
  CHECK(first->bytes == "a lo");
  REQUIRE(second);
  CHECK(second->bytes == "ng one");
}

TEST_CASE("the end of a stream that came with its last bytes is heard of by the next read") {
  wire w;
  auto first = w.read(64, [&] {
    w.write("last");
    w.writer.shutdown(plain_socket::shutdown_send);
    w.wait_for(POLLIN | POLLRDHUP);
  });
  auto second = w.read();

  REQUIRE(first);
  CHECK(first->bytes == "last");
  REQUIRE(second);
  CHECK(second->ec == boost::asio::error::eof);
}

#if TROUPE_HAS_EMPTYING_READ

TEST_CASE("a read says that a socket is empty only if nothing is left and the stream goes on") {
  wire w;
  char into[8];
  bool is_empty = true;
  w.write("0123456789");
  w.wait_for(POLLIN);

  CHECK(receive_and_look(w.reader.native_handle(), boost::asio::buffer(into), 0, is_empty) == 8);
  CHECK_FALSE(is_empty);
  CHECK(receive_and_look(w.reader.native_handle(), boost::asio::buffer(into), 0, is_empty) == 2);
  CHECK(is_empty);

  w.write("last");
  w.writer.shutdown(plain_socket::shutdown_send);
  w.wait_for(POLLIN | POLLRDHUP);
  CHECK(receive_and_look(w.reader.native_handle(), boost::asio::buffer(into), 0, is_empty) == 4);
  CHECK_FALSE(is_empty);
}

#endif
