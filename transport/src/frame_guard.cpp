#include "frame_guard.hpp"

#include <algorithm>

namespace troupe::transport {

using protocol::errc;

frame_guard::verdict frame_guard::feed(std::string_view bytes, actors::steady_time now) {
  if (given_up_)
    return {bytes.size(), errc::ok};
  std::size_t at = 0;
  std::size_t frame_start = 0;
  while (at < bytes.size()) {
    if (in_frame_ && header_size_ == 0) {
      auto skipped = std::min<std::uint64_t>(payload_left_, bytes.size() - at);
      payload_left_ -= skipped;
      at += skipped;
      if (payload_left_ == 0)
        end_frame();
      continue;
    }
    if (header_size_ == 0) {
      frame_start = at;
      in_frame_ = true;
      at_message_end_ = false;
      if (!in_message_)
        opened_ = now;
    }
    header_[header_size_++] = static_cast<unsigned char>(bytes[at++]);
    if (header_size_ < 2 || header_size_ < header_bytes())
      continue;
    if (auto error = start_frame(now); error != errc::ok)
      return {frame_start, error};
    if (given_up_)
      return {bytes.size(), errc::ok};
    header_size_ = 0;
    if (payload_left_ == 0)
      end_frame();
  }
  return {at, errc::ok};
}

std::size_t frame_guard::header_bytes() const noexcept {
  auto length = header_[1] & 0x7f;
  std::size_t size = length == 126 ? 4 : length == 127 ? 10 : 2;
  return size + ((header_[1] & 0x80) ? 4 : 0);
}

errc frame_guard::start_frame(actors::steady_time now) {
  std::uint64_t length = header_[1] & 0x7f;
  if (length >= 126) {
    auto bytes = length == 126 ? 2u : 8u;
    length = 0;
    for (unsigned i = 0; i < bytes; ++i)
      length = length << 8 | header_[2 + i];
  }
  payload_left_ = length;
  if (header_[0] & 0x08)
    return start_control(now);
  if (length >> 63)
    return errc::too_big;
  if (!in_message_) {
    message_bytes_ = 0;
    fragments_ = 0;
  }
  in_message_ = true;
  message_bytes_ += length;
  if (limits_->max_message_bytes > 0 && (length > limits_->max_message_bytes || message_bytes_ > limits_->max_message_bytes))
    return errc::too_big;
  return ++fragments_ > limits_->max_fragments ? errc::flood : errc::ok;
}

errc frame_guard::start_control(actors::steady_time now) {
  if (refilled_ == actors::steady_time{})
    refilled_ = now;
  auto seconds = std::chrono::duration<double>(now - refilled_).count();
  refilled_ = now;
  tokens_ = std::min(limits_->control_burst, tokens_ + seconds * limits_->control_per_second);
  if (tokens_ < 1)
    return errc::flood;
  tokens_ -= 1;
  // A longer control frame is a protocol error, which the parser answers as soon as it sees the header.
  given_up_ = payload_left_ > 125;
  return errc::ok;
}

void frame_guard::end_frame() {
  in_frame_ = false;
  header_size_ = 0;
  auto is_control = (header_[0] & 0x08) != 0;
  auto is_final = (header_[0] & 0x80) != 0;
  if (!is_control && is_final) {
    in_message_ = false;
    ++messages_;
    at_message_end_ = true;
  }
}

} // namespace troupe::transport
