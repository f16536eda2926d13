#include <utility>

#include "server/http_session.hpp"

#include "http/http_message.hpp"
#include "text/http_text.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

namespace troupe::transport {

namespace http = boost::beast::http;
using boost::system::error_code;

/// Carries an answer from any thread to its session, if that is still there.
template <class Socket>
struct basic_http_session<Socket>::late_answer final : http_reply::receiver,
                                                       std::enable_shared_from_this<late_answer> {
  late_answer(const actors::event_loop& l, std::weak_ptr<basic_http_session> s)
    : loop(l.entrance()), session(std::move(s)) {}

  void take(http_response response) override {
    if (taken.exchange(true))
      return;
    try {
      // else the server has gone, and the connection with it
      loop->enter([&](actors::event_loop& home) {
        home.post([self = this->shared_from_this(), r = std::move(response)]() mutable {
          if (auto s = self->session.lock(); s && s->late_ == self)
            s->take_late(std::move(r));
        });
      });
    } catch (...) {
      taken = false; // the application may try again
      throw;
    }
  }

  std::shared_ptr<actors::gate<actors::event_loop>> loop;
  std::weak_ptr<basic_http_session> session;
  std::atomic<bool> taken{false};
};

/// What `f` throws ends this session.
template <class Socket>
template <class F>
void basic_http_session<Socket>::contained(F&& f) noexcept {
  try {
    f();
  } catch (...) {
    protocol::report_exception(*settings_.sessions.log, *settings_.sessions.counters, "http");
    end();
  }
}

/// Wraps a completion handler, which keeps the session alive; its loss ends it.
template <class Socket>
template <class F>
auto basic_http_session<Socket>::guarded(F f) {
  return guarded_handler{this->shared_from_this(), std::move(f)};
}

/// What the lost operation has thrown may be on its way to `contained`, or to the loop.
template <class Socket>
void basic_http_session<Socket>::lose_handler() noexcept {
  if (loop_.entrance()->is_open()) // else all of the loop's go with it
    end();
}

template <class Socket>
basic_http_session<Socket>::basic_http_session(owned_descriptor accepted,
                                               const boost::asio::ip::address& peer,
                                               actors::event_loop& loop, http_settings& settings,
                                               socket_share share)
  : pending_socket(loop),
    accepted_(std::move(accepted)),
    settings_(settings),
    places_(settings.pending),
    share_(std::move(share)),
    peer_(peer),
    is_proxy_(is_in(peer, settings.trusted_proxies)) {
  buffer_.max_size(settings.max_header_bytes + settings.max_body_bytes);
}

template <class Socket>
basic_http_session<Socket>::~basic_http_session() {
  set_answering(false);
  places_->leave(*this);
}

template <class Socket>
void basic_http_session<Socket>::enter() {
  places_->enter(this->shared_from_this(), {peer_, is_proxy_});
}

template <class Socket>
void basic_http_session<Socket>::set_answering(bool is_answering) noexcept {
  if (std::exchange(is_answering_, is_answering) != is_answering)
    settings_.answering += is_answering ? 1 : -1;
}

/// Counts what a plain socket has read or written; of TLS, what has passed the engine since the
/// last time, on the wire.
template <class Socket>
void basic_http_session<Socket>::note_traffic(std::size_t received, std::size_t sent) noexcept {
  if constexpr (is_tls<Socket>) {
    auto* engine = SSL_get_rbio(socket_->native_handle());
    auto all_received = BIO_number_read(engine), all_sent = BIO_number_written(engine);
    received = all_received - std::exchange(received_, all_received);
    sent = all_sent - std::exchange(sent_, all_sent);
  }
  traffic().http.received.add(received);
  traffic().http.sent.add(sent);
}

template <class Socket>
void basic_http_session<Socket>::start() {
  contained([&] {
    if (accepted_.get() < 0)
      return; // another had to have its place
    open();
    if (settings_.proxy_protocol && is_proxy_)
      read_proxy();
    else
      shake_hands();
  });
}

template <class Socket>
void basic_http_session<Socket>::open() {
  polled_socket socket{std::move(accepted_), loop_};
  if constexpr (is_tls<Socket>)
    socket_.emplace(settings_.tls->on(std::move(socket)));
  else
    socket_.emplace(std::move(socket));
  lowest().serve(*this);
}

template <class Socket>
void basic_http_session<Socket>::end() {
  accepted_ = owned_descriptor{};
  if (is_open()) {
    note_traffic(0, 0);
    error_code ignored; // it goes, whatever the answer
    lowest().close(ignored);
  }
  places_->leave(*this);
  set_answering(false);
  deadline_.cancel();
  late_.reset();
  auto self = std::move(pending_);
}

template <class Socket>
void basic_http_session<Socket>::on_deadline() {
  if (!late_)
    return end();
  contained([&] {
    if (late_->taken) // it was given in time, and this loop is late
      return loop_.arm(deadline_, settings_.request_deadline);
    late_.reset();
    settings_.sessions.counters->count(protocol::counter::handler_errors, "http");
    respond(plain_answer(504, "The answer takes too long."));
  });
}

// -- before the first request ---------------------------------------------------------------------

/// The header is read byte by byte, so that nothing of what follows (perhaps TLS) is taken.
template <class Socket>
void basic_http_session<Socket>::read_proxy() {
  if (!deadline_.armed())
    loop_.arm(deadline_, settings_.request_deadline);
  boost::asio::async_read(lowest(), buffer_.prepare(1),
                          guarded([this](error_code ec, std::size_t n) { on_proxy_bytes(ec, n); }));
}

template <class Socket>
void basic_http_session<Socket>::on_proxy_bytes(error_code ec, std::size_t n) {
  if (ec)
    return end();
  traffic().http.received.add(n); // before TLS, if there is any
  buffer_.commit(n);
  auto data = buffer_.data();
  auto header = read_proxy_header({static_cast<const char*>(data.data()), data.size()});
  if (header.state == proxy_header::status::incomplete)
    return read_proxy();
  if (header.state == proxy_header::status::malformed) {
    settings_.sessions.counters->count(protocol::counter::handshakes_rejected, "proxy_header");
    return end();
  }
  buffer_.consume(header.bytes);
  if (header.source) {
    peer_ = *header.source;
    is_proxy_ = is_in(peer_, settings_.trusted_proxies);
    places_->rename(*this, {peer_, is_proxy_});
  }
  shake_hands();
}

template <class Socket>
void basic_http_session<Socket>::shake_hands() {
  if constexpr (is_tls<Socket>) {
    loop_.arm(deadline_, settings_.tls_deadline);
    socket_->async_handshake(boost::asio::ssl::stream_base::server, guarded([this](error_code ec) {
                               if (!ec)
                                 return read_request();
                               settings_.sessions.counters->count(
                                 protocol::counter::handshakes_rejected, "tls");
                               end();
                             }));
  } else {
    read_request();
  }
}

// -- requests -------------------------------------------------------------------------------------

template <class Socket>
void basic_http_session<Socket>::read_request() {
  parser_ = std::make_unique<parser>();
  parser_->header_limit(static_cast<std::uint32_t>(settings_.max_header_bytes));
  parser_->body_limit(settings_.max_body_bytes);
  loop_.arm(deadline_, settings_.request_deadline);
  if (has_asked_ && is_proxy_)
    places_->rename(*this, {peer_, true}); // whose the next request is, it will say
  if (has_asked_ || is_tls<Socket>)
    places_->wait(*this);
  has_asked_ = true;
  read_header();
}

template <class Socket>
void basic_http_session<Socket>::on_input() {
  auto self = std::move(pending_);
  contained([this] { read_header(); });
}

/// Waits by itself for a request to begin: for as long as an operation of Beast's is under way, the
/// loop waits in Asio.
template <class Socket>
void basic_http_session<Socket>::read_header() {
  if (!is_open())
    return;
  if constexpr (!is_tls<Socket>) {
    if (buffer_.size() == 0 && !socket_->may_have_input()) {
      pending_ = this->shared_from_this();
      return socket_->await_input();
    }
  }
  contained([&] {
    http::async_read_header(*socket_, buffer_, *parser_,
                            guarded([this](error_code ec, std::size_t n) {
                              note_traffic(n, 0);
                              on_header(ec);
                            }));
  });
}

template <class Socket>
void basic_http_session<Socket>::on_header(error_code ec) {
  if (!is_open())
    return;
  keep_alive_ = false;
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow)
    return refuse(431, "The headers are too large.", "headers");
  if (ec == http::error::end_of_stream || ec == http::error::partial_message
      || ec == boost::asio::error::connection_reset
      || ec == boost::asio::ssl::error::stream_truncated)
    return end();
  if (ec == http::error::body_limit) // announced by its length
    return refuse(413, "The body is too large.", "body");
  if (ec)
    return refuse(400, "This is no HTTP request.", "request");
  auto& request = parser_->get();
  auto count = static_cast<std::size_t>(std::distance(request.begin(), request.end()));
  if (settings_.max_headers > 0 && count > settings_.max_headers)
    return refuse(431, "There are too many headers.", "headers");
  name_client();
  if (wants_upgrade(request))
    return upgrade();
  set_answering(true);
  http::async_read(*socket_, buffer_, *parser_, guarded([this](error_code e, std::size_t n) {
    note_traffic(n, 0);
    on_body(e);
  }));
}

