#include "websocket_session.hpp"

#include "session_wire.hpp"

#include <troupe/protocol/frame.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/zlib/error.hpp>

#include <sys/uio.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace troupe::transport {

namespace websocket = boost::beast::websocket;
using boost::system::error_code;
using protocol::errc;
using protocol::shared_bytes;

namespace {

bool is_inflate_error(const error_code& ec) {
  return ec.category() == make_error_code(boost::beast::zlib::error::need_buffers).category();
}

/// One deflated frame is to serve all members, so none may depend on those before it.
websocket::permessage_deflate deflate_for_all() {
  websocket::permessage_deflate o;
  o.server_enable = true;
  o.server_no_context_takeover = true;
  o.client_no_context_takeover = true;
  return o;
}

constexpr std::uint8_t max_reads_in_a_row = 16;
constexpr std::size_t max_read_bytes = 16 * 1024;
constexpr std::size_t max_taken_bytes = 16 * 1024; ///< one TLS record

/// A TLS write takes its time also where the peer reads: many small frames of one turn wait for it, bounded by their bytes.
template <class Socket>
outbox::bounds bounds_for(outbox::bounds b) {
  constexpr std::size_t patience = 16;
  return is_tls<Socket> ? outbox::bounds{b.max_bytes, patience * b.max_frames} : b;
}

} // namespace

/// Wraps a completion handler: it keeps the session alive, and what it throws ends this session only.
template <class Socket>
template <class F>
auto basic_websocket_session<Socket>::guarded(F f) {
  return [self = this->shared_from_this(), f = std::move(f)](auto&&... args) mutable {
    try {
      f(std::forward<decltype(args)>(args)...);
    } catch (const std::exception& e) {
      self->settings_.log->write(protocol::log_level::error, "session", e.what());
      self->settings_.counters->count(protocol::counter::handler_errors, "session");
      if (self->phase_ == phase::opening)
        return self->end(); // the client waits for HTTP still
      self->close(errc::internal, {});
      self->flush_soon();
    }
  };
}

template <class Socket>
basic_websocket_session<Socket>::basic_websocket_session(Socket&& socket, actors::event_loop& loop, const session_settings& settings,
                                                         admission::lease lease, socket_share share)
  : outbox_(bounds_for<Socket>(settings.bounds)),
    loop_(loop),
    settings_(settings),
    socket_(std::move(socket)),
    guard_(settings.guard),
    lease_(std::move(lease)),
    share_(std::move(share)),
    heard_(loop.now()) {
  fd_ = this->socket().native_handle();
  input_.max_size(settings.guard.max_message_bytes > 0 ? settings.guard.max_message_bytes + 16 * 1024
                                                       : std::size_t{1} << 32);
}

template <class Socket>
basic_websocket_session<Socket>::~basic_websocket_session() = default;

template <class Socket>
void basic_websocket_session<Socket>::start(const http_request_message& request, const std::string& subprotocol,
                                            actors::connection_info info, std::string_view leftover) {
  self_ = this->shared_from_this();
  guarded([&] {
    auto offers = request[boost::beast::http::field::sec_websocket_extensions];
    if (settings_.deflate && can_deflate_for({offers.data(), offers.size()}))
      accept_extended(request, subprotocol);
    else
      take_output(switching_protocols(request, subprotocol));
    open(std::move(info), leftover);
  })();
}

