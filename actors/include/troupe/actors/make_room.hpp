#pragma once

#include <algorithm>
#include <cstddef>

namespace troupe::actors {

/// Makes room for `n` elements more, so that adding them cannot fail. The capacity at least
/// doubles, so the cost per element is constant.
template <class Vector>
[[gnu::always_inline]] inline void make_room(Vector& v, std::size_t n = 1) {
  if (v.capacity() - v.size() < n) [[unlikely]]
    v.reserve(std::max(v.size() + n, 2 * v.capacity()));
}

} // namespace troupe::actors
