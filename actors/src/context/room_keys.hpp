#pragma once

#include <troupe/actors/session_key.hpp>

#include <cstdint>
#include <mutex>
#include <vector>

namespace troupe::actors {

/// Gives out the keys of a node's rooms. Thread: any.
class room_keys {
public:
  /// A key that nobody has had. Errors: `std::bad_alloc`.
  [[nodiscard]] room_key take();
  /// The room has ended, and all who may have something for it have been told.
  void give_back(room_key key) noexcept;

private:
  std::mutex mutex_;
  std::vector<std::uint32_t> generations_; ///< by slot: of its latest key
  std::vector<std::uint32_t> free_;        ///< slots, with room for all
};

} // namespace troupe::actors
