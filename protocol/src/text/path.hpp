#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::protocol {

/// The place of a scan in a document, as a JSON Pointer (RFC 6901).
class document_path {
public:
  void begin(bool map);
  void end();
  void key(std::string_view text);
  void scalar();

  /// How many containers are open.
  [[nodiscard]] std::size_t depth() const noexcept { return levels_.size(); }

  /// The place of the value that comes next, or of the key that was just read, cut to `max_bytes`.
  /// Empty for the whole document.
  [[nodiscard]] std::string to_string(std::size_t max_bytes) const;

private:
  struct level {
    bool map = false;
    bool has_key = false;
    std::string key;
    std::size_t values = 0; ///< values that have begun so far
  };

  void count_value();

  std::vector<level> levels_;
};

} // namespace troupe::protocol
