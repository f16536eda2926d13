#pragma once

#include <troupe/actors/sink.hpp>
#include <troupe/actors/time_histogram.hpp>
#include <troupe/protocol/codec.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace troupe::transport {

/// What the sockets of one loop have read and written, and what waits for them. Thread: the loop's
/// writes, any reads.
struct loop_traffic {
  /// Bytes as they are on the wire, TLS included, less what TCP and IP add.
  struct bytes {
    actors::loop_counter received;
    actors::loop_counter sent;
  };

  bytes http; ///< of a connection until it becomes a WebSocket, with TLS's handshake
  bytes websocket;
  /// Bytes that sockets have not taken, by `protocol::index_of` and `actors::output_kind`: a frame
  /// for many counts for each of them.
  std::array<std::array<actors::loop_counter, 2>, protocol::encoding_count> queued;
};

/// Of all loops, by their index.
using node_traffic = std::vector<std::unique_ptr<loop_traffic>>;

} // namespace troupe::transport
