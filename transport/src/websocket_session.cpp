#include "websocket_session.hpp"

#include <troupe/protocol/frame.hpp>

#include <boost/asio/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket/error.hpp>

#include <sys/socket.h>
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

constexpr std::uint8_t max_reads_in_a_row = 16;
constexpr std::size_t max_read_bytes = 16 * 1024;

/// A whole ping or pong of a client at the start of `bytes`.
struct pulse_frame {
  protocol::opcode op;
  std::string payload;
  std::size_t bytes = 0; ///< of the frame; 0: there is none
};

pulse_frame first_pulse(std::string_view bytes) {
  constexpr std::size_t head = 6; // two bytes and the mask
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (bytes.size() < head || (byte(0) != 0x89 && byte(0) != 0x8a) || byte(1) < 0x80 || byte(1) > 0x80 + 125)
    return {};
  std::size_t length = byte(1) & 0x7f;
  if (bytes.size() < head + length)
    return {};
  pulse_frame f{static_cast<protocol::opcode>(byte(0) & 0x0f), std::string{bytes.substr(head, length)}, head + length};
  for (std::size_t i = 0; i < length; ++i)
    f.payload[i] = static_cast<char>(static_cast<unsigned char>(f.payload[i]) ^ byte(2 + i % 4));
  return f;
}

/// Why Beast closes, where its frame is to be written anew: it gives no reason, and repeats codes that RFC 6455 (7.4.2) does not know.
errc close_reason_of(std::string_view frame) {
  constexpr unsigned first_undefined_code = 5000;
  if (frame.size() < 4)
    return errc::ok;
  auto code = static_cast<unsigned>(static_cast<unsigned char>(frame[2])) << 8 | static_cast<unsigned char>(frame[3]);
  if (code >= first_undefined_code)
    return errc::protocol_error;
  for (auto why : {errc::protocol_error, errc::undecodable, errc::too_big})
    if (frame.size() == 4 && code == info(why).close_code)
      return why;
  return errc::ok;
}

/// One `sendmsg`; see `outbox` for the answer.
class socket_writer {
public:
  explicit socket_writer(int fd) : fd_(fd) {}
  ssize_t operator()(const iovec* parts, int count) const {
    ssize_t n;
    do {
      if (count == 1) {
        n = ::send(fd_, parts->iov_base, parts->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
      } else {
        msghdr m{};
        m.msg_iov = const_cast<iovec*>(parts);
        m.msg_iovlen = static_cast<std::size_t>(count);
        n = ::sendmsg(fd_, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
      }
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS))
      return 0;
    return n;
  }

private:
  int fd_;
};

} // namespace

/// Wraps a completion handler: it keeps the session alive, and what it throws ends this session only.
template <class F>
auto websocket_session::guarded(F f) {
  return [self = shared_from_this(), f = std::move(f)](auto&&... args) mutable {
    try {
      f(std::forward<decltype(args)>(args)...);
    } catch (const std::exception& e) {
      self->settings_.log->write(protocol::log_level::error, "session", e.what());
      self->settings_.counters->count(protocol::counter::handler_errors, "session");
      self->close(errc::internal, {});
      self->flush_soon();
    }
  };
}

websocket_session::websocket_session(tcp::socket&& socket, actors::event_loop& loop, const session_settings& settings,
                                     admission::lease lease, socket_share share)
  : loop_(loop),
    settings_(settings),
    stream_(stream_layer<tcp::socket>{std::move(socket), *this}),
    outbox_(settings.bounds),
    guard_(settings.guard),
    lease_(std::move(lease)),
    share_(std::move(share)),
    heard_(loop.now()) {
  input_.max_size(settings.guard.max_message_bytes > 0 ? settings.guard.max_message_bytes + 16 * 1024
                                                       : std::size_t{1} << 32);
}

websocket_session::~websocket_session() = default;

