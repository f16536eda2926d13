#pragma once

#include "net/polled_socket.hpp"

#include <boost/asio/ssl/stream.hpp>

namespace troupe::transport {

/// A socket with TLS until its upgrade: Asio's engine on it, which holds 68 KiB. A `channel` takes
/// it over.
using tls_socket = boost::asio::ssl::stream<polled_socket>;

} // namespace troupe::transport
