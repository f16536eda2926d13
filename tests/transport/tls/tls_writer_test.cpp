#include "tls/tls_writer.hpp"

#include "certificates.hpp"

#include <catch2/catch.hpp>

#include <boost/asio/ssl/context.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace troupe::transport;
using troupe::test::identity;
namespace ssl = boost::asio::ssl;
using status = troupe::actors::outbox::status;

namespace {

/// Two non-blocking sockets. The first one has a small send buffer.
struct socket_pair {
  socket_pair() {
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd.data()) != 0)
      throw std::runtime_error{"no sockets"};
    int small = 8 * 1024;
    ::setsockopt(fd[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  }
  ~socket_pair() {
    for (auto f : fd)
      ::close(f);
  }
  socket_pair(const socket_pair&) = delete;
  socket_pair& operator=(const socket_pair&) = delete;

  std::array<int, 2> fd{};
};

struct ssl_free {
  void operator()(SSL* s) const noexcept { SSL_free(s); }
};

/// A server and a client that have shaken hands. Then the server writes with a `tls_writer`.
class connected_pair {
public:
  explicit connected_pair(std::uint8_t fragment_length = TLSEXT_max_fragment_length_DISABLED) {
    identity{"writer.example"}.serve_from(server_context_.native_handle());
    server_.reset(SSL_new(server_context_.native_handle()));
    client_.reset(SSL_new(client_context_.native_handle()));
    SSL_set_fd(server(), sockets_.fd[0]);
    SSL_set_fd(client(), sockets_.fd[1]);
    SSL_set_mode(server(), SSL_MODE_ENABLE_PARTIAL_WRITE); // as Asio's engine does
    SSL_set_tlsext_max_fragment_length(client(), fragment_length);
    SSL_set_accept_state(server());
    SSL_set_connect_state(client());
    for (int turn = 0; turn < 10; ++turn) {
      SSL_do_handshake(client());
      SSL_do_handshake(server());
    }
    hear(); // the session's tickets
    if (!SSL_is_init_finished(client()) || !SSL_is_init_finished(server()))
      throw std::runtime_error{"no handshake"};
    writer.emplace(server(), sockets_.fd[0], sent);
  }

  [[nodiscard]] SSL* server() const { return server_.get(); }
  [[nodiscard]] SSL* client() const { return client_.get(); }

  ssize_t write(const std::vector<std::string>& parts) {
    std::vector<iovec> io;
    for (auto& p : parts)
      io.push_back({const_cast<char*>(p.data()), p.size()});
    return (*writer)(io.data(), static_cast<int>(io.size()));
  }

