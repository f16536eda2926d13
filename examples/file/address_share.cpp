#include "address_share.hpp"

#include <boost/asio/ip/address.hpp>

#include <algorithm>

namespace troupe::examples {

std::string share_of(const std::string& address) {
  boost::system::error_code ec;
  auto parsed = boost::asio::ip::make_address(address, ec);
  if (ec || parsed.is_v4() || parsed.to_v6().is_v4_mapped())
    return address;
  auto bytes = parsed.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  return boost::asio::ip::address_v6{bytes}.to_string();
}

} // namespace troupe::examples
