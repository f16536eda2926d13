#pragma once

#include <string>
#include <vector>

namespace troupe::test {

/// What a sweep has found, for its report.
inline std::string one_line_each(const std::vector<std::string>& findings) {
  auto all = std::to_string(findings.size()) + " of them\n";
  for (auto& f : findings)
    all += f + '\n';
  return all;
}

} // namespace troupe::test
