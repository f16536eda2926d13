#pragma once

#include <mutex>
#include <utility>

namespace troupe::actors {

/// The way to something that may end before its handles: handles share a gate, and whoever ends
/// what is behind it closes the gate first. Thread: any.
template <class T>
class gate {
public:
  explicit gate(T& behind) noexcept : behind_(&behind) {}
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;

  /// Runs `f` on what is behind the gate, which does not close meanwhile; returns false, and does
  /// nothing, once it is closed. `f` must be short, because others wait, and must not enter the
  /// gate again.
  template <class F>
  bool enter(F&& f) {
    std::lock_guard guard{mutex_};
    if (!behind_)
      return false;
    std::forward<F>(f)(*behind_);
    return true;
  }

  [[nodiscard]] bool is_open() const {
    std::lock_guard guard{mutex_};
    return behind_ != nullptr;
  }

  /// Closes the gate, once no `f` runs inside. Idempotent.
  void close() {
    std::lock_guard guard{mutex_};
    behind_ = nullptr;
  }

private:
  mutable std::mutex mutex_;
  T* behind_; ///< guarded by mutex_
};

} // namespace troupe::actors
