#include "stream.hpp"

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace troupe::bench {

namespace {

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error{std::string{what} + ": " + std::strerror(errno)};
}

bool would_block() noexcept { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

} // namespace

void stream::free_ssl::operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
void free_tls::operator()(SSL_CTX* tls) const noexcept { SSL_CTX_free(tls); }

std::unique_ptr<SSL_CTX, free_tls> make_tls() {
  std::unique_ptr<SSL_CTX, free_tls> tls{SSL_CTX_new(TLS_client_method())};
  if (!tls)
    throw std::runtime_error{"no TLS context"};
  SSL_CTX_set_verify(tls.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(tls.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                                | SSL_MODE_RELEASE_BUFFERS);
  return tls;
}

stream::stream(const sockaddr_in& from, const sockaddr_in& to, SSL_CTX* tls)
  : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  if (fd_ < 0)
    fail("socket");
  int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (from.sin_addr.s_addr != htonl(INADDR_ANY)) {
    ::setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0)
      fail("bind");
  }
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0
      && errno != EINPROGRESS)
    fail("connect");
  if (tls) {
    ssl_.reset(SSL_new(tls));
    SSL_set_fd(ssl_.get(), fd_);
    SSL_set_connect_state(ssl_.get());
  }
}

stream::~stream() { ::close(fd_); }

bool stream::connect() {
  if (!connected_) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      errno = error;
      fail("connect");
    }
    connected_ = true;
  }
  if (!ssl_)
    return true;
  auto done = SSL_do_handshake(ssl_.get());
  if (done == 1)
    return true;
  auto why = SSL_get_error(ssl_.get(), done);
  if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
    throw std::runtime_error{"the TLS handshake failed"};
  return false;
}

std::ptrdiff_t stream::read(char* out, std::size_t size) {
  if (ssl_) {
    ERR_clear_error();
    auto n = SSL_read(ssl_.get(), out, static_cast<int>(size));
    if (n > 0)
      return n;
    return SSL_get_error(ssl_.get(), n) == SSL_ERROR_WANT_READ ? 0 : -1;
  }
  auto n = ::recv(fd_, out, size, 0);
  if (n > 0)
    return n;
  return n < 0 && would_block() ? 0 : -1;
}

std::ptrdiff_t stream::send(const char* bytes, std::size_t size) {
  if (ssl_) {
    ERR_clear_error();
    auto n = SSL_write(ssl_.get(), bytes, static_cast<int>(size));
    return n > 0 ? n : 0;
  }
  auto n = ::send(fd_, bytes, size, MSG_NOSIGNAL);
  return n > 0 ? n : 0;
}

void stream::write(std::string_view bytes) {
  std::size_t sent = 0;
  while (output_.empty() && sent < bytes.size()) {
    auto n = send(bytes.data() + sent, bytes.size() - sent);
    if (n == 0)
      break;
    sent += static_cast<std::size_t>(n);
  }
  output_.append(bytes.substr(sent));
}

bool stream::flush() {
  std::size_t sent = 0;
  while (sent < output_.size()) {
    auto n = send(output_.data() + sent, output_.size() - sent);
    if (n == 0)
      break;
    sent += static_cast<std::size_t>(n);
  }
  output_.erase(0, sent);
  return !output_.empty();
}

void stream::cut() {
  linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

} // namespace troupe::bench
