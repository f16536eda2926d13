#include "websocket/deflate_offer.hpp"

#include "text/http_text.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <utility>

namespace troupe::transport {

namespace {

/// Removes the part before the next `separator` that is not quoted, and the separator, from the
/// front; returns the part.
std::string_view take_until(std::string_view& text, char separator) {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < text.size() && (quoted || text[at] != separator); ++at) {
    if (text[at] == '"')
      quoted = !quoted;
    else if (quoted && text[at] == '\\')
      ++at;
  }
  const auto part = text.substr(0, at);
  text.remove_prefix(std::min(text.size(), at + 1));
  return part;
}

/// A token, or the one that a quoted string holds (RFC 6455, 9.1); nothing if it is neither.
std::optional<std::string> value_of(std::string_view text) {
  std::string value;
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') {
    value = text;
  } else {
    text = text.substr(1, text.size() - 2);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\' && ++i == text.size())
        return {};
      value += text[i];
    }
  }
  return is_token(value) ? std::optional{std::move(value)} : std::nullopt;
}

/// The window of `text`; 0 if it tells none. Source: RFC 7692, 7.1.2.
int window_bits_of(std::string_view text) {
  for (int bits = 8; bits <= 15; ++bits)
    if (text == std::to_string(bits))
      return bits;
  return 0;
}

/// One offer of permessage-deflate.
class offer {
public:
  /// Reads the `parameters` after the name, each with the semicolon before it. Returns whether they
  /// keep the rules.
  bool read(std::string_view parameters) {
    while (!parameters.empty()) {
      parameters.remove_prefix(1);
      auto rest = parameters;
      const auto one = take_until(rest, ';');
      if (!read_one(one))
        return false;
      parameters.remove_prefix(one.size());
    }
    return true;
  }

  [[nodiscard]] deflate_agreement agreement() const {
    deflate_agreement a;
    a.answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    if (server_window_)
      a.answer += "; server_max_window_bits=" + std::to_string(*server_window_);
    if (client_window_.value_or(any_window) != any_window)
      a.answer += "; client_max_window_bits=" + std::to_string(*client_window_);
    a.takes_deflated_frames = server_window_.value_or(15) == 15;
    return a;
  }

private:
  static constexpr int any_window = 0;

  bool read_one(std::string_view parameter) {
    auto rest = parameter;
    const auto name = trimmed(take_until(rest, '='));
    const auto has_value = name.size() < trimmed(parameter).size();
    std::optional<std::string> value;
    if (has_value && !(value = value_of(trimmed(rest))))
      return false;
    if (equal_ignoring_case(name, "server_no_context_takeover"))
      return !has_value && !std::exchange(server_afresh_, true);
    if (equal_ignoring_case(name, "client_no_context_takeover"))
      return !has_value && !std::exchange(client_afresh_, true);
    if (equal_ignoring_case(name, "server_max_window_bits"))
      return has_value && set_window(server_window_, *value);
    if (equal_ignoring_case(name, "client_max_window_bits"))
      return has_value ? set_window(client_window_, *value)
                       : !std::exchange(client_window_, any_window);
    return false;
  }

  static bool set_window(std::optional<int>& window, std::string_view told) {
    const auto bits = window_bits_of(told);
    return bits > 0 && !std::exchange(window, bits);
  }

  bool server_afresh_ = false;
  bool client_afresh_ = false;
  std::optional<int> server_window_;
  std::optional<int> client_window_;
};

} // namespace

std::optional<deflate_agreement> agree_on_deflate(std::span<const std::string_view> headers) {
  for (auto offers : headers)
    while (!offers.empty()) {
      auto parameters = take_until(offers, ',');
      const auto whole = parameters;
      const auto name = take_until(parameters, ';');
      offer o;
      if (equal_ignoring_case(trimmed(name), "permessage-deflate")
          && o.read(whole.substr(name.size())))
        return o.agreement();
    }
  return {};
}

} // namespace troupe::transport
