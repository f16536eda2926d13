#include <troupe/protocol/ws_reader.hpp>

#include "text/unicode.hpp"
#include "websocket/ws_inflation.hpp"
#include "websocket/ws_parts.hpp"
#include "websocket/ws_utf8.hpp"

#include <troupe/protocol/ws_inflater.hpp>

#include <utility>

namespace troupe::protocol {

namespace {

/// The first byte of a close frame: final, without reserved bits.
constexpr auto close_start = static_cast<std::uint8_t>(0x80 | static_cast<int>(opcode::close));

bool is_close_code(unsigned code) {
  const auto reserved = code == 1004 || code == 1005 || code == 1006;
  return (code >= 1000 && code <= 1014 && !reserved) || (code >= 3000 && code <= 4999);
}

/// Reads the payload of a close frame into `e`. Returns which rule it breaks. Source: RFC 6455,
/// 5.5.1.
errc read_close(std::string_view payload, ws_event& e) {
  e.what = ws_event::kind::close;
  if (payload.empty())
    return errc::ok;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(payload[i]); };
  const auto code = payload.size() < 2 ? 0u : unsigned{byte(0)} << 8 | byte(1);
  if (!is_close_code(code))
    return errc::protocol_error;
  const auto reason = payload.substr(2);
  if (!is_utf8(reason))
    return errc::undecodable;
  e.close_code = static_cast<std::uint16_t>(code);
  e.payload = shared_bytes::copy_of(reason);
  return errc::ok;
}

} // namespace

struct ws_reader::assembly {
  ws_parts message;
  growing_text text;
  std::array<char, max_control_bytes> control;
  std::uint8_t control_size = 0;
  bool is_long = false;         ///< `message` needs more than one step
  ws_inflater::lease inflation; ///< of `message`
};

ws_reader::ws_reader(const ws_limits& limits, role who) noexcept
  : limits_(&limits), control_(limits.control_burst), role_(who) {}

ws_reader::ws_reader(ws_reader&&) noexcept = default;
ws_reader& ws_reader::operator=(ws_reader&&) noexcept = default;
ws_reader::~ws_reader() = default;

void ws_reader::allow_deflate(ws_inflater& shared, bool keeps_context) {
  inflater_ = &shared;
  context_ = keeps_context ? std::make_unique<inflate_context>() : nullptr;
}

ws_event ws_reader::next(std::string_view& bytes, time_point now) {
  if (is_inflating_)
    return inflate();
  if (heeds_ != heed::all)
    return find_close(bytes);
  while (!bytes.empty()) {
    if (!in_frame_) {
      if (auto why = read_header(bytes, now); why != errc::ok)
        return fail(why);
      if (!in_frame_)
        return {};
    }
    if (is_whole(bytes))
      return read_whole(bytes);
    if (auto why = take_payload(bytes); why != errc::ok)
      return fail(why);
    if (left_ > 0)
      return {};
    if (auto e = end_frame(); e.what != ws_event::kind::need_more)
      return e;
  }
  return {};
}

std::size_t ws_reader::held_bytes() const noexcept {
  if (!parts_)
    return 0;
  return sizeof *parts_ + parts_->message.capacity();
}

ws_reader::assembly& ws_reader::parts() {
  if (!parts_)
    parts_ = std::make_unique<assembly>();
  return *parts_;
}

/// Stops reading and drops what was kept. It still knows where the frame ends, for `await_close`.
void ws_reader::end() noexcept {
  heeds_ = heed::nothing;
  in_message_ = false;
  is_inflating_ = false;
  parts_.reset();
  context_.reset();
}

ws_event ws_reader::fail(errc why) {
  end();
  ws_event e;
  e.what = ws_event::kind::error;
  e.why = why;
  return e;
}

ws_event ws_reader::fail_inflating(errc why) {
  auto e = fail(why);
  e.in_deflate = why == errc::undecodable;
  return e;
}

// -- headers --------------------------------------------------------------------------------------

/// Reads the next frame's header, or as much of it as has come.
errc ws_reader::read_header(std::string_view& bytes, time_point now) {
  if (header_size_ == 0) {
    if (!in_message_)
      opened_ = now;
    const auto size = bytes.size() < 2 ? ws_header::max_bytes
                                       : ws_header::bytes(static_cast<std::uint8_t>(bytes[1]));
    if (bytes.size() >= size) {
      const auto h = ws_header::read(bytes.data());
      bytes.remove_prefix(size);
      return start_frame(h, now);
    }
  }
  while (!bytes.empty()) {
    header_[header_size_++] = bytes.front();
    bytes.remove_prefix(1);
    if (header_size_ < 2)
      continue;
    const auto second = static_cast<std::uint8_t>(header_[1]);
    if (header_size_ == ws_header::bytes(second)) {
      header_size_ = 0;
      return start_frame(ws_header::read(header_.data()), now);
    }
    if (auto why = check_start(static_cast<std::uint8_t>(header_[0]), second); why != errc::ok)
      return why;
  }
  return errc::ok;
}

