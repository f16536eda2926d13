#pragma once

#include <pthread.h>

#include <csignal>
#include <new>
#include <functional>
#include <thread>
#include <utility>

namespace troupe::actors {

/// Blocks SIGPIPE on this thread while it lives; threads that are started meanwhile block it for
/// good. A peer or a log reader that goes away must not end the host process, whatever that does
/// about the signal.
class sigpipe_block {
public:
  sigpipe_block() noexcept {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, &before_);
  }
  sigpipe_block(const sigpipe_block&) = delete;
  sigpipe_block& operator=(const sigpipe_block&) = delete;
  ~sigpipe_block() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
  sigset_t before_;
};

/// Makes the first allocation of the calling thread. An allocator then sets up its data for the
/// thread, and jemalloc crashes if there is no memory for that: so it must happen at the start, not
/// when memory is short.
inline void allocate_once() noexcept {
  ::operator delete(::operator new(sizeof(void*), std::nothrow));
}

/// Starts a thread of the library's own. `name`: at most 15 bytes, for debuggers. Errors:
/// `std::system_error`.
template <class F>
[[nodiscard]] std::thread start_thread(const char* name, F&& run) {
  sigpipe_block inherited;
  std::thread thread{[run = std::forward<F>(run)]() mutable {
    allocate_once();
    run();
  }};
  ::pthread_setname_np(thread.native_handle(), name);
  return thread;
}

/// Runs `end` on a thread of its own, for an object that is destroyed on a thread it would have to
/// wait for. The process's exit waits for it, but not for ever. Errors: `std::system_error`.
void end_elsewhere(std::function<void()> end);

} // namespace troupe::actors
