#include "auth/jwt_json.hpp"

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <new>

namespace troupe::transport {

namespace {

namespace dom = simdjson::dom;

bool has_unique_keys(dom::element value);

bool has_unique_keys(dom::object map) {
  std::vector<std::string_view> keys;
  for (auto [key, value] : map) {
    if (!has_unique_keys(value))
      return false;
    keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) == keys.end();
}

/// Recursive, as deep as the parser allows.
bool has_unique_keys(dom::element value) {
  dom::object map;
  if (value.get(map) == simdjson::SUCCESS)
    return has_unique_keys(map);
  dom::array list;
  if (value.get(list) != simdjson::SUCCESS)
    return true;
  return std::all_of(list.begin(), list.end(),
                     [](dom::element each) { return has_unique_keys(each); });
}

token_field strings_of(dom::array list) {
  std::vector<std::string> strings;
  for (dom::element each : list) {
    std::string_view text;
    if (each.get(text) != simdjson::SUCCESS)
      return {};
    strings.emplace_back(text);
  }
  return strings;
}

token_field field_of(dom::element value) {
  if (std::string_view text; value.get(text) == simdjson::SUCCESS)
    return std::string{text};
  if (double number = 0; value.get(number) == simdjson::SUCCESS)
    return number;
  if (dom::array list; value.get(list) == simdjson::SUCCESS)
    return strings_of(list);
  return {};
}

} // namespace

std::optional<token_fields> token_fields::parse(std::string_view text) {
  dom::parser parser;
  if (parser.allocate(text.size(), max_depth) != simdjson::SUCCESS)
    throw std::bad_alloc{};
  dom::object map;
  if (parser.parse(text.data(), text.size()).get(map) != simdjson::SUCCESS || !has_unique_keys(map))
    return std::nullopt;
  token_fields result;
  result.fields_.reserve(map.size());
  for (auto [key, value] : map)
    result.fields_.emplace_back(key, field_of(value));
  return result;
}

const token_field* token_fields::find(std::string_view key) const noexcept {
  const auto i = std::find_if(fields_.begin(), fields_.end(),
                              [&](const auto& field) { return field.first == key; });
  return i == fields_.end() ? nullptr : &i->second;
}

} // namespace troupe::transport
