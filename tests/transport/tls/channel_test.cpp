// The TLS channel to a peer after its upgrade, on a loop that only the test runs.

#include <utility>

#include "tls/channel.hpp"

#include "certificates.hpp"
#include "net/tcp.hpp"

#include <catch2/catch.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace troupe;
using namespace troupe::transport;
using boost::system::error_code;
using troupe::test::identity;
namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

namespace {

using plain_socket = tcp::socket;

/// A client that holds its records until they are sent.
class tls_client {
public:
  explicit tls_client(plain_socket socket)
    : socket_(std::move(socket)), ssl_(SSL_new(context_.native_handle())) {
    socket_.non_blocking(true);
    SSL_set_bio(ssl_, BIO_new_socket(socket_.native_handle(), BIO_NOCLOSE), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_);
  }
  ~tls_client() { SSL_free(ssl_); }
  tls_client(const tls_client&) = delete;
  tls_client& operator=(const tls_client&) = delete;

  void shake_hands() {
    SSL_do_handshake(ssl_);
    ERR_clear_error();
    send();
  }
  void say(std::string_view text) {
    REQUIRE(SSL_write(ssl_, text.data(), static_cast<int>(text.size())) > 0);
  }
  void ask_for_new_keys() {
    SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(ssl_);
  }
  void say_goodbye() { SSL_shutdown(ssl_); }
  [[nodiscard]] std::size_t held() { return BIO_ctrl_pending(SSL_get_wbio(ssl_)); }

  /// Sends at most `most` bytes of the held records; all by default.
  void send(std::size_t most = ~std::size_t{0}) {
    std::string bytes(std::min(most, held()), ' ');
    BIO_read(SSL_get_wbio(ssl_), bytes.data(), static_cast<int>(bytes.size()));
    socket_.non_blocking(false);
    asio::write(socket_, asio::buffer(bytes));
    socket_.non_blocking(true);
  }

  std::string hear() {
    std::array<char, 1000> some;
    auto n = SSL_read(ssl_, some.data(), some.size());
    ERR_clear_error();
    return n > 0 ? std::string(some.data(), static_cast<std::size_t>(n)) : std::string{};
  }

  [[nodiscard]] plain_socket& socket() noexcept { return socket_; }

private:
  ssl::context context_{ssl::context::tls_client};
  plain_socket socket_;
  SSL* ssl_;
};

std::pair<plain_socket, plain_socket> connected(asio::io_context& io) {
  tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
  plain_socket client{io}, server{io};
  client.connect(acceptor.local_endpoint());
  acceptor.accept(server);
  client.set_option(tcp::no_delay{true});
  server.non_blocking(true);
  return {std::move(client), std::move(server)};
}

/// A connection whose handshake and first message Asio's engine has read. A channel reads the rest.
struct taken_over final : polled_socket::owner {
  /// Before the engine reads, the client sends `request` and `behind`, except the last `held` bytes
  /// of records. It asks for new keys `key_updates` times.
  explicit taken_over(std::string_view behind = {}, std::size_t held = 0, int key_updates = 0) {
    compat::set_worker_threads(config, 1);
    identity{"channel.example"}.serve_from(server_context.native_handle());
    auto [c, s] = connected(io);
    client.emplace(std::move(c));
    tls_socket stream{polled_socket{owned_descriptor{s.release()}, loop}, server_context};
    stream.next_layer().set_owner(*this);
    bool done = false;
    stream.async_handshake(ssl::stream_base::server, [&](error_code ec) { done = !ec; });
    while (!done) {
      client->shake_hands();
      run();
    }
    client->hear(); // the session's tickets
    client->say("request");
    if (!behind.empty())
      client->say(behind);
    for (int i = 0; i < key_updates; ++i)
      client->ask_for_new_keys();
    client->send(client->held() - held);
    std::array<char, 7> request{};
    std::size_t n = 0;
    stream.async_read_some(asio::buffer(request), [&](error_code, std::size_t size) { n = size; });
    run();
    REQUIRE(std::string(request.data(), n) == "request");
    number = stream.next_layer().native_handle();
    tested.emplace(stream, early, counted);
    tested->set_owner(*this);
  }
  ~taken_over() {
    tested->close();
    run();
  }

  std::shared_ptr<void> hold() override { return {}; }
  void on_input() override { read_on(); }

  void run() {
    io.restart();
    io.poll();
    while (loop.run_turn()) {}
  }

  /// Bytes in the socket that nobody has read.
  [[nodiscard]] std::size_t available() const {
    int n = 0;
    REQUIRE(::ioctl(number, FIONREAD, &n) == 0);
    return static_cast<std::size_t>(n);
  }

  /// The result of one read; nothing while it waits.
  struct outcome {
    bool done = false;
    error_code ec;
    std::string text;
  };
  void start_read() {
    result = {};
    reads = true;
    read_on();
  }
  void read_on() {
    while (reads && tested->may_have_input()) {
      error_code ec;
      auto n = tested->read_some(asio::buffer(room), ec);
      if (ec == asio::error::would_block)
        continue;
      reads = false;
      result = {true, ec, {room.data(), n}};
    }
    if (reads)
      tested->await_input();
  }
  outcome read() {
    start_read();
    run();
    return result;
  }

  asio::io_context io;
  ssl::context server_context{ssl::context::tls_server};
  std::optional<tls_client> client;
  std::string early;
  caf::actor_system_config config;
  caf::actor_system system{config};
  actors::event_loop loop{system, 0};
  loop_traffic::bytes counted;
  int number = -1; ///< of the descriptor
  std::optional<channel> tested;
  std::array<char, 100> room{};
  bool reads = false;
  outcome result;
};

} // namespace

