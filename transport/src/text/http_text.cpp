#include "text/http_text.hpp"

#include "text/percent.hpp"

#include <algorithm>
#include <cctype>

namespace troupe::transport {

namespace {

/// Calls `f` with each part of `text` between `separator`s.
template <class F>
void for_each_part(std::string_view text, char separator, F&& f) {
  for (;;) {
    auto at = text.find(separator);
    f(text.substr(0, at));
    if (at == std::string_view::npos)
      return;
    text.remove_prefix(at + 1);
  }
}

/// What follows the scheme of a target in absolute form.
std::optional<std::string_view> without_scheme(std::string_view target) noexcept {
  for (std::string_view scheme : {"http://", "https://"})
    if (equal_ignoring_case(target.substr(0, scheme.size()), scheme))
      return target.substr(scheme.size());
  return std::nullopt;
}

} // namespace

std::string origin_form(std::string_view target) {
  auto rest = without_scheme(target);
  if (!rest)
    return std::string{target};
  rest->remove_prefix(std::min(rest->find_first_of("/?#"), rest->size()));
  return std::string{rest->starts_with('/') ? "" : "/"}.append(*rest);
}

std::optional<std::string_view> authority_of(std::string_view target) noexcept {
  auto rest = without_scheme(target);
  return rest ? std::optional{rest->substr(0, rest->find_first_of("/?#"))} : std::nullopt;
}

std::optional<std::string> decode_path(std::string_view target) {
  auto form = origin_form(target);
  auto path = decode_path_text(std::string_view{form}.substr(0, form.find_first_of("?#")));
  return path && path->starts_with('/') ? path : std::nullopt;
}

std::vector<std::pair<std::string, std::string>> query_pairs(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> all;
  for_each_part(query, '&', [&](std::string_view pair) {
    auto equals = std::min(pair.find('='), pair.size());
    auto name = decode_query_text(pair.substr(0, equals));
    if (!name.empty())
      all.emplace_back(std::move(name),
                       decode_query_text(pair.substr(std::min(equals + 1, pair.size()))));
  });
  return all;
}

std::vector<std::pair<std::string, std::string>> query_of(std::string_view target) {
  auto at = target.find('?');
  if (at == std::string_view::npos)
    return {};
  auto query = target.substr(at + 1);
  return query_pairs(query.substr(0, query.find('#')));
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view space = " \t";
  text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
  return text.substr(0, text.find_last_not_of(space) + 1);
}

bool is_token(std::string_view text) noexcept {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  const auto may_occur = [&](unsigned char c) {
    return c < 0x80
        && (std::isalnum(c) || marks.find(static_cast<char>(c)) != std::string_view::npos);
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), may_occur);
}

bool is_field_value(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  auto same = [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

std::vector<std::string_view> list_elements(std::string_view list) {
  std::vector<std::string_view> all;
  for_each_part(list, ',', [&](std::string_view element) {
    if (auto text = trimmed(element); !text.empty())
      all.push_back(text);
  });
  return all;
}

} // namespace troupe::transport
