#include "model/session_name.hpp"

namespace troupe::actors {

session_secret random_session_secret() { return {random_client_id()}; }

std::string to_text(const session_name& name) {
  auto& [key, secret] = name;
  return to_text(client_id{std::uint64_t{key.loop} << 32 | key.slot, key.generation})
       + to_text(secret.bits);
}

std::optional<session_name> session_name_of(std::string_view text) noexcept {
  auto half = text.size() / 2;
  auto place = client_id_of(text.substr(0, half));
  auto secret = client_id_of(text.substr(half));
  constexpr auto most = std::uint64_t{0xffffffff};
  if (!place || !secret || place.low > most)
    return {};
  return session_name{{static_cast<std::uint32_t>(place.high & most),
                       static_cast<std::uint32_t>(place.low),
                       static_cast<std::uint32_t>(place.high >> 32)},
                      {secret}};
}

} // namespace troupe::actors
