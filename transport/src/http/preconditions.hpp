#pragma once

#include "text/http_date.hpp"

#include <troupe/transport/http.hpp>

#include <chrono>
#include <string>

namespace troupe::transport {

/// What tells the current version of a resource from others.
struct validators {
  std::string etag; ///< strong, with its quotes
  std::chrono::sys_seconds last_modified{};
};

enum class precondition { holds, not_modified, failed };

/// Whether a GET or HEAD is to be answered with the current version (`holds`), with 304
/// (`not_modified`) or with 412 (`failed`). A date that is malformed is ignored. `now`: see
/// `parse_http_date`. Source: RFC 9110, 13.2.2.
[[nodiscard]] precondition judge(const http_request& request, const validators& current,
                                 http_time now);

/// Whether a `Range` counts: there is no `If-Range`, or it is the current version's tag. A date
/// never counts: two versions of one second would have the same. Source: RFC 9110, 13.1.5
/// and 8.8.2.2.
[[nodiscard]] bool allows_range(const http_request& request, const validators& current);

} // namespace troupe::transport
