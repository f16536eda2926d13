#include "net/client_address.hpp"

#include "text/http_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace troupe::transport {

namespace ip = boost::asio::ip;

namespace {

ip::address unmapped(const ip::address& a) {
  return a.is_v6() && a.to_v6().is_v4_mapped()
         ? ip::address{ip::make_address_v4(ip::v4_mapped, a.to_v6())}
         : a;
}

std::string bytes_of(const ip::address& a) {
  if (a.is_v4()) {
    auto b = a.to_v4().to_bytes();
    return {b.begin(), b.end()};
  }
  auto b = a.to_v6().to_bytes();
  return {b.begin(), b.end()};
}

std::optional<ip::address> parse_address(std::string_view text) {
  if (text.find('\0') != std::string_view::npos)
    return std::nullopt; // Asio would read only up to it
  boost::system::error_code ec;
  auto a = ip::make_address(std::string{text}, ec);
  return ec ? std::nullopt : std::optional{unmapped(a)};
}

/// An element of `X-Forwarded-For`: an address, perhaps with a port.
std::optional<ip::address> parse_element(std::string_view text) {
  if (auto plain = parse_address(text))
    return plain;
  if (text.starts_with('['))
    return parse_address(text.substr(1, text.find(']') - 1));
  return parse_address(text.substr(0, text.find(':')));
}

constexpr std::string_view v2_signature{"\r\n\r\n\0\r\nQUIT\n", 12};

proxy_header malformed() { return {proxy_header::status::malformed, 0, std::nullopt}; }

proxy_header read_v1(std::string_view bytes) {
  constexpr std::size_t longest = 107;
  auto end = bytes.substr(0, longest).find("\r\n");
  if (end == std::string_view::npos)
    return bytes.size() < longest ? proxy_header{} : malformed();
  std::vector<std::string_view> words;
  for (auto line = bytes.substr(0, end); !line.empty();) {
    auto space = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, space));
    line.remove_prefix(std::min(space + 1, line.size()));
  }
  if (words.size() >= 2 && words[1] == "UNKNOWN")
    return {proxy_header::status::complete, end + 2, std::nullopt};
  if (words.size() != 6 || (words[1] != "TCP4" && words[1] != "TCP6"))
    return malformed();
  auto source = parse_address(words[2]);
  return source ? proxy_header{proxy_header::status::complete, end + 2, source} : malformed();
}

proxy_header read_v2(std::string_view bytes) {
  constexpr std::size_t head = 16;
  constexpr std::size_t longest = 536;
  if (bytes.size() < head)
    return {};
  auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  auto whole = head + (static_cast<std::size_t>(byte(14)) << 8 | byte(15));
  auto command = byte(12) & 0x0f;
  if (byte(12) >> 4 != 2 || command > 1 || whole > longest)
    return malformed();
  if (bytes.size() < whole)
    return {};
  proxy_header done{proxy_header::status::complete, whole, std::nullopt};
  auto family = byte(13) >> 4;
  if (command == 0)
    return done; // the proxy's own connection
  if ((family == 1 && whole < head + 12) || (family == 2 && whole < head + 36))
    return malformed();
  if (family == 1) {
    ip::address_v4::bytes_type source;
    std::copy_n(bytes.begin() + head, source.size(), source.begin());
    done.source = ip::address_v4{source};
  } else if (family == 2) {
    ip::address_v6::bytes_type source;
    std::copy_n(bytes.begin() + head, source.size(), source.begin());
    done.source = unmapped(ip::address_v6{source});
  }
  return done;
}

} // namespace

std::optional<address_range> address_range::parse(std::string_view text) {
  if (text.find('%') != std::string_view::npos)
    return std::nullopt; // interfaces are not compared
  auto slash = text.find('/');
  auto address = parse_address(text.substr(0, slash));
  if (!address)
    return std::nullopt;
  address_range range;
  range.network_ = *address;
  auto widest = address->is_v4() ? 32u : 128u;
  range.bits_ = widest;
  if (slash != std::string_view::npos) {
    auto bits = text.substr(slash + 1);
    auto read = std::from_chars(bits.data(), bits.data() + bits.size(), range.bits_);
    if (read.ec != std::errc{} || read.ptr != bits.data() + bits.size() || range.bits_ > widest)
      return std::nullopt;
  }
  return range;
}

bool address_range::contains(const ip::address& address) const {
  auto a = unmapped(address);
  if (a.is_v4() != network_.is_v4())
    return false;
  auto here = bytes_of(a);
  auto there = bytes_of(network_);
  for (unsigned bit = 0; bit < bits_; ++bit)
    if (((here[bit / 8] ^ there[bit / 8]) >> (7 - bit % 8)) & 1)
      return false;
  return true;
}

bool is_in(const ip::address& address, const std::vector<address_range>& ranges) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](auto& range) { return range.contains(address); });
}

ip::address forwarded_address(const ip::address& peer, std::string_view forwarded_for,
                              const std::vector<address_range>& trusted) {
  auto client = unmapped(peer);
  auto elements = list_elements(forwarded_for);
  for (auto i = elements.rbegin(); i != elements.rend() && is_in(client, trusted); ++i) {
    auto before = parse_element(*i);
    if (!before)
      break;
    client = *before;
  }
  return client;
}

proxy_header read_proxy_header(std::string_view bytes) {
  constexpr std::string_view v1_start = "PROXY ";
  auto starts = [&](std::string_view start) {
    auto n = std::min(bytes.size(), start.size());
    return bytes.substr(0, n) == start.substr(0, n);
  };
  if (starts(v2_signature))
    return bytes.size() < v2_signature.size() ? proxy_header{} : read_v2(bytes);
  if (starts(v1_start))
    return bytes.size() < v1_start.size() ? proxy_header{} : read_v1(bytes);
  return malformed();
}

} // namespace troupe::transport
