#pragma once

#include <cstddef>
#include <cstdint>

namespace troupe::test {

// Replaces the global allocator of an executable that links it. It counts allocations, and fails
// when told to.

/// How often `operator new` was called in this process. Thread: any.
[[nodiscard]] std::uint64_t allocations() noexcept;

/// What this process has got from `operator new` and not freed. Bytes are those that the heap has
/// set aside. Thread: any.
[[nodiscard]] std::ptrdiff_t live_blocks() noexcept;
[[nodiscard]] std::ptrdiff_t live_bytes() noexcept;

/// Makes `count` of the calling thread's allocations fail, from the `nth` from now on (0: the
/// next): `operator new` throws `std::bad_alloc`, and `next_fails` returns true. Thread: any;
/// concerns that thread only.
void arm(std::size_t nth, std::size_t count = 1) noexcept;
void disarm() noexcept;

/// Whether this executable has failed an allocation of the calling thread since `arm`.
[[nodiscard]] bool has_failed() noexcept;

/// For other allocators: counts an allocation of the calling thread. Returns whether it must fail.
[[nodiscard]] bool next_fails() noexcept;

/// While an object of this class lives, the calling thread's allocations do not count towards `arm`
/// and do not fail. It is for allocations of the test itself.
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