  /// Reads what has come to the client, up to about `most` bytes.
  std::string hear(std::size_t most = ~std::size_t{0}) {
    std::string all;
    std::array<char, 4096> some;
    for (int n = 1; n > 0 && all.size() < most;) {
      n = SSL_read(client(), some.data(), some.size());
      all.append(some.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    }
    ERR_clear_error();
    return all;
  }

  /// Writes until the socket takes no more.
  void fill() {
    for (; writer->unsent_bytes() == 0; filled_ += 1000)
      REQUIRE(write({std::string(1000, 'f')}) == 1000);
  }
  [[nodiscard]] std::size_t filled() const noexcept { return filled_; }

  /// Requests a key update of the server. Returns whether the server goes on (RFC 8446, 4.6.3).
  bool ask_for_new_keys() {
    SSL_key_update(client(), SSL_KEY_UPDATE_REQUESTED);
    SSL_do_handshake(client());
    char byte;
    auto error = SSL_get_error(server(), SSL_read(server(), &byte, 1));
    ERR_clear_error();
    return error == SSL_ERROR_WANT_READ;
  }

  void hang_up() { ::shutdown(sockets_.fd[1], SHUT_RDWR); }

private:
  ssl::context server_context_{ssl::context::tls_server}, client_context_{ssl::context::tls_client};
  socket_pair sockets_;
  std::unique_ptr<SSL, ssl_free> server_, client_;
  std::size_t filled_ = 0;

public:
  troupe::actors::loop_counter sent;
  std::optional<tls_writer> writer;
};

/// Random parts: many short ones, and some longer than a record.
std::vector<std::string> some_parts(std::mt19937& random) {
  std::vector<std::string> parts(1 + random() % 5);
  for (auto& p : parts) {
    p.resize(random() % 8 == 0 ? random() % 40'000 : random() % 700);
    for (auto& c : p)
      c = static_cast<char>('a' + random() % 26);
  }
  return parts;
}

/// Moves `n` bytes from the front of `parts` to `gone`.
void drop(std::vector<std::string>& parts, std::size_t n, std::string& gone) {
  for (auto& p : parts) {
    auto some = std::min(n, p.size());
    gone += p.substr(0, some);
    p.erase(0, some);
    n -= some;
  }
  std::erase(parts, "");
}

/// Sends much to a client that reads slowly. Returns what was sent and what was heard.
std::pair<std::string, std::string> long_talk(connected_pair& c) {
  std::mt19937 random{7};
  std::string said, heard;
  int blocked = 0;
  for (int i = 0; i < 300; ++i)
    for (auto parts = some_parts(random); !parts.empty();) {
      auto taken = c.write(parts);
      REQUIRE(taken >= 0);
      drop(parts, static_cast<std::size_t>(taken), said);
      if (c.writer->unsent_bytes() == 0)
        continue;
      ++blocked;
      CHECK(c.write({"not now"}) == 0);
      heard += c.hear(1 + random() % 30'000);
      REQUIRE(c.writer->flush() != status::broken);
    }
  while (c.writer->flush() == status::blocked)
    heard += c.hear();
  heard += c.hear();
  CHECK(blocked > 100);
  return {said, heard};
}

} // namespace

TEST_CASE("what is written to a TLS connection arrives at once") {
  connected_pair c;

  CHECK(c.write({"one"}) == 3);
  CHECK(c.hear() == "one");
  CHECK(c.write({"two", "", "three"}) == 8);
  CHECK(c.hear() == "twothree");
  CHECK(c.writer->flush() == status::done);
}

TEST_CASE("no byte is lost, doubled or torn where a socket takes part of a TLS record") {
  connected_pair c;

  auto [said, heard] = long_talk(c);

  CHECK(heard == said);
  CHECK(c.writer->unsent_bytes() == 0);
}

TEST_CASE("a client may ask for small TLS records") {
  connected_pair c{TLSEXT_max_fragment_length_512};

  auto [said, heard] = long_talk(c);

  CHECK(heard == said);
}

TEST_CASE("a writer to a stalled TLS client keeps one record and takes no more") {
  connected_pair c;
  c.fill();

  CHECK(c.writer->unsent_bytes() <= 1100);
  CHECK(c.writer->flush() == status::blocked);
  CHECK(c.write({std::string(100'000, 'x')}) == 0);
  CHECK(c.hear().find_first_not_of('f') == std::string::npos);
  CHECK(c.writer->flush() == status::done);
  CHECK(c.write({"again"}) == 5);
  CHECK(c.hear().ends_with("fagain"));
}

TEST_CASE("what OpenSSL writes of its own comes behind what a socket did not take") {
  connected_pair c;
  c.fill();
  auto heard = c.hear(5000); // there is room again, but unsent bytes come first

  SSL_shutdown(c.server());
  while (c.writer->flush() == status::blocked)
    heard += c.hear();
  heard += c.hear();

  CHECK(heard == std::string(c.filled(), 'f'));
  CHECK((SSL_get_shutdown(c.client()) & SSL_RECEIVED_SHUTDOWN) != 0);
}

TEST_CASE("what OpenSSL writes of its own to a stalled client has a bound") {
  connected_pair c;
  c.fill();
  std::string alerts(1000, 'a');
  int taken = 0;
  while (taken < 1000 && BIO_write(SSL_get_wbio(c.server()), alerts.data(), 1000) == 1000)
    ++taken;

  CHECK(taken == 64);
  CHECK(c.writer->unsent_bytes() <= 64 * 1024);
}

TEST_CASE("a TLS client that asks for new keys gets them") {
  connected_pair c;
  for (std::string said : {"with the next keys", "and those after them"}) {
    CHECK(c.ask_for_new_keys());
    CHECK(c.ask_for_new_keys());
    CHECK(c.write({said}) == static_cast<ssize_t>(said.size()));
    CHECK(c.hear() == said);
  }
}

TEST_CASE("writing to a TLS client that has gone fails") {
  connected_pair c, blocked;
  blocked.fill();
  c.hang_up();
  blocked.hang_up();

  CHECK(c.write({"x"}) == -1);
  CHECK(blocked.writer->flush() == status::broken);
}

TEST_CASE("what a TLS writer has sent counts as it is on the wire") {
  connected_pair c;
  auto* wire = SSL_get_rbio(c.client());
  auto before = BIO_number_read(wire);

  auto [said, heard] = long_talk(c);

  CHECK(c.sent.value() == BIO_number_read(wire) - before);
  CHECK(c.sent.value() > said.size());
}
