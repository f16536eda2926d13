#pragma once

#include "http/file_part.hpp"
#include "http/file_windows.hpp"

#include <troupe/transport/http.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace troupe::transport {

/// An answer, whose body may be a part of a file.
struct http_answer {
  http_response response;                  ///< of a file, its body is the first window
  std::shared_ptr<const file_part> file{}; ///< the whole body; null: `response` has it
  file_windows::share window{};            ///< the memory of a window, until the answer is sent
};

/// A short answer in plain text.
[[nodiscard]] http_response plain_answer(unsigned status, std::string_view text);

/// 503, to be tried again soon.
[[nodiscard]] http_response too_many_files();

} // namespace troupe::transport
