// What a WebSocket writes. Included by `websocket_session.cpp`, whose names it uses.
#include <troupe/protocol/frame.hpp>

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace troupe::transport {

template <class Socket>
void basic_websocket_session<Socket>::write(const shared_bytes& batch,
                                            std::span<const actors::byte_range> parts,
                                            std::uint32_t frames) {
  if (broken_ || phase_ == phase::ended)
    return;
  // what was appended in this turn goes first, at its end
  if (!outbox_.empty() && !waiting_writable_) {
    for (auto part : parts)
      append(batch, part, std::exchange(frames, 0), actors::output_kind::data);
    return;
  }
  try { // not by `contained`: see `socket_writer` for what a call between costs
    handle(outbox_.write(
      batch, parts, frames, [this] { return now(); }, writer_));
  } catch (...) {
    fail();
  }
}

template <class Socket>
void basic_websocket_session<Socket>::write_all(std::span<const actors::output_piece> pieces) {
  if (broken_ || phase_ == phase::ended)
    return;
  if (!outbox_.empty() && !waiting_writable_) { // as in `write`
    for (auto& p : pieces)
      append(*p.bytes, p.part, p.frames, actors::output_kind::data);
    return;
  }
  contained([&] {
    handle(outbox_.write_all(
      pieces, [this] { return now(); }, writer_));
  });
}

template <class Socket>
void basic_websocket_session<Socket>::append(const shared_bytes& bytes, actors::byte_range part,
                                             std::uint32_t frames, actors::output_kind kind) {
  if (broken_ || phase_ == phase::ended)
    return;
  contained([&] {
    outbox_.append(bytes, part, frames, kind, now());
    if (waiting_writable_)
      note_queued();
    if (outbox_.over_bound() && !waiting_writable_)
      flush(); // many frames of one turn are no sign of a slow reader: it was not offered them yet
    else
      check_bound();
  });
}

template <class Socket>
void basic_websocket_session<Socket>::flush() {
  if (!broken_ && phase_ != phase::ended && !waiting_writable_)
    contained([this] { send_queued(); });
}

template <class Socket>
void basic_websocket_session<Socket>::send_queued() {
  if constexpr (is_tls<Socket>) {
    auto before = unsent_bytes();
    auto s = writer_.flush();
    if (unsent_bytes() < before)
      outbox_.note_progress(now());
    if (s != outbox::status::done)
      return handle(s);
  }
  handle(outbox_.flush(now(), writer_));
  if (queued_[0] + queued_[1] > 0)
    note_queued();
}

template <class Socket>
void basic_websocket_session<Socket>::ping(std::string_view payload) {
  contained([&] {
    static const auto empty = protocol::make_frame(protocol::opcode::ping, {});
    auto frame = payload.empty()
                 ? empty
                 : protocol::make_frame(protocol::opcode::ping, payload.substr(0, 125));
    append(frame, {0, static_cast<std::uint32_t>(frame.size())}, 1, actors::output_kind::control);
  });
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
  if (s == outbox::status::done && unsent_bytes() > 0) {
    outbox_.note_progress(now());
    wait_writable();
  } else if (s == outbox::status::done) {
    on_drained();
  } else if (s == outbox::status::broken) {
    broken_ = true;
    end_soon();
  } else {
    check_bound();
    wait_writable();
    note_queued();
  }
}

/// What waits for this socket, once it has not taken all: by far most sessions have never anything
/// to note.
template <class Socket>
void basic_websocket_session<Socket>::note_queued() noexcept {
  auto& counted = traffic().queued[protocol::index_of(encoding_)];
  for (auto kind : {actors::output_kind::control, actors::output_kind::data}) {
    auto i = static_cast<std::size_t>(kind);
    auto now_queued =
      phase_ == phase::ended ? 0 : static_cast<std::uint32_t>(outbox_.queued_bytes(kind));
    counted[i].add(std::uint64_t{now_queued} - std::exchange(queued_[i], now_queued));
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
  if (waiting_writable_ || !has_output())
    return;
  arm_deadline(outbox_.last_progress() + settings_.write_deadline);
  socket().async_wait(plain_socket::wait_write, guarded([this](error_code ec) {
                        waiting_writable_ = false;
                        // else only the input was given up
                        if (ec && ec != boost::asio::error::operation_aborted)
                          end();
                        else
                          flush();
                      }));
  waiting_writable_ = true;
}

template <class Socket>
void basic_websocket_session<Socket>::on_drained() {
  if (!outbox_.sealed() || phase_ != phase::closing)
    return;
  if (peer_closed_)
    loop_.post(guarded([this] { end(); }));
  else if (refused_)
    loop_.post(guarded([this] { linger(); }));
}

} // namespace troupe::transport