template <class Socket>
void basic_http_session<Socket>::on_body(error_code ec) {
  if (!is_open())
    return;
  if (ec == http::error::body_limit)
    return refuse(413, "The body is too large.", "body");
  if (ec)
    return refuse(400, "This is no HTTP request.", "request");
  answer(parser_->release());
}

/// Behind a trusted proxy the socket counts as the client's that this request is of.
template <class Socket>
void basic_http_session<Socket>::name_client() {
  if (is_proxy_)
    places_->rename(*this, {client_of(parser_->get(), peer_, settings_.trusted_proxies), false});
}

/// Becomes a WebSocket, or says why it does not.
template <class Socket>
void basic_http_session<Socket>::upgrade() {
  auto request = parser_->release();
  auto descriptor = lowest().native_handle();
  if (descriptor >= settings_.descriptors_scarce_from
      && are_in_use_below(settings_.descriptors_scarce_from, descriptor))
    return refuse(503, "There are too many connections.", "descriptors", {{"Retry-After", "5"}});
  auto admitted = admit_upgrade(settings_, request, peer_, loop_.now());
  if (!admitted) {
    auto& why = admitted.error();
    return refuse(why.status, why.text, why.label, why.headers);
  }
  deadline_.cancel();
  places_->leave(*this);
  std::string leftover{static_cast<const char*>(buffer_.data().data()), buffer_.size()};
  note_traffic(0, 0);
  auto& counted = traffic().websocket;
  auto make_channel = [&] {
    if constexpr (is_tls<Socket>)
      return channel{*socket_, leftover, counted};
    else
      return channel{std::move(*socket_), leftover, counted};
  };
  std::make_shared<websocket_session>(make_channel, loop_, settings_.sessions,
                                      std::move(admitted->lease), std::move(share_))
    ->start(request, admitted->subprotocol, std::move(admitted->info), leftover);
}

