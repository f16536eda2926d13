#pragma once

#include <troupe/actors/sink.hpp>

#include <cstdint>

namespace troupe::bench {

/// A sink that takes all frames and only counts them.
struct counting_sink : actors::sink {
  void write(const protocol::shared_bytes&, std::span<const actors::byte_range>,
             std::uint32_t n) override {
    frames += n;
  }
  void append(const protocol::shared_bytes&, actors::byte_range, std::uint32_t n,
              actors::output_kind) override {
    frames += n;
  }
  void flush() override {}
  void ping(std::string_view) override {}
  void close(protocol::errc, std::string_view) override {}
  void close_with(std::uint16_t, std::string_view) override {}
  void cut(protocol::errc) override {}
  void terminate(protocol::errc) override {}
  void resume_reading() override {}
  [[nodiscard]] actors::steady_time last_inbound() const override { return {}; }
  [[nodiscard]] std::size_t queued_bytes() const override { return 0; }
  [[nodiscard]] std::optional<actors::steady_time> oldest_queued() const override { return {}; }

  std::uint64_t frames = 0;
};

} // namespace troupe::bench
