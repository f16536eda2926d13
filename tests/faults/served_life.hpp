#pragma once

#include "wire_client.hpp"

#include <troupe/node.hpp>
#include <troupe/troupe.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace troupe::test {

/// A server of one loop on a free port of the loopback, with all that a scripted life asks of it.
class served_life {
public:
  enum class memory {
    warm, ///< clients have come and gone before, so that what is made once is there
    cold,
  };

  enum class door { plain, tls };
  enum class length {
    full,
    brief, ///< of the clients only some that together use all of a TLS channel
  };

  explicit served_life(door by, length how = length::full, memory first = memory::warm);
  ~served_life();

  /// Clients of all kinds come, say something and go, while the loop's allocations fail from the
  /// `nth` on, `count` of them. Returns whether one has failed. Appends to `wrong` whoever waits in
  /// vain.
  bool play_failing(std::size_t nth, std::size_t count, std::string& wrong);

  /// The same life where all must go well.
  void play_well(std::string& wrong);

  /// Two fresh clients are served in full, and once all have gone nothing is left of anybody.
  void judge(std::string& wrong);

  /// Stops in order; whether that was quicker than its time.
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
