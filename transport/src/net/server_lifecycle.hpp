#pragma once

#include <troupe/actors/node.hpp>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace troupe::transport {

/// The phase of a server between its construction and its end, and who may start the next one.
/// Thread: any.
///
/// The first caller stops the server; all others wait until that is done, except handlers that the
/// stop itself runs.
class server_lifecycle {
public:
  /// What a stop finds.
  enum class found { new_server, running_server, nothing_to_do };

  using stop_function = std::function<void(actors::drain_kind)>;

  /// `stop`: what `request` asks for.
  explicit server_lifecycle(stop_function stop) : stop_(std::move(stop)) {}
  server_lifecycle(const server_lifecycle&) = delete;
  server_lifecycle& operator=(const server_lifecycle&) = delete;
  ~server_lifecycle();

  /// Throws `std::logic_error`, which names `what`, if the server was started or stopped: `what` is
  /// for set-up only.
  void must_be_new(const char* what) const;

  /// Throws `std::logic_error` if it was started or stopped before, `std::system_error` if the
  /// thread that stops it cannot be started. `has_threads` false: there is none, and whoever drives
  /// the server takes requests.
  void begin_start(bool has_threads = true);
  void end_start(bool has_started);

  [[nodiscard]] found begin_stop();
  void end_stop();

  /// Stops it on a thread of its own once the server runs, unless it stops already; the first
  /// request counts. Allocates nothing: that thread waits from the start on.
  void request(actors::drain_kind kind) noexcept;

  /// Begins the stop that was requested, if one was and the server runs: whoever drives it calls
  /// this. Nothing if there is nothing to begin.
  [[nodiscard]] std::optional<actors::drain_kind> begin_requested_stop();
  /// Waits until it has stopped, however long that takes.
  void wait_for_end() const;

  /// Waits for a stop to begin, however long that takes, then for its end: false if that takes
  /// longer than `patience`.
  [[nodiscard]] bool wait_for_end(std::chrono::milliseconds patience) const;

  /// Throws `std::logic_error` if `run` waits already, or has waited.
  void begin_run();

  [[nodiscard]] bool has_started() const; ///< or has been stopped instead
  [[nodiscard]] bool is_ending() const;   ///< has been stopped, or stops, or is about to
  [[nodiscard]] bool is_stopping_thread() const;

private:
  enum class phase { made, starting, running, stopping, stopped };

  void wait_for_request();

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  phase phase_ = phase::made; ///< guarded by mutex_, like what follows
  std::thread::id acting_;    ///< who starts or stops it
  std::optional<actors::drain_kind> requested_;
  const stop_function stop_;
  bool runs_ = false;
  std::thread stopper_; ///< waits for a request
};

} // namespace troupe::transport
