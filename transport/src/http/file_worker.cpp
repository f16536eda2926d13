#include "http/file_worker.hpp"

#include <troupe/actors/own_thread.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe::transport {

namespace {

constexpr std::chrono::milliseconds patience{250};

} // namespace

struct file_worker::state {
  struct piece {
    work what;
    std::string client; ///< empty: it does not count for one
  };

  explicit state(const file_worker::limits& l)
    : most_waiting(l.most_waiting), most_of_one(l.most_of_one) {}

  [[nodiscard]] bool begin(piece p);
  [[nodiscard]] bool go_on(work w);
  [[nodiscard]] work take_next();
  void run();

  const std::size_t most_waiting;
  const std::size_t most_of_one;
  std::mutex mutex;
  std::condition_variable has_work;
  std::condition_variable has_ended;
  std::deque<piece> waiting;                               ///< guarded by mutex, like what follows
  std::unordered_map<std::string, std::size_t> waiting_of; ///< pieces, by client
  std::size_t running_threads = 0;
  bool is_stopped = false;
  std::vector<std::thread> threads;
};

bool file_worker::state::begin(piece p) {
  std::lock_guard guard{mutex};
  if (is_stopped || waiting.size() >= most_waiting)
    return false;
  if (!p.client.empty()) {
    auto of_it = waiting_of.find(p.client);
    if (of_it != waiting_of.end() && of_it->second >= most_of_one)
      return false;
    waiting.push_back(std::move(p));
    try {
      ++waiting_of[waiting.back().client];
    } catch (...) {
      waiting.pop_back();
      throw;
    }
  } else {
    waiting.push_back(std::move(p));
  }
  has_work.notify_one();
  return true;
}

bool file_worker::state::go_on(work w) {
  std::lock_guard guard{mutex};
  if (is_stopped)
    return false;
  waiting.push_back({std::move(w), {}});
  has_work.notify_one();
  return true;
}

file_worker::work file_worker::state::take_next() {
  auto next = std::move(waiting.front());
  waiting.pop_front();
  if (auto of_it = waiting_of.find(next.client); of_it != waiting_of.end() && --of_it->second == 0)
    waiting_of.erase(of_it);
  return std::move(next.what);
}

void file_worker::state::run() {
  std::unique_lock lock{mutex};
  for (;;) {
    has_work.wait(lock, [this] { return is_stopped || !waiting.empty(); });
    if (is_stopped)
      break;
    auto next = take_next();
    lock.unlock();
    next();
    next = nullptr; // what it owns is not freed under the lock
    lock.lock();
  }
  --running_threads;
  has_ended.notify_all();
}

file_worker::file_worker(limits l) : state_(std::make_shared<state>(l)) {
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

bool file_worker::begin(work w, const std::string& client) {
  return state_->begin({std::move(w), client});
}

bool file_worker::go_on(work w) { return state_->go_on(std::move(w)); }

void file_worker::stop() noexcept {
  std::deque<state::piece> dropped; // freed without the lock
  std::vector<std::thread> threads;
  auto has_ended = false;
  {
    std::unique_lock lock{state_->mutex};
    state_->is_stopped = true;
    dropped.swap(state_->waiting);
    state_->waiting_of.clear();
    threads.swap(state_->threads);
    state_->has_work.notify_all();
    has_ended =
      state_->has_ended.wait_for(lock, patience, [this] { return state_->running_threads == 0; });
  }
  for (auto& t : threads)
    has_ended ? t.join() : t.detach();
}

} // namespace troupe::transport
