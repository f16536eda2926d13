#include <utility>

#include "websocket/websocket_session.hpp"

#include "websocket/deflate_offer.hpp"

#include <troupe/protocol/frame.hpp>

#include <boost/beast/http/field.hpp>

#include <vector>

namespace troupe::transport {

using actors::output_kind;
using protocol::errc;
using protocol::shared_bytes;

namespace {

constexpr std::uint16_t normal_closure = 1000; // RFC 6455, 7.4.1

std::string_view label_of(const protocol::ws_event& error) {
  if (error.in_deflate)
    return "inflate";
  return error.why == errc::protocol_error ? "framing" : to_string(error.why);
}

/// Whether a session that ends for `why` ends for what its client has sent.
bool is_for_input(errc why) {
  switch (why) {
    case errc::protocol_error:
    case errc::undecodable:
    case errc::wrong_frame_type:
    case errc::too_big:
    case errc::too_many_errors:
    case errc::flood:
    case errc::assembly_timeout:
    case errc::parts_limit: return true;
    default: return false;
  }
}

} // namespace

// -- what is thrown -------------------------------------------------------------------------------

/// Runs `f`; what it throws ends this session only.
template <class F>
void websocket_session::contained(F&& f) noexcept {
  try {
    f();
  } catch (...) {
    fail();
  }
}

/// Runs `f` from the loop, unless the session has ended by that time.
template <class F>
void websocket_session::later(F f) {
  loop_.post([self = shared_from_this(), f] {
    if (!self->ending_.is(phase::ended))
      self->contained(f);
  });
}

/// Ends the session for the exception in flight: with a close frame, unless one is queued already
/// or there is no memory for it.
void websocket_session::fail() noexcept {
  protocol::report_exception(*settings_.log, *settings_.counters, "session");
  // a client that still waits for the HTTP answer is told nothing
  if (ending_.is(phase::opening) || writer_.is_sealed())
    return terminate(errc::internal);
  try {
    refused_ = true;
    say_close(info(errc::internal).close_code, info(errc::internal).name, errc::internal);
    flush_soon();
    later([this] { reader_.read_next(); }); // the exception may have stopped its reading
  } catch (...) {
    terminate(errc::internal);
  }
}

// -- the beginning --------------------------------------------------------------------------------

websocket_session::~websocket_session() = default;

void websocket_session::start(const http_request_message& request, const std::string& subprotocol,
                              actors::connection_info info, std::string_view leftover) {
  self_ = shared_from_this();
  contained([&] {
    writer_.next_layer().set_owner(*this);
    answer(request, subprotocol);
    open(std::move(info), leftover);
  });
}

void websocket_session::start(actors::connection_info info) {
  self_ = shared_from_this();
  try {
    writer_.next_layer().set_owner(*this);
    open(std::move(info), {});
  } catch (...) {
    self_ = nullptr;
    throw;
  }
}

/// Answers the upgrade, and agrees on an extension. The answer leaves once the connection is there.
void websocket_session::answer(const http_request_message& request,
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
    reader_.allow_deflate(settings_.inflaters[loop_.index()]);
    deflated_ = deflate->takes_deflated_frames;
  }
  writer_.append(shared_bytes::copy_of(
    switching_protocols(request, subprotocol, deflate ? deflate->answer : std::string_view{}),
    &settings_.node->output_meter()));
}

void websocket_session::open(actors::connection_info info, std::string_view early) {
  ending_.open();
  if (deflated_)
    info.encoding = deflated(info.encoding);
  writer_.set_encoding(info.encoding);
  port_ = settings_.node->open(loop_, *this, std::move(info));
  settings_.counters->count(protocol::counter::connections_opened);
  flush_soon();
  reader_.take_early(early);
}

// -- what it reads --------------------------------------------------------------------------------

void websocket_session::read() {
  contained([this] {
    reader_.read();
    writer_.note_unsent();
  });
}

