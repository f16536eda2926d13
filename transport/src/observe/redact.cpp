#include "observe/redact.hpp"

#include "text/percent.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace troupe::transport {

namespace {

constexpr std::string_view replacement = "[redacted]";
constexpr std::string_view base64url_digits =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string lower_case(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

bool ends_value(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'
      || std::string_view{"&#\","}.find(c) != std::string_view::npos;
}

bool is_base64url(char c) { return base64url_digits.find(c) != std::string_view::npos; }

/// Finds the markers in a text that introduce a token.
class marker_finder {
public:
  explicit marker_finder(std::string_view text) : text_(text), lower_(lower_case(text)) {}

  /// The size of the marker at `at`, 0 if there is none. A token that is its own marker has size 0
  /// and sets `bare`.
  std::size_t marker_at(std::size_t at, bool& bare) {
    const auto rest = std::string_view{lower_}.substr(at);
    if (rest.starts_with("troupe.bearer."))
      return std::string_view{"troupe.bearer."}.size();
    if (rest.starts_with("bearer") && rest.size() > 6 && is_blank(rest[6]))
      return std::min(rest.find_first_not_of(" \t", 6), rest.size());
    const std::size_t equals = rest.starts_with('=') ? 1 : rest.starts_with("%3d") ? 3 : 0;
    if (equals != 0 && is_token_key(at))
      return equals;
    bare = is_token_at(at);
    return 0;
  }

private:
  [[nodiscard]] bool is_token_key(std::size_t end) const {
    constexpr std::size_t enough = 15; // each byte of `token` as an escape
    const auto bytes = std::min(end, enough);
    return decode_query_text(std::string_view{lower_}.substr(end - bytes, bytes))
      .ends_with("token");
  }

  /// Whether `{"` in base64url starts here, and more base64url follows after a dot.
  [[nodiscard]] bool is_token_at(std::size_t at) {
    if (!text_.substr(at).starts_with("eyJ"))
      return false;
    if (at >= run_end_)
      run_end_ = std::min(text_.find_first_not_of(base64url_digits, at), text_.size());
    return run_end_ - at > 10 && text_.size() - run_end_ > 1 && text_[run_end_] == '.'
        && is_base64url(text_[run_end_ + 1]);
  }

  std::string_view text_;
  std::string lower_;
  std::size_t run_end_ = 0; ///< of the base64url that was last looked at
};

std::size_t value_bytes(std::string_view text) {
  return static_cast<std::size_t>(std::find_if(text.begin(), text.end(), ends_value)
                                  - text.begin());
}

} // namespace

std::string redact(std::string_view text) {
  std::string out;
  marker_finder markers{text};
  for (std::size_t at = 0; at < text.size();) {
    bool bare = false;
    const auto marker = markers.marker_at(at, bare);
    if (marker == 0 && !bare) {
      out.push_back(text[at++]);
      continue;
    }
    out.append(text.substr(at, marker));
    at += marker;
    const auto value = value_bytes(text.substr(at));
    out.append(value == 0 ? std::string_view{} : replacement);
    at += value;
  }
  return out;
}

} // namespace troupe::transport
