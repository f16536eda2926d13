#pragma once

#include "server/drain_course.hpp"

#include <troupe/transport/server.hpp>

#include <chrono>
#include <mutex>
#include <optional>
#include <thread>

namespace troupe::transport {

/// Drives a server that has no thread for its loop: one piece at each `poll`, its stop included.
///
/// It may outlive its server, which a handler may destroy: then the piece under way ends without a
/// look at it, and another thread drives the rest. Thread: the owner's, unless said otherwise.
class server_driver {
public:
  /// The calling thread is its owner.
  explicit server_driver(server::state& driven);
  server_driver(const server_driver&) = delete;
  server_driver& operator=(const server_driver&) = delete;

  /// See `server::poll`.
  bool poll(std::chrono::nanoseconds max_wait);

  /// Stops the server: the owner drives it to its end, others wait until it has. Returns at once in
  /// a handler that the stop itself calls. Thread: any, but not within a turn of the loop.
  void stop(actors::drain_kind kind);

  /// Whether the calling thread may drive the server to its end, or is within a call of this.
  /// Thread: any.
  [[nodiscard]] bool may_end_here() const;
  /// The owner goes on without the server, within a call of this.
  void let_go() noexcept { has_let_go_ = true; }
  /// Makes the calling thread the owner, once the former one is in no call of this. Returns the
  /// driver. Thread: any.
  server_driver& take_over();

private:
  bool go_on(std::chrono::nanoseconds max_wait);
  bool advance_stop();

  server::state& server_;
  mutable std::mutex mutex_; ///< held while a piece runs
  std::thread::id owner_ = std::this_thread::get_id();
  std::optional<drain_course> course_; ///< while the server drains
  bool calls_handlers_ = false;        ///< of the stop
  bool ends_ = false;                  ///< the node's end is under way
  bool has_ended_ = false;
  bool has_let_go_ = false;
};

} // namespace troupe::transport