/// Hears a peer that lags only once it has read: its messages may bring it more output, and beyond
/// the bound it would be cut although it reads.
bool websocket_session::may_hear() {
  return ending_.is(phase::open) && writer_.allows_input() && port_.may_read();
}

void websocket_session::on_event(protocol::ws_event event) {
  using kind = protocol::ws_event::kind;
  writer_.note_input(event.payload.size());
  switch (event.what) {
    case kind::need_more:
    case kind::inflating: return;
    case kind::message:
      return port_.deliver(std::move(event.payload), event.is_binary, event.deflated_bytes);
    case kind::ping:
      writer_.append(protocol::make_frame(protocol::opcode::pong, event.payload.view(),
                                          &settings_.node->output_meter()));
      return flush_soon();
    case kind::pong:
      if (port_.wants_pongs())
        port_.ponged(std::string{event.payload.view()});
      return;
    case kind::close: return on_close(std::move(event));
    case kind::error: return on_error(event);
  }
}

/// Answers later, as `on_error` and `on_gone` do: the actors first hear what was delivered before,
/// some of which may still wait in mailboxes.
void websocket_session::on_close(protocol::ws_event event) {
  peer_closed_ = true;
  close_code_ = event.close_code;
  close_reason_ = std::move(event.payload);
  reader_.stop();
  later([this] { answer_close(); });
}

void websocket_session::on_error(const protocol::ws_event& error) {
  settings_.counters->count(protocol::counter::protocol_errors, label_of(error));
  refused_ = true;
  reader_.await_close();
  later([this, why = error.why] { refuse(why); });
}

void websocket_session::on_gone() {
  reader_.stop();
  ending_.end_soon();
}

void websocket_session::on_parts_needed() {
  if (ending_.is(phase::ended) || refused_)
    return;
  settings_.counters->count(protocol::counter::protocol_errors, to_string(errc::parts_limit));
  contained([this] { refuse(errc::parts_limit); });
}

void websocket_session::resume_reading() {
  contained([this] {
    if (reader_.resume())
      later([this] { reader_.read_next(); });
  });
}

// -- what it writes -------------------------------------------------------------------------------

void websocket_session::write(const shared_bytes& batch, std::span<const actors::byte_range> parts,
                              std::uint32_t frames) {
  try { // not `contained`: see `socket_writer` for the cost of one more call level
    writer_.write(batch, parts, frames);
  } catch (...) {
    fail();
  }
}

void websocket_session::write_all(std::span<const actors::output_piece> pieces) {
  contained([&] { writer_.write_all(pieces); });
}

void websocket_session::append(const shared_bytes& bytes, actors::byte_range part,
                               std::uint32_t frames, output_kind kind) {
  contained([&] { writer_.append(bytes, part, frames, kind); });
}

actors::value_fate websocket_session::put_value(const shared_bytes& bytes, actors::byte_range part,
                                                actors::if_behind name) {
  auto fate = actors::value_fate::dropped;
  contained([&] { fate = writer_.put_value(bytes, part, name); });
  return fate;
}

void websocket_session::flush() {
  contained([this] { writer_.flush(); });
}

void websocket_session::flush_soon() {
  if (port_.key())
    loop_.sessions().touch(port_.key());
  else
    flush(); // not yet, or no longer, in the table
}

void websocket_session::ping(std::string_view payload) {
  contained([&] {
    static const auto empty = protocol::make_frame(protocol::opcode::ping, {});
    writer_.append(payload.empty()
                     ? empty
                     : protocol::make_frame(protocol::opcode::ping,
                                            payload.substr(0, protocol::max_control_bytes)));
  });
}

void websocket_session::on_room() {
  contained([this] {
    writer_.on_room();
    if (reader_.is_paused() && may_hear())
      resume_reading();
  });
}

void websocket_session::on_over_bound() {
  settings_.counters->count(protocol::counter::slow_consumers);
  cut(errc::slow_consumer);
}

void websocket_session::on_last_sent() {
  if (!ending_.is(phase::closing))
    return;
  if (peer_closed_)
    later([this] { end(); });
  else if (refused_)
    later([this] { ending_.linger(); });
}

