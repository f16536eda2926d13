#pragma once

#include <cstddef>

namespace troupe::test {

/// Whether this executable has failed an allocation of the calling thread since `arm`.
[[nodiscard]] bool has_failed() noexcept;

/// From the calling thread's `nth` allocation from now on (0: the next), `count` of them fail: `operator new` throws
/// `std::bad_alloc`, and OpenSSL, once `fail_openssl_too` was called, is given null. Thread: any; concerns that thread only.
void arm(std::size_t nth, std::size_t count = 1) noexcept;
void disarm() noexcept;

/// What this process has got from `operator new` and not given back. Thread: any.
[[nodiscard]] std::ptrdiff_t live_blocks() noexcept;

/// Before OpenSSL is used for the first time.
void fail_openssl_too();

/// Allocations of the calling thread do not count, and do not fail, while one lives: those of the test itself.
class unharmed {
public:
  unharmed() noexcept;
  ~unharmed();
  unharmed(const unharmed&) = delete;
  unharmed& operator=(const unharmed&) = delete;

private:
  bool before_;
};

} // namespace troupe::test
