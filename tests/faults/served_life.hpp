#pragma once

#include "support/wire_client.hpp"

#include <troupe/node.hpp>
#include <troupe/troupe.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe::test {

/// A server with one loop on a free loopback port, with all that a scripted life needs.
class served_life {
public:
  enum class memory {
    warm, ///< clients have come and gone before, so one-time allocations are done
    cold,
  };

  enum class door { plain, tls };
  enum class length {
    full,
    brief, ///< only some of the clients; together they use all of a TLS channel
  };

  explicit served_life(door by, length how = length::full, memory first = memory::warm);
  ~served_life();

  /// Plays a life of clients of all kinds while `count` of the loop's allocations fail, from the
  /// `nth` on. Returns whether one failed. Appends to `wrong` each client that waits in vain.
  bool play_failing(std::size_t nth, std::size_t count, std::string& wrong);

  /// Plays the same life without failures. All must go well.
  void play_well(std::string& wrong);

  /// Checks that two fresh clients are served completely, and that nothing is left after all have
  /// gone.
  void judge(std::string& wrong);

  /// Stops the server. Returns whether that took less than half of its drain timeout.
  [[nodiscard]] bool stop();

private:
  template <class F>
  auto on_loop(F f);
  void play(class verdict& v);
  [[nodiscard]] wire_client::way way_in() const;
  [[nodiscard]] std::string remains();
  void set_up();

  const bool is_tls_;
  const length length_;
  std::string folder_;
  std::unique_ptr<server> server_;
  actors::endpoint raw_;
  std::size_t descriptors_at_rest_ = 0;
  std::size_t actors_at_rest_ = 0;
};

} // namespace troupe::test
