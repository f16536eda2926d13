#include "model/check_event.hpp"

#include <troupe/protocol/command.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace troupe::actors {

namespace {

bool is_part(std::string_view part, std::string_view of) noexcept {
  std::less_equal<const char*> le;
  return !of.empty() && le(of.data(), part.data())
      && le(part.data() + part.size(), of.data() + of.size());
}

void check_type(std::string_view type) {
  auto fail = [&](const char* why) {
    throw std::invalid_argument{"an event of type \"" + std::string{type} + "\": " + why};
  };
  if (!protocol::is_application_type(type)
      || type.size() > protocol::message_limits{}.max_type_bytes)
    fail("an application's type is no built-in one, and 1 to 128 bytes without control characters");
  if (type.starts_with('$'))
    fail("types that start with $ are kept for later versions of the protocol");
}

void check_fields(const broadcast_event& event, const std::vector<protocol::field>& fields,
                  std::string_view document) {
  for (auto& f : fields)
    if (auto* raw = std::get_if<protocol::raw_value>(&f.val);
        raw && !raw->bytes.empty() && !is_part(raw->bytes, document)
        && !protocol::is_value(raw->source, raw->bytes))
      throw std::invalid_argument{
        "an event of type \"" + std::string{event.type} + "\": its field \"" + std::string{f.key}
        + "\" is no whole value in "
        + (raw->source == protocol::codec::json ? "JSON" : "MessagePack")};
}

/// A field without a name or a value is left out, so it cannot clash with another.
bool is_written(const protocol::field& f) {
  auto* raw = std::get_if<protocol::raw_value>(&f.val);
  return !f.key.empty() && !(raw && raw->bytes.empty());
}

/// Returns a key that is written twice, or an empty view.
std::string_view doubled_key(const broadcast_event& event) {
  std::array<std::string_view, 16> few;
  std::vector<std::string_view> many;
  if (auto all = event.fields.size() + event.v1_fields.size(); all > few.size())
    many.resize(all);
  auto* const begin = many.empty() ? few.data() : many.data();
  auto* end = begin;
  for (auto* fields : {&event.fields, &event.v1_fields})
    for (auto& f : *fields)
      if (is_written(f))
        *end++ = f.key;
  std::sort(begin, end);
  auto* twice = std::adjacent_find(begin, end);
  return twice == end ? std::string_view{} : *twice;
}

void check_keys(const broadcast_event& event) {
  auto fail = [&](std::string_view key, const char* why) {
    throw std::invalid_argument{"an event of type \"" + std::string{event.type} + "\": its field \""
                                + std::string{key} + "\" " + why};
  };
  for (auto* fields : {&event.fields, &event.v1_fields})
    for (auto& f : *fields)
      if (is_written(f) && !protocol::is_field_name(f.key))
        fail(f.key, "is one that the server sets, or has a name that no field can have");
  if (auto key = doubled_key(event); !key.empty())
    fail(key, "is there twice");
}

} // namespace

void check_event(const broadcast_event& event, std::string_view as_said,
                 std::string_view document) {
  if (as_said.empty() || event.type != as_said)
    check_type(event.type);
  check_keys(event);
  check_fields(event, event.fields, document);
  check_fields(event, event.v1_fields, document);
}

} // namespace troupe::actors
