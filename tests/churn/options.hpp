#pragma once

#include "plant.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace troupe::churn {

struct options {
  std::string node; ///< program to start; empty: use a node that already runs on `port`
  std::uint16_t port = 0;
  /// Of a node that already runs; 0: its descriptors and memory are not checked.
  pid_t pid = 0;
  unsigned loops = 2;
  unsigned connections = 500;
  unsigned rooms = 20;
  std::chrono::seconds time{20};
  std::uint64_t seed = 0;
  plant::kind fault = plant::kind::nothing;
  bool fault_in_plain = false; ///< spoils what clients without subprotocol receive
};

/// Reads the command line. Throws std::invalid_argument with a sentence.
options read_options(int argc, char** argv);

extern const char* const usage;

} // namespace troupe::churn
