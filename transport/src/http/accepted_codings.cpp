#include "http/accepted_codings.hpp"

#include "text/http_text.hpp"

#include <algorithm>
#include <optional>

namespace troupe::transport {

namespace {

constexpr accepted_codings::weight most = 1000;
constexpr accepted_codings::weight least = 1;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// `0`, `1` or a number in between, with at most three digits behind the point.
std::optional<accepted_codings::weight> parse_weight(std::string_view text) {
  constexpr std::size_t longest = 5;
  if (text.empty() || text.size() > longest || (text[0] != '0' && text[0] != '1')
      || (text.size() > 1 && text[1] != '.'))
    return std::nullopt;
  unsigned thousandths = text[0] == '1' ? most : 0;
  unsigned place = most;
  for (auto c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (!is_digit(c))
      return std::nullopt;
    place /= 10;
    thousandths += static_cast<unsigned>(c - '0') * place;
  }
  return thousandths <= most ? std::optional{static_cast<accepted_codings::weight>(thousandths)}
                             : std::nullopt;
}

/// The weight that follows a coding, such as `;q=0.5`; the most if none does.
std::optional<accepted_codings::weight> weight_behind(std::string_view text) {
  if (text.empty())
    return most;
  text = trimmed(text.substr(1)); // without the semicolon
  if (text.size() < 2 || !equal_ignoring_case(text.substr(0, 2), "q="))
    return std::nullopt;
  return parse_weight(text.substr(2));
}

} // namespace

accepted_codings::accepted_codings(std::string_view list) {
  for (auto element : list_elements(list)) {
    auto end = std::min(element.find(';'), element.size());
    auto coding = trimmed(element.substr(0, end));
    auto weight = weight_behind(element.substr(end));
    if (weight && is_token(coding))
      listed_.emplace_back(coding, *weight);
  }
}

accepted_codings::weight accepted_codings::weight_of(std::string_view coding) const noexcept {
  auto weight_listed = [&](std::string_view name) -> std::optional<weight> {
    auto i = std::find_if(listed_.begin(), listed_.end(),
                          [&](auto& l) { return equal_ignoring_case(l.first, name); });
    return i == listed_.end() ? std::nullopt : std::optional{i->second};
  };
  auto found = weight_listed(coding);
  if (!found && coding == "gzip")
    found = weight_listed("x-gzip"); // the same (RFC 9110, 8.4.1.3)
  if (!found)
    found = weight_listed("*");
  return found.value_or(coding == "identity" ? least : 0);
}

} // namespace troupe::transport
