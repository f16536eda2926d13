#pragma once

#include <troupe/transport/http.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::transport {

/// Percent-decodes the path of a request target; nothing if it is malformed, holds a zero byte, or does not start with a slash.
[[nodiscard]] std::optional<std::string> decode_path(std::string_view target);

/// Serves the regular files below one folder, links out of it excepted; `index.html` stands for its folder.
class static_files {
public:
  explicit static_files(std::filesystem::path folder);

  /// The file's response; nothing if there is no such file. `path` is decoded.
  [[nodiscard]] std::optional<http_response> find(std::string_view path) const;

private:
  std::filesystem::path folder_; ///< canonical
};

} // namespace troupe::transport
