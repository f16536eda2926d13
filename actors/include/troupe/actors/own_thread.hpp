#pragma once

#include <pthread.h>

#include <csignal>
#include <new>
#include <functional>
#include <thread>
#include <utility>

namespace troupe::actors {

/// Blocks SIGPIPE on this thread while it lives, and so for good on the threads that are started
/// meanwhile: a peer or a reader of the log that goes must not end the host, whatever that does
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

/// The first allocation of the calling thread. An allocator sets up what it keeps for a thread
/// then, and jemalloc crashes if there is no memory for that: it is to happen at the start, not
/// once memory is short.
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

/// Runs `end` on a thread of its own, for what is destroyed on a thread that it would have to wait
/// for. The process's exit waits for it, but not for ever. Errors: `std::system_error`.
void end_elsewhere(std::function<void()> end);

} // namespace troupe::actors
