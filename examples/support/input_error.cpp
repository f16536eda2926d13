#include "input_error.hpp"

#include <troupe/protocol/observe.hpp>

namespace troupe::examples {

std::string printable(std::string_view text) {
  constexpr std::size_t max_shown_bytes = 60;
  auto shown = protocol::escape_for_log(text.substr(0, max_shown_bytes));
  return text.size() > max_shown_bytes ? shown + "..." : shown;
}

} // namespace troupe::examples
