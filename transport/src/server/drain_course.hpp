#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/actors/drain_kind.hpp>
#include <troupe/transport/server.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>

namespace troupe::transport {

/// The way of a server from its first 503 to the moment where its node may stop. Each step has its
/// share of the time; the next one follows even if that was not enough.
///
/// Whoever ends the server asks it again and again to go on, and lets the loops run meanwhile. It
/// calls `on_stop` of endpoints, and posts the rest to the loops. Thread: one at a time.
class drain_course {
public:
  /// Whoever goes on looks again after that time.
  static constexpr std::chrono::milliseconds between_looks{2};

  drain_course(server::state& of, actors::drain_kind kind);
  drain_course(const drain_course&) = delete;
  drain_course& operator=(const drain_course&) = delete;

  /// Returns whether it is through. An exception, for want of memory, is logged and counted, and
  /// ends the course.
  [[nodiscard]] bool go_on() noexcept;

private:
  enum class step {
    delay,
    close_doors,
    end_idle,
    handle_all,
    end_rooms,
    say_goodbye,
    end_all,
    over
  };

  void begin(step s);
  void await(std::function<bool()> is_done, actors::steady_time until);
  template <class F>
  void await_on_loops(bool all, actors::steady_time until, F f);
  void say_stop();
  [[nodiscard]] std::chrono::milliseconds goodbye_time() const;
  /// The end of so many eighths of the time.
  [[nodiscard]] actors::steady_time at(int eighths) const;

  server::state& server_;
  const actors::drain_kind kind_;
  step step_ = step::delay;
  std::function<bool()> is_done_;
  actors::steady_time until_{};
  actors::steady_time began_{};
};

} // namespace troupe::transport
