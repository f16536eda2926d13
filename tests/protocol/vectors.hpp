#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test {

/// One of the files in protocol/vectors. Its elements live as long as the object.
class vector_file {
public:
  explicit vector_file(std::string_view name);

  /// The objects of one of its lists.
  [[nodiscard]] std::vector<simdjson::dom::object> rows(std::string_view list) const&;
  [[nodiscard]] std::vector<std::string> strings(std::string_view list) const;

private:
  simdjson::dom::parser parser_;
  simdjson::dom::element root_;
};

/// A string of one row; nothing if absent or null.
[[nodiscard]] std::optional<std::string> text(simdjson::dom::object row, std::string_view key);
/// The bytes of a base64 string of one row.
[[nodiscard]] std::optional<std::string> bytes(simdjson::dom::object row, std::string_view key);
/// The strings of a list in one row, none if absent.
[[nodiscard]] std::vector<std::string> texts(simdjson::dom::object row, std::string_view key);

[[nodiscard]] std::string from_base64(std::string_view text);
[[nodiscard]] std::string to_base64(std::string_view bytes);

} // namespace troupe::test
