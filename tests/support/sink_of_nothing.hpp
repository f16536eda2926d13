#pragma once

#include <troupe/actors/sink.hpp>

#include <optional>
#include <span>
#include <string_view>

namespace troupe::test {

/// A sink that takes everything and keeps nothing, as a base for sinks that override one call.
struct sink_of_nothing : actors::sink {
  void write(const protocol::shared_bytes&, std::span<const actors::byte_range>,
             std::uint32_t) override {}
  void append(const protocol::shared_bytes&, actors::byte_range, std::uint32_t,
              actors::output_kind) override {}
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
};

} // namespace troupe::test
