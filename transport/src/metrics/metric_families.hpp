#pragma once

#include "metrics/process_stats.hpp"
#include "net/traffic.hpp"

#include <troupe/actors/node.hpp>

#include <prometheus/metric_family.h>

#include <vector>

namespace troupe::transport {

/// What a node's loops count, and what bounds it.
[[nodiscard]] std::vector<prometheus::MetricFamily> node_families(const actors::node_stats& now);

/// What a node's sockets read and wrote, and what is queued for them.
[[nodiscard]] std::vector<prometheus::MetricFamily> traffic_families(const node_traffic& of);

/// The `process_*` metrics, named as Prometheus' client libraries name them.
[[nodiscard]] std::vector<prometheus::MetricFamily> process_families(const process_stats& now);

/// What this was built from.
[[nodiscard]] prometheus::MetricFamily build_info();

} // namespace troupe::transport
