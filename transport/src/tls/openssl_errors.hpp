#pragma once

#include <openssl/err.h>

namespace troupe::transport {

/// Drops what OpenSSL adds to the thread's error queue during its life: `SSL_get_error` of a
/// connection reads the same queue.
class openssl_errors_kept {
public:
  openssl_errors_kept() noexcept { ERR_set_mark(); }
  ~openssl_errors_kept() { ERR_pop_to_mark(); }
  openssl_errors_kept(const openssl_errors_kept&) = delete;
  openssl_errors_kept& operator=(const openssl_errors_kept&) = delete;
};

} // namespace troupe::transport