/// Beast answers and agrees on extensions, which its stream has to know of.
template <class Socket>
void basic_websocket_session<Socket>::accept_extended(http_request_message request, const std::string& subprotocol) {
  namespace http = boost::beast::http;
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

// -- input ----------------------------------------------------------------------------------------------------------------

/// Reads on: by Beast if it holds input of which nothing has been heard yet, else once the socket has some.
template <class Socket>
void basic_websocket_session<Socket>::read_next() {
  if (phase_ == phase::ended || phase_ == phase::lingering)
    return;
  if (phase_ == phase::open && !port_.may_read()) {
    paused_ = true;
    paused_at_ = now();
    return;
  }
  if (in_stream_ && in_a_row_++ < max_reads_in_a_row)
    read_by_stream();
  else if (in_stream_)
    loop_.post(guarded([this] { in_a_row_ = 0, read_by_stream(); }));
  else
    read_first();
}

/// Waits for what comes next, between two messages: a little later, since asking at once finds nothing yet and costs a system call.
template <class Socket>
void basic_websocket_session<Socket>::read_first() {
  in_a_row_ = 0;
  input_.shrink_to_fit();
  give_stream_back();
  loop_.when_free(this->shared_from_this());
}

template <class Socket>
void basic_websocket_session<Socket>::run_pending() {
  if (phase_ == phase::ended || phase_ == phase::lingering)
    return;
  guarded([this] {
    socket_.async_read_some(boost::asio::buffer(first_), guarded([this](error_code ec, std::size_t n) {
                              if (ec)
                                end(); // the peer has gone
                              else
                                receive(n);
                            }));
  })();
}

template <class Socket>
void basic_websocket_session<Socket>::receive(std::size_t n) {
  if (phase_ == phase::ended || phase_ == phase::lingering)
    return;
  if (is_tls<Socket> || n < first_.size())
    return take_in({first_.data(), n});
  char bytes[max_read_bytes];
  std::copy_n(first_.data(), n, bytes);
  error_code ec; // whatever it is, the next read meets it again
  n += socket().read_some(boost::asio::buffer(bytes + n, sizeof bytes - n), ec);
  take_in({bytes, n});
}

/// Takes whole frames; what is behind them is Beast's to read.
template <class Socket>
void basic_websocket_session<Socket>::take_in(std::string_view bytes) {
  auto rest = bytes.substr(0, inspect(bytes));
  if (rest.empty())
    return; // the guard has refused all of it
  while (!refused_ && !rest.empty() && port_.may_read()) {
    auto frame = first_whole_frame(rest);
    if (frame.bytes == 0 || !take_frame(frame))
      break;
    rest.remove_prefix(frame.bytes);
  }
  in_stream_ = !rest.empty();
  if (in_stream_)
    stream().next_layer().set_ahead(rest);
  read_next();
}

/// Delivers a message, answers a ping. False, and nothing was done, if Beast has to refuse it.
template <class Socket>
bool basic_websocket_session<Socket>::take_frame(const whole_frame& frame) {
  auto payload = frame.payload();
  if (!payload)
    return false;
  if (frame.is_message()) {
    deliver(std::move(payload), frame.op == protocol::opcode::binary);
  } else if (frame.op == protocol::opcode::ping) {
    auto pong = protocol::make_frame(protocol::opcode::pong, payload.view(), &settings_.node->output_meter());
    append(pong, {0, static_cast<std::uint32_t>(pong.size())}, 1, actors::output_kind::control);
    flush_soon();
  } else if (port_.wants_pongs() && phase_ == phase::open) {
    port_.ponged(std::string{payload.view()});
  }
  return true;
}

template <class Socket>
void basic_websocket_session<Socket>::deliver(shared_bytes message, bool is_binary) {
  ++delivered_;
  if (phase_ == phase::open)
    port_.deliver(std::move(message), is_binary);
}

/// The Beast stream that reads for this session, from now on if there was none.
template <class Socket>
beast_stream<Socket>& basic_websocket_session<Socket>::stream() {
  if (stream_)
    return *stream_;
  stream_ = pool().take(loop_.context().get_executor());
  stream_->read_message_max(settings_.guard.max_message_bytes);
  stream_->next_layer().serve(*this, socket_);
  hear_pongs();
  return *stream_;
}

template <class Socket>
void basic_websocket_session<Socket>::give_stream_back() {
  if (!stream_ || extended_ || refused_ || phase_ != phase::open)
    return;
  stream_->control_callback();
  stream_->next_layer().serve_nobody();
  pool().give_back(std::move(stream_));
}

template <class Socket>
void basic_websocket_session<Socket>::hear_pongs() {
  if (port_.wants_pongs())
    stream_->control_callback([this](websocket::frame_type kind, boost::beast::string_view payload) {
      if (kind == websocket::frame_type::pong && phase_ == phase::open)
        port_.ponged(std::string{payload});
    });
}

template <class Socket>
void basic_websocket_session<Socket>::read_by_stream() {
  if (phase_ == phase::ended || phase_ == phase::lingering)
    return;
  stream().async_read(input_, guarded([this](error_code ec, std::size_t) { on_read(ec); }));
}

template <class Socket>
void basic_websocket_session<Socket>::on_read(error_code ec) {
  if (phase_ == phase::ended)
    return;
  if (!ec) {
    auto bytes = input_.data();
    std::string_view message{static_cast<const char*>(bytes.data()), bytes.size()};
    // Beast 1.74 does not look for half a character where the last fragment is empty, and keeps it for the next text.
    if (!stream_->got_binary() && !is_utf8(message)) {
      settings_.counters->count(protocol::counter::protocol_errors, to_string(errc::undecodable));
      return refuse_unsaid(errc::undecodable);
    }
    deliver(shared_bytes::copy_of(message), stream_->got_binary());
    input_.clear();
    in_stream_ = stream_->next_layer().has_ahead() || !guard_.at_message_end() || guard_.messages() != delivered_;
    read_next();
    return;
  }
  if (ec == websocket::error::closed) {
    peer_closed_ = true;
    end();
  } else if (refused_) {
    throw_away_input();
  } else if (is_inflate_error(ec)) {
    settings_.counters->count(protocol::counter::protocol_errors, "inflate");
    refuse_unsaid(errc::undecodable);
  } else if (ec == websocket::error::buffer_overflow) { // what a small frame inflates to
    settings_.counters->count(protocol::counter::protocol_errors, to_string(errc::too_big));
    refuse_unsaid(errc::too_big);
  } else if (ec == boost::asio::error::eof || ec == boost::asio::error::connection_reset || has_output()
             || !outbox_.sealed()) {
    end(); // the peer has gone, or there is nothing more to say
  } else {
    settings_.counters->count(protocol::counter::protocol_errors, "framing");
    if (why_ == errc::ok)
      why_ = ec == websocket::error::bad_frame_payload ? errc::undecodable : errc::protocol_error;
    linger(); // Beast has sent its close frame; the peer may read it before the socket goes
  }
}

/// Beast ends the connection and says nothing, so we do.
template <class Socket>
void basic_websocket_session<Socket>::refuse_unsaid(errc why) {
  refused_ = true;
  close(why, {});
  flush_soon();
}

template <class Socket>
std::size_t basic_websocket_session<Socket>::inspect(std::string_view bytes) {
  if (refused_)
    return 0;
  heard_ = now();
  auto verdict = guard_.feed(bytes, heard_);
  if (verdict.error != errc::ok)
    refuse(verdict.error);
  else if (auto since = guard_.open_since())
    arm_deadline(*since + settings_.assembly_deadline);
  return verdict.good;
}

/// The guard has seen what must not reach Beast: a close frame, and nothing more is read.
template <class Socket>
void basic_websocket_session<Socket>::refuse(errc why) {
  refused_ = true;
  settings_.counters->count(protocol::counter::protocol_errors, to_string(why));
  close(why, {});
  flush_soon();
}

template <class Socket>
void basic_websocket_session<Socket>::resume_reading() {
  if (!paused_)
    return;
  paused_ = false;
  auto at = now();
  guard_.stand_still(at - paused_at_);
  heard_ = at;
  loop_.post(guarded([this] { read_next(); }));
}

template <class Socket>
actors::steady_time basic_websocket_session<Socket>::last_inbound() const { return paused_ ? now() : heard_; }

// -- output ---------------------------------------------------------------------------------------------------------------

template <class Socket>
void basic_websocket_session<Socket>::write(const shared_bytes& batch, std::span<const actors::byte_range> parts, std::uint32_t frames) {
  if (broken_ || phase_ == phase::ended)
    return;
  if constexpr (is_tls<Socket>) {
    for (auto part : parts)
      append(batch, part, std::exchange(frames, 0), actors::output_kind::data);
    send_queued();
    return;
  }
  if (!outbox_.empty() && !waiting_writable_) { // what was appended in this turn goes first, at its end
    for (auto part : parts)
      append(batch, part, std::exchange(frames, 0), actors::output_kind::data);
    return;
  }
  handle(outbox_.write(batch, parts, frames, [this] { return now(); }, socket_writer{fd_}));
}

template <class Socket>
void basic_websocket_session<Socket>::append(const shared_bytes& bytes, actors::byte_range part, std::uint32_t frames,
                               actors::output_kind kind) {
  if (broken_ || phase_ == phase::ended)
    return;
  outbox_.append(bytes, part, frames, kind, now());
  if (outbox_.over_bound() && !waiting_writable_ && !writing_)
    flush(); // many frames of one turn are no sign of a slow reader: it was not offered them yet
  else
    check_bound();
}

template <class Socket>
void basic_websocket_session<Socket>::flush() {
  if (!broken_ && phase_ != phase::ended && !waiting_writable_)
    send_queued();
}

template <class Socket>
void basic_websocket_session<Socket>::send_queued() {
  if constexpr (is_tls<Socket>)
    write_taken();
  else
    handle(outbox_.flush(now(), socket_writer{fd_}));
}

/// TLS: takes some of what is queued and writes it; what was taken is kept until it has left.
template <class Socket>
void basic_websocket_session<Socket>::write_taken()
  requires is_tls<Socket>
{
  if (writing_)
    return;
  taken_.clear();
  outbox_.take(taken_, max_taken_bytes);
  if (taken_.empty()) {
    std::string{}.swap(taken_);
    return on_drained();
  }
  writing_ = true;
  arm_deadline(outbox_.last_progress() + settings_.write_deadline);
  boost::asio::async_write(socket_, boost::asio::buffer(taken_), guarded([this](error_code ec, std::size_t) {
                             writing_ = false;
                             outbox_.note_progress(now());
                             if (phase_ == phase::ended)
                               return;
                             if (ec)
                               handle(outbox::status::broken);
                             else
                               write_taken();
                           }));
}

template <class Socket>
void basic_websocket_session<Socket>::ping(std::string_view payload) {
  static const auto empty = protocol::make_frame(protocol::opcode::ping, {});
  auto frame = payload.empty() ? empty : protocol::make_frame(protocol::opcode::ping, payload.substr(0, 125));
  append(frame, {0, static_cast<std::uint32_t>(frame.size())}, 1, actors::output_kind::control);
}

/// What Beast writes: the answer to the upgrade, pongs, and its close frame, after which nothing may follow.
template <class Socket>
void basic_websocket_session<Socket>::take_output(std::string_view bytes) {
  bool is_close = phase_ != phase::opening && !bytes.empty() && static_cast<unsigned char>(bytes[0]) == 0x88;
  auto why = is_close ? close_reason_of(bytes) : errc::ok;
  auto whole = why != errc::ok ? protocol::make_close_frame(info(why).close_code, info(why).name)
                               : shared_bytes::copy_of(bytes, &settings_.node->output_meter());
  outbox_.append(whole, {0, static_cast<std::uint32_t>(whole.size())}, 1, actors::output_kind::control, now());
  if (is_close) {
    outbox_.seal();
    begin_closing(errc::ok);
  }
  if (phase_ != phase::opening) // the answer to the upgrade leaves once the connection is there
    flush_soon();
}

template <class Socket>
void basic_websocket_session<Socket>::flush_soon() {
  if (port_.key())
    loop_.sessions().touch(port_.key());
  else
    flush(); // not yet, or no longer, in the table
}

template <class Socket>
void basic_websocket_session<Socket>::handle(outbox::status s) {
  if (s == outbox::status::done) {
    on_drained();
  } else if (s == outbox::status::broken) {
    broken_ = true;
    end_soon();
  } else {
    check_bound();
    wait_writable();
  }
}

template <class Socket>
void basic_websocket_session<Socket>::check_bound() {
  if (!outbox_.over_bound())
    return;
  settings_.counters->count(protocol::counter::slow_consumers);
  cut(errc::slow_consumer);
}

template <class Socket>
void basic_websocket_session<Socket>::wait_writable() {
  if (waiting_writable_ || outbox_.empty())
    return;
  waiting_writable_ = true;
  arm_deadline(outbox_.last_progress() + settings_.write_deadline);
  socket().async_wait(plain_socket::wait_write, guarded([this](error_code ec) {
                        waiting_writable_ = false;
                        if (ec)
                          end();
                        else
                          flush();
                      }));
}

template <class Socket>
void basic_websocket_session<Socket>::when_drained(std::unique_ptr<waiter> w) {
  if (broken_ || !has_output() || phase_ == phase::ended)
    w->resume();
  else
    drained_ = std::move(w);
}

template <class Socket>
void basic_websocket_session<Socket>::on_drained() {
  if (drained_)
    std::exchange(drained_, nullptr)->resume();
  if (refused_ && outbox_.sealed() && phase_ == phase::closing)
    loop_.post(guarded([this] { linger(); }));
}

// -- closing --------------------------------------------------------------------------------------------------------------

template <class Socket>
void basic_websocket_session<Socket>::begin_closing(errc why) {
  if (phase_ == phase::opening || phase_ == phase::open)
    phase_ = phase::closing;
  if (why_ == errc::ok)
    why_ = why;
  if (closing_at_ == actors::steady_time{}) {
    loop_.time_has_passed(); // the application may have thought about it for long
    closing_at_ = now();
    arm_deadline(closing_at_ + settings_.close_deadline);
  }
  if (std::exchange(paused_, false)) // to hear the peer's close
    loop_.post(guarded([this] { read_next(); }));
}

template <class Socket>
void basic_websocket_session<Socket>::close(errc why, std::string_view reason) {
  if (outbox_.sealed() || phase_ == phase::ended)
    return;
  auto& row = info(why);
  outbox_.close(protocol::make_close_frame(row.close_code, reason.empty() ? row.name : reason), now());
  begin_closing(why);
}

template <class Socket>
void basic_websocket_session<Socket>::close_with(std::uint16_t code, std::string_view reason) {
  if (outbox_.sealed() || phase_ == phase::ended)
    return;
  outbox_.close(protocol::make_close_frame(code, reason), now());
  begin_closing(errc::ok);
}

template <class Socket>
void basic_websocket_session<Socket>::cut(errc why) {
  if (outbox_.sealed() || phase_ == phase::ended)
    return;
  auto& row = info(why);
  auto dropped = outbox_.cut(protocol::make_close_frame(row.close_code, row.name), now());
  settings_.counters->count(protocol::counter::dropped, row.name, dropped);
  begin_closing(why);
  flush_soon();
}

template <class Socket>
void basic_websocket_session<Socket>::terminate(errc why) {
  if (why_ == errc::ok)
    why_ = why;
  broken_ = true;
  end_soon();
}

/// Shuts the output and throws input away until the peer ends: closing with input unread would reset the connection and could
/// take our close frame with it.
template <class Socket>
void basic_websocket_session<Socket>::linger() {
  if (phase_ == phase::lingering || phase_ == phase::ended)
    return;
  begin_closing(why_);
  phase_ = phase::lingering;
  if constexpr (is_tls<Socket>) {
    socket_.async_shutdown(guarded([this](error_code) { end(); }));
  } else {
    error_code ignored; // a socket that cannot be shut has ended
    socket().shutdown(plain_socket::shutdown_send, ignored);
    throw_away_input();
  }
}

template <class Socket>
void basic_websocket_session<Socket>::throw_away_input() {
  if (phase_ != phase::lingering || std::exchange(throwing_away_, true))
    return;
  socket().async_wait(plain_socket::wait_read, guarded([this](error_code ec) {
                        throwing_away_ = false;
                        char buffer[16 * 1024];
                        for (int i = 0; !ec && i < 16; ++i)
                          socket().read_some(boost::asio::buffer(buffer), ec);
                        if (!ec || ec == boost::asio::error::would_block)
                          throw_away_input();
                        else
                          end();
                      }));
}

template <class Socket>
void basic_websocket_session<Socket>::end_soon() {
  loop_.post([self = this->shared_from_this()] { self->end(); });
}

template <class Socket>
void basic_websocket_session<Socket>::end() {
  if (phase_ == phase::ended)
    return;
  auto self = std::exchange(self_, nullptr);
  auto was_open = bool(port_.key());
  phase_ = phase::ended;
  deadline_.cancel();
  error_code ignored; // it goes, whatever the answer
  if (peer_closed_ && !broken_)
    socket().shutdown(plain_socket::shutdown_both, ignored);
  socket().close(ignored);
  if (drained_)
    std::exchange(drained_, nullptr)->resume();
  auto ordered = why_ == errc::ok || why_ == errc::restart || why_ == errc::shutdown;
  websocket::close_reason how{websocket::close_code::abnormal};
  if (peer_closed_)
    how = stream_->reason();
  port_.closed(how.code == 0 ? static_cast<std::uint16_t>(websocket::close_code::no_status) : how.code,
               std::string{how.reason.data(), how.reason.size()},
               ordered ? std::string{} : std::string{info(why_).name});
  lease_ = {};
  share_ = {};
  if (was_open) {
    auto& row = info(why_);
    auto label = why_ == errc::ok ? std::string{"peer"} : std::to_string(row.close_code) + " " + std::string{row.name};
    settings_.counters->count(protocol::counter::connections_closed, label);
  }
}

// -- deadlines ------------------------------------------------------------------------------------------------------------

template <class Socket>
void basic_websocket_session<Socket>::arm_deadline(actors::steady_time at) {
  if (deadline_.armed() && deadline_at_ <= at)
    return;
  deadline_at_ = at;
  loop_.timers().arm(deadline_, at);
}

template <class Socket>
void basic_websocket_session<Socket>::check_deadlines() {
  auto at = now();
  auto next = actors::steady_time::max();
  if (closing_at_ != actors::steady_time{}) {
    if (at - closing_at_ >= settings_.close_deadline)
      return end_soon();
    next = closing_at_ + settings_.close_deadline;
  }
  if (has_output()) {
    if (at - outbox_.last_progress() >= settings_.write_deadline)
      return terminate(errc::write_timeout);
    next = std::min(next, outbox_.last_progress() + settings_.write_deadline);
  }
  if (auto since = guard_.open_since(); since && !paused_ && phase_ == phase::open) {
    if (at - *since >= settings_.assembly_deadline)
      refuse(errc::assembly_timeout);
    next = std::min(next, at - *since >= settings_.assembly_deadline ? next : *since + settings_.assembly_deadline);
  }
  if (next != actors::steady_time::max())
    arm_deadline(std::max(next, at));
}

template class basic_websocket_session<plain_socket>;
template class basic_websocket_session<tls_socket>;

} // namespace troupe::transport
