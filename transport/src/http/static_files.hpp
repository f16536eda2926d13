#pragma once

#include "text/http_text.hpp"

#include <troupe/transport/http.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::transport {

/// Serves the regular files below one folder, links out of it excepted; `index.html` stands for its
/// folder.
class static_files {
public:
  explicit static_files(std::filesystem::path folder);

  /// The whole file's response; nothing if there is no such file. `path` is decoded.
  [[nodiscard]] std::optional<http_response> find(std::string_view path) const;

  /// Answers a GET or HEAD: 200, 304 to a known `ETag`, 206 or 416 to a `Range` of one part;
  /// nothing if there is no such file. Cost: reads what it sends, on the caller's thread. Source:
  /// RFC 9110, 13 and 14.
  [[nodiscard]] std::optional<http_response> serve(const http_request& request) const;

private:
  struct found_file {
    std::filesystem::path path;
    std::uintmax_t bytes = 0;
    std::string etag;
  };
  [[nodiscard]] std::optional<found_file> locate(std::string_view path) const;

  std::filesystem::path folder_; ///< canonical
};

} // namespace troupe::transport
