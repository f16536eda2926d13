// What TSan cannot see by itself.
#pragma once

#ifdef __SANITIZE_THREAD__
extern "C" void __tsan_acquire(void*);
extern "C" void __tsan_release(void*);
#endif

namespace troupe::compat {

/// Tells TSan what CAF's uninstrumented mailbox and reference counts do: who resumes or destroys an
/// actor sees what was written before the enqueue.
inline void release_annotation([[maybe_unused]] void* what) noexcept {
#ifdef __SANITIZE_THREAD__
  __tsan_release(what);
#endif
}
inline void acquire_annotation([[maybe_unused]] void* what) noexcept {
#ifdef __SANITIZE_THREAD__
  __tsan_acquire(what);
#endif
}

} // namespace troupe::compat
