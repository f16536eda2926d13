#pragma once

#include <troupe/actors/node.hpp>
#include <troupe/protocol/observe.hpp>

#include <memory>
#include <string>

namespace troupe::transport {

/// The counters of all layers as Prometheus metrics. Thread: any.
class metrics final : public protocol::event_counters {
public:
  metrics();
  ~metrics() override;

  void count(protocol::counter what, std::string_view label, std::uint64_t n) noexcept override;

  /// All metrics in the text format, the gauges as of now.
  [[nodiscard]] std::string text(const actors::node_stats& now);

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace troupe::transport
