#include "replaced_allocator.hpp"

#include <execinfo.h>
#include <malloc.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace {

using troupe::test::next_fails;

struct plan {
  bool is_armed = false;
  bool is_unharmed = false;
  bool has_failed = false;
  std::size_t left = 0;  ///< allocations before the first that fails
  std::size_t count = 0; ///< how many then fail
};

thread_local plan current;
std::atomic<std::uint64_t> asked{0};
std::atomic<std::ptrdiff_t> live{0};
std::atomic<std::ptrdiff_t> bytes{0};

void* counted(void* block) noexcept {
  asked.fetch_add(1, std::memory_order_relaxed);
  if (block) {
    live.fetch_add(1, std::memory_order_relaxed);
    bytes.fetch_add(static_cast<std::ptrdiff_t>(::malloc_usable_size(block)),
                    std::memory_order_relaxed);
  }
  return block;
}

void give_back(void* block) noexcept {
  if (block) {
    live.fetch_sub(1, std::memory_order_relaxed);
    bytes.fetch_sub(static_cast<std::ptrdiff_t>(::malloc_usable_size(block)),
                    std::memory_order_relaxed);
  }
  std::free(block);
}

/// Prints where an allocation failed; used if `TROUPE_FAULT_TRACE` is set.
void trace() {
  std::array<void*, 48> frames;
  auto depth = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  ::backtrace_symbols_fd(frames.data(), depth, 2);
}

void* allocate(std::size_t size) {
  if (!next_fails())
    if (auto* block = counted(std::malloc(size == 0 ? 1 : size)))
      return block;
  throw std::bad_alloc{};
}

void* allocate(std::size_t size, std::align_val_t alignment) {
  auto to = static_cast<std::size_t>(alignment);
  if (!next_fails())
    if (auto* block = counted(std::aligned_alloc(to, (size + to - 1) / to * to)))
      return block;
  throw std::bad_alloc{};
}

} // namespace

namespace troupe::test {

std::uint64_t allocations() noexcept { return asked.load(std::memory_order_relaxed); }
std::ptrdiff_t live_blocks() noexcept { return live.load(std::memory_order_relaxed); }
std::ptrdiff_t live_bytes() noexcept { return bytes.load(std::memory_order_relaxed); }

bool has_failed() noexcept { return current.has_failed; }

bool next_fails() noexcept {
  auto& p = current;
  if (!p.is_armed || p.is_unharmed)
    return false;
  if (p.left > 0) {
    --p.left;
    return false;
  }
  p.has_failed = true;
  p.is_armed = --p.count > 0;
  static const bool traces = std::getenv("TROUPE_FAULT_TRACE") != nullptr;
  if (traces) {
    p.is_unharmed = true;
    trace();
    p.is_unharmed = false;
  }
  return true;
}

void arm(std::size_t nth, std::size_t count) noexcept {
  current = {count > 0, false, false, nth, count};
}

void disarm() noexcept { current.is_armed = false; }

unharmed::unharmed() noexcept : before_(std::exchange(current.is_unharmed, true)) {}
unharmed::~unharmed() { current.is_unharmed = before_; }

} // namespace troupe::test

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, alignment);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return troupe::test::next_fails() ? nullptr : counted(std::malloc(size == 0 ? 1 : size));
}
void* operator new[](std::size_t size, const std::nothrow_t& t) noexcept {
  return operator new(size, t);
}
void operator delete(void* block, const std::nothrow_t&) noexcept { give_back(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { give_back(block); }
void operator delete(void* block) noexcept { give_back(block); }
void operator delete[](void* block) noexcept { give_back(block); }
void operator delete(void* block, std::size_t) noexcept { give_back(block); }
void operator delete[](void* block, std::size_t) noexcept { give_back(block); }
void operator delete(void* block, std::align_val_t) noexcept { give_back(block); }
void operator delete[](void* block, std::align_val_t) noexcept { give_back(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { give_back(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { give_back(block); }
