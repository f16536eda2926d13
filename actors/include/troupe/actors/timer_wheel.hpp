#pragma once

#include <troupe/actors/clock.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace troupe::actors {

/// All deadlines of one loop: a hierarchical wheel of four levels with 64 slots of 10 ms, 0.64 s,
/// 41 s and 44 min.
///
/// Invariants: an armed entry is in exactly one slot; an entry fires at most once per `arm`, never
/// early, at most one tick late plus the loop's own delay; arming and cancelling are allowed from
/// within `on_deadline`. Cost: arm, cancel and fire are constant (an entry moves down at most three
/// levels). Thread: the loop's. Source: Varghese and Lauck, "Hashed and Hierarchical Timing
/// Wheels", 1987.
class timer_wheel {
  struct link {
    link* next = nullptr;
    link* prev = nullptr;
  };

public:
  static constexpr std::chrono::milliseconds tick{10};

  /// Something with a deadline; cancels itself when destroyed.
  class entry : private link {
  public:
    entry() = default;
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
    [[nodiscard]] bool armed() const noexcept { return next != nullptr; }
    void cancel() noexcept;

  protected:
    virtual ~entry() { cancel(); }

  private:
    friend class timer_wheel;
    virtual void on_deadline() = 0;
    std::uint64_t due_ = 0; ///< in ticks
    timer_wheel* wheel_ = nullptr;
  };

  explicit timer_wheel(steady_time start);
  /// Disarms what is armed: entries may outlive it.
  ~timer_wheel();
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;

  /// Fires `e` once `deadline` has passed; re-arms it if it was armed.
  void arm(entry& e, steady_time deadline);

  /// Fires what is due at `now`; an exception out of an entry leaves the wheel whole and goes to
  /// the caller.
  void advance(steady_time now);

  /// No entry fires before this; nothing if none is armed. May be earlier than the first deadline
  /// (an entry moves down a level).
  [[nodiscard]] std::optional<steady_time> next_wake_up() const;

  [[nodiscard]] std::size_t armed_entries() const noexcept { return armed_; }

private:
  static constexpr unsigned levels = 4;
  static constexpr unsigned slot_bits = 6;
  static constexpr std::uint64_t slots = 1u << slot_bits;

  void place(entry& e);
  void unlink(entry& e) noexcept;
  void cascade(unsigned level);
  void fire_slot(link& head);

  steady_time start_;
  std::uint64_t now_ = 0; ///< ticks already handled
  std::size_t armed_ = 0;
  std::array<std::array<link, slots>, levels> wheel_{};
  /// One bit per slot; may be set for an emptied slot.
  std::array<std::uint64_t, levels> occupied_{};
};

} // namespace troupe::actors
