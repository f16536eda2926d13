#pragma once

#include "inbound_parts.hpp"
#include "socket_kinds.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

namespace troupe::transport {

/// What lies between Beast and a session's socket: decided by the session, called by the stream layer.
class stream_host : public inbound_parts::holder {
public:
  /// Called once, by `resume`.
  class waiter {
  public:
    virtual ~waiter() = default;
    virtual void resume() = 0;
  };

  virtual ~stream_host() = default;
  /// Looks at raw bytes that have come in; returns how many Beast may see. Less than all: the rest is refused.
  virtual std::size_t inspect(std::string_view bytes) = 0;
  /// Whether Beast may read on; if not, its read fails.
  [[nodiscard]] virtual bool wants_input() const noexcept = 0;
  /// Takes what Beast has written, whole frames.
  virtual void take_output(std::string_view bytes) = 0;
  /// Resumes once all output has left, or none will any more.
  virtual void when_drained(std::unique_ptr<waiter> w) = 0;
};

/// The next layer of a `beast::websocket::stream`: reads pass the host's guard, writes join the session's one output, so that
/// Beast's frames and ours never interleave. Reads first what the session has read already (and the guard has seen).
///
/// It owns no socket, so that a stream can serve several sessions of a loop, one after the other. One that serves nobody is given
/// nothing to read, and what it writes is lost.
template <class Socket>
class stream_layer {
public:
  using executor_type = boost::asio::io_context::executor_type;

  explicit stream_layer(executor_type executor) : executor_(executor) {}

  executor_type get_executor() const noexcept { return executor_; }
  stream_host& host() noexcept { return *host_; }
  Socket& socket() noexcept { return *socket_; }

  /// Serves `host`, whose socket this is, from now on. Both outlive what the stream does for them.
  void serve(stream_host& host, Socket& socket) noexcept {
    host_ = &host;
    socket_ = &socket;
  }
  void serve_nobody() noexcept {
    host_ = nullptr;
    socket_ = nullptr;
  }

  /// Bytes to read before the socket's. Precondition: none are left of those before.
  void set_ahead(std::string_view bytes) {
    ahead_.assign(bytes);
    ahead_at_ = 0;
  }
  [[nodiscard]] std::size_t ahead_bytes() const noexcept { return ahead_.size() - ahead_at_; }
  [[nodiscard]] bool has_ahead() const noexcept { return ahead_bytes() > 0; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
      [this](auto handler, const Buffers& into) { start_read(std::move(handler), into); }, token, buffers);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(boost::system::error_code, std::size_t)>(
      [this](auto handler, const Buffers& from) { start_write(std::move(handler), from); }, token, buffers);
  }

  /// Never: what comes is read asynchronously.
  template <class Buffers>
  std::size_t read_some(const Buffers&, boost::system::error_code& ec) {
    ec = boost::asio::error::operation_not_supported;
    return 0;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers&) {
    throw boost::system::system_error{boost::asio::error::operation_not_supported};
  }

  /// Never waits.
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, boost::system::error_code& ec) {
    ec = {};
    return write_some(buffers);
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers) {
    std::string bytes;
    for (auto i = boost::asio::buffer_sequence_begin(buffers); i != boost::asio::buffer_sequence_end(buffers); ++i) {
      boost::asio::const_buffer b{*i};
      bytes.append(static_cast<const char*>(b.data()), b.size());
    }
    if (host_)
      host_->take_output(bytes);
    return bytes.size();
  }

private:
  template <class Handler, class Buffers>
  void start_read(Handler handler, const Buffers& into) {
    if (!host_->wants_input()) {
      auto ec = make_error_code(boost::asio::error::operation_aborted);
      boost::asio::post(get_executor(), [ec, h = std::move(handler)]() mutable { h(ec, 0); });
      return;
    }
    if (!has_ahead()) {
      socket_->async_read_some(into, [this, into, h = std::move(handler)](boost::system::error_code ec, std::size_t n) mutable {
        if (!ec)
          ec = checked(into, n);
        h(ec, n);
      });
      return;
    }
    auto n = boost::asio::buffer_copy(into, boost::asio::buffer(ahead_) + ahead_at_);
    ahead_at_ += n;
    if (!has_ahead()) {
      std::string{}.swap(ahead_);
      ahead_at_ = 0;
    }
    boost::asio::post(get_executor(), [n, h = std::move(handler)]() mutable { h(boost::system::error_code{}, n); });
  }

  /// Lets the guard look at `n` bytes; shortens `n` to what may pass, and fails if that is nothing.
  template <class Buffers>
  boost::system::error_code checked(const Buffers& into, std::size_t& n) {
    auto left = n;
    std::size_t good = 0;
    for (auto i = boost::asio::buffer_sequence_begin(into); i != boost::asio::buffer_sequence_end(into) && left > 0; ++i) {
      boost::asio::mutable_buffer b{*i};
      auto size = std::min(left, b.size());
      auto passed = host_->inspect({static_cast<const char*>(b.data()), size});
      good += passed;
      left -= size;
      if (passed < size)
        break;
    }
    n = good;
    return good > 0 ? boost::system::error_code{} : make_error_code(boost::system::errc::operation_canceled);
  }

  template <class Handler, class Buffers>
  void start_write(Handler handler, const Buffers& from) {
    boost::asio::post(get_executor(),
                      [n = write_some(from), h = std::move(handler)]() mutable { h(boost::system::error_code{}, n); });
  }

  executor_type executor_;
  Socket* socket_ = nullptr;
  stream_host* host_ = nullptr;
  std::string ahead_;
  std::size_t ahead_at_ = 0;
};

/// Beast ends a connection: what is queued leaves first; the session closes the socket.
template <class Socket, class Handler>
void async_teardown(boost::beast::role_type, stream_layer<Socket>& stream, Handler&& handler) {
  using executor = typename stream_layer<Socket>::executor_type;
  struct resumption final : stream_host::waiter {
    explicit resumption(std::decay_t<Handler>&& h, executor e) : handler(std::move(h)), where(std::move(e)) {}
    void resume() override {
      boost::asio::post(where, [h = std::move(handler)]() mutable { h(boost::system::error_code{}); });
    }
    std::decay_t<Handler> handler;
    executor where;
  };
  std::decay_t<Handler> own{std::forward<Handler>(handler)};
  stream.host().when_drained(std::make_unique<resumption>(std::move(own), stream.get_executor()));
}

template <class Socket>
void teardown(boost::beast::role_type, stream_layer<Socket>& stream, boost::system::error_code& ec) {
  lowest_layer(stream.socket()).close(ec);
}

template <class Socket>
void beast_close_socket(stream_layer<Socket>& stream) {
  boost::system::error_code ignored; // a socket that cannot be closed is closed
  lowest_layer(stream.socket()).close(ignored);
}

} // namespace troupe::transport
