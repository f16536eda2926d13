// What a WebSocket reads. Included by `websocket_session.cpp`, whose names it uses.
#include <troupe/protocol/frame.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace troupe::transport {

namespace {

constexpr int max_reads_in_a_row = 16;
constexpr std::size_t max_read_bytes = 16 * 1024;

std::string_view label_of(const protocol::ws_event& error) {
  if (error.in_deflate)
    return "inflate";
  return error.why == errc::protocol_error ? "framing" : to_string(error.why);
}

} // namespace

/// Whether what comes is heard now.
template <class Socket>
bool basic_websocket_session<Socket>::reads_on() {
  if (refused_ || peer_closed_)
    return false;
  return phase_ == phase::closing || (phase_ == phase::open && port_.may_read());
}

/// Reads on: what was read and not heard yet, then what the socket has. Where that does not know
/// whether there is something, it is asked a little later: asking at once finds nothing yet, and
/// costs a system call.
template <class Socket>
void basic_websocket_session<Socket>::read_next() {
  if (phase_ == phase::ended || phase_ == phase::lingering)
    return;
  if (unsent_bytes() > 0 && !waiting_writable_) // OpenSSL has answered by itself
    handle(outbox::status::done);
  if (refused_ || peer_closed_)
    return;
  if (reader_.is_inflating())
    return loop_.when_free(this->shared_from_this());
  if (!reads_on()) {
    paused_ = true;
    paused_at_ = now();
    parts_.reset(); // what waits now is not the peer's to finish
    return;
  }
  if (!rest_.empty())
    return take_rest();
  if constexpr (!is_tls<Socket>) {
    if (!socket_.may_have_input())
      return socket_.await_input();
  }
  loop_.when_free(this->shared_from_this());
}

template <class Socket>
void basic_websocket_session<Socket>::run_pending() {
  if (phase_ == phase::ended || phase_ == phase::lingering || refused_ || peer_closed_)
    return;
  contained([this] { reader_.is_inflating() ? take_rest() : read_socket(); });
}

template <class Socket>
void basic_websocket_session<Socket>::read_socket() {
  if constexpr (is_tls<Socket>) {
    socket_.async_read_some(boost::asio::buffer(first_),
                            guarded([this](error_code ec, std::size_t n) {
                              if (phase_ == phase::lingering || refused_ || peer_closed_)
                                return; // what is still to be said goes first
                              if (ec)
                                end(); // the peer has gone
                              else
                                receive(n);
                            }));
  } else {
    char bytes[max_read_bytes];
    for (int i = 0; i < max_reads_in_a_row; ++i) {
      error_code ec;
      auto n = socket_.read_some(boost::asio::buffer(bytes), ec);
      if (ec == boost::asio::error::would_block)
        break;
      if (ec)
        return end();
      if (!take_in({bytes, n}) || !socket_.may_have_input())
        break;
    }
    read_next();
  }
}

template <class Socket>
void basic_websocket_session<Socket>::receive(std::size_t n) requires is_tls<Socket> {
  if (phase_ == phase::ended)
    return;
  char bytes[max_read_bytes];
  std::copy_n(first_.data(), n, bytes);
  auto is_full = n == first_.size();
  for (int i = 0; i < max_reads_in_a_row; ++i) {
    error_code ec; // whatever it is, the next read meets it again
    if (is_full)
      n += socket_.read_some(boost::asio::buffer(bytes + n, sizeof bytes - n), ec);
    if (n == 0)
      break;
    if (!take_in({bytes, n}) || !is_full || ec)
      break;
    n = 0;
  }
  read_next();
}

/// Takes what the socket has had: all of it, or as much as may be heard. The rest waits. Returns
/// whether more is to be read at once: a message has come in part, and none has come whole, which
/// others are to hear first.
template <class Socket>
bool basic_websocket_session<Socket>::take_in(std::string_view bytes) {
  if constexpr (!is_tls<Socket>) // TLS's channel counts what it reads
    traffic().websocket.received.add(bytes.size());
  heard_ = now();
  auto before = delivered_;
  take_events(bytes);
  if (!refused_ && !peer_closed_ && !bytes.empty())
    rest_ = bytes;
  return delivered_ == before && reader_.open_since() && rest_.empty() && reads_on();
}

/// What came is taken to have come now: its peer was not heard while a message was inflated.
template <class Socket>
void basic_websocket_session<Socket>::take_rest() {
  if (reader_.is_inflating())
    heard_ = now();
  auto bytes = std::string_view{rest_}.substr(rest_at_);
  take_events(bytes);
  rest_at_ = rest_.size() - std::min(bytes.size(), rest_.size());
  if (bytes.empty() || refused_ || peer_closed_)
    drop_rest();
  read_next();
}

/// An idle session keeps no memory for it.
template <class Socket>
void basic_websocket_session<Socket>::drop_rest() noexcept {
  rest_at_ = 0;
  std::string{}.swap(rest_);
}

