// How a WebSocket ends, and its deadlines. Included by `websocket_session.cpp`, whose names it
// uses.
#include <troupe/protocol/frame.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <cstdio>
#include <utility>

namespace troupe::transport {

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
  contained([&] { say_close(row.close_code, reason.empty() ? row.name : reason, why); });
}

template <class Socket>
void basic_websocket_session<Socket>::say_close(std::uint16_t code, std::string_view reason,
                                                errc why) {
  if (outbox_.sealed() || phase_ == phase::ended)
    return;
  outbox_.close(protocol::make_close_frame(code, reason), now());
  begin_closing(why);
}

template <class Socket>
void basic_websocket_session<Socket>::close_with(std::uint16_t code, std::string_view reason) {
  if (outbox_.sealed() || phase_ == phase::ended)
    return;
  contained([&] {
    say_close(code, reason, errc::ok);
    ended_by_application_ = true;
  });
}

template <class Socket>
void basic_websocket_session<Socket>::cut(errc why) {
  if (outbox_.sealed() || phase_ == phase::ended)
    return;
  contained([&] {
    auto& row = info(why);
    auto dropped = outbox_.cut(protocol::make_close_frame(row.close_code, row.name), now());
    settings_.counters->count(protocol::counter::dropped, row.name, dropped);
    begin_closing(why);
    if (waiting_writable_)
      note_queued();
    flush_soon();
  });
}

template <class Socket>
void basic_websocket_session<Socket>::terminate(errc why) {
  if (why_ == errc::ok)
    why_ = why;
  if (why == errc::ok && !outbox_.sealed())
    ended_by_application_ = true;
  broken_ = true;
  end_soon();
}

/// Shuts the output and throws input away until the peer ends: closing with input unread would
/// reset the connection and could take our close frame with it.
template <class Socket>
void basic_websocket_session<Socket>::linger() {
  if (phase_ == phase::lingering || phase_ == phase::ended)
    return;
  begin_closing(why_);
  phase_ = phase::lingering;
  if constexpr (is_tls<Socket>)
    socket_.close_output();
  error_code ignored; // a socket that cannot be shut has ended
  socket().shutdown(plain_socket::shutdown_send, ignored);
  throw_away_input();
}

template <class Socket>
void basic_websocket_session<Socket>::throw_away_input() {
  if (phase_ != phase::lingering || std::exchange(throwing_away_, true))
    return;
  socket().async_wait(plain_socket::wait_read, guarded([this](error_code ec) {
                        throwing_away_ = false;
                        // without TLS its turn comes again at once
                        constexpr int reads = is_tls<Socket> ? 16 : 1;
                        char buffer[16 * 1024];
                        for (int i = 0; !ec && i < reads; ++i)
                          traffic().websocket.received.add(
                            socket().read_some(boost::asio::buffer(buffer), ec));
                        if (!ec || ec == boost::asio::error::would_block
                            || ec == boost::asio::error::operation_aborted)
                          throw_away_input();
                        else
                          end();
                      }));
}

/// From the loop, or by its deadline if there is no memory for a handler.
template <class Socket>
void basic_websocket_session<Socket>::end_soon() noexcept {
  ending_ = true;
  try {
    loop_.post([self = this->shared_from_this()] { self->end(); });
  } catch (...) {
    arm_deadline(now());
  }
}

template <class Socket>
void basic_websocket_session<Socket>::end() noexcept {
  if (phase_ == phase::ended)
    return;
  auto self = std::exchange(self_, nullptr);
  auto was_open = bool(port_.key());
  phase_ = phase::ended;
  note_queued();
  drop_input();
  drop_rest();
  deadline_.cancel();
  error_code ignored; // it goes, whatever the answer
  if (peer_closed_ && !broken_) {
    if constexpr (is_tls<Socket>)
      socket_.close_output();
    socket().shutdown(plain_socket::shutdown_both, ignored);
  }
  socket().close(ignored);
  lease_ = {};
  share_ = {};
  auto ordered = why_ == errc::ok || why_ == errc::restart || why_ == errc::shutdown;
  try {
    port_.closed(close_code_, std::string{close_reason_.view()},
                 ordered ? std::string{} : std::string{info(why_).name});
  } catch (...) { // no memory for what it would be told
    port_.closed(close_code_);
  }
  if (was_open)
    count_end();
}

template <class Socket>
void basic_websocket_session<Socket>::count_end() noexcept {
  auto& row = info(why_);
  std::array<char, 64> label;
  if (why_ != errc::ok)
    std::snprintf(label.data(), label.size(), "%u %.*s", unsigned{row.close_code},
                  static_cast<int>(row.name.size()), row.name.data());
  settings_.counters->count(protocol::counter::connections_closed, why_ != errc::ok ? label.data()
                                                                   : ended_by_application_
                                                                     ? "none application"
                                                                     : "none peer");
}

// -- deadlines ------------------------------------------------------------------------------------

template <class Socket>
void basic_websocket_session<Socket>::arm_deadline(actors::steady_time at) {
  if (deadline_.armed() && deadline_at_ <= at)
    return;
  deadline_at_ = at;
  loop_.timers().arm(deadline_, at);
}

/// Nothing is read any more: it says so, unless it has said why it ends already.
template <class Socket>
void basic_websocket_session<Socket>::end_unheard() {
  if (phase_ == phase::opening)
    return terminate(errc::internal);
  refused_ = true;
  if (!outbox_.sealed())
    say_close(info(errc::internal).close_code, info(errc::internal).name, errc::internal);
  if (has_output())
    flush_soon();
  else
    linger();
}

template <class Socket>
void basic_websocket_session<Socket>::check_deadlines() {
  if (ending_)
    return end();
  if (std::exchange(lost_, false))
    end_unheard();
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
  if (auto since = reader_.open_since(); since && !paused_ && phase_ == phase::open) {
    if (auto deadline = *since + settings_.assembly_deadline; at < deadline) {
      next = std::min(next, deadline);
    } else {
      settings_.counters->count(protocol::counter::protocol_errors,
                                to_string(errc::assembly_timeout));
      refuse(errc::assembly_timeout);
    }
  }
  if (next != actors::steady_time::max())
    arm_deadline(std::max(next, at));
}

} // namespace troupe::transport
