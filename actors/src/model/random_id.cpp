#include "model/random_id.hpp"

#include "model/client_id.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace troupe::actors {
namespace {

constexpr std::string_view alphabet =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t id_characters = 22;

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

random_bytes& source() {
  thread_local random_bytes bytes;
  return bytes;
}

} // namespace

std::string random_id() {
  std::string id(id_characters, '\0');
  for (auto& c : id)
    c = alphabet[source().next() & 63];
  return id;
}

client_id random_client_id() {
  client_id id;
  for (auto* half : {&id.high, &id.low})
    for (std::size_t i = 0; i < sizeof *half; ++i)
      *half = *half << 8 | source().next();
  return id;
}

std::string to_text(client_id id) {
  std::string text(id_characters, '\0');
  for (auto c = text.rbegin(); c != text.rend(); ++c) {
    *c = alphabet[id.low & 63];
    id.low = id.low >> 6 | id.high << 58;
    id.high >>= 6;
  }
  return text;
}

client_id client_id_of(std::string_view text) noexcept {
  constexpr std::size_t values_of_first = 4; // 128 bits in characters of 6
  if (text.size() != id_characters || alphabet.find(text.front()) >= values_of_first)
    return {};
  client_id id;
  for (auto c : text) {
    auto digit = alphabet.find(c);
    if (digit == std::string_view::npos)
      return {};
    id.high = id.high << 6 | id.low >> 58;
    id.low = id.low << 6 | digit;
  }
  return id;
}

} // namespace troupe::actors
