#pragma once

#include <netinet/in.h>
#include <openssl/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::bench {

/// A TCP connection that never blocks, with TLS if asked for. It keeps the bytes that the socket
/// does not take, and sends them later. Errors: `std::runtime_error` if it cannot connect.
class stream {
public:
  stream(const sockaddr_in& from, const sockaddr_in& to, SSL_CTX* tls);
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;
  ~stream();

  [[nodiscard]] int fd() const noexcept { return fd_; }

  /// Goes on with connecting; returns whether that is done.
  [[nodiscard]] bool connect();

  /// Reads what has come. Returns the number of bytes, 0 if there are none now, -1 at the end.
  [[nodiscard]] std::ptrdiff_t read(char* out, std::size_t size);

  void write(std::string_view bytes);
  /// Sends what was kept. Returns whether anything is left.
  bool flush();
  [[nodiscard]] bool has_output() const noexcept { return !output_.empty(); }

  /// Ends the connection by a reset.
  void cut();

private:
  std::ptrdiff_t send(const char* bytes, std::size_t size);

  int fd_;
  struct free_ssl {
    void operator()(SSL* ssl) const noexcept;
  };
  std::unique_ptr<SSL, free_ssl> ssl_;
  bool connected_ = false;
  std::string output_;
};

/// A context that accepts any certificate: nothing that a load sends is secret.
struct free_tls {
  void operator()(SSL_CTX* tls) const noexcept;
};
[[nodiscard]] std::unique_ptr<SSL_CTX, free_tls> make_tls();

} // namespace troupe::bench
