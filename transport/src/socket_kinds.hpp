#pragma once

#include <utility>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <type_traits>

namespace troupe::transport {

using tcp = boost::asio::ip::tcp;

/// The two kinds of sockets that sessions are made of.
using plain_socket = tcp::socket;
using tls_socket = boost::asio::ssl::stream<tcp::socket>;

template <class Socket>
inline constexpr bool is_tls = std::is_same_v<Socket, tls_socket>;

[[nodiscard]] inline tcp::socket& lowest_layer(plain_socket& s) noexcept { return s; }
[[nodiscard]] inline tcp::socket& lowest_layer(tls_socket& s) noexcept { return s.next_layer(); }

} // namespace troupe::transport
