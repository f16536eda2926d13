#include "model/check_event.hpp"

#include <troupe/protocol/command.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <initializer_list>
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

/// Of whom a message about a wrong field speaks; `type` empty: no event.
std::string subject_of(std::string_view type) {
  return type.empty() ? "a request" : "an event of type \"" + std::string{type} + '"';
}

[[noreturn]] void fail_field(std::string_view type, std::string_view key, const char* why) {
  throw std::invalid_argument{subject_of(type) + ": its field \"" + std::string{key} + "\" " + why};
}

void check_values(std::string_view type, const std::vector<protocol::field>& fields,
                  std::string_view document) {
  for (auto& f : fields)
    if (auto* raw = std::get_if<protocol::raw_value>(&f.val);
        raw && !raw->bytes.empty() && !is_part(raw->bytes, document)
        && !protocol::is_value(raw->source, raw->bytes))
      fail_field(type, f.key,
                 raw->source == protocol::codec::json ? "is no whole value in JSON"
                                                      : "is no whole value in MessagePack");
}

/// A field without a name or a value is left out, so it cannot clash with another.
bool is_written(const protocol::field& f) {
  auto* raw = std::get_if<protocol::raw_value>(&f.val);
  return !f.key.empty() && !(raw && raw->bytes.empty());
}

using field_lists = std::initializer_list<const std::vector<protocol::field>*>;

/// Returns a key that is written twice, or an empty view.
std::string_view doubled_key(field_lists lists) {
  std::array<std::string_view, 16> few;
  std::vector<std::string_view> many;
  std::size_t all = 0;
  for (auto* fields : lists)
    all += fields->size();
  if (all > few.size())
    many.resize(all);
  auto* const begin = many.empty() ? few.data() : many.data();
  auto* end = begin;
  for (auto* fields : lists)
    for (auto& f : *fields)
      if (is_written(f))
        *end++ = f.key;
  std::sort(begin, end);
  auto* twice = std::adjacent_find(begin, end);
  return twice == end ? std::string_view{} : *twice;
}

/// `is_allowed`: whether a field may have that name.
void check_keys(std::string_view type, field_lists lists, bool (*is_allowed)(std::string_view),
                const char* otherwise) {
  for (auto* fields : lists)
    for (auto& f : *fields)
      if (is_written(f) && !is_allowed(f.key))
        fail_field(type, f.key, otherwise);
  if (auto key = doubled_key(lists); !key.empty())
    fail_field(type, key, "is there twice");
}

} // namespace

void check_event(const broadcast_event& event, std::string_view as_said,
                 std::string_view document) {
  if (as_said.empty() || event.type != as_said)
    check_type(event.type);
  check_keys(event.type, {&event.fields, &event.v1_fields}, protocol::is_field_name,
             "is one that the server sets, or has a name that no field can have");
  check_values(event.type, event.fields, document);
  check_values(event.type, event.v1_fields, document);
}

void check_filled_event(const broadcast_event& event, std::string_view as_said) {
  if (as_said.empty() || event.type != as_said)
    check_type(event.type);
  if (!event.fields.empty() || !event.v1_fields.empty())
    throw std::invalid_argument{"an event of type \"" + std::string{event.type}
                                + "\": a function writes its fields, so it has none of its own"};
}

void check_data(const std::vector<protocol::field>& data, std::string_view document) {
  check_keys({}, {&data}, protocol::is_inner_key, "has a name that no field can have");
  check_values({}, data, document);
}

void check_said(std::string_view type, const std::vector<protocol::field>& fields) {
  if (type.empty())
    throw std::invalid_argument{"a message without a type"};
  auto is_allowed = [](std::string_view key) {
    return key != "type" && protocol::is_inner_key(key);
  };
  check_keys(type, {&fields}, is_allowed, "is its type, or has a name that no field can have");
  check_values(type, fields, {});
}

void check_request(const std::vector<protocol::field>& data, std::chrono::milliseconds limit,
                   bool has_handler, std::string_view document) {
  using namespace std::chrono_literals;
  if (!has_handler)
    throw std::invalid_argument{"a request: its handler is empty"};
  if (limit < 1ms || limit > 24h)
    throw std::invalid_argument{"a request: its limit is " + std::to_string(limit.count())
                                + " ms, expected 1 ms to 24 h"};
  check_data(data, document);
}

} // namespace troupe::actors
