#include "mutator.hpp"

#include <algorithm>

namespace troupe::test {

namespace {

/// The bytes that matter most to a parser.
constexpr char telling[] =
  "\"\\{}[],:0123456789eE+-.u/ "
  "\t\n\x00\x01\x1f\x7f\x80\xbf\xc0\xc1\xc2\xc4\xca\xcb\xd4\xdc\xde\xed\xf0\xff";
constexpr std::string_view telling_bytes{telling, sizeof telling - 1};

} // namespace

std::string mutator::next() {
  std::string text = any();
  for (auto times = 1 + below(4); times > 0; --times)
    mutate(text);
  return text;
}

std::string_view mutator::piece() {
  const std::string_view source = any();
  const auto begin = below(source.size() + 1);
  return source.substr(begin, 1 + below(std::min<std::size_t>(16, source.size() - begin + 1)));
}

void mutator::mutate(std::string& text) {
  const auto at = below(text.size() + 1);
  const auto length = std::min<std::size_t>(1 + below(8), text.size() - std::min(at, text.size()));
  switch (below(9)) {
    case 0:
      if (at < text.size())
        text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
      break;
    case 1:
      if (at < text.size())
        text[at] = static_cast<char>(below(256));
      break;
    case 2:
      if (at < text.size())
        text[at] = telling_bytes[below(telling_bytes.size())];
      break;
    case 3: text.insert(at, 1, telling_bytes[below(telling_bytes.size())]); break;
    case 4: text.erase(at, length); break;
    case 5: text.insert(at, std::string{piece()}); break;
    case 6: text.replace(at, length, std::string{piece()}); break;
    case 7: text.insert(at, std::string{text, at, length}); break;
    default:
      if (below(4) == 0)
        text.resize(at);
  }
}

} // namespace troupe::test
