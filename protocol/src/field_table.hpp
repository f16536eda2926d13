#pragma once

#include <array>
#include <cstddef>
#include <forward_list>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::protocol {

/// The top-level fields of one message, as views of its bytes. Allocates only beyond 16 fields and for escaped keys.
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
  [[nodiscard]] std::string_view find(std::string_view key) const noexcept;

  /// As `find`, but empty if there are several: which one is meant nobody knows.
  [[nodiscard]] std::string_view find_only(std::string_view key) const noexcept;

  [[nodiscard]] bool has_duplicates() const;

private:
  struct entry {
    std::string_view key;
    std::string_view value;
  };

  std::size_t count_ = 0; ///< of `first_`
  std::array<entry, 16> first_;
  std::vector<entry> more_;
  std::string_view open_key_;
  bool is_open_ = false;
  std::forward_list<std::string> decoded_keys_;
};

} // namespace troupe::protocol
