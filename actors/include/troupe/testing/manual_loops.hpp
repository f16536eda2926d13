#pragma once

#include <troupe/actors/node.hpp>

#include <cstdint>
#include <random>

namespace troupe::testing {

/// Drives the loops of a node that was not started, on the calling thread, one turn at a time.
///
/// Which loop runs next and how much it does is drawn from the seed, so that one seed is one
/// interleaving.
class manual_loops {
public:
  explicit manual_loops(actors::node& node, std::uint64_t seed = 1) : node_(node), random_(seed) {}

  /// Lets one loop, drawn from the seed, run a short turn. Returns whether it did anything.
  bool step() {
    auto index = std::uniform_int_distribution<unsigned>{0, node_.loops() - 1}(random_);
    auto handlers = std::uniform_int_distribution<std::size_t>{1, 4}(random_);
    return node_.loop(index).run_turn(handlers);
  }

  /// Runs all loops until none has anything to do.
  void settle() {
    bool busy = true;
    while (busy) {
      busy = false;
      for (unsigned i = 0; i < node_.loops(); ++i)
        busy |= node_.loop(i).run_turn();
    }
  }

private:
  actors::node& node_;
  std::mt19937_64 random_;
};

} // namespace troupe::testing
