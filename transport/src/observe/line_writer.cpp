#include <troupe/transport/line_writer.hpp>

#include "observe/output_descriptor.hpp"

#include <troupe/actors/own_thread.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace troupe::transport {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t max_bytes = 4 * 1024 * 1024;
constexpr auto last_words = 250ms;
constexpr auto patience = 50ms; ///< between two checks of whether to end

} // namespace

namespace {

int checked(int descriptor) {
  if (descriptor < 0)
    throw std::invalid_argument{"line_writer: " + std::to_string(descriptor) + " is no descriptor"};
  return descriptor;
}

} // namespace

struct line_writer::state {
  state(int descriptor, std::size_t most)
    : out(checked(descriptor)), max_lines(std::max<std::size_t>(1, most)) {}

  void add(std::string line);
  void run();
  [[nodiscard]] bool put(std::string_view line);
  [[nodiscard]] bool put_lost();
  [[nodiscard]] bool has_given_up();

  output_descriptor out; ///< the thread's
  const std::size_t max_lines;
  std::mutex mutex;
  std::condition_variable has_lines;
  std::condition_variable has_ended;
  std::deque<std::string> lines; ///< guarded by mutex, like what follows
  std::size_t bytes = 0;
  bool ending = false;
  bool ended = false;
  std::chrono::steady_clock::time_point give_up;
  std::atomic<std::uint64_t> lost{0};
  std::uint64_t told = 0; ///< of `lost`; the thread's
};

void line_writer::state::add(std::string line) {
  std::lock_guard guard{mutex};
  auto size = line.size();
  lines.push_back(std::move(line));
  bytes += size;
  while (lines.size() > max_lines || (bytes > max_bytes && lines.size() > 1)) {
    bytes -= lines.front().size();
    lines.pop_front();
    ++lost;
  }
  has_lines.notify_one();
}

void line_writer::state::run() {
  std::unique_lock lock{mutex};
  for (;;) {
    has_lines.wait(lock, [this] { return ending || !lines.empty(); });
    if (lines.empty())
      break;
    auto line = std::move(lines.front());
    lines.pop_front();
    bytes -= line.size();
    lock.unlock();
    if (!put_lost() || !put(line))
      ++lost;
    lock.lock();
  }
  ended = true;
  has_ended.notify_all();
}

/// Says how many lines were lost since it was said last.
bool line_writer::state::put_lost() {
  auto now = lost.load();
  if (now == told)
    return true;
  std::array<char, 64> text; // this thread must not throw
  auto size = std::snprintf(text.data(), text.size(), "%llu lines were lost here\n",
                            static_cast<unsigned long long>(now - told));
  if (!put({text.data(), static_cast<std::size_t>(size)}))
    return false;
  told = now;
  return true;
}

bool line_writer::state::put(std::string_view line) {
  for (;;) {
    auto outcome = out.write_some(line);
    if (outcome != output_descriptor::outcome::stalled)
      return outcome == output_descriptor::outcome::done;
    if (has_given_up())
      return false;
    out.wait(patience);
  }
}

bool line_writer::state::has_given_up() {
  std::lock_guard guard{mutex};
  return ending && std::chrono::steady_clock::now() >= give_up;
}

line_writer::line_writer(int descriptor, std::size_t max_lines)
  : state_(std::make_shared<state>(descriptor, max_lines)),
    thread_(actors::start_thread("troupe lines", [s = state_] { s->run(); })) {}

line_writer::~line_writer() {
  auto in_time = false;
  {
    std::unique_lock lock{state_->mutex};
    state_->ending = true;
    state_->give_up = std::chrono::steady_clock::now() + last_words;
    state_->has_lines.notify_one();
    in_time =
      state_->has_ended.wait_for(lock, last_words + 2 * patience, [this] { return state_->ended; });
  }
  if (in_time)
    thread_.join();
  else
    thread_.detach(); // stuck in a file that hangs
}

void line_writer::write(std::string line) noexcept {
  try {
    line += '\n';
    state_->add(std::move(line));
  } catch (...) {
    ++state_->lost;
  }
}

std::uint64_t line_writer::lost_lines() const noexcept { return state_->lost; }

} // namespace troupe::transport