// -- answers --------------------------------------------------------------------------------------

template <class Socket>
void basic_http_session<Socket>::answer(const http_request_message& message) {
  keep_alive_ = message.keep_alive() && !settings_.closing.load(std::memory_order_relaxed);
  auto target = message.target();
  auto path = decode_path({target.data(), target.size()});
  request_ = std::make_unique<http_request>(
    request_of(message, path.value_or(""), client_of(message, peer_, settings_.trusted_proxies)));
  if (!path)
    return respond(plain_answer(400, "The path is malformed."));
  try {
    loop_.concerns(request_->method + ' ' + request_->path, "http");
    auto outcome = settings_.router.answer(*request_);
    if (auto* response = std::get_if<http_response>(&outcome))
      respond(std::move(*response));
    else
      answer_later(std::get<late_http_handler>(outcome));
  } catch (...) {
    protocol::report_exception(*settings_.sessions.log, *settings_.sessions.counters, "http",
                               request_->path);
    if (late_ && late_->taken)
      return; // an answer was given before, and is on its way
    late_.reset();
    respond(plain_answer(500, "This server has failed."));
  }
}

template <class Socket>
void basic_http_session<Socket>::answer_later(const late_http_handler& handler) {
  late_ = std::make_shared<late_answer>(loop_, this->weak_from_this());
  pending_ = this->shared_from_this();
  loop_.arm(deadline_, settings_.handler_deadline);
  places_->answer(*this);
  handler(*request_, http_reply{late_});
}

