#include "text/http_text.hpp"

#include <troupe/transport/http.hpp>

namespace troupe::transport {

namespace {

std::string_view first_of(const http_headers& all, std::string_view name) {
  for (auto& [key, value] : all)
    if (equal_ignoring_case(key, name))
      return value;
  return {};
}

} // namespace

std::string_view http_request::header(std::string_view name) const noexcept {
  return first_of(headers, name);
}

std::string_view http_request::param(std::string_view name) const noexcept {
  return first_of(params, name);
}

std::string http_request::query(std::string_view name) const {
  for (auto& [key, value] : query_of(target))
    if (key == name)
      return value;
  return {};
}

} // namespace troupe::transport
