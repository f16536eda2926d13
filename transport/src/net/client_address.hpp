#pragma once

#include <boost/asio/ip/address.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::transport {

/// A set of addresses: one, or a network (`10.0.0.0/8`). IPv4-mapped IPv6 addresses count as IPv4.
class address_range {
public:
  /// Nothing if the text is neither, or names an interface (`%`), which would have no effect.
  [[nodiscard]] static std::optional<address_range> parse(std::string_view text);
  [[nodiscard]] bool contains(const boost::asio::ip::address& address) const;

private:
  boost::asio::ip::address network_;
  unsigned bits_ = 0;
};

/// Whether one of `ranges` holds the address.
[[nodiscard]] bool is_in(const boost::asio::ip::address& address,
                         const std::vector<address_range>& ranges);

/// The client behind trusted proxies: the last address of `X-Forwarded-For` (all its values as one
/// list) that is not a trusted proxy's; `peer` if it is not trusted itself. Believes nothing before
/// an element that is no address: the proxy that passed it on is then the client.
[[nodiscard]] boost::asio::ip::address forwarded_address(const boost::asio::ip::address& peer,
                                                         std::string_view forwarded_for,
                                                         const std::vector<address_range>& trusted);

/// What a PROXY protocol header says (versions 1 and 2 of haproxy's specification).
struct proxy_header {
  enum class status { incomplete, malformed, complete };
  status state = status::incomplete;
  std::size_t bytes = 0;                          ///< of the header, if complete
  std::optional<boost::asio::ip::address> source; ///< nothing for `UNKNOWN` and `LOCAL`
};

/// Reads the header at the start of `bytes`; at most 536 bytes belong to it.
[[nodiscard]] proxy_header read_proxy_header(std::string_view bytes);

} // namespace troupe::transport
