#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe::test {

// In place of the global allocator of the executables that have it: counts what is asked for, and
// fails when it is told to.

/// How often `operator new` was called in this process. Thread: any.
[[nodiscard]] std::uint64_t allocations() noexcept;

/// What this process has got from `operator new` and not given back; the bytes are those that the
/// heap has set aside. Thread: any.
[[nodiscard]] std::ptrdiff_t live_blocks() noexcept;
[[nodiscard]] std::ptrdiff_t live_bytes() noexcept;

/// From the calling thread's `nth` allocation from now on (0: the next), `count` of them fail:
/// `operator new` throws `std::bad_alloc`, and what asks `next_fails` is told so. Thread: any;
/// concerns that thread only.
void arm(std::size_t nth, std::size_t count = 1) noexcept;
void disarm() noexcept;

/// Whether this executable has failed an allocation of the calling thread since `arm`.
[[nodiscard]] bool has_failed() noexcept;

/// For allocators of others: counts as an allocation of the calling thread; whether it has to fail.
[[nodiscard]] bool next_fails() noexcept;

/// Allocations of the calling thread do not count as armed ones, and do not fail, while one lives:
/// those of the test itself.
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
