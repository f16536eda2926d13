#include "random_id.hpp"

#include <cstdint>
#include <random>
#include <string_view>

namespace troupe::actors {

std::string random_id() {
  static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  thread_local std::random_device source;
  std::string id(22, '\0');
  std::uint32_t bits = 0;
  unsigned left = 0;
  for (auto& c : id) {
    if (left < 6) {
      bits = source();
      left = 32;
    }
    c = alphabet[bits & 63];
    bits >>= 6;
    left -= 6;
  }
  return id;
}

} // namespace troupe::actors
