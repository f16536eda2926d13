#include "http/file_worker.hpp"

#include <troupe/actors/own_thread.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace troupe::transport {

namespace {

constexpr std::chrono::milliseconds patience{250};

} // namespace

struct file_worker::state {
  explicit state(std::size_t most) : most_waiting(most) {}

  [[nodiscard]] bool add(work w, std::size_t most);
  void run();

  const std::size_t most_waiting;
  std::mutex mutex;
  std::condition_variable has_work;
  std::condition_variable has_ended;
  std::deque<work> waiting; ///< guarded by mutex, like what follows
  std::size_t running_threads = 0;
  bool is_stopped = false;
  std::vector<std::thread> threads;
};

bool file_worker::state::add(work w, std::size_t most) {
  std::lock_guard guard{mutex};
  if (is_stopped || waiting.size() >= most)
    return false;
  waiting.push_back(std::move(w));
  has_work.notify_one();
  return true;
}

void file_worker::state::run() {
  std::unique_lock lock{mutex};
  for (;;) {
    has_work.wait(lock, [this] { return is_stopped || !waiting.empty(); });
    if (is_stopped)
      break;
    auto next = std::move(waiting.front());
    waiting.pop_front();
    lock.unlock();
    next();
    next = nullptr; // what it owns is not freed under the lock
    lock.lock();
  }
  --running_threads;
  has_ended.notify_all();
}

file_worker::file_worker(limits l) : state_(std::make_shared<state>(l.most_waiting)) {
  try {
    std::lock_guard guard{state_->mutex};
    for (std::size_t i = 0; i < l.threads; ++i) {
      state_->threads.push_back(actors::start_thread("troupe files", [s = state_] { s->run(); }));
      ++state_->running_threads;
    }
  } catch (...) {
    stop();
    throw;
  }
}

file_worker::~file_worker() { stop(); }

bool file_worker::begin(work w) { return state_->add(std::move(w), state_->most_waiting); }

bool file_worker::go_on(work w) { return state_->add(std::move(w), static_cast<std::size_t>(-1)); }

void file_worker::stop() noexcept {
  std::deque<work> dropped; // freed without the lock
  std::vector<std::thread> threads;
  auto has_ended = false;
  {
    std::unique_lock lock{state_->mutex};
    state_->is_stopped = true;
    dropped.swap(state_->waiting);
    threads.swap(state_->threads);
    state_->has_work.notify_all();
    has_ended =
      state_->has_ended.wait_for(lock, patience, [this] { return state_->running_threads == 0; });
  }
  for (auto& t : threads)
    has_ended ? t.join() : t.detach();
}

} // namespace troupe::transport
