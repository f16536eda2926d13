#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::transport {

/// A JSON value as far as tokens use it. `monostate` stands for every other kind: booleans, null,
/// maps, mixed lists.
using token_field = std::variant<std::monostate, std::string, double, std::vector<std::string>>;

/// The fields of one JSON map whose keys are unique at every depth.
class token_fields {
public:
  static constexpr std::size_t max_depth = 32;

  /// Nothing unless `text` is one such map in valid UTF-8, nested at most `max_depth` deep, its
  /// integers within 64 bits.
  [[nodiscard]] static std::optional<token_fields> parse(std::string_view text);

  [[nodiscard]] const token_field* find(std::string_view key) const noexcept;

private:
  std::vector<std::pair<std::string, token_field>> fields_;
};

} // namespace troupe::transport
