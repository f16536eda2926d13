#include "websocket_session.hpp"

#include "session_wire.hpp"

#include <boost/beast/http/field.hpp>

#include <utility>

namespace troupe::transport {

namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using protocol::errc;
using protocol::shared_bytes;

namespace {

/// One deflated frame is to serve all members, so none may depend on those before it.
websocket::permessage_deflate deflate_for_all() {
  websocket::permessage_deflate o;
  o.server_enable = true;
  o.server_no_context_takeover = true;
  o.client_no_context_takeover = true;
  return o;
}

socket_writer writer_for(polled_socket& s) { return socket_writer{s.native_handle()}; }
tls_writer writer_for(tls_channel& s) { return {s.native_handle(), s.socket().native_handle()}; }

} // namespace

/// Wraps a completion handler: it keeps the session alive, and what it throws, or its loss, ends this session only.
template <class Socket>
template <class F>
auto basic_websocket_session<Socket>::guarded(F f) {
  return guarded_handler{this->shared_from_this(), std::move(f)};
}

/// Runs `f`; what it throws ends this session only.
template <class Socket>
template <class F>
void basic_websocket_session<Socket>::contained(F&& f) noexcept {
  try {
    f();
  } catch (...) {
    fail();
  }
}

/// Ends it by the exception in flight: with a close frame, unless there is no memory for that, or one is queued already.
template <class Socket>
void basic_websocket_session<Socket>::fail() noexcept {
  protocol::report_exception(*settings_.log, *settings_.counters, "session");
  if (phase_ == phase::opening || outbox_.sealed()) // a client that waits for HTTP still is told nothing
    return terminate(errc::internal);
  try {
    refused_ = true; // perhaps nothing is read any more
    say_close(info(errc::internal).close_code, info(errc::internal).name, errc::internal);
    flush_soon();
  } catch (...) {
    terminate(errc::internal);
  }
}

/// A handler was destroyed uncalled: one of its operation's steps, which are Asio's and Beast's, could not be taken. Nobody else would
/// read on then. What is thrown in that step may be on its way to `fail`, which comes first.
template <class Socket>
void basic_websocket_session<Socket>::lose_handler() noexcept {
  if (phase_ == phase::ended || !loop_.entrance()->is_open()) // else all of the loop's go with it
    return;
  lost_ = true;
  arm_deadline(now());
}

template <class Socket>
basic_websocket_session<Socket>::basic_websocket_session(Socket&& socket, actors::event_loop& loop, const session_settings& settings,
                                                         admission::lease lease, socket_share share)
  : outbox_(settings.bounds),
    writer_(writer_for(socket)),
    loop_(loop),
    settings_(settings),
    socket_(std::move(socket)),
    guard_(settings.guard),
    lease_(std::move(lease)),
    share_(std::move(share)),
    heard_(loop.now()) {
  input_.max_size(settings.guard.max_message_bytes + 16 * 1024);
}

template <class Socket>
basic_websocket_session<Socket>::~basic_websocket_session() = default;

template <class Socket>
void basic_websocket_session<Socket>::start(const http_request_message& request, const std::string& subprotocol,
                                            actors::connection_info info, std::string_view leftover) {
  self_ = this->shared_from_this();
  contained([&] {
    if constexpr (!is_tls<Socket>)
      socket_.serve(*this);
    auto offers = request[boost::beast::http::field::sec_websocket_extensions];
    if (settings_.deflate && can_deflate_for({offers.data(), offers.size()}))
      accept_extended(request, subprotocol);
    else
      take_output(switching_protocols(request, subprotocol));
    open(std::move(info), leftover);
  });
}

/// Beast answers and agrees on extensions, which its stream has to know of.
template <class Socket>
void basic_websocket_session<Socket>::accept_extended(const http_request_message& asked, const std::string& subprotocol) {
  namespace http = boost::beast::http;
  http_request_message request{asked.method(), asked.target(), asked.version()};
  for (auto& f : asked) // one by one: where memory ends, the copy constructor of Beast 1.74's fields loses what it has copied
    request.insert(f.name(), f.name_string(), f.value());
  request.set(http::field::connection, "upgrade"); // it looks at the first of several headers only; `check_upgrade` has seen all
  request.set(http::field::upgrade, "websocket");
  stream_ = std::make_unique<beast_stream<Socket>>(loop_.context().get_executor());
  stream_->next_layer().serve(*this, socket_);
  stream_->read_message_max(settings_.guard.max_message_bytes);
  stream_->set_option(deflate_for_all());
  stream_->set_option(websocket::stream_base::decorator([&](websocket::response_type& response) {
    response.erase(http::field::server);
    if (!subprotocol.empty())
      response.set(http::field::sec_websocket_protocol, subprotocol);
    auto agreed = response[http::field::sec_websocket_extensions];
    extended_ = !agreed.empty();
    deflated_ = takes_deflated_frames({agreed.data(), agreed.size()});
  }));
  stream_->accept(request); // waits for nothing: what it writes is queued
  stream_->set_option(websocket::stream_base::decorator([](websocket::response_type&) {}));
}

template <class Socket>
void basic_websocket_session<Socket>::open(actors::connection_info info, std::string_view early) {
  phase_ = phase::open;
  if (deflated_)
    info.encoding = deflated(info.encoding);
  port_ = settings_.node->open(loop_, *this, std::move(info));
  if (stream_)
    hear_pongs();
  settings_.counters->count(protocol::counter::connections_opened);
  flush_soon();
  if (early.empty())
    read_next();
  else
    take_in(early);
}

} // namespace troupe::transport

#include "websocket_reading.ipp"
#include "websocket_writing.ipp"
#include "websocket_closing.ipp"

namespace troupe::transport {

template class basic_websocket_session<polled_socket>;
template class basic_websocket_session<tls_channel>;

} // namespace troupe::transport