void websocket_session::start(std::shared_ptr<http_request_message> request, std::string subprotocol,
                              actors::connection_info info, std::string leftover) {
  self_ = shared_from_this();
  socket().non_blocking(true);
  websocket::stream_base::timeout none{websocket::stream_base::none(), websocket::stream_base::none(), false};
  stream_.set_option(none); // our wheel has the deadlines
  stream_.read_message_max(settings_.guard.max_message_bytes);
  if (!subprotocol.empty())
    stream_.set_option(websocket::stream_base::decorator([subprotocol](websocket::response_type& response) {
      response.set(boost::beast::http::field::sec_websocket_protocol, subprotocol);
    }));
  auto accepted = [this, request, info = std::move(info), early = std::move(leftover)](error_code ec) mutable {
    on_accept(ec, std::move(info), early);
  };
  stream_.async_accept(*request, guarded(std::move(accepted)));
}

void websocket_session::on_accept(error_code ec, actors::connection_info info, std::string_view early) {
  if (phase_ == phase::ended)
    return;
  if (ec)
    return end();
  stream_.set_option(websocket::stream_base::decorator([](websocket::response_type&) {}));
  stream_.binary(true);
  phase_ = phase::open;
  port_ = settings_.node->open(loop_, *this, std::move(info));
  settings_.counters->count(protocol::counter::connections_opened);
  if (early.empty())
    read_next();
  else
    take_in(early);
}

// -- input ----------------------------------------------------------------------------------------------------------------

/// Reads on: at once if Beast holds bytes that belong to no delivered message, else once the socket has some.
void websocket_session::read_next() {
  if (phase_ == phase::ended || phase_ == phase::lingering)
    return;
  if (phase_ == phase::open && !port_.may_read()) {
    paused_ = true;
    paused_at_ = now();
    return;
  }
  bool buffered = stream_.next_layer().has_ahead() || !guard_.at_message_end() || guard_.messages() != delivered_;
  if (buffered && in_a_row_++ < max_reads_in_a_row)
    start_read();
  else if (buffered)
    loop_.post(guarded([this] { in_a_row_ = 0, start_read(); }));
  else
    wait_readable();
}

void websocket_session::wait_readable() {
  in_a_row_ = 0;
  input_.shrink_to_fit();
  socket().async_wait(tcp::socket::wait_read, guarded([this](error_code ec) {
                        if (ec)
                          end();
                        else
                          receive();
                      }));
}

/// Reads what has come between two messages.
void websocket_session::receive() {
  if (phase_ == phase::ended || phase_ == phase::lingering)
    return;
  char bytes[max_read_bytes];
  error_code ec;
  auto n = socket().read_some(boost::asio::buffer(bytes), ec);
  if (ec == boost::asio::error::would_block)
    wait_readable();
  else if (ec)
    end(); // the peer has gone
  else
    take_in({bytes, n});
}

/// Hands bytes to Beast, unless they are pings and pongs alone: Beast would go on reading, and hold a buffer for it.
void websocket_session::take_in(std::string_view bytes) {
  auto good = bytes.substr(0, inspect(bytes));
  if (good.empty())
    return; // the guard has refused all of it
  if (!refused_ && answer_pulses(good))
    return wait_readable();
  stream_.next_layer().set_ahead(good);
  start_read();
}

/// Answers whole pings; false, and nothing was done, if there is anything else than pings and pongs.
bool websocket_session::answer_pulses(std::string_view bytes) {
  for (auto rest = bytes; !rest.empty();) {
    auto f = first_pulse(rest);
    if (f.bytes == 0)
      return false;
    rest.remove_prefix(f.bytes);
  }
  for (auto rest = bytes; !rest.empty();) {
    auto f = first_pulse(rest);
    if (f.op == protocol::opcode::ping) {
      auto pong = protocol::make_frame(protocol::opcode::pong, f.payload, &settings_.node->output_meter());
      append(pong, {0, static_cast<std::uint32_t>(pong.size())}, 1, actors::output_kind::control);
    }
    rest.remove_prefix(f.bytes);
  }
  flush_soon();
  return true;
}

void websocket_session::start_read() {
  if (phase_ == phase::ended || phase_ == phase::lingering)
    return;
  stream_.async_read(input_, guarded([this](error_code ec, std::size_t) { on_read(ec); }));
}

