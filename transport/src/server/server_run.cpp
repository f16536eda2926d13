// A server as a whole program: signals, and the exit code.
#include <utility>

#include "net/signal_watch.hpp"
#include "server/server_state.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

namespace troupe::transport {

using namespace std::chrono_literals;

namespace {

/// A handler that does not return cannot be ended otherwise.
[[noreturn]] void end_process(protocol::logger& log, const char* why) {
  static std::atomic_flag ends;
  if (!ends.test_and_set()) // if it was set, another thread has logged the end
    log.write(protocol::log_level::error, "server", why);
  std::this_thread::sleep_for(50ms); // gives the log's thread time
  ::_exit(1);
}

/// What signals do to a server that waits in `run`.
class signal_reaction {
public:
  using action = std::function<void(actors::drain_kind)>;

  /// `says_goodbye`: whether the stop has begun to tell the clients.
  signal_reaction(protocol::logger& log, std::chrono::milliseconds patience, action stop,
                  std::function<void()> reload, const std::atomic<bool>& says_goodbye)
    : log_(log),
      patience_(patience),
      stop_(std::move(stop)),
      reload_(std::move(reload)),
      says_goodbye_(says_goodbye) {}

  /// Returns how many milliseconds the stop may still take; -1 if there is none.
  int operator()(int number) {
    if (number == SIGHUP)
      reload_();
    else if (number == 0 && std::chrono::steady_clock::now() >= until_)
      end_process(log_, "it has not stopped in time: it ends at once");
    else if (number != 0 && !std::exchange(stops_, true))
      begin(number);
    else if (number != 0 && !repeats_the_first())
      end_process(log_, "a second signal: it ends at once");
    if (!stops_)
      return -1;
    auto left = until_ - std::chrono::steady_clock::now();
    constexpr std::int64_t longest = 24 * 60 * 60 * 1000; // it asks again after that time
    return static_cast<int>(std::clamp<std::int64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(left).count(), 0, longest));
  }

private:
  void begin(int number) {
    begun_ = std::chrono::steady_clock::now();
    until_ = begun_ + patience_;
    stop_(number == SIGTERM ? actors::drain_kind::restart : actors::drain_kind::shutdown);
  }

  /// Whether a signal that comes now is no second wish. `timeout`, shells and supervisors signal a
  /// process and its group, which it hears twice within milliseconds.
  [[nodiscard]] bool repeats_the_first() const {
    return !says_goodbye_ && std::chrono::steady_clock::now() < begun_ + 100ms;
  }

  protocol::logger& log_;
  std::chrono::milliseconds patience_;
  action stop_;
  std::function<void()> reload_;
  const std::atomic<bool>& says_goodbye_;
  bool stops_ = false;
  actors::steady_time begun_{};
  actors::steady_time until_{};
};

} // namespace

/// How long a stop may take.
std::chrono::milliseconds server::state::patience() const {
  constexpr auto grace = 2s; // what ends after the drain is quick
  return options.drain_delay + options.drain_timeout + grace;
}

std::unique_ptr<signal_watch> server::state::hear_signals() {
  auto reload = [this] {
    if (!tls)
      return;
    try {
      reload_tls();
    } catch (const std::exception&) {
      // It was logged and counted; the old certificate stays.
    }
  };
  auto stop_soon = [this](actors::drain_kind kind) { request_stop(kind); };
  return std::make_unique<signal_watch>(
    signal_reaction{*options.log, patience(), stop_soon, reload, says_goodbye});
}

int server::run(const std::function<void()>& ready) {
  auto& s = *state_;
  if (s.driver)
    throw std::logic_error{"run: this server is polled (start_polled); poll it instead"};
  if (s.node->is_current())
    throw std::logic_error{"run on one of the server's own loops would wait for itself"};
  bool starts = !s.lifecycle.has_started();
  if (starts) {
    try {
      s.start();
    } catch (const std::system_error& e) {
      s.options.log->write(protocol::log_level::error, "server", e.what());
      return 1;
    }
    s.say_listening();
  }
  s.lifecycle.begin_run();
  bool comes_too_late = !starts && s.lifecycle.is_ending();
  auto signals = s.hear_signals();
  if (starts) // signals are heard by now: whoever reads the line may send one
    s.options.log->write(protocol::log_level::info, "server",
                         "listening on port " + std::to_string(port()));
  if (ready && !comes_too_late)
    s.or_stop(ready);
  if (!s.lifecycle.wait_for_end(s.patience()))
    end_process(*s.options.log, "it has not stopped in time: it ends at once");
  return 0;
}

} // namespace troupe::transport
