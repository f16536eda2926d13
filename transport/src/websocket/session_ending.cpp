#include <utility>

#include "websocket/session_ending.hpp"

#include <algorithm>
#include <cstdio>

namespace troupe::transport {

using protocol::errc;

std::string_view session_ending::error() const noexcept {
  auto is_ordered = why_ == errc::ok || why_ == errc::restart || why_ == errc::shutdown;
  return is_ordered ? std::string_view{} : info(why_).name;
}

std::array<char, 64> session_ending::label() const noexcept {
  std::array<char, 64> text;
  auto& row = info(why_);
  if (why_ == errc::ok)
    std::snprintf(text.data(), text.size(), "none %s", by_application_ ? "application" : "peer");
  else
    std::snprintf(text.data(), text.size(), "%u %.*s", unsigned{row.close_code},
                  static_cast<int>(row.name.size()), row.name.data());
  return text;
}

void session_ending::begin(errc why) {
  if (phase_ == phase::opening || phase_ == phase::open)
    phase_ = phase::closing;
  note(why);
  start_deadline();
}

/// That of a close, once.
void session_ending::start_deadline() {
  if (closing_at_ != actors::steady_time{})
    return;
  loop().time_has_passed(); // a handler of the application's may have run for long
  closing_at_ = loop().now();
  arm(closing_at_ + deadlines_.close);
}

void session_ending::linger() {
  if (phase_ == phase::lingering || phase_ == phase::ended)
    return;
  begin(why_);
  phase_ = phase::lingering;
  writer_.next_layer().shut_output();
}

void session_ending::end_soon() noexcept {
  is_due_ = true;
  try {
    loop().post([this, held = owner_.hold()] { owner_.end(); });
  } catch (...) {
    arm(loop().now());
  }
}

bool session_ending::end() noexcept {
  cancel();
  return std::exchange(phase_, phase::ended) != phase::ended;
}

void session_ending::arm(actors::steady_time at) {
  if (armed() && armed_at_ <= at)
    return;
  armed_at_ = at;
  loop().timers().arm(*this, at);
}

void session_ending::check() {
  if (is_due_)
    return owner_.end();
  auto at = loop().now();
  auto next = actors::steady_time::max();
  if (closing_at_ != actors::steady_time{}) {
    if (at - closing_at_ >= deadlines_.close)
      return owner_.end();
    next = closing_at_ + deadlines_.close;
  }
  if (writer_.has_output()) {
    writer_.note_drained();
    if (at - writer_.last_progress() >= deadlines_.write)
      return owner_.on_late(errc::write_timeout);
    next = std::min({next, writer_.last_progress() + deadlines_.write, at + look_at_writing()});
  }
  if (auto since = owner_.part_since(); since && phase_ == phase::open) {
    if (auto deadline = *since + deadlines_.assembly; at < deadline)
      next = std::min(next, deadline);
    else
      owner_.on_late(errc::assembly_timeout);
  }
  if (next != actors::steady_time::max())
    arm(std::max(next, at));
}

} // namespace troupe::transport
