#pragma once

#include <functional>
#include <thread>

namespace troupe::transport {

struct signal_pipe;

/// Hears SIGTERM, SIGINT and SIGHUP on a thread of its own while it lives, so that no handler of
/// the application's can keep a signal from being heard. The host's own handlers are restored at
/// the end. Several may live at a time: each hears all.
class signal_watch {
public:
  /// Runs on that thread. Returns a time in milliseconds after which it is to be called with 0,
  /// unless a signal comes before; negative: never.
  using signal_callback = std::function<int(int signal)>;

  /// Errors: `std::system_error`.
  explicit signal_watch(signal_callback on_signal);
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;
  ~signal_watch();

private:
  void run();

  signal_callback on_signal_;
  signal_pipe& pipe_;
  std::thread thread_;
};

} // namespace troupe::transport
