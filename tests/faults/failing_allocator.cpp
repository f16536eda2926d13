#include "failing_allocator.hpp"

#include <execinfo.h>
#include <openssl/crypto.h>

#include <array>
#include <cstdlib>
#include <new>
#include <utility>

/// Of a room whose making or end fails, CAF may keep the block of memory (not the room): a weak reference is lost on the way. Known,
/// bounded by the number of failures, and not found yet.
extern "C" const char* __lsan_default_suppressions() { return "leak:troupe::actors::registry_shard::make\n"; }

namespace {

struct plan {
  bool is_armed = false;
  bool is_unharmed = false;
  bool has_failed = false;
  std::size_t left = 0;  ///< allocations before the first that fails
  std::size_t count = 0; ///< of those that fail
};

thread_local plan current;

/// Where an allocation failed, for who looks into one (`TROUPE_FAULT_TRACE`).
void trace() {
  std::array<void*, 48> frames;
  auto depth = ::backtrace(frames.data(), static_cast<int>(frames.size()));
  ::backtrace_symbols_fd(frames.data(), depth, 2);
}

bool fails() noexcept {
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

void* allocate(std::size_t size) {
  if (!fails())
    if (auto* block = std::malloc(size == 0 ? 1 : size))
      return block;
  throw std::bad_alloc{};
}

void* allocate(std::size_t size, std::align_val_t alignment) {
  auto to = static_cast<std::size_t>(alignment);
  if (!fails())
    if (auto* block = std::aligned_alloc(to, (size + to - 1) / to * to))
      return block;
  throw std::bad_alloc{};
}

void* openssl_malloc(std::size_t size, const char*, int) { return fails() ? nullptr : std::malloc(size); }
void* openssl_realloc(void* block, std::size_t size, const char*, int) { return fails() ? nullptr : std::realloc(block, size); }
void openssl_free(void* block, const char*, int) { std::free(block); }

} // namespace

namespace troupe::test {

bool has_failed() noexcept { return current.has_failed; }

void arm(std::size_t nth, std::size_t count) noexcept { current = {count > 0, false, false, nth, count}; }

void disarm() noexcept { current.is_armed = false; }

void fail_openssl_too() {
  if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
    std::abort();
}

unharmed::unharmed() noexcept : before_(std::exchange(current.is_unharmed, true)) {}
unharmed::~unharmed() { current.is_unharmed = before_; }

} // namespace troupe::test

void* operator new(std::size_t size) { return allocate(size); }
void* operator new[](std::size_t size) { return allocate(size); }
void* operator new(std::size_t size, std::align_val_t alignment) { return allocate(size, alignment); }
void* operator new[](std::size_t size, std::align_val_t alignment) { return allocate(size, alignment); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return fails() ? nullptr : std::malloc(size == 0 ? 1 : size); }
void* operator new[](std::size_t size, const std::nothrow_t& t) noexcept { return operator new(size, t); }
void operator delete(void* block, const std::nothrow_t&) noexcept { std::free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { std::free(block); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }
