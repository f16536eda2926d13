#pragma once

#include <utility>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <type_traits>

namespace troupe::transport {

using tcp = boost::asio::ip::tcp;

/// The kinds of sockets that Asio serves: those of TLS, until the upgrade. Their executor is a
/// loop's by type: `any_io_executor`, which Asio would take else, is copied and asked with each
/// operation.
using plain_socket = boost::asio::basic_stream_socket<tcp, boost::asio::io_context::executor_type>;
using tls_socket = boost::asio::ssl::stream<plain_socket>;

template <class Socket>
inline constexpr bool is_tls = std::is_same_v<Socket, tls_socket>;

/// The first of some buffers that has room; the last if none has.
template <class Buffers>
[[nodiscard]] boost::asio::mutable_buffer first_of(const Buffers& buffers) {
  auto i = boost::asio::buffer_sequence_begin(buffers);
  boost::asio::mutable_buffer first{*i};
  while (first.size() == 0 && ++i != boost::asio::buffer_sequence_end(buffers))
    first = *i;
  return first;
}

[[nodiscard]] inline plain_socket& lowest_layer(plain_socket& s) noexcept { return s; }
[[nodiscard]] inline plain_socket& lowest_layer(tls_socket& s) noexcept { return s.next_layer(); }

} // namespace troupe::transport
