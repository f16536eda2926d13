#pragma once

#include <string>
#include <vector>

namespace troupe::test {

/// The findings of a sweep, for its report.
inline std::string one_line_each(const std::vector<std::string>& findings) {
  auto all = std::to_string(findings.size()) + " of them\n";
  for (auto& f : findings)
    all += f + '\n';
  return all;
}

} // namespace troupe::test
