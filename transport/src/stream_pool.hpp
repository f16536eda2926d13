#pragma once

#include "polled_socket.hpp"
#include "stream_layer.hpp"
#include "tls_channel.hpp"

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace troupe::transport {

template <class Socket>
using beast_stream = boost::beast::websocket::stream<stream_layer<Socket>>;

/// Open Beast streams of one loop that serve nobody. Between two whole messages, each text of them valid UTF-8, a stream without
/// extensions knows nothing of its session and weighs 2.6 KB; so a session borrows one for a message that it cannot read by itself,
/// and an idle one has none (but where a control frame came in parts: Beast reads on behind that).
///
/// Bound: `max_idle` streams; what is given back beyond it goes. Thread: the loop's.
template <class Socket>
class stream_pool {
public:
  using stream_ptr = std::unique_ptr<beast_stream<Socket>>;
  using executor_type = typename stream_layer<Socket>::executor_type;

  /// An open stream without extensions. Cost: none, or that of a handshake if none is idle.
  [[nodiscard]] stream_ptr take(executor_type executor) {
    if (idle_.empty())
      return make_open(executor);
    auto s = std::move(idle_.back());
    idle_.pop_back();
    return s;
  }

  /// Precondition: the stream is open, between two valid messages, without extensions, and no operation of it is under way.
  void give_back(stream_ptr s) {
    if (idle_.size() < max_idle)
      idle_.push_back(std::move(s));
  }

private:
  static constexpr std::size_t max_idle = 64;

  /// Beast opens a stream by a handshake only: it gets one that nobody sees (the key is RFC 6455's example).
  static stream_ptr make_open(executor_type executor) {
    namespace http = boost::beast::http;
    auto s = std::make_unique<beast_stream<Socket>>(executor);
    http::request<http::empty_body> upgrade{http::verb::get, "/", 11};
    upgrade.set(http::field::host, "localhost");
    upgrade.set(http::field::connection, "upgrade");
    upgrade.set(http::field::upgrade, "websocket");
    upgrade.set(http::field::sec_websocket_version, "13");
    upgrade.set(http::field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
    s->accept(upgrade);
    return s;
  }

  std::vector<stream_ptr> idle_;
};

/// The pools of one loop.
struct stream_pools {
  stream_pool<polled_socket> plain;
  stream_pool<tls_channel> tls;

  template <class Socket>
  [[nodiscard]] stream_pool<Socket>& of() noexcept {
    if constexpr (is_tls<Socket>)
      return tls;
    else
      return plain;
  }
};

} // namespace troupe::transport
