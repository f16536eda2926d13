#include <troupe/transport/option_text.hpp>

#include "client_address.hpp"

#include <charconv>
#include <system_error>

namespace troupe::transport {

bool is_address(std::string_view text) {
  return text.find('/') == std::string_view::npos && is_network(text);
}

bool is_network(std::string_view text) { return address_range::parse(text).has_value(); }

bool is_origin(std::string_view text) {
  auto host = text.find("://");
  return text == "null"
         || (host != std::string_view::npos && host > 0 && host + 3 < text.size()
             && text.find_first_of("/?# ", host + 3) == std::string_view::npos);
}

std::optional<address_and_port> read_address_and_port(std::string_view text) {
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  auto address = text.substr(0, colon);
  auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size())
    return std::nullopt;
  if (address.starts_with('[') && address.ends_with(']'))
    address = address.substr(1, address.size() - 2);
  if (!address.empty() && !is_address(address))
    return std::nullopt;
  return address_and_port{address, port};
}

} // namespace troupe::transport
