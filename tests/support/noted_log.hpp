#pragma once

#include <troupe/protocol/observe.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace troupe::test {

/// Keeps each line as `source: text`. Thread: one.
class noted_log final : public protocol::logger {
public:
  void write(protocol::log_level, std::string_view source,
             std::string_view text) noexcept override {
    lines.push_back(std::string{source} + ": " + std::string{text});
  }

  std::vector<std::string> lines;
};

} // namespace troupe::test
