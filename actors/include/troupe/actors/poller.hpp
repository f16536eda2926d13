#pragma once

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace troupe::actors {

/// Receives the events of a descriptor.
class pollable {
public:
  /// Handles `events`, as in epoll_ctl(2). It may add and remove descriptors, also its own, and
  /// destroy itself.
  virtual void on_ready(std::uint32_t events) = 0;

  /// The loop has ended: no more events follow, and it releases what waits in it.
  virtual void on_end() noexcept {}

protected:
  ~pollable() = default;
};

/// The descriptors that a loop listens to, edge-triggered. Whoever is told of input reads until a
/// read brings less than it has room for, and is told again when more comes. The end of the stream,
/// errors and urgent data (at which a read stops short) are reported with the input before them or
/// after it, never lost. So a message costs one wait and one read; a reactor that does not pass on
/// the events costs two of each.
///
/// Cost: `wait` one system call, for up to 64 descriptors. Thread: the loop's; `wake` any.
/// Source: epoll(7), edge-triggered.
class poller {
public:
  /// Throws `std::system_error`.
  poller();
  ~poller();
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;

  enum class interest : std::uint8_t { input, input_and_output };

  /// Reports events to `who` from now on, first those that are there already. Throws
  /// `std::system_error` or `std::bad_alloc`. Remove `who` before it or the descriptor ends.
  void add(int descriptor, pollable& who, interest in = interest::input);
  void change(int descriptor, interest in);
  void remove(int descriptor, pollable& who) noexcept;
  /// Reports to `to` instead of `from` from now on, first what was fetched already. What `from` has
  /// been told is not reported again. Cost: no system call.
  void hand_over(int descriptor, pollable& from, pollable& to) noexcept;

  /// Fetches events. Waits for one, or for `wake`, at most `timeout`; without one, for ever.
  /// Returns false if a signal ended the wait before it fetched any. Precondition: not `has_ready`.
  bool wait(std::optional<std::chrono::nanoseconds> timeout) noexcept;

  /// Whether fetched events are left; `tell_next` reports the next one. An exception out of
  /// `on_ready` passes on, and its event counts as reported.
  [[nodiscard]] bool has_ready() const noexcept { return next_ < count_; }
  void tell_next();

  /// Calls `on_end` of all that are left. Some may be removed meanwhile.
  void let_go() noexcept;

  /// Ends the wait that is under way, or the next one. Allocates nothing. Thread: any.
  void wake() noexcept;

  /// Makes `descriptor` readable after `time`, and ends waits then: for whoever waits for it in a
  /// way that is not as exact. A later call replaces an earlier one. Does nothing without a
  /// descriptor for it. Cost: a system call.
  void wake_after(std::chrono::nanoseconds time) noexcept;

  /// Whether waits are exact to the microsecond or so; else to the millisecond.
  [[nodiscard]] bool is_exact() const noexcept { return is_exact_; }

  /// Readable while `wait` would return at once.
  [[nodiscard]] int descriptor() const noexcept { return epoll_; }

private:
  void retell(const pollable& from, pollable* to) noexcept;
  int wait_for(epoll_event* events, std::optional<std::chrono::nanoseconds> timeout) noexcept;
  void control(int operation, int descriptor, interest in);

  struct change_of {
    pollable* who;
    std::uint32_t events;
  };
  static constexpr std::size_t most = 64;

  int epoll_ = -1;
  int bell_ = -1;
  int alarm_ = -1;             ///< a timer of the system's, once one was needed
  std::vector<pollable*> all_; ///< by descriptor; null: nobody
  bool is_exact_ = true;       ///< waits to the nanosecond, else to the millisecond
  std::size_t next_ = 0;
  std::size_t count_ = 0;
  std::array<change_of, most> ready_;
};

} // namespace troupe::actors
