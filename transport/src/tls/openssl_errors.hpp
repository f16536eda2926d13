#pragma once

#include <openssl/err.h>

namespace troupe::transport {

/// Leaves the thread's error queue as it was: at its end, drops the errors that OpenSSL has added
/// during its life. `SSL_get_error` of a connection reads the same queue.
class openssl_error_guard {
public:
  openssl_error_guard() noexcept { ERR_set_mark(); }
  ~openssl_error_guard() { ERR_pop_to_mark(); }
  openssl_error_guard(const openssl_error_guard&) = delete;
  openssl_error_guard& operator=(const openssl_error_guard&) = delete;
};

} // namespace troupe::transport
