#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe::examples {

/// Who is in a room, as a JSON list of {userId, username}.
class roster {
public:
  /// Both are valid UTF-8.
  void add(std::string_view user_id, std::string_view name);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::string json() const { return '[' + entries_ + ']'; }

private:
  std::string entries_;
  std::size_t size_ = 0;
};

} // namespace troupe::examples
