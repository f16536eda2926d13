#include "model/random_id.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace troupe::actors {
namespace {

/// Random bytes of the kernel, fetched 256 at a time: getrandom(2) never interrupts such a call.
class random_bytes {
public:
  std::uint8_t next() {
    if (at_ == bytes_.size())
      refill();
    return bytes_[at_++];
  }

private:
  void refill() {
    if (::getrandom(bytes_.data(), bytes_.size(), 0) != static_cast<ssize_t>(bytes_.size()))
      throw std::system_error{errno, std::system_category(), "getrandom"};
    at_ = 0;
  }

  std::array<std::uint8_t, 256> bytes_;
  std::size_t at_ = bytes_.size();
};

} // namespace

std::string random_id() {
  static constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  thread_local random_bytes source;
  std::string id(22, '\0');
  for (auto& c : id)
    c = alphabet[source.next() & 63];
  return id;
}

} // namespace troupe::actors
