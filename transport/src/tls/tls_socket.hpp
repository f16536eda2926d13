#pragma once

#include "net/polled_socket.hpp"

#include <boost/asio/ssl/stream.hpp>

#include <type_traits>

namespace troupe::transport {

/// A socket with TLS until its upgrade: Asio's engine on it, which holds 68 KiB. A `channel` takes
/// it over.
using tls_socket = boost::asio::ssl::stream<polled_socket>;

template <class Socket>
inline constexpr bool is_tls = std::is_same_v<Socket, tls_socket>;

[[nodiscard]] inline polled_socket& lowest_layer(tls_socket& s) noexcept { return s.next_layer(); }

} // namespace troupe::transport
