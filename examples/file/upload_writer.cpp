#include "upload_writer.hpp"

#include <condition_variable>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>

namespace troupe::examples {

namespace {

/// Runs `f`. Returns an empty result if there is no memory, even to report that: there may be some
/// for the next file.
template <class F>
auto if_memory_allows(F&& f) -> decltype(f()) {
  try {
    return f();
  } catch (const std::bad_alloc&) {
    return decltype(f())();
  }
}

} // namespace

struct upload_writer::state {
  state(upload_line::limits limits, save w) : write(std::move(w)), line(limits) {}

  const save write;
  std::mutex mutex;
  std::condition_variable changed;
  upload_line line; ///< guarded by `mutex`, like all below
  bool takes_more = true;
  bool speaks = true;
  bool ended = false; ///< the thread uses nothing of this any more
  std::thread writer; ///< only the owner uses it
};

upload_writer::upload_writer(upload_line::limits limits, save write)
  : state_(std::make_shared<state>(limits, std::move(write))) {
  state_->writer = std::thread{[s = state_] { run(s); }};
}

upload_writer::~upload_writer() { finish(std::chrono::seconds{1}); }

bool upload_writer::offer(upload u) {
  std::lock_guard guard{state_->mutex};
  if (!state_->takes_more || !state_->line.offer(u))
    return false;
  state_->changed.notify_all();
  return true;
}

void upload_writer::run(const std::shared_ptr<state>& s) {
  std::unique_lock lock{s->mutex};
  while (s->speaks) {
    auto file = s->line.next();
    if (!file && !s->takes_more)
      break;
    if (!file) {
      s->changed.wait(lock);
      continue;
    }
    lock.unlock();
    auto outcome = if_memory_allows([&] { return s->write(*file); });
    lock.lock();
    s->line.finished(*file);
    if (s->speaks && outcome)
      if_memory_allows(outcome);
  }
  s->ended = true;
  s->changed.notify_all();
}

void upload_writer::finish(std::chrono::milliseconds time) {
  std::unique_lock lock{state_->mutex};
  if (!state_->writer.joinable())
    return;
  state_->takes_more = false;
  state_->changed.notify_all();
  state_->changed.wait_for(lock, time, [this] { return state_->ended; });
  state_->speaks = false;
  state_->changed.notify_all();
  if (!state_->writer.joinable()) // another call of `finish` was faster
    return;
  auto writer = std::move(state_->writer);
  auto is_idle = state_->ended;
  lock.unlock();
  if (is_idle)
    writer.join();
  else
    writer.detach();
}

} // namespace troupe::examples
