#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace troupe::protocol {

/// The bytes of a message that comes in parts, in pieces that are never copied while it grows.
///
/// Memory: at most twice what has come, and at most 4 KiB more than that; never more than the
/// message may have, except for the list of pieces.
class ws_parts {
public:
  /// Small, so that allocators keep little of the freed pieces.
  static constexpr std::size_t piece_bytes = 4 * 1024;

  /// Adds up to `wanted` bytes, at least one, and returns their room, which the caller fills.
  /// `most`: the most bytes that the message may have, at least `size() + wanted`.
  /// Errors: `std::bad_alloc`; nothing has changed then.
  [[nodiscard]] std::span<char> grow(std::size_t wanted, std::uint64_t most) {
    if (pieces_.empty() || pieces_.back().used == pieces_.back().size)
      add_piece(wanted, most);
    auto& last = pieces_.back();
    const auto size = std::min(wanted, last.size - last.used);
    const std::span<char> room{last.bytes.get() + last.used, size};
    last.used += size;
    size_ += size;
    return room;
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

  [[nodiscard]] std::size_t pieces() const noexcept { return pieces_.size(); }
  [[nodiscard]] std::string_view piece_at(std::size_t i) const noexcept {
    return {pieces_[i].bytes.get(), pieces_[i].used};
  }

  char* copy_to(char* out) const {
    for (auto& p : pieces_)
      out = std::copy_n(p.bytes.get(), p.used, out);
    return out;
  }

private:
  struct piece {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
    std::size_t used = 0;
  };

  void add_piece(std::size_t wanted, std::uint64_t most) {
    const auto usual = std::min(std::max(wanted, capacity_), piece_bytes);
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(usual, most - size_));
    pieces_.push_back({std::make_unique_for_overwrite<char[]>(size), size});
    capacity_ += size;
  }

  std::vector<piece> pieces_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

} // namespace troupe::protocol