template <class Socket>
void basic_http_session<Socket>::take_late(http_response response) {
  late_.reset();
  contained([&] {
    if (is_open())
      respond(std::move(response));
  });
}

template <class Socket>
void basic_http_session<Socket>::refuse(unsigned status, std::string_view reason,
                                        std::string_view label, http_headers headers) {
  settings_.sessions.counters->count(protocol::counter::handshakes_rejected, label);
  auto response = plain_answer(status, reason);
  response.headers = std::move(headers);
  send(std::move(response), false, false);
}

/// Answers the request at hand.
template <class Socket>
void basic_http_session<Socket>::respond(http_response response) {
  settings_.router.allow_origin(*request_, response);
  send(std::move(response), request_->method == "HEAD", keep_alive_);
}

template <class Socket>
void basic_http_session<Socket>::send(http_response response, bool head, bool keep_alive) {
  auto bodiless = is_bodiless(response, head);
  auto m = std::make_shared<http_response_message>(
    message_of(std::move(response), head, keep_alive, loop_.wall_now()));
  loop_.arm(deadline_, settings_.request_deadline);
  places_->answer(*this);
  auto serializer = std::make_shared<http::response_serializer<http::string_body>>(*m);
  serializer->split(bodiless);
  auto done = guarded([this, m, serializer, keep_alive](error_code ec, std::size_t n) {
    note_traffic(0, n);
    pending_.reset();
    set_answering(false);
    if (!ec && keep_alive)
      read_request();
    else
      finish();
  });
  if (bodiless)
    http::async_write_header(*socket_, *serializer, std::move(done));
  else
    http::async_write(*socket_, *serializer, std::move(done));
}

/// Ends the output; the peer's rest is thrown away until it ends or the deadline, so that it can
/// read the answer.
template <class Socket>
void basic_http_session<Socket>::finish() {
  if (!is_open())
    return;
  if constexpr (is_tls<Socket>) {
    socket_->async_shutdown(guarded([this](error_code) { end(); }));
  } else {
    error_code ec;
    socket_->shutdown(boost::asio::socket_base::shutdown_send, ec);
    if (ec)
      return end();
    socket_->async_wait(boost::asio::socket_base::wait_read, guarded([this](error_code e) {
                          char buffer[16 * 1024];
                          for (int i = 0; !e && i < 16; ++i)
                            note_traffic(socket_->read_some(boost::asio::buffer(buffer), e), 0);
                          if (!e || e == boost::asio::error::would_block)
                            finish();
                          else
                            end();
                        }));
  }
}

template class basic_http_session<polled_socket>;
template class basic_http_session<tls_socket>;

} // namespace troupe::transport
