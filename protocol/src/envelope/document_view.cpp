#include <troupe/protocol/command.hpp>

#include "envelope/validate.hpp"
#include "envelope/values.hpp"

namespace troupe::protocol {

std::string_view document_view::raw(std::string_view key) const {
  return find_field(source_, bytes_, key);
}

std::optional<std::string> document_view::string(std::string_view key) const {
  return read_string(source_, raw(key));
}

std::optional<std::int64_t> document_view::integer(std::string_view key) const {
  return read_integer(source_, raw(key));
}

std::optional<std::uint64_t> document_view::unsigned_integer(std::string_view key) const {
  return read_unsigned(source_, raw(key));
}

std::optional<double> document_view::number(std::string_view key) const {
  return read_number(source_, raw(key));
}

std::optional<bool> document_view::boolean(std::string_view key) const {
  return read_boolean(source_, raw(key));
}

std::optional<std::string> document_view::binary(std::string_view key) const {
  return value_view{source_, raw(key)}.binary();
}

map_view document_view::object(std::string_view key) const { return {source_, raw(key)}; }

list_view document_view::list(std::string_view key) const { return {source_, raw(key)}; }

} // namespace troupe::protocol
