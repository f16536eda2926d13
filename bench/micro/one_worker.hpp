#pragma once

#include <troupe/actors/caf_compat.hpp>

namespace troupe::bench {

/// Configures CAF so that its own threads sleep while the benchmark runs.
inline caf::actor_system_config& one_worker(caf::actor_system_config& config) {
  compat::set_worker_threads(config, 1);
  return config;
}

} // namespace troupe::bench
