#include <utility>

#include "http/preconditions.hpp"

#include "http/http_message.hpp"
#include "text/http_text.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace troupe::transport {

namespace {

enum class comparison { strong, weak };

/// Whether a list of tags names the tag, which is strong; `*` names every one.
bool names_tag(std::string_view list, std::string_view tag, comparison how) {
  auto elements = list_elements(list);
  return std::any_of(elements.begin(), elements.end(), [&](std::string_view e) {
    if (how == comparison::weak && e.starts_with("W/"))
      e.remove_prefix(2);
    return e == "*" || e == tag;
  });
}

/// The date in a header; nothing if there is none, or more than one.
std::optional<std::chrono::sys_seconds> date_in(const http_request& request, std::string_view name,
                                                http_time now) {
  return parse_http_date(list_header(request.headers, name), now);
}

/// Whether `If-Match`, or else `If-Unmodified-Since`, lets the request through.
bool may_go_on(const http_request& request, const validators& current, http_time now) {
  if (has_header(request.headers, "If-Match"))
    return names_tag(list_header(request.headers, "If-Match"), current.etag, comparison::strong);
  auto since = date_in(request, "If-Unmodified-Since", now);
  return !since || current.last_modified <= *since;
}

/// Whether the client knows the current version, by `If-None-Match`, or else `If-Modified-Since`.
bool knows_current(const http_request& request, const validators& current, http_time now) {
  if (has_header(request.headers, "If-None-Match"))
    return names_tag(list_header(request.headers, "If-None-Match"), current.etag, comparison::weak);
  auto since = date_in(request, "If-Modified-Since", now);
  return since && current.last_modified <= *since;
}

} // namespace

precondition judge(const http_request& request, const validators& current, http_time now) {
  if (!may_go_on(request, current, now))
    return precondition::failed;
  return knows_current(request, current, now) ? precondition::not_modified : precondition::holds;
}

bool allows_range(const http_request& request, const validators& current) {
  return !has_header(request.headers, "If-Range")
      || list_header(request.headers, "If-Range") == current.etag;
}

} // namespace troupe::transport
