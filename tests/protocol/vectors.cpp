#include "vectors.hpp"

#include <cstdint>

namespace troupe::test {

namespace {

constexpr std::string_view alphabet =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

} // namespace

vector_file::vector_file(std::string_view name)
  : root_(parser_.load(std::string{TROUPE_SOURCE_DIR "/protocol/vectors/"}.append(name))) {}

std::vector<simdjson::dom::object> vector_file::rows(std::string_view list) const& {
  std::vector<simdjson::dom::object> out;
  const simdjson::dom::array array = root_[list];
  for (simdjson::dom::element row : array)
    out.push_back(row);
  return out;
}

std::vector<std::string> vector_file::strings(std::string_view list) const {
  return texts(simdjson::dom::object{root_}, list);
}

std::optional<std::string> text(simdjson::dom::object row, std::string_view key) {
  std::string_view value;
  if (row[key].get_string().get(value) != simdjson::SUCCESS)
    return std::nullopt;
  return std::string{value};
}

std::optional<std::string> bytes(simdjson::dom::object row, std::string_view key) {
  const auto encoded = text(row, key);
  return encoded ? std::optional{from_base64(*encoded)} : std::nullopt;
}

std::vector<std::string> texts(simdjson::dom::object row, std::string_view key) {
  std::vector<std::string> out;
  simdjson::dom::array list;
  if (row[key].get_array().get(list) == simdjson::SUCCESS)
    for (simdjson::dom::element item : list)
      out.emplace_back(std::string_view{item});
  return out;
}

std::string from_base64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (char c : text.substr(0, text.find('='))) {
    bits = bits << 6 | static_cast<std::uint32_t>(alphabet.find(c));
    if ((held += 6) >= 8)
      out.push_back(static_cast<char>(bits >> (held -= 8) & 0xff));
  }
  return out;
}

std::string to_base64(std::string_view bytes) {
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (char c : bytes) {
    bits = bits << 8 | static_cast<std::uint8_t>(c);
    for (held += 8; held >= 6; held -= 6)
      out.push_back(alphabet[bits >> (held - 6) & 0x3f]);
  }
  if (held > 0)
    out.push_back(alphabet[bits << (6 - held) & 0x3f]);
  out.append((4 - out.size() % 4) % 4, '=');
  return out;
}

} // namespace troupe::test
