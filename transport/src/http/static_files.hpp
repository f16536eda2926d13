#pragma once

#include "http/file_part.hpp"
#include "http/http_answer.hpp"
#include "text/http_date.hpp"

#include <troupe/transport/http.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

namespace troupe::transport {

/// Serves the regular files below one folder, links out of it excepted; `index.html` stands for its
/// folder, whose path ends in a slash: without it the client is told where to. A file `x.js.br` or
/// `x.js.gz` beside `x.js` holds its bytes compressed, for clients that take that.
///
/// Nothing is kept between two requests. Thread: any; each call may wait for a disk.
class static_files {
public:
  /// `windows`: the memory for what is read; null: that has no bound. Throws
  /// `std::filesystem::filesystem_error` if there is no such folder.
  explicit static_files(const std::filesystem::path& folder,
                        std::shared_ptr<file_windows> windows = nullptr);

  /// Whether there is a file at `path`, which is decoded. Reads nothing of it. Throws as `serve`.
  [[nodiscard]] bool has(std::string_view path) const;

  /// Answers a GET or HEAD: 200; 301 for a folder without its slash; 206 or 416 to a `Range` of one
  /// part; 304 or 412 to its preconditions; 406 if the client takes no coding that there is.
  /// Nothing if there is no such file. Reads the first window of what a GET is answered with, and
  /// nothing for a HEAD; 503 if there is no memory for that window.
  ///
  /// Throws `std::bad_alloc`, and `std::runtime_error` where the system fails, or where a file
  /// changes each time that it is read. Source: RFC 9110, 8.8, 12.5.3, 13 and 14.
  [[nodiscard]] std::optional<http_answer> serve(const http_request& request, http_time now) const;

private:
  struct found_file {
    std::filesystem::path below; ///< from the folder on, without links
    open_file file;
    bool is_index = false; ///< of the folder that was asked for
  };
  struct representation;

  [[nodiscard]] std::optional<found_file> find(std::string_view path) const;
  [[nodiscard]] std::optional<found_file> open(const std::filesystem::path& file) const;
  [[nodiscard]] std::optional<representation> choose(const http_request& request,
                                                     found_file plain) const;
  [[nodiscard]] std::optional<http_answer> answer(const http_request& request,
                                                  const representation& chosen,
                                                  http_time now) const;

  std::filesystem::path folder_; ///< canonical
  std::shared_ptr<file_windows> windows_;
};

} // namespace troupe::transport
