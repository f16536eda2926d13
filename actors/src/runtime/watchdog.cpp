#include "runtime/watchdog.hpp"

#include <troupe/actors/own_thread.hpp>

#include <exception>
#include <string>
#include <utility>

namespace troupe::actors {

using namespace std::chrono_literals;

namespace {

constexpr auto between_looks = 250ms;
constexpr auto silence = 500ms; ///< of a loop before it is asked; also the time it has to answer
constexpr auto between_words = 10s;

} // namespace

watchdog::watchdog(const std::vector<event_loop*>& loops, protocol::logger& log) : log_(log) {
  for (auto* loop : loops)
    loops_.push_back({loop});
  thread_ = start_thread("troupe watchdog", [this] { run(); });
}

watchdog::~watchdog() {
  {
    std::lock_guard guard{mutex_};
    has_ended_ = true;
  }
  ends_.notify_one();
  thread_.join();
}

void watchdog::run() {
  std::unique_lock lock{mutex_};
  while (!ends_.wait_for(lock, between_looks, [this] { return has_ended_; }))
    for (auto& w : loops_)
      try {
        look_at(w, std::chrono::steady_clock::now());
      } catch (const std::exception&) {
        continue; // no memory to ask: tries again at the next look
      }
}

void watchdog::look_at(watched& w, steady_time now) {
  if (w.has_answered && w.has_answered->load())
    w = {w.loop};
  if (now - w.loop->now_running().since < silence) {
    w = {w.loop};
  } else if (!w.has_answered) {
    auto answer = std::make_shared<std::atomic<bool>>(false);
    auto is_asked =
      w.loop->entrance()->enter([&](event_loop& loop) { loop.post([answer] { *answer = true; }); });
    if (is_asked)
      w = {w.loop, std::move(answer), now};
  } else if (now - w.asked_at >= silence && now - w.told_at >= between_words) {
    tell(w, now);
  }
}

void watchdog::tell(watched& w, steady_time now) {
  auto what = w.loop->now_running();
  auto since = what.is_exact ? what.since : w.asked_at;
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - since).count();
  log_.write(protocol::log_level::warning, "event_loop",
             what.text() + " has been running for " + std::to_string(ms) + " ms; loop "
               + std::to_string(w.loop->index()) + " does nothing else meanwhile");
  w.told_at = now;
}

} // namespace troupe::actors
