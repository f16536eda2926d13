#include "websocket/websocket_session.hpp"

#include "websocket/deflate_offer.hpp"

#include <boost/beast/http/field.hpp>

#include <vector>

#include <utility>

namespace troupe::transport {

using boost::system::error_code;
using protocol::errc;
using protocol::shared_bytes;

namespace {

constexpr std::uint16_t normal_closure = 1000; // RFC 6455, 7.4.1

socket_writer writer_for(polled_socket& s, actors::loop_counter& sent) {
  return {s.native_handle(), sent};
}
tls_writer writer_for(tls_channel& s, actors::loop_counter& sent) {
  return {s.native_handle(), s.socket().native_handle(), sent};
}

} // namespace

/// Wraps a completion handler: it keeps the session alive, and what it throws, or its loss, ends
/// this session only.
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

/// Ends it by the exception in flight: with a close frame, unless there is no memory for that, or
/// one is queued already.
template <class Socket>
void basic_websocket_session<Socket>::fail() noexcept {
  protocol::report_exception(*settings_.log, *settings_.counters, "session");
  // a client that waits for HTTP still is told nothing
  if (phase_ == phase::opening || outbox_.sealed())
    return terminate(errc::internal);
  try {
    refused_ = true; // perhaps nothing is read any more
    drop_input();
    say_close(info(errc::internal).close_code, info(errc::internal).name, errc::internal);
    flush_soon();
  } catch (...) {
    terminate(errc::internal);
  }
}

/// A handler was destroyed uncalled: one of its operation's steps, which are Asio's and Beast's,
/// could not be taken. Nobody else would read on then. What is thrown in that step may be on its
/// way to `fail`, which comes first.
template <class Socket>
void basic_websocket_session<Socket>::lose_handler() noexcept {
  if (phase_ == phase::ended || !loop_.entrance()->is_open()) // else all of the loop's go with it
    return;
  lost_ = true;
  arm_deadline(now());
}

template <class Socket>
basic_websocket_session<Socket>::basic_websocket_session(Socket&& socket, actors::event_loop& loop,
                                                         const session_settings& settings,
                                                         admission::lease lease, socket_share share)
  : outbox_(settings.bounds),
    writer_(writer_for(socket, (*settings.traffic)[loop.index()]->websocket.sent)),
    loop_(loop),
    settings_(settings),
    socket_(std::move(socket)),
    reader_(settings.reading),
    lease_(std::move(lease)),
    share_(std::move(share)),
    heard_(loop.now()) {}

template <class Socket>
basic_websocket_session<Socket>::~basic_websocket_session() = default;

template <class Socket>
void basic_websocket_session<Socket>::start(const http_request_message& request,
                                            const std::string& subprotocol,
                                            actors::connection_info info,
                                            std::string_view leftover) {
  self_ = this->shared_from_this();
  contained([&] {
    if constexpr (!is_tls<Socket>)
      socket_.serve(*this);
    answer(request, subprotocol);
    open(std::move(info), leftover);
  });
}

/// Answers the upgrade, and agrees on an extension. The answer leaves once the connection is there.
template <class Socket>
void basic_websocket_session<Socket>::answer(const http_request_message& request,
                                             const std::string& subprotocol) {
  std::optional<deflate_agreement> deflate;
  if (settings_.deflate) {
    std::vector<std::string_view> offers;
    for (auto& f : request)
      if (f.name() == boost::beast::http::field::sec_websocket_extensions)
        offers.emplace_back(f.value().data(), f.value().size());
    deflate = agree_on_deflate(offers);
  }
  if (deflate) {
    reader_.allow_deflate(settings_.inflaters[loop_.index()], false);
    deflated_ = deflate->takes_deflated_frames;
  }
  auto whole = shared_bytes::copy_of(
    switching_protocols(request, subprotocol, deflate ? deflate->answer : std::string_view{}),
    &settings_.node->output_meter());
  outbox_.append(whole, {0, static_cast<std::uint32_t>(whole.size())}, 1,
                 actors::output_kind::control, now());
}

template <class Socket>
void basic_websocket_session<Socket>::open(actors::connection_info info, std::string_view early) {
  phase_ = phase::open;
  if (deflated_)
    info.encoding = deflated(info.encoding);
  encoding_ = info.encoding;
  port_ = settings_.node->open(loop_, *this, std::move(info));
  settings_.counters->count(protocol::counter::connections_opened);
  flush_soon();
  if (!early.empty())
    take_in(early);
  read_next();
}

} // namespace troupe::transport

#include "websocket/websocket_closing.ipp"
#include "websocket/websocket_reading.ipp"
#include "websocket/websocket_writing.ipp"

namespace troupe::transport {

template class basic_websocket_session<polled_socket>;
template class basic_websocket_session<tls_channel>;

} // namespace troupe::transport
