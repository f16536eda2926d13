#include <utility>

#include "tls/channel.hpp"

#include <boost/asio/error.hpp>

namespace troupe::transport {

using boost::system::error_code;

channel::channel(polled_socket&& socket, std::string_view early, loop_traffic::bytes& counted)
  : plain_(socket.native_handle(), counted.sent),
    kind_(kind::plain),
    received_(&counted.received),
    socket_(std::move(socket)) {
  received_->add(early.size());
}

channel::channel(tls_socket& stream, std::string& early, loop_traffic::bytes& counted)
  : plain_(stream.next_layer().native_handle(), counted.sent),
    kind_(kind::tls),
    received_(&counted.received),
    socket_(std::move(stream.next_layer())) {
  tls_reader in{stream, early, counted.received};
  auto* ssl = in.native_handle();
  tls_.reset(new tls_layer{std::move(in), {ssl, socket_.native_handle(), counted.sent}});
  tls_->in.read_from(socket_);
}

channel::channel(memory_pipe& pipe, actors::event_loop& loop, loop_traffic::bytes& counted) noexcept
  : plain_(-1, counted.sent),
    kind_(kind::memory),
    pipe_(&pipe),
    received_(&counted.received),
    socket_(owned_descriptor{}, loop) {}

void channel::set_owner(polled_socket::owner& o) {
  if (pipe_)
    pipe_->set_owner(o);
  else
    socket_.set_owner(o);
}

// -- input ----------------------------------------------------------------------------------------

bool channel::others_may_have_input() const noexcept {
  return pipe_ ? pipe_->may_have_input() : tls_->in.has_more();
}

std::size_t channel::read_some(boost::asio::mutable_buffer into, error_code& ec) {
  return tls_ ? tls_->in.read_some(into, ec) : read_raw(into, ec);
}

std::size_t channel::read_raw(boost::asio::mutable_buffer into, error_code& ec) noexcept {
  auto n = pipe_ ? pipe_->read_some(into, ec) : socket_.read_some(into, ec);
  received_->add(n);
  return n;
}

std::optional<std::size_t> channel::throw_input_away(polled_socket::owner& o) {
  if (tls_)
    tls_->in.drop_read_ahead(); // otherwise there would always seem to be input
  char buffer[16 * 1024];
  error_code ec;
  auto thrown = read_raw(boost::asio::buffer(buffer), ec);
  if (ec && ec != boost::asio::error::would_block)
    return {};
  if (may_have_input())
    loop().post([&o, held = o.hold()] { o.on_input(); });
  else
    await_input();
  return thrown;
}

// -- output ---------------------------------------------------------------------------------------

ssize_t channel::send_otherwise(const iovec* parts, int count) {
  return pipe_ ? pipe_->take(parts, count) : tls_->out(parts, count);
}

actors::outbox::status channel::flush() {
  return tls_ ? tls_->out.flush() : actors::outbox::status::done;
}

// -- the end --------------------------------------------------------------------------------------

void channel::shut_output() noexcept { shut(boost::asio::socket_base::shutdown_send); }

void channel::shut_broken_output() noexcept {
  if (pipe_)
    return pipe_->shut_output();
  error_code ignored; // a socket that cannot be shut has ended
  socket_.shutdown(boost::asio::socket_base::shutdown_send, ignored);
}

void channel::shut_both() noexcept { shut(boost::asio::socket_base::shutdown_both); }

void channel::shut(boost::asio::socket_base::shutdown_type what) noexcept {
  if (pipe_)
    return pipe_->shut_output();
  if (tls_)
    tls_->in.close_output();
  error_code ignored; // a socket that cannot be shut has ended
  socket_.shutdown(what, ignored);
}

void channel::close() noexcept {
  if (pipe_)
    pipe_->close();
  error_code ignored; // the descriptor is gone even after an error
  socket_.close(ignored);
}

} // namespace troupe::transport
