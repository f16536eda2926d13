#include "context/room_keys.hpp"

#include <troupe/actors/make_room.hpp>

namespace troupe::actors {

room_key room_keys::take() {
  std::lock_guard guard{mutex_};
  if (free_.empty()) {
    make_room(free_, generations_.size() + 1);
    generations_.push_back(0);
    free_.push_back(static_cast<std::uint32_t>(generations_.size() - 1));
  }
  auto slot = free_.back();
  free_.pop_back();
  return {slot, ++generations_[slot]};
}

void room_keys::give_back(room_key key) noexcept {
  constexpr std::uint32_t last = ~std::uint32_t{0};
  std::lock_guard guard{mutex_};
  if (key.generation != last) // otherwise a former key would come again
    free_.push_back(key.slot);
}

} // namespace troupe::actors