errc ws_reader::start_frame(const ws_header& h, time_point now) {
  begin_frame(h);
  if (auto why = check_start(h.first, h.second); why != errc::ok)
    return why;
  if (h.is_too_long())
    return errc::protocol_error;
  return h.is_control() ? start_control(now) : start_data(h);
}

void ws_reader::begin_frame(const ws_header& h) noexcept {
  in_frame_ = true;
  first_ = h.first;
  left_ = h.length;
  mask_ = h.mask;
}

/// Checks the rules that the first two bytes of a header can break.
errc ws_reader::check_start(std::uint8_t first, std::uint8_t second) const noexcept {
  ws_header h;
  h.first = first;
  h.second = second;
  const std::size_t told = second & 0x7f;
  auto good = !h.has_unknown_bits() && h.is_masked() == (role_ == role::server);
  if (h.is_deflated())
    good = good && inflater_ && !h.is_control() && h.op() != opcode::continuation;
  if (h.is_control())
    good = good && h.op() <= opcode::pong && h.is_final() && told <= max_control_bytes;
  else
    good = good && h.op() <= opcode::binary && (h.op() == opcode::continuation) == in_message_;
  return good ? errc::ok : errc::protocol_error;
}

errc ws_reader::start_control(time_point now) {
  if (static_cast<opcode>(first_ & 0x0f) == opcode::close || limits_->control_burst <= 0)
    return errc::ok;
  control_.refill(now, limits_->control_per_second, limits_->control_burst);
  return control_.take() ? errc::ok : errc::flood;
}

errc ws_reader::start_data(const ws_header& h) {
  if (!std::exchange(in_message_, true)) {
    is_text_ = h.op() == opcode::text;
    is_deflated_ = h.is_deflated();
    message_bytes_ = 0;
    fragments_ = 0;
  }
  ++fragments_;
  const auto room = largest_payload();
  if (h.length > room || message_bytes_ + h.length > room)
    return errc::too_big;
  message_bytes_ += h.length;
  return limits_->max_fragments > 0 && fragments_ > limits_->max_fragments ? errc::flood : errc::ok;
}

/// The most bytes that all fragments of the message may have together.
std::uint64_t ws_reader::largest_payload() const noexcept {
  const auto bytes = limits_->largest_message();
  return is_deflated_ ? ws_inflater::largest_payload(bytes, fragments_) : bytes;
}

// -- payloads -------------------------------------------------------------------------------------

/// Whether the frame alone makes an event, and `bytes` have its whole payload.
bool ws_reader::is_whole(std::string_view bytes) const noexcept {
  if (bytes.size() < left_)
    return false;
  if (is_control())
    return !parts_ || parts_->control_size == 0;
  return is_final() && fragments_ == 1 && left_ == message_bytes_ && !is_deflated_;
}

ws_event ws_reader::read_whole(std::string_view& bytes) {
  const auto size = static_cast<std::size_t>(left_);
  bool is_ascii = false;
  auto payload = shared_bytes::make(
    size, nullptr, [&](char* out) { is_ascii = mask_.copy(out, bytes.data(), size); });
  bytes.remove_prefix(size);
  in_frame_ = false;
  if (is_control())
    return end_control(std::move(payload));
  in_message_ = false;
  if (is_text_ && !is_ascii && !is_utf8(payload.view()))
    return fail(errc::undecodable);
  ws_event e;
  e.what = ws_event::kind::message;
  e.is_binary = !is_text_;
  e.payload = std::move(payload);
  return e;
}

/// Takes as much of the frame's payload as has come.
errc ws_reader::take_payload(std::string_view& bytes) {
  auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
  for (; size > 0; size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()))) {
    const auto room = room_for(size);
    mask_.copy(room.data(), bytes.data(), room.size());
    bytes.remove_prefix(room.size());
    left_ -= room.size();
    if (is_text_ && !is_control() && !is_deflated_
        && !parts_->text.may_go_on({room.data(), room.size()}))
      return errc::undecodable;
  }
  return errc::ok;
}

/// Room for at most the next `size` bytes of the frame's payload.
std::span<char> ws_reader::room_for(std::size_t size) {
  auto& p = parts();
  if (!is_control())
    return p.message.grow(size, is_final() ? message_bytes_ : largest_payload());
  const auto at = std::exchange(p.control_size, static_cast<std::uint8_t>(p.control_size + size));
  return {p.control.data() + at, size};
}

