#pragma once

#include <troupe/actors/time_histogram.hpp>
#include <troupe/actors/outbox.hpp>
#include <troupe/actors/sink.hpp>

#include <openssl/ssl.h>
#include <sys/uio.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe::transport {

/// Writes to a TLS connection without waiting: each record goes to the socket as OpenSSL makes it,
/// by one system call. What the socket does not take of a record is kept, and nothing more is
/// encrypted until that has left, so that no record is lost or torn.
///
/// It replaces the output of Asio's engine, which copies each record twice and takes two rounds of
/// the scheduler for it. OpenSSL's own records (alerts, answers to key updates) come this way as
/// well. Cost: `operator()` to a socket that takes all: one record's encryption and one `sendto`
/// for 16 KiB; a copy where there are several parts. Thread: the loop's.
class tls_writer final : public actors::sink_state {
public:
  /// All that `ssl` writes from now on goes to `fd`; `sent` counts what that takes. Precondition:
  /// Asio's engine has sent what it had. After this is destroyed, `ssl` writes nothing more, not
  /// even when it is freed.
  tls_writer(SSL* ssl, int fd, actors::loop_counter& sent);
  tls_writer(const tls_writer&) = delete;
  tls_writer& operator=(const tls_writer&) = delete;

  /// Encrypts and sends; see `actors::outbox` for the result.
  ssize_t operator()(const iovec* parts, int count);

  /// Prefetches what `operator()` reads of OpenSSL: a dozen cache misses otherwise, a microsecond.
  void prefetch() const noexcept override;

  /// Sends what the socket did not take.
  actors::outbox::status flush();

  /// Encrypted bytes that the socket did not take: of one record, and a few of OpenSSL's own.
  [[nodiscard]] std::size_t unsent_bytes() const noexcept { return unsent_.size(); }

private:
  static int on_write(BIO* bio, const char* bytes, int size);
  static long on_control(BIO* bio, int command, long number, void* pointer);

  bool encrypt(std::string_view bytes);
  bool send(std::string_view record) noexcept;

  SSL* ssl_;
  BIO* output_;          ///< `ssl_`'s
  SSL_SESSION* session_; ///< for `prefetch` only: `ssl_` may have taken another since
  actors::loop_counter& sent_;
  int fd_;
  std::string unsent_;
};

} // namespace troupe::transport
