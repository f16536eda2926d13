#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::protocol {

/// The top-level fields of one message, as views of its bytes. Allocates only beyond 16 fields and
/// for escaped keys.
class field_table {
public:
  /// The next value belongs to `key`, which outlives the table.
  void open(std::string_view key) noexcept {
    open_key_ = key;
    is_open_ = true;
  }

  /// As `open`, for a key that had to be decoded.
  void open_decoded(std::string key) { open(decoded_keys_.emplace_front(std::move(key))); }

  /// The raw value of the open key; ignored if there is none.
  void close(std::string_view value);

  /// The raw value of `key`, empty if absent; the first one if there are several.
  [[nodiscard]] std::string_view find(std::string_view key) const noexcept {
    const auto tag = tag_of(key);
    for (std::size_t i = 0; i < count_; ++i)
      if (tags_[i] == tag && first_[i].key == key)
        return first_[i].value;
    return more_.empty() ? std::string_view{} : find_in_more(key);
  }

  /// As `find`, but empty if there are several, as nobody knows which one is meant.
  [[nodiscard]] std::string_view find_only(std::string_view key) const noexcept;

  [[nodiscard]] bool has_duplicates() const;

private:
  /// Differs for most different keys, so that few keys are compared.
  static std::uint32_t tag_of(std::string_view key) noexcept {
    const auto byte = [&](std::size_t i) {
      return std::uint32_t{static_cast<std::uint8_t>(key[i])};
    };
    return key.empty()
           ? 0
           : static_cast<std::uint32_t>(key.size()) << 16 | byte(0) << 8 | byte(key.size() - 1);
  }
  [[nodiscard]] std::string_view find_in_more(std::string_view key) const noexcept;

  struct entry {
    std::string_view key;
    std::string_view value;
  };

  std::size_t count_ = 0;              ///< entries in `first_`
  std::array<std::uint32_t, 16> tags_; ///< of the keys in `first_`
  std::array<entry, 16> first_;
  std::vector<entry> more_;
  std::string_view open_key_;
  bool is_open_ = false;
  std::forward_list<std::string> decoded_keys_;
};

} // namespace troupe::protocol
