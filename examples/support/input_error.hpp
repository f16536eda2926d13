#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace troupe::examples {

/// What is wrong with a program's input, in one line that names the place and what was expected.
struct input_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// `text` on one line, safe to print, cut to a readable length.
[[nodiscard]] std::string printable(std::string_view text);

} // namespace troupe::examples
