#pragma once

#include <troupe/actors/node.hpp>

#include <cstdint>
#include <optional>
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
    while (run_round()) {}
  }

  /// Lets each loop run a turn. Returns whether one of them did anything.
  bool run_round() {
    bool busy = false;
    for (unsigned i = 0; i < node_.loops(); ++i)
      busy |= node_.loop(i).run_turn();
    return busy;
  }

  /// When the first precise deadline of a loop is due, such as a room's timer or tick; nothing if
  /// there is none.
  [[nodiscard]] std::optional<actors::steady_time> next_deadline() {
    std::optional<actors::steady_time> first;
    for (unsigned i = 0; i < node_.loops(); ++i)
      if (auto next = node_.loop(i).deadlines().next(); next && (!first || *next < *first))
        first = next;
    return first;
  }

private:
  actors::node& node_;
  std::mt19937_64 random_;
};

} // namespace troupe::testing
