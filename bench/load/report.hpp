#pragma once

#include "load.hpp"

#include <iosfwd>
#include <string>

namespace troupe::bench {

/// The results as a table for people.
void print_table(std::ostream& out, const load_options& options, const load_result& result);

/// All of them as a JSON document: times in seconds or microseconds as the keys say, memory in KiB.
[[nodiscard]] std::string to_json(const load_options& options, const load_result& result);

} // namespace troupe::bench
