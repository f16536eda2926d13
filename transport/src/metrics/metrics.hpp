#pragma once

#include "net/traffic.hpp"

#include <troupe/actors/node.hpp>
#include <troupe/protocol/observe.hpp>

#include <memory>
#include <string>

namespace troupe::transport {

/// All that is counted as Prometheus metrics; the README of this layer has their table. Thread:
/// any.
class metrics final : public protocol::event_counters {
public:
  /// Its media type, with which `text` is to be sent.
  static constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";

  metrics();
  ~metrics() override;

  /// Rare events: takes a lock, and allocates for a label that is new.
  void count(protocol::counter what, std::string_view label, std::uint64_t n) noexcept override;

  /// All metrics in the text format, those of this process and of `now` as of now. Cost: a
  /// millisecond or so, for a scrape.
  [[nodiscard]] std::string text(const actors::node_stats& now, const node_traffic& traffic = {});

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace troupe::transport
