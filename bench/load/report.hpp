#pragma once

#include "load.hpp"

#include <iosfwd>
#include <string>

namespace troupe::bench {

/// Prints the results as a table for people.
void print_table(std::ostream& out, const load_options& options, const load_result& result);

/// All results as a JSON document. Times are in seconds or microseconds, as the keys say; memory is
/// in KiB.
[[nodiscard]] std::string to_json(const load_options& options, const load_result& result);

} // namespace troupe::bench
