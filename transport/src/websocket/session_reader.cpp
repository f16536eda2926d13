#include <utility>

#include "websocket/session_reader.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <new>

namespace troupe::transport {

using boost::system::error_code;

namespace {

constexpr int max_reads_in_a_row = 16;
constexpr std::size_t max_read_bytes = 16 * 1024;

} // namespace

void session_reader::take_early(std::string_view bytes) {
  if (!bytes.empty())
    take_in(bytes);
  read_next();
}

/// If the channel may have input, reads it a little later: a read at once finds nothing yet, and
/// costs a system call.
void session_reader::read_next() {
  if (is_stopped_)
    return rest_.reset();
  if (reader_.is_inflating())
    return owner_.read_later();
  if (awaits_close_ && !has_room_for_more())
    return await_end();
  if (!may_hear()) {
    is_paused_ = true;
    paused_at_ = now();
    return;
  }
  if (rest_)
    return take_rest();
  if (channel_.may_have_input())
    owner_.read_later();
  else
    channel_.await_input();
}

void session_reader::read() {
  if (is_stopped_)
    return;
  if (reader_.is_inflating())
    return take_rest();
  if (awaits_close_ && !has_room_for_more())
    return await_end();
  char bytes[max_read_bytes];
  for (int i = 0; i < max_reads_in_a_row; ++i) {
    error_code ec;
    auto n = read_some(boost::asio::buffer(bytes), ec);
    if (ec == boost::asio::error::would_block)
      break;
    if (ec)
      return owner_.on_gone();
    if (!take_in({bytes, n}) || !channel_.may_have_input())
      break;
  }
  read_next();
}

std::size_t session_reader::read_some(boost::asio::mutable_buffer into, error_code& ec) {
  if (!awaits_close_)
    return channel_.read_some(into, ec);
  auto before = channel_.received_bytes();
  auto n =
    channel_.read_some(boost::asio::buffer(into, std::size_t{most_thrown_away - thrown_away_}), ec);
  auto came = std::min<std::uint64_t>(channel_.received_bytes() - before, most_thrown_away);
  thrown_away_ = std::min(thrown_away_ + static_cast<std::uint32_t>(came), most_thrown_away);
  return n;
}

/// Waits for the peer's end without reading up to it.
void session_reader::await_end() {
  rest_.reset();
  if (channel_.has_ended())
    owner_.on_gone();
  else
    channel_.await_change();
}

/// Takes bytes that came from the channel, as far as they may be heard, and keeps the rest. Returns
/// whether to read more at once: a message has come in part, and none has come whole, which others
/// are to hear first.
bool session_reader::take_in(std::string_view bytes) {
  heard_at_ = now();
  auto before = messages_;
  take_events(bytes);
  if (!is_stopped_ && !bytes.empty())
    rest_ = std::make_unique<unheard>(unheard{std::string{bytes}});
  return messages_ == before && reader_.open_since() && !rest_ && may_hear();
}

/// Counts the rest as come now: the peer was not heard while a message was inflated. An idle
/// session keeps no memory for a rest.
void session_reader::take_rest() {
  if (reader_.is_inflating())
    heard_at_ = now();
  std::string_view bytes;
  if (rest_)
    bytes = std::string_view{rest_->bytes}.substr(rest_->at);
  take_events(bytes);
  if (bytes.empty() || is_stopped_)
    rest_.reset();
  else
    rest_->at = rest_->bytes.size() - bytes.size();
  read_next();
}

/// Takes events off the front of `bytes` while they may be heard. Stops at a message that is
/// inflated in steps, so that others have their turn between the steps.
void session_reader::take_events(std::string_view& bytes) {
  while (reader_.is_inflating() || (!bytes.empty() && may_hear())) {
    take(reader_.next(bytes, heard_at_));
    if (reader_.is_inflating())
      break;
  }
  hold_parts();
}

void session_reader::take(protocol::ws_event event) {
  using kind = protocol::ws_event::kind;
  if (event.what == kind::need_more || event.what == kind::inflating)
    return;
  if (event.what == kind::message)
    ++messages_;
  owner_.on_event(std::move(event));
}

/// Counts the bytes of a message that has come in part, or is still to be inflated. Starts the
/// deadline of the former; takes credit for the latter, so that a node that drains waits for it.
void session_reader::hold_parts() {
  auto since = reader_.open_since();
  if (!reader_.is_inflating())
    inflating_ = {};
  else if (!inflating_)
    inflating_ = owner_.expect_message();
  if (!since && !reader_.is_inflating()) {
    parts_.reset();
    return;
  }
  if (since)
    owner_.on_part(*since);
  auto bytes = reader_.held_bytes();
  if (bytes == 0)
    return;
  if (!parts_)
    parts_.reset(new (std::nothrow)
                   inbound_parts::share{*how_.parts->loops[channel_.loop().index()], *this});
  if (parts_) // else there is no memory even for that, and this one is not counted
    parts_->resize(bytes);
}

bool session_reader::resume() {
  if (!std::exchange(is_paused_, false))
    return false;
  auto at = now();
  reader_.stand_still(at - paused_at_);
  heard_at_ = at;
  if (auto since = reader_.open_since()) // its deadline may have passed meanwhile, without effect
    owner_.on_part(*since);
  return true;
}

void session_reader::await_close() noexcept {
  awaits_close_ = true;
  give_up_message();
}

void session_reader::stop() noexcept {
  is_stopped_ = true;
  give_up_message();
}

void session_reader::give_up_message() noexcept {
  reader_.await_close();
  parts_.reset();
  inflating_ = {};
}

} // namespace troupe::transport