ws_event ws_reader::end_frame() {
  in_frame_ = false;
  if (!is_control())
    return is_final() ? end_message() : ws_event{};
  auto payload = parts_ ? shared_bytes::copy_of({parts_->control.data(), parts_->control_size})
                        : shared_bytes::copy_of({});
  if (!in_message_)
    parts_.reset();
  else if (parts_)
    parts_->control_size = 0;
  return end_control(std::move(payload));
}

ws_event ws_reader::end_message() {
  in_message_ = false;
  if (is_deflated_) {
    parts();
    return inflate();
  }
  const auto parts = std::exchange(parts_, nullptr);
  const ws_parts nothing;
  const auto& message = parts ? parts->message : nothing;
  if (is_text_ && parts && !parts->text.may_end())
    return fail(errc::undecodable);
  ws_event e;
  e.what = ws_event::kind::message;
  e.is_binary = !is_text_;
  e.payload = shared_bytes::make(message.size(), nullptr, [&](char* out) { message.copy_to(out); });
  return e;
}

/// Inflates the next step of a whole message.
ws_event ws_reader::inflate() {
  ws_event e;
  is_inflating_ = !inflate_step();
  if (is_inflating_) {
    e.what = ws_event::kind::inflating;
    return e;
  }
  auto done = parts_->inflation->finish();
  parts_.reset();
  if (done.error != errc::ok)
    return fail_inflating(done.error);
  if (is_text_ && !is_utf8(done.message.view()))
    return fail(errc::undecodable);
  e.what = ws_event::kind::message;
  e.is_binary = !is_text_;
  e.deflated_bytes = message_bytes_;
  e.payload = std::move(done.message);
  return e;
}

/// Inflates one step and returns whether the message is done. If it needs more steps while the
/// inflater has enough such messages, drops the output; the message waits, still deflated.
bool ws_reader::inflate_step() {
  auto& p = *parts_;
  if (!p.inflation) {
    p.inflation = inflater_->take(p.is_long || p.message.size() > ws_inflation::step_input);
    if (!p.inflation)
      return false;
    p.inflation->start(p.message, limits_->largest_message(), context_.get());
  }
  if (p.inflation->step())
    return true;
  if (!p.inflation.may_go_on()) {
    p.is_long = true;
    p.inflation = {};
  }
  return false;
}

ws_event ws_reader::end_control(shared_bytes payload) {
  const auto op = static_cast<opcode>(first_ & 0x0f);
  if (op == opcode::close)
    return end_close(payload.view());
  ws_event e;
  e.what = op == opcode::ping ? ws_event::kind::ping : ws_event::kind::pong;
  e.payload = std::move(payload);
  return e;
}

ws_event ws_reader::end_close(std::string_view payload) {
  ws_event e;
  if (auto why = read_close(payload, e); why != errc::ok)
    return fail(why);
  end();
  return e;
}

// -- behind a close frame of ours -----------------------------------------------------------------

void ws_reader::await_close() noexcept {
  may_be_close_ = heeds_ == heed::all && in_frame_ && first_ == close_start;
  heeds_ = heed::close_alone;
  in_message_ = false;
  is_inflating_ = false;
  context_.reset();
  if (!may_be_close_ || !parts_)
    return parts_.reset();
  parts_->message = {};
  parts_->inflation = {};
}

/// Drops what comes, up to the peer's close frame.
ws_event ws_reader::find_close(std::string_view& bytes) {
  while (heeds_ == heed::close_alone && (in_frame_ || pass_header(bytes))) {
    if (may_be_close_) {
      (void)take_payload(bytes);
    } else {
      const auto dropped = std::min<std::uint64_t>(left_, bytes.size());
      bytes.remove_prefix(static_cast<std::size_t>(dropped));
      left_ -= dropped;
    }
    if (left_ > 0)
      return {};
    in_frame_ = false;
    if (!may_be_close_)
      continue;
    const auto parts = std::exchange(parts_, nullptr);
    const auto payload =
      parts ? std::string_view{parts->control.data(), parts->control_size} : std::string_view{};
    if (ws_event e; read_close(payload, e) == errc::ok) {
      end();
      return e;
    }
  }
  bytes = {};
  return {};
}

/// Reads a header, or as much of it as has come, without a check. Returns whether it is whole.
bool ws_reader::pass_header(std::string_view& bytes) noexcept {
  while (!bytes.empty()) {
    header_[header_size_++] = bytes.front();
    bytes.remove_prefix(1);
    if (header_size_ < 2 || header_size_ < ws_header::bytes(static_cast<std::uint8_t>(header_[1])))
      continue;
    header_size_ = 0;
    const auto h = ws_header::read(header_.data());
    begin_frame(h);
    may_be_close_ = h.first == close_start && h.length <= max_control_bytes;
    return true;
  }
  return false;
}

} // namespace troupe::protocol
