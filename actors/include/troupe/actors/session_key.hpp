#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

namespace troupe::actors {

/// Names one session everywhere: a slot of one loop's session table and the generation that tells
/// reuses of the slot apart.
struct session_key {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0; ///< 0: nobody
  std::uint32_t loop = 0;

  [[nodiscard]] explicit operator bool() const noexcept { return generation != 0; }
  friend bool operator==(const session_key&, const session_key&) = default;
};

/// Names one incarnation of a room of a node: a successor of the same name has another key. Slots
/// are dense: a room that ends leaves its slot to another, of the next generation.
struct room_key {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0; ///< 0: none

  [[nodiscard]] explicit operator bool() const noexcept { return generation != 0; }
  friend bool operator==(const room_key&, const room_key&) = default;
};

} // namespace troupe::actors

namespace std {

template <>
struct hash<troupe::actors::session_key> {
  std::size_t operator()(const troupe::actors::session_key& k) const noexcept {
    return std::hash<std::uint64_t>{}((std::uint64_t{k.slot} << 32 | k.generation)
                                      ^ std::uint64_t{k.loop} << 56);
  }
};

template <>
struct hash<troupe::actors::room_key> {
  std::size_t operator()(const troupe::actors::room_key& k) const noexcept {
    return std::hash<std::uint64_t>{}(std::uint64_t{k.generation} << 32 | k.slot);
  }
};

} // namespace std