void websocket_session::on_read(error_code ec) {
  if (phase_ == phase::ended)
    return;
  if (!ec) {
    deliver();
    read_next();
    return;
  }
  if (ec == websocket::error::closed) {
    peer_closed_ = true;
    end();
  } else if (refused_) {
    throw_away_input();
  } else if (ec == boost::asio::error::eof || ec == boost::asio::error::connection_reset || !outbox_.empty()
             || !outbox_.sealed()) {
    end(); // the peer has gone, or there is nothing more to say
  } else {
    settings_.counters->count(protocol::counter::protocol_errors, "framing");
    if (why_ == errc::ok)
      why_ = ec == websocket::error::bad_frame_payload ? errc::undecodable : errc::protocol_error;
    linger(); // Beast has sent its close frame; the peer may read it before the socket goes
  }
}

void websocket_session::deliver() {
  ++delivered_;
  if (phase_ == phase::open) {
    auto bytes = input_.data();
    port_.deliver(shared_bytes::copy_of({static_cast<const char*>(bytes.data()), bytes.size()}), stream_.got_binary());
  }
  input_.clear();
}

std::size_t websocket_session::inspect(std::string_view bytes) {
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
void websocket_session::refuse(errc why) {
  refused_ = true;
  settings_.counters->count(protocol::counter::protocol_errors, to_string(why));
  close(why, {});
  flush_soon();
}

void websocket_session::resume_reading() {
  if (!paused_)
    return;
  paused_ = false;
  auto at = now();
  guard_.stand_still(at - paused_at_);
  heard_ = at;
  loop_.post(guarded([this] { read_next(); }));
}

actors::steady_time websocket_session::last_inbound() const { return paused_ ? now() : heard_; }

// -- output ---------------------------------------------------------------------------------------------------------------

void websocket_session::write(const shared_bytes& batch, std::span<const actors::byte_range> parts, std::uint32_t frames) {
  if (broken_ || phase_ == phase::ended)
    return;
  if (!outbox_.empty() && !waiting_writable_) { // what was appended in this turn goes first, at its end
    for (auto part : parts)
      append(batch, part, std::exchange(frames, 0), actors::output_kind::data);
    return;
  }
  handle(outbox_.write(batch, parts, frames, [this] { return now(); }, socket_writer{socket().native_handle()}));
}

void websocket_session::append(const shared_bytes& bytes, actors::byte_range part, std::uint32_t frames,
                               actors::output_kind kind) {
  if (broken_ || phase_ == phase::ended)
    return;
  outbox_.append(bytes, part, frames, kind, now());
  if (outbox_.over_bound() && !waiting_writable_)
    flush(); // many frames of one turn are no sign of a slow reader: it was not offered them yet
  else
    check_bound();
}

void websocket_session::flush() {
  if (broken_ || phase_ == phase::ended || waiting_writable_)
    return;
  handle(outbox_.flush(now(), socket_writer{socket().native_handle()}));
}

void websocket_session::ping() {
  static const auto frame = protocol::make_frame(protocol::opcode::ping, {});
  append(frame, {0, static_cast<std::uint32_t>(frame.size())}, 1, actors::output_kind::control);
}

/// What Beast writes: the answer to the upgrade, pongs, and its close frame, after which nothing may follow.
void websocket_session::take_output(std::string_view bytes) {
  bool is_close = phase_ != phase::opening && !bytes.empty() && static_cast<unsigned char>(bytes[0]) == 0x88;
  auto why = is_close ? close_reason_of(bytes) : errc::ok;
  auto whole = why != errc::ok ? protocol::make_close_frame(info(why).close_code, info(why).name)
                               : shared_bytes::copy_of(bytes, &settings_.node->output_meter());
  outbox_.append(whole, {0, static_cast<std::uint32_t>(whole.size())}, 1, actors::output_kind::control, now());
  if (is_close) {
    outbox_.seal();
    begin_closing(errc::ok);
  }
  flush_soon();
}

void websocket_session::flush_soon() {
  if (port_.key())
    loop_.sessions().touch(port_.key());
  else
    flush(); // not yet, or no longer, in the table
}

void websocket_session::handle(outbox::status s) {
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

void websocket_session::check_bound() {
  if (!outbox_.over_bound())
    return;
  settings_.counters->count(protocol::counter::slow_consumers);
  cut(errc::slow_consumer);
}

void websocket_session::wait_writable() {
  if (waiting_writable_ || outbox_.empty())
    return;
  waiting_writable_ = true;
  arm_deadline(outbox_.last_progress() + settings_.write_deadline);
  socket().async_wait(tcp::socket::wait_write, guarded([this](error_code ec) {
                        waiting_writable_ = false;
                        if (ec)
                          end();
                        else
                          flush();
                      }));
}

void websocket_session::when_drained(std::unique_ptr<waiter> w) {
  if (broken_ || outbox_.empty() || phase_ == phase::ended)
    w->resume();
  else
    drained_ = std::move(w);
}

void websocket_session::on_drained() {
  if (drained_)
    std::exchange(drained_, nullptr)->resume();
  if (refused_ && outbox_.sealed() && phase_ == phase::closing)
    loop_.post(guarded([this] { linger(); }));
}

// -- closing --------------------------------------------------------------------------------------------------------------

void websocket_session::begin_closing(errc why) {
  if (phase_ == phase::opening || phase_ == phase::open)
    phase_ = phase::closing;
  if (why_ == errc::ok)
    why_ = why;
  if (closing_at_ == actors::steady_time{}) {
    closing_at_ = now();
    arm_deadline(closing_at_ + settings_.close_deadline);
  }
  if (std::exchange(paused_, false)) // to hear the peer's close
    loop_.post(guarded([this] { read_next(); }));
}

void websocket_session::close(errc why, std::string_view reason) {
  if (outbox_.sealed() || phase_ == phase::ended)
    return;
  auto& row = info(why);
  outbox_.close(protocol::make_close_frame(row.close_code, reason.empty() ? row.name : reason), now());
  begin_closing(why);
}

void websocket_session::cut(errc why) {
  if (outbox_.sealed() || phase_ == phase::ended)
    return;
  auto& row = info(why);
  auto dropped = outbox_.cut(protocol::make_close_frame(row.close_code, row.name), now());
  settings_.counters->count(protocol::counter::dropped, row.name, dropped);
  begin_closing(why);
  flush_soon();
}

void websocket_session::terminate(errc why) {
  if (why_ == errc::ok)
    why_ = why;
  broken_ = true;
  end_soon();
}

/// Shuts the output and throws input away until the peer ends: closing with input unread would reset the connection and could
/// take our close frame with it.
void websocket_session::linger() {
  if (phase_ == phase::lingering || phase_ == phase::ended)
    return;
  begin_closing(why_);
  phase_ = phase::lingering;
  error_code ignored; // a socket that cannot be shut has ended
  socket().shutdown(tcp::socket::shutdown_send, ignored);
  throw_away_input();
}

void websocket_session::throw_away_input() {
  if (phase_ != phase::lingering || std::exchange(throwing_away_, true))
    return;
  socket().async_wait(tcp::socket::wait_read, guarded([this](error_code ec) {
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

void websocket_session::end_soon() {
  loop_.post([self = shared_from_this()] { self->end(); });
}

void websocket_session::end() {
  if (phase_ == phase::ended)
    return;
  auto self = std::exchange(self_, nullptr);
  auto was_open = bool(port_.key());
  phase_ = phase::ended;
  deadline_.cancel();
  error_code ignored; // it goes, whatever the answer
  if (peer_closed_ && !broken_)
    socket().shutdown(tcp::socket::shutdown_both, ignored);
  socket().close(ignored);
  if (drained_)
    std::exchange(drained_, nullptr)->resume();
  port_.closed();
  lease_ = {};
  share_ = {};
  if (was_open) {
    auto& row = info(why_);
    auto label = why_ == errc::ok ? std::string{"peer"} : std::to_string(row.close_code) + " " + std::string{row.name};
    settings_.counters->count(protocol::counter::connections_closed, label);
  }
}

// -- deadlines ------------------------------------------------------------------------------------------------------------

void websocket_session::arm_deadline(actors::steady_time at) {
  if (deadline_.armed() && deadline_at_ <= at)
    return;
  deadline_at_ = at;
  loop_.timers().arm(deadline_, at);
}

void websocket_session::check_deadlines() {
  auto at = now();
  auto next = actors::steady_time::max();
  if (closing_at_ != actors::steady_time{}) {
    if (at - closing_at_ >= settings_.close_deadline)
      return end_soon();
    next = closing_at_ + settings_.close_deadline;
  }
  if (!outbox_.empty()) {
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

} // namespace troupe::transport
