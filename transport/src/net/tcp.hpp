#pragma once

#include <boost/asio/ip/tcp.hpp>

namespace troupe::transport {

using tcp = boost::asio::ip::tcp;

} // namespace troupe::transport
