#pragma once

#include <mutex>

namespace troupe::compat {

class tenant_list;

/// An actor in the list of those that are pinned to a loop.
class tenant {
public:
  tenant() = default;
  tenant(const tenant&) = delete;
  tenant& operator=(const tenant&) = delete;

  /// The actor's name, for a log line.
  [[nodiscard]] virtual const char* tenant_name() const = 0;
  /// Sends it an exit message.
  virtual void ask_to_leave() = 0;

protected:
  virtual ~tenant() = default;

private:
  friend class tenant_list;
  tenant* before_ = nullptr;
  tenant* next_ = nullptr;
};

/// The actors that are pinned to one loop. Allocates nothing. Thread: any.
class tenant_list {
public:
  void add(tenant& t) noexcept {
    std::lock_guard guard{mutex_};
    t.next_ = first_;
    if (first_)
      first_->before_ = &t;
    first_ = &t;
  }

  void remove(tenant& t) noexcept {
    std::lock_guard guard{mutex_};
    (t.before_ ? t.before_->next_ : first_) = t.next_;
    if (t.next_)
      t.next_->before_ = t.before_;
  }

  /// `f` neither adds nor removes any.
  template <class F>
  void for_each(F f) {
    std::lock_guard guard{mutex_};
    for (auto* t = first_; t; t = t->next_)
      f(*t);
  }

private:
  std::mutex mutex_;
  tenant* first_ = nullptr; ///< guarded by mutex_, like the links of all
};

} // namespace troupe::compat
