#include <troupe/actors/own_thread.hpp>

#include <troupe/actors/event_loop.hpp>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

namespace troupe::actors {
namespace {

constexpr std::chrono::seconds patience{15};

/// Counts the ends under way; the process waits for them when it exits.
struct late_ends {
  void begin() {
    std::lock_guard guard{mutex};
    ++under_way;
  }
  void done() {
    std::lock_guard guard{mutex};
    --under_way;
    changed.notify_all();
  }
  void wait() {
    std::unique_lock lock{mutex};
    changed.wait_for(lock, patience, [this] { return under_way == 0; });
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::size_t under_way = 0;
};

struct waits_at_exit {
  ~waits_at_exit() {
    if (!event_loop::current()) // that loop is in `exit`, and what ends may wait for it
      ends->wait();
  }
  std::shared_ptr<late_ends> ends = std::make_shared<late_ends>();
};

} // namespace

void end_elsewhere(std::function<void()> end) {
  static waits_at_exit at_exit;
  auto ends = at_exit.ends;
  ends->begin();
  try {
    start_thread("troupe end", [ends, end = std::move(end)]() mutable {
      end();
      end = nullptr; // destroys what it holds before the process may exit
      ends->done();
    }).detach();
  } catch (...) {
    ends->done();
    throw;
  }
}

} // namespace troupe::actors
