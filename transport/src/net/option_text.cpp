#include <troupe/transport/option_text.hpp>

#include "net/client_address.hpp"

#include <net/if.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <string>
#include <system_error>

namespace troupe::transport {

namespace {

/// Whether this machine has such an interface, by name or number. (Asio takes an unknown one for
/// none.)
bool is_zone(std::string_view text) {
  std::string name{text};
  if (name.find('\0') != std::string::npos)
    return false;
  if (::if_nametoindex(name.c_str()) != 0)
    return true;
  unsigned number = 0;
  auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  char found[IF_NAMESIZE];
  return read.ec == std::errc{} && read.ptr == text.data() + text.size()
      && ::if_indextoname(number, found);
}

} // namespace

bool is_address(std::string_view text) {
  auto address = text.substr(0, text.find('%'));
  if (address.find('/') != std::string_view::npos || !is_network(address))
    return false;
  auto has_zone = address.size() < text.size();
  return !has_zone
      || (address.find(':') != std::string_view::npos && is_zone(text.substr(address.size() + 1)));
}

bool is_network(std::string_view text) { return address_range::parse(text).has_value(); }

namespace {

constexpr std::string_view lower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view digits = "0123456789";

bool is_made_of(std::string_view text, std::initializer_list<std::string_view> sets) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return std::any_of(sets.begin(), sets.end(),
                       [c](auto set) { return set.find(c) != std::string_view::npos; });
  });
}

bool is_scheme(std::string_view text) {
  return is_made_of(text, {lower, digits, "+-."})
      && lower.find(text.front()) != std::string_view::npos;
}

bool is_in_brackets(std::string_view text) {
  return text.starts_with('[') && text.ends_with(']') && text.find(':') != std::string_view::npos
      && is_address(text.substr(1, text.size() - 2));
}

/// Whether browsers send such a host: it has no zone, which means something on one machine only.
bool is_host(std::string_view text) {
  if (text.starts_with('['))
    return is_in_brackets(text) && text.find('%') == std::string_view::npos;
  return is_made_of(text, {lower, digits, "-._"});
}

/// Whether browsers write the port so: they leave out the scheme's default.
bool is_port_of(std::string_view scheme, std::string_view text) {
  std::uint16_t port = 0;
  auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  auto left_out = scheme == "http" || scheme == "ws"   ? 80
                : scheme == "https" || scheme == "wss" ? 443
                                                       : 0;
  return read.ec == std::errc{} && read.ptr == text.data() + text.size() && !text.starts_with('0')
      && port != left_out;
}

} // namespace

bool is_origin(std::string_view text) {
  if (text == "null")
    return true;
  auto colon = text.find("://");
  if (colon == std::string_view::npos || !is_scheme(text.substr(0, colon)))
    return false;
  auto scheme = text.substr(0, colon);
  auto host = text.substr(colon + 3);
  auto behind_host = host.starts_with('[') ? host.find("]:") : host.rfind(':');
  if (behind_host == std::string_view::npos)
    return is_host(host);
  auto port = host.find(':', behind_host);
  return is_host(host.substr(0, port)) && is_port_of(scheme, host.substr(port + 1));
}

std::optional<address_and_port> read_address_and_port(std::string_view text) {
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  auto address = text.substr(0, colon);
  auto number = text.substr(colon + 1);
  std::uint16_t port = 0;
  auto read = std::from_chars(number.data(), number.data() + number.size(), port);
  if (read.ec != std::errc{} || read.ptr != number.data() + number.size())
    return std::nullopt;
  if (address.starts_with('[')) {
    if (!is_in_brackets(address))
      return std::nullopt;
    address = address.substr(1, address.size() - 2);
  } else if (!address.empty() && !is_address(address)) {
    return std::nullopt;
  }
  return address_and_port{address, port};
}

std::string write_address_and_port(std::string_view address, std::uint16_t port) {
  auto is_v6 = address.find(':') != std::string_view::npos;
  std::string text;
  text.append(is_v6 ? "[" : "").append(address).append(is_v6 ? "]:" : ":");
  return text + std::to_string(port);
}

} // namespace troupe::transport
