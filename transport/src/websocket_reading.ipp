// What a WebSocket reads. Included by `websocket_session.cpp`, whose names it uses.
#include <troupe/protocol/frame.hpp>

#include <boost/asio/error.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/zlib/error.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace troupe::transport {

namespace {

bool is_inflate_error(const error_code& ec) {
  return ec.category() == make_error_code(boost::beast::zlib::error::need_buffers).category();
}

constexpr std::uint8_t max_reads_in_a_row = 16;
constexpr std::size_t max_read_bytes = 16 * 1024;

} // namespace

/// Reads on: by Beast if it holds input of which nothing has been heard yet, else once the socket has some.
template <class Socket>
void basic_websocket_session<Socket>::read_next() {
  if (phase_ == phase::ended || phase_ == phase::lingering)
    return;
  if (unsent_bytes() > 0 && !waiting_writable_) // OpenSSL has answered by itself
    handle(outbox::status::done);
  if (phase_ == phase::open && !port_.may_read()) {
    paused_ = true;
    paused_at_ = now();
    parts_.reset(); // what waits now is not the peer's to finish
    return;
  }
  if (in_stream_)
    hold_parts(stream_->next_layer().ahead_bytes());
  if (in_stream_ && in_a_row_++ < max_reads_in_a_row)
    read_by_stream();
  else if (in_stream_)
    loop_.post(guarded([this] { in_a_row_ = 0, read_by_stream(); }));
  else
    read_first();
}

/// Waits for what comes next, between two messages. Where the socket does not know whether there is something, it is asked a little
/// later: asking at once finds nothing yet, and costs a system call.
template <class Socket>
void basic_websocket_session<Socket>::read_first() {
  in_a_row_ = 0;
  input_.shrink_to_fit();
  give_stream_back();
  if constexpr (!is_tls<Socket>) {
    if (!socket_.may_have_input())
      return socket_.await_input();
  }
  loop_.when_free(this->shared_from_this());
}

template <class Socket>
void basic_websocket_session<Socket>::run_pending() {
  if (phase_ == phase::ended || phase_ == phase::lingering)
    return;
  contained([this] { read_socket(); });
}

template <class Socket>
void basic_websocket_session<Socket>::read_socket() {
  if constexpr (is_tls<Socket>) {
    socket_.async_read_some(boost::asio::buffer(first_), guarded([this](error_code ec, std::size_t n) {
                              if (ec)
                                end(); // the peer has gone
                              else
                                receive(n);
                            }));
  } else {
    char bytes[max_read_bytes];
    error_code ec;
    auto n = socket_.read_some(boost::asio::buffer(bytes), ec);
    if (ec == boost::asio::error::would_block)
      socket_.await_input();
    else if (ec)
      end();
    else
      take_in({bytes, n});
  }
}

template <class Socket>
void basic_websocket_session<Socket>::receive(std::size_t n)
  requires is_tls<Socket>
{
  if (phase_ == phase::ended || phase_ == phase::lingering)
    return;
  if (n < first_.size())
    return take_in({first_.data(), n});
  char bytes[max_read_bytes];
  std::copy_n(first_.data(), n, bytes);
  error_code ec; // whatever it is, the next read meets it again
  n += socket_.read_some(boost::asio::buffer(bytes + n, sizeof bytes - n), ec);
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
  if (phase_ == phase::lingering && ec == boost::asio::error::operation_aborted) {
    drop_input();
    return throw_away_input();
  }
  if (!ec) {
    auto bytes = input_.data();
    std::string_view message{static_cast<const char*>(bytes.data()), bytes.size()};
    // Beast 1.74 does not look for half a character where the last fragment is empty, and keeps it for the next text.
    if (!stream_->got_binary() && !is_utf8(message)) {
      settings_.counters->count(protocol::counter::protocol_errors, to_string(errc::undecodable));
      return refuse_unsaid(errc::undecodable);
    }
    deliver(shared_bytes::copy_of(message), stream_->got_binary());
    drop_input();
    in_stream_ = stream_->next_layer().has_ahead() || !guard_.at_message_end() || guard_.messages() != delivered_;
    read_next();
    return;
  }
  if (ec == websocket::error::closed) {
    peer_closed_ = true;
    end();
  } else if (refused_) {
    drop_input();
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
  else if (auto since = guard_.open_since()) {
    arm_deadline(*since + settings_.assembly_deadline);
    if (in_stream_)
      hold_parts(input_.size() + bytes.size());
  }
  return verdict.good;
}

/// Counts what has come of a message whose rest is still to come, with the stream that reads it.
template <class Socket>
void basic_websocket_session<Socket>::hold_parts(std::size_t bytes) noexcept {
  if (!in_stream_ || !guard_.open_since())
    return;
  if (!parts_)
    parts_.reset(new (std::nothrow) inbound_parts::share{*settings_.parts->loops[loop_.index()], *this});
  if (parts_) // else there is no memory even for that, and this one is not counted
    parts_->resize(bytes + sizeof(beast_stream<Socket>));
}

/// A small buffer stays for the next message.
template <class Socket>
void basic_websocket_session<Socket>::drop_input() {
  input_.clear();
  if (input_.capacity() > max_read_bytes || refused_)
    input_.shrink_to_fit();
  parts_.reset();
}

/// Others need the room, and nobody has kept a message open for longer: a close frame, and the read under way ends.
template <class Socket>
void basic_websocket_session<Socket>::give_up_input() {
  if (phase_ == phase::ended)
    return;
  if (!refused_)
    refuse(errc::parts_limit);
  error_code ignored; // a socket without a read under way has none to cancel
  socket().cancel(ignored);
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
  if (auto since = guard_.open_since()) // its deadline may have passed meanwhile, without effect
    arm_deadline(*since + settings_.assembly_deadline);
  contained([this] { loop_.post(guarded([this] { read_next(); })); });
}

template <class Socket>
actors::steady_time basic_websocket_session<Socket>::last_inbound() const { return paused_ ? now() : heard_; }

} // namespace troupe::transport
