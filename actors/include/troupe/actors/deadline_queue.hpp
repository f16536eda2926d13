#pragma once

#include <troupe/actors/clock.hpp>

#include <boost/intrusive/set.hpp>

#include <cstddef>
#include <optional>

namespace troupe::actors {

/// The precise deadlines of one loop, beside its `timer_wheel`: for what is due at an exact time.
/// The loop blocks until the first of them, to the nanosecond if the system can.
///
/// Invariants: entries fire in the order of their deadlines, those of one time in the order of
/// `arm`; never early; at most once per `arm`. Arming and cancelling are allowed from within
/// `on_deadline`. Cost: logarithmic in the armed entries; allocates nothing. Thread: the loop's.
class deadline_queue {
public:
  /// Something with a deadline; cancels itself when destroyed.
  class entry {
  public:
    entry() = default;
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
    [[nodiscard]] bool armed() const noexcept { return hook_.is_linked(); }
    void cancel() noexcept {
      if (armed())
        queue_->all_.erase(queue_->all_.iterator_to(*this));
    }

  protected:
    virtual ~entry() { cancel(); }

  private:
    friend class deadline_queue;
    virtual void on_deadline() = 0;
    boost::intrusive::set_member_hook<> hook_;
    steady_time due_{};
    deadline_queue* queue_ = nullptr;
  };

  deadline_queue() = default;
  /// Disarms what is armed: entries may outlive it.
  ~deadline_queue() { all_.clear(); }
  deadline_queue(const deadline_queue&) = delete;
  deadline_queue& operator=(const deadline_queue&) = delete;

  /// Fires `e` once `due` has come; arms it anew if it was armed.
  void arm(entry& e, steady_time due) noexcept {
    e.cancel();
    e.due_ = due;
    e.queue_ = this;
    all_.insert(e); // behind those of the same time
  }

  /// Fires the first entry if it is due at `now`; returns whether it was. An exception out of the
  /// entry leaves the queue whole and goes to the caller.
  bool fire_next(steady_time now) {
    if (all_.empty() || all_.begin()->due_ > now)
      return false;
    auto& e = *all_.begin();
    all_.erase(all_.begin());
    e.on_deadline();
    return true;
  }

  /// When the first entry is due; nothing if none is armed.
  [[nodiscard]] std::optional<steady_time> next() const noexcept {
    return all_.empty() ? std::nullopt : std::optional{all_.begin()->due_};
  }
  [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
  [[nodiscard]] std::size_t armed_entries() const noexcept { return all_.size(); }

private:
  struct by_time {
    bool operator()(const entry& a, const entry& b) const noexcept { return a.due_ < b.due_; }
  };
  boost::intrusive::multiset<
    entry, boost::intrusive::member_hook<entry, boost::intrusive::set_member_hook<>, &entry::hook_>,
    boost::intrusive::compare<by_time>>
    all_;
};

} // namespace troupe::actors
