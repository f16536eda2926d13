#pragma once

#include "net/traffic.hpp"

#include <troupe/actors/node.hpp>
#include <troupe/protocol/observe.hpp>

#include <memory>
#include <string>

namespace troupe::transport {

/// Counts events and writes all Prometheus metrics; this layer's README lists them. Thread: any.
class metrics final : public protocol::event_counters {
public:
  /// The media type of `text`.
  static constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";

  metrics();
  ~metrics() override;

  /// For rare events: takes a lock, and allocates for a new label.
  void count(protocol::counter what, std::string_view label, std::uint64_t n) noexcept override;

  /// All metrics in the text format: the counted events, those of `now` and `traffic`, and the
  /// process's at this moment. Cost: about a millisecond.
  [[nodiscard]] std::string text(const actors::node_stats& now, const node_traffic& traffic = {});

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace troupe::transport