/// Takes events off the front of `bytes` while they may be heard, and until a message wants
/// inflating in steps, between which others have their turn.
template <class Socket>
void basic_websocket_session<Socket>::take_events(std::string_view& bytes) {
  while (reader_.is_inflating() || (!bytes.empty() && reads_on())) {
    take(reader_.next(bytes, heard_));
    if (reader_.is_inflating())
      break;
  }
  hold_parts();
}

template <class Socket>
void basic_websocket_session<Socket>::take(protocol::ws_event event) {
  switch (event.what) {
    case protocol::ws_event::kind::need_more:
    case protocol::ws_event::kind::inflating: return;
    case protocol::ws_event::kind::message:
      ++delivered_;
      if (phase_ == phase::open)
        port_.deliver(std::move(event.payload), event.is_binary);
      return;
    case protocol::ws_event::kind::ping: return answer_ping(event.payload.view());
    case protocol::ws_event::kind::pong:
      if (port_.wants_pongs() && phase_ == phase::open)
        port_.ponged(std::string{event.payload.view()});
      return;
    case protocol::ws_event::kind::close:
      peer_closed_ = true;
      close_code_ = event.close_code;
      close_reason_ = std::move(event.payload);
      return behind_messages([this] { answer_close(); });
    case protocol::ws_event::kind::error:
      settings_.counters->count(protocol::counter::protocol_errors, label_of(event));
      refused_ = true;
      drop_input();
      return behind_messages([this, why = event.why] { refuse(why); });
  }
}

/// Runs `work` once the actors have heard what was delivered before: some of it may wait for them
/// in mailboxes.
template <class Socket>
template <class F>
void basic_websocket_session<Socket>::behind_messages(F work) {
  loop_.post(guarded([this, work] {
    if (phase_ != phase::ended && phase_ != phase::lingering)
      work();
  }));
}

template <class Socket>
void basic_websocket_session<Socket>::answer_ping(std::string_view payload) {
  auto pong =
    protocol::make_frame(protocol::opcode::pong, payload, &settings_.node->output_meter());
  append(pong, {0, static_cast<std::uint32_t>(pong.size())}, 1, actors::output_kind::control);
  flush_soon();
}

/// The peer closes, or answers our close: once all output has left, the connection ends.
template <class Socket>
void basic_websocket_session<Socket>::answer_close() {
  if (!outbox_.sealed())
    say_close(close_code_ == protocol::ws_event::no_code ? normal_closure : close_code_, {},
              errc::ok);
  if (has_output())
    flush_soon();
  else
    end();
}

/// Counts what has come of a message whose rest is still to come, and gives it its time; or of one
/// that is still to be inflated, which a node that drains waits for.
template <class Socket>
void basic_websocket_session<Socket>::hold_parts() {
  auto since = reader_.open_since();
  if (!reader_.is_inflating())
    inflating_ = {};
  else if (!inflating_)
    inflating_ = port_.expect_message();
  if (!since && !reader_.is_inflating()) {
    parts_.reset();
    return;
  }
  if (since)
    arm_deadline(*since + settings_.assembly_deadline);
  auto bytes = reader_.held_bytes();
  if (bytes == 0)
    return;
  if (!parts_)
    parts_.reset(new (std::nothrow)
                   inbound_parts::share{*settings_.parts->loops[loop_.index()], *this});
  if (parts_) // else there is no memory even for that, and this one is not counted
    parts_->resize(bytes);
}

/// Nothing that has come is heard any more.
template <class Socket>
void basic_websocket_session<Socket>::drop_input() noexcept {
  reader_ = protocol::ws_reader{settings_.reading};
  parts_.reset();
  inflating_ = {};
}

/// Others need the room, and nobody has kept a message open for longer.
template <class Socket>
void basic_websocket_session<Socket>::give_up_input() {
  if (phase_ == phase::ended || refused_)
    return;
  settings_.counters->count(protocol::counter::protocol_errors, to_string(errc::parts_limit));
  contained([this] { refuse(errc::parts_limit); });
}

/// Ends it for what has come: a close frame, and nothing more is heard.
template <class Socket>
void basic_websocket_session<Socket>::refuse(errc why) {
  refused_ = true;
  drop_input();
  if (outbox_.sealed() && !has_output())
    return linger(); // all is said
  close(why, {});
  flush_soon();
}

template <class Socket>
void basic_websocket_session<Socket>::resume_reading() {
  if (!paused_)
    return;
  paused_ = false;
  auto at = now();
  reader_.stand_still(at - paused_at_);
  heard_ = at;
  if (auto since = reader_.open_since()) // its deadline may have passed meanwhile, without effect
    arm_deadline(*since + settings_.assembly_deadline);
  contained([this] { loop_.post(guarded([this] { read_next(); })); });
}

template <class Socket>
actors::steady_time basic_websocket_session<Socket>::last_inbound() const {
  return paused_ ? now() : heard_;
}

} // namespace troupe::transport
