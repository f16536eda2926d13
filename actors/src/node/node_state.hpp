#pragma once

#include "context/node_context.hpp"
#include "runtime/watchdog.hpp"

#include <troupe/actors/node.hpp>

#include <memory>
#include <thread>
#include <vector>

namespace troupe::actors {

struct node::state {
  node_context shared;
  std::shared_ptr<node_gate> entrance = std::make_shared<node_gate>(shared);
  std::vector<std::thread> threads;
  std::unique_ptr<watchdog> looks_on; ///< while the threads run, or the loop is polled
  bool is_polled = false;
  bool stop_requested = false;
  bool stopped = false;
};

} // namespace troupe::actors
