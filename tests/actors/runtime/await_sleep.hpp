#pragma once

#include <troupe/actors/event_loop.hpp>

#include <thread>

namespace troupe::test {

/// Returns once a loop that another thread runs sleeps, or is about to. If nobody else wakes it, it
/// sleeps until the caller does.
inline void await_sleep(const actors::event_loop& loop) {
  while (loop.now_running().is_exact)
    std::this_thread::yield();
}

} // namespace troupe::test
