#pragma once

#include <boost/circular_buffer.hpp>

#include <algorithm>
#include <cstddef>

namespace troupe::actors {

/// A queue that keeps its memory, so that a steady flow through it allocates nothing. Thread: the owner's.
template <class T>
class fifo {
public:
  [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }

  /// Makes room for one item more: the next `push` cannot fail.
  void make_room() {
    if (items_.full())
      items_.set_capacity(std::max<std::size_t>(64, 2 * items_.capacity()));
  }

  void push(T item) {
    make_room();
    items_.push_back(item);
  }

  /// Precondition: not empty.
  [[nodiscard]] const T& front() const { return items_.front(); }

  /// Precondition: not empty.
  T pop() {
    T item = items_.front();
    items_.pop_front();
    return item;
  }

  void clear() noexcept { items_.clear(); }

private:
  boost::circular_buffer<T> items_;
};

} // namespace troupe::actors