TEST_CASE("a TLS channel reads on where Asio has ended") {
  taken_over t;
  t.client->say("one");
  t.client->send();

  CHECK(t.early.empty());
  CHECK(t.read().text == "one");
  CHECK(t.tested->unsent_bytes() == 0);
}

TEST_CASE("a TLS channel has what came behind the request, also half a record") {
  taken_over whole{"behind"}, half{"half a record", 10};

  CHECK(whole.early == "behind");
  CHECK(half.early.empty());
  CHECK_FALSE(half.read().done);
  half.client->send();
  half.run();
  CHECK(half.result.text == "half a record");
}

TEST_CASE("a TLS channel waits for the rest of a record, however it comes") {
  taken_over t;
  t.client->say("in single bytes");
  t.start_read();
  while (t.client->held() > 0) {
    CHECK_FALSE(t.result.done);
    t.client->send(1);
    t.run();
  }
  CHECK(t.result.text == "in single bytes");
}

TEST_CASE("a TLS channel hands out several records one by one, and asks the socket once for them") {
  taken_over t;
  for (int i = 0; i < 5; ++i)
    t.client->say(std::string(150, static_cast<char>('a' + i)));
  t.client->send();

  std::string all;
  for (int i = 0; i < 10; ++i) {
    all += t.read().text;
    CHECK(t.available() == 0);
  }
  CHECK(all.size() == 5 * 150);
  CHECK_FALSE(t.read().done);
}

TEST_CASE("a TLS channel tells the end again, whoever met it first") {
  taken_over t;
  t.client->say("last");
  t.client->say_goodbye();
  t.client->send();
  error_code ec;
  CHECK(t.tested->read_some(asio::buffer(t.room), ec) == 4);
  CHECK(t.tested->read_some(asio::buffer(t.room), ec) == 0);
  CHECK(ec == asio::error::eof);

  CHECK(t.read().ec == asio::error::eof);
  CHECK(t.read().ec == asio::error::eof);
}

TEST_CASE("an end without TLS's own is an end, and answered by nothing") {
  taken_over t;
  t.client->socket().shutdown(plain_socket::shutdown_send);

  CHECK(t.read().ec == asio::error::eof);
  CHECK(t.client->socket().available() == 0);
}

TEST_CASE("a TLS channel whose input is thrown away knows what its socket has, and nothing else") {
  taken_over half, whole, ended;
  for (auto* t : {&half, &whole, &ended})
    t->client->say("heard");
  half.client->say("half a record");
  half.client->send(half.client->held() - 10);
  whole.client->say("another record");
  whole.client->send();
  ended.client->say_goodbye();
  ended.client->send();
  for (auto* t : {&half, &whole, &ended}) {
    t->run();
    error_code ec;
    CHECK(t->tested->read_some(asio::buffer(t->room), ec) == 5);
    CHECK(t->tested->throw_input_away(*t));
    CHECK_FALSE(t->tested->may_have_input());
  }
  half.client->send();
  half.run();
  CHECK(half.tested->may_have_input());
  CHECK(half.tested->throw_input_away(half));
  CHECK_FALSE(half.tested->may_have_input());
}

TEST_CASE("a TLS channel that has closed its output says so") {
  taken_over t;
  t.tested->shut_output();

  CHECK(t.client->socket().available() > 0);
  CHECK(t.client->hear().empty());
}

TEST_CASE("a TLS channel does not read from who has its closed socket's number") {
  taken_over t;
  t.client->say("half a record");
  t.client->send(10);
  CHECK_FALSE(t.read().done);
  auto number = t.number;
  t.tested->close();
  t.run();
  auto [near, far] = connected(t.io);
  if (near.native_handle() != number)
    REQUIRE(::dup2(near.native_handle(), number) == number);
  asio::write(far, asio::buffer("for another", 11));

  error_code ec;
  CHECK(t.tested->read_some(asio::buffer(t.room), ec) == 0);
  CHECK(ec == asio::error::operation_aborted);
  CHECK(near.available() == 11);
  if (near.native_handle() != number)
    ::close(number);
}

TEST_CASE("a TLS channel ends for whom the engine was to be answered") {
  taken_over once{{}, 0, 1}, twice{{}, 0, 2};

  once.client->say("goes on");
  once.client->send();
  CHECK(once.read().text == "goes on");
  CHECK(twice.read().ec == asio::error::eof);
}

TEST_CASE("one read of a TLS channel asks the socket once, whatever lies there") {
  taken_over t;
  constexpr int requests = 4000;
  for (int i = 0; i < requests; ++i)
    t.client->ask_for_new_keys();
  t.client->say("at last");
  auto sent = t.client->held();
  t.client->send();
  error_code ec;

  t.run();
  CHECK(t.tested->read_some(asio::buffer(t.room), ec) == 0);
  CHECK(ec == asio::error::would_block);
  CHECK(t.tested->may_have_input());
  CHECK(t.available() > sent - 20'000);
  CHECK(t.read().text == "at last");
}

TEST_CASE("what a TLS channel has received counts as it is on the wire, from the end of the "
          "engine's reading") {
  taken_over t, early{"behind"};
  CHECK(t.counted.received.value() == 0);

  t.client->say("sooner");
  auto on_wire = t.client->held();
  t.client->send();

  CHECK(t.read().text == "sooner");
  CHECK(t.counted.received.value() == on_wire);
  CHECK(early.counted.received.value() == on_wire); // the record is as long
}
