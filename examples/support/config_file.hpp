#pragma once

#include <string>
#include <vector>

namespace troupe::examples {

/// One key of a file and its values.
struct config_entry {
  std::string key;
  std::vector<std::string> values;
};

/// Reads `key = value` lines (ini or TOML), in the order of the file; a key in a section is
/// `section.key`. Errors: `input_error` that names the file, and the line or the key.
[[nodiscard]] std::vector<config_entry> read_config_file(const std::string& path);

} // namespace troupe::examples
