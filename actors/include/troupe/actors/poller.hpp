#pragma once

#include <boost/intrusive/list.hpp>

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace troupe::actors {

/// What hears of a descriptor.
class pollable : public boost::intrusive::list_base_hook<
                   boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
  /// Something has changed: `events` as of epoll_ctl(2). It may add and remove descriptors, its own
  /// among them, and end itself.
  virtual void on_ready(std::uint32_t events) = 0;

  /// The loop has ended: it will not hear of anything any more, and lets go of what waits in it.
  virtual void on_end() noexcept {}

protected:
  ~pollable() = default;
};

/// The descriptors that a loop listens to, edge by edge: who is told that there is input reads
/// until a read brings less than it has room for, and is told again when more comes; the end of the
/// stream, errors and urgent data (at which a read stops short) are told of with the input before
/// them or after it, never silently. So a message costs one wait and one read, where a reactor that
/// does not say what it has heard costs two of each.
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

  /// Tells `who` from now on, first of what is there already. Throws `std::system_error`. `who` is
  /// removed before it or the descriptor goes.
  void add(int descriptor, pollable& who, interest in = interest::input);
  void change(int descriptor, pollable& who, interest in);
  void remove(int descriptor, pollable& who) noexcept;
  /// `to` hears instead of `from`, first of what is there. Throws `std::system_error`, and nothing
  /// has changed.
  void hand_over(int descriptor, pollable& from, pollable& to);

  /// Takes what has changed. Waits for that, or `wake`, for `timeout` at most; without one for as
  /// long as it takes. False: a signal has ended it, and it has not looked. Precondition: none is
  /// left to be told.
  bool wait(std::optional<std::chrono::nanoseconds> timeout) noexcept;

  /// Whether somebody is left to be told, and that one is told next. What `on_ready` throws passes
  /// on; it was told.
  [[nodiscard]] bool has_ready() const noexcept { return next_ < count_; }
  void tell_next();

  /// Tells all that are left that nothing follows. Some may go meanwhile.
  void let_go() noexcept;

  /// Ends the wait that is under way, or the next one. Allocates nothing. Thread: any.
  void wake() noexcept;

  /// Whether waits are exact to the microsecond or so; else to the millisecond.
  [[nodiscard]] bool is_exact() const noexcept { return is_exact_; }

  /// Readable while `wait` would not wait.
  [[nodiscard]] int descriptor() const noexcept { return epoll_; }

private:
  void forget(const pollable& who) noexcept;
  int wait_for(epoll_event* events, std::optional<std::chrono::nanoseconds> timeout) noexcept;
  void control(int operation, int descriptor, pollable* who, interest in);

  struct change_of {
    pollable* who;
    std::uint32_t events;
  };
  static constexpr std::size_t most = 64;

  int epoll_ = -1;
  int bell_ = -1;
  boost::intrusive::list<pollable, boost::intrusive::constant_time_size<false>> all_;
  bool is_exact_ = true; ///< waits to the nanosecond, else to the millisecond
  std::size_t next_ = 0;
  std::size_t count_ = 0;
  std::array<change_of, most> ready_;
};

} // namespace troupe::actors
