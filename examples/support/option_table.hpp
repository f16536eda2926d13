#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::examples {

/// One option of a program, on the command line (`--name`) and in its file (`name = value`).
struct program_option {
  std::string name;  ///< without dashes
  std::string value; ///< what stands for the value in `--help`
  std::string help;
  std::string expected;                       ///< completes "expected ..."
  std::function<bool(std::string_view)> take; ///< stores one value; false if it is not as expected
  /// Set if the option may be repeated: forgets the values taken before.
  std::function<void()> clear = {};
  /// Takes no value on the command line: `--name` means `name = true`.
  bool flag = false;
  /// The default value, for `--help`; empty if there is none.
  std::string standard = {};
};

using option_table = std::vector<program_option>;

/// Reads the command line and the file that its `--config` names; the command line wins. Tells an
/// error in one line on stderr that names the option, or the file and the key, and what was
/// expected.
///
/// Returns the exit code if the program should end at once: 0 after `--help`, 2 after bad input.
[[nodiscard]] std::optional<int> read_options(const option_table& options, std::string_view program,
                                              std::string_view about, int argc,
                                              const char* const* argv);

} // namespace troupe::examples
