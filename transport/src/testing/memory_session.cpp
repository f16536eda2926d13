#include <utility>

#include <troupe/testing/memory_session.hpp>

#include <troupe/actors/option_check.hpp>
#include <troupe/protocol/frame.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>

namespace troupe::testing {

using protocol::errc;
using protocol::shared_bytes;

/// Ends a session from its loop, which may outlive it.
struct memory_session::ender final : compat::loop_job {
  explicit ender(memory_session& s) : of(&s) {}
  void run(std::size_t) override {
    auto self = std::exchange(kept, nullptr);
    if (of)
      of->disconnect();
  }
  void drop() noexcept override { kept = nullptr; }

  memory_session* of;          ///< null once it is gone
  std::shared_ptr<ender> kept; ///< itself, while it is queued
};

std::uint16_t received_frame::close_code() const noexcept {
  if (opcode != 8 || payload.size() < 2)
    return 0;
  return static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8
                                    | static_cast<unsigned char>(payload[1]));
}

namespace {

transport::outbox::bounds checked(const transport::outbox::bounds& bounds, actors::node& node,
                                  actors::event_loop& loop) {
  actors::option_check is{"outbox::bounds"};
  is.bytes("max_bytes", bounds.max_bytes);
  is.count("max_frames", bounds.max_frames);
  if (loop.index() >= node.loops() || &node.loop(loop.index()) != &loop)
    throw std::invalid_argument{"memory_session: its loop is not the node's"};
  return bounds;
}

} // namespace

memory_session::memory_session(actors::node& node, actors::event_loop& loop,
                               actors::connection_info info, transport::outbox::bounds bounds)
  : loop_(loop),
    outbox_(checked(bounds, node, loop)),
    heard_(loop.now()),
    ender_(std::make_shared<ender>(*this)),
    port_(node.open(loop, *this, std::move(info))) {}

memory_session::~memory_session() {
  ender_->of = nullptr;
  disconnect();
}

// -- the client's side ----------------------------------------------------------------------------

void memory_session::say(std::string message, bool binary) {
  if (ended_)
    return;
  unread_.push_back({std::move(message), binary});
  heard_ = loop_.now();
  contained([this] { read(); });
}

void memory_session::read() {
  while (!ended_ && !unread_.empty()) {
    paused_ = !port_.may_read();
    if (paused_)
      return;
    auto m = std::move(unread_.front());
    unread_.pop_front();
    port_.deliver(shared_bytes::copy_of(m.bytes), m.binary);
  }
}

void memory_session::set_window(std::optional<std::size_t> bytes) {
  window_ = bytes;
  flush();
}

void memory_session::disconnect() {
  ended_ = true;
  port_.closed();
}

std::vector<received_frame> memory_session::take_frames() {
  std::vector<received_frame> frames;
  std::string_view rest = received_;
  while (rest.size() >= 2) {
    auto length = static_cast<unsigned char>(rest[1]) & 0x7f;
    std::size_t header = length == 126 ? 4 : length == 127 ? 10 : 2;
    if (rest.size() < header)
      break;
    auto whole = protocol::frame_length(rest);
    if (rest.size() < whole)
      break;
    frames.push_back({static_cast<std::uint8_t>(rest[0] & 0x0f),
                      std::string{rest.substr(header, whole - header)},
                      cut_at_ && taken_ >= *cut_at_});
    rest.remove_prefix(whole);
    taken_ += whole;
  }
  received_.erase(0, received_.size() - rest.size());
  return frames;
}

ssize_t memory_session::take(const iovec* parts, int count) noexcept {
  std::size_t taken = 0;
  for (int i = 0; i < count; ++i) {
    auto n = window_ ? std::min(parts[i].iov_len, *window_) : parts[i].iov_len;
    try {
      received_.append(static_cast<const char*>(parts[i].iov_base), n);
    } catch (...) {
      return -1;
    }
    taken += n;
    if (window_)
      *window_ -= n;
    if (n < parts[i].iov_len)
      break;
  }
  return static_cast<ssize_t>(taken);
}

// -- sink -----------------------------------------------------------------------------------------

/// Runs `f`; what it throws ends this session: with a close frame if that can be made.
template <class F>
void memory_session::contained(F&& f) noexcept {
  if (broken_)
    return;
  try {
    f();
  } catch (...) {
    fail();
  }
}

void memory_session::fail() noexcept {
  try {
    auto& row = info(errc::internal);
    if (!outbox_.sealed())
      outbox_.close(protocol::make_close_frame(row.close_code, row.name), loop_.now());
  } catch (...) {
    broken_ = true;
    end_soon();
  }
}

void memory_session::end_soon() noexcept {
  if (ended_ || ender_->kept)
    return;
  ender_->kept = ender_;
  loop_.submit(*ender_);
}

void memory_session::write(const shared_bytes& batch, std::span<const actors::byte_range> parts,
                           std::uint32_t frames) {
  flush(); // what was appended in this turn goes first
  contained([&] {
    auto s = outbox_.write(
      batch, parts, frames, [this] { return loop_.now(); },
      [this](const iovec* p, int n) { return take(p, n); });
    if (s == transport::outbox::status::broken)
      throw std::bad_alloc{};
    check_bound();
  });
}

void memory_session::write_all(std::span<const actors::output_piece> pieces) {
  flush();
  contained([&] {
    auto s = outbox_.write_all(
      pieces, [this] { return loop_.now(); }, [this](const iovec* p, int n) { return take(p, n); });
    if (s == transport::outbox::status::broken)
      throw std::bad_alloc{};
    check_bound();
  });
}

void memory_session::append(const shared_bytes& bytes, actors::byte_range part,
                            std::uint32_t frames, actors::output_kind kind) {
  contained([&] {
    outbox_.append(bytes, part, frames, kind, loop_.now());
    if (outbox_.over_bound())
      flush();
    check_bound();
  });
}

void memory_session::flush() {
  contained(
    [&] { outbox_.flush(loop_.now(), [this](const iovec* p, int n) { return take(p, n); }); });
}

void memory_session::ping(std::string_view payload) {
  contained([&] {
    auto frame = protocol::make_frame(protocol::opcode::ping, payload);
    append(frame, {0, static_cast<std::uint32_t>(frame.size())}, 1, actors::output_kind::control);
  });
}

void memory_session::check_bound() {
  if (outbox_.over_bound())
    cut(errc::slow_consumer);
}

void memory_session::close(errc why, std::string_view reason) {
  auto& row = info(why);
  close_with(row.close_code, reason.empty() ? row.name : reason);
}

void memory_session::close_with(std::uint16_t code, std::string_view reason) {
  contained([&] {
    if (!outbox_.sealed())
      outbox_.close(protocol::make_close_frame(code, reason), loop_.now());
  });
}

void memory_session::cut(errc why) {
  if (!cut_at_)
    cut_at_ = taken_ + received_.size();
  auto& row = info(why);
  contained(
    [&] { outbox_.cut(protocol::make_close_frame(row.close_code, row.name), loop_.now()); });
}

void memory_session::terminate(errc) { end_soon(); }

void memory_session::resume_reading() {
  paused_ = false;
  heard_ = loop_.now();
  contained([&] { read(); });
}

} // namespace troupe::testing
