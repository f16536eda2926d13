#pragma once

#include <troupe/actors/session_table.hpp>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace troupe::test {

/// A sink that keeps the bytes that it is given, in order, and counts the calls.
struct fake_sink final : actors::sink {
  void write(const protocol::shared_bytes& batch, std::span<const actors::byte_range> parts,
             std::uint32_t frames) override {
    ++writes;
    this->frames += frames;
    for (auto p : parts)
      bytes += batch.view().substr(p.begin, p.size());
  }
  void write_all(std::span<const actors::output_piece> pieces) override {
    ++sends;
    sink::write_all(pieces);
  }
  void append(const protocol::shared_bytes& b, actors::byte_range part, std::uint32_t n,
              actors::output_kind) override {
    ++appends;
    frames += n;
    bytes += b.view().substr(part.begin, part.size());
  }
  /// Keeps values in brackets with their names.
  actors::value_fate put_value(const protocol::shared_bytes& b, actors::byte_range part,
                               actors::if_behind name) override {
    bytes += '[' + std::to_string(static_cast<std::uint64_t>(name)) + ':';
    bytes.append(b.view().substr(part.begin, part.size())) += ']';
    return fate;
  }
  void flush() override { ++flushes; }
  void ping(std::string_view) override { ++pings; }
  void close(protocol::errc why, std::string_view) override { closed = why; }
  void close_with(std::uint16_t, std::string_view) override { closed = protocol::errc::ok; }
  void cut(protocol::errc why) override { closed = why; }
  void terminate(protocol::errc why) override { terminated = why; }
  void resume_reading() override { ++resumed; }
  actors::steady_time last_inbound() const override { return heard; }
  std::size_t queued_bytes() const override { return unread; }
  const actors::sink_state* state() const noexcept override { return behind; }
  std::optional<actors::steady_time> oldest_queued() const override { return queued; }

  std::string take() { return std::exchange(bytes, {}); }

  std::string bytes;
  int writes = 0, sends = 0, appends = 0, flushes = 0, pings = 0, resumed = 0;
  std::uint32_t frames = 0;
  std::optional<protocol::errc> closed, terminated;
  std::optional<actors::steady_time> queued;
  std::size_t unread = 0;                               ///< what `queued_bytes` returns
  actors::value_fate fate = actors::value_fate::queued; ///< what `put_value` returns
  actors::steady_time heard{};
  const actors::sink_state* behind = nullptr; ///< what `state` returns
};

} // namespace troupe::test