/// What the client sent whole before still takes effect: the session reads on. It ends at once if
/// there is nothing more to hear.
void websocket_session::on_broken() {
  if (!ending_.is(phase::open) || reader_.is_stopped())
    return ending_.end_soon();
  writer_.next_layer().shut_broken_output();
  ending_.mute();
  if (reader_.is_paused() && may_hear())
    resume_reading();
}

// -- how it ends ----------------------------------------------------------------------------------

/// The peer closes, or answers our close: once all output has left, the connection ends.
void websocket_session::answer_close() {
  if (!writer_.is_sealed())
    say_close(close_code_ == protocol::ws_event::no_code ? normal_closure : close_code_, {},
              errc::ok);
  if (writer_.has_output())
    flush_soon();
  else
    end();
}

void websocket_session::close(errc why, std::string_view reason) {
  auto& row = info(why);
  if (is_for_input(why) && !writer_.is_sealed())
    refused_ = true;
  contained([&] { say_close(row.close_code, reason.empty() ? row.name : reason, why); });
}

void websocket_session::close_with(std::uint16_t code, std::string_view reason) {
  if (writer_.is_sealed() || ending_.is(phase::ended))
    return;
  contained([&] {
    say_close(code, reason, errc::ok);
    ending_.note_application();
  });
}

void websocket_session::say_close(std::uint16_t code, std::string_view reason, errc why) {
  if (writer_.is_sealed() || ending_.is(phase::ended))
    return;
  writer_.close(protocol::make_close_frame(code, reason));
  begin_closing(why);
}

void websocket_session::cut(errc why) {
  if (writer_.is_sealed() || ending_.is(phase::ended))
    return;
  contained([&] {
    auto& row = info(why);
    auto dropped = writer_.cut(protocol::make_close_frame(row.close_code, row.name));
    settings_.counters->count(protocol::counter::dropped, row.name, dropped);
    begin_closing(why);
    flush_soon();
  });
}

void websocket_session::terminate(errc why) {
  ending_.note(why);
  if (why == errc::ok && !writer_.is_sealed())
    ending_.note_application();
  writer_.stop();
  ending_.end_soon();
}

/// From now on only the peer's close frame and its end are heard.
void websocket_session::begin_closing(errc why) {
  ending_.begin(why);
  port_.closing(ending_.error(), close_code_);
  reader_.await_close();
  if (reader_.resume())
    later([this] { reader_.read_next(); });
  if (writer_.is_stopped()) // the peer cannot be told
    ending_.end_soon();
}

/// Ends the session for what has come.
void websocket_session::refuse(errc why) {
  refused_ = true;
  if (writer_.is_sealed() && !writer_.has_output())
    return ending_.linger(); // the close frame has left already
  close(why, {});
  flush_soon();
}

void websocket_session::end() noexcept {
  auto was_open = bool(port_.key());
  if (!ending_.is(phase::ended) && writer_.has_output())
    flush(); // the peer may have ended its own output alone
  if (!ending_.end())
    return;
  auto self = std::exchange(self_, nullptr);
  auto is_orderly = peer_closed_ && !writer_.is_stopped();
  writer_.stop();
  reader_.stop();
  if (is_orderly)
    writer_.next_layer().shut_both();
  writer_.next_layer().close();
  lease_ = {};
  counted_ = {};
  try {
    port_.closed(close_code_, std::string{close_reason_.view()}, std::string{ending_.error()});
  } catch (...) { // no memory for the texts
    port_.closed(close_code_);
  }
  if (was_open)
    settings_.counters->count(protocol::counter::connections_closed, ending_.label().data());
}

// -- deadlines ------------------------------------------------------------------------------------

void websocket_session::on_time() noexcept {
  contained([this] { ending_.check(); });
}

void websocket_session::on_late(errc why) {
  if (why == errc::write_timeout)
    return terminate(why);
  settings_.counters->count(protocol::counter::protocol_errors, to_string(why));
  refuse(why);
}

} // namespace troupe::transport
