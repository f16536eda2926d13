#pragma once

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::protocol {

/// Events of a room as one client reads them back, in as many bytes as one answer may have.
///
/// Bound: 256 KiB, or a single event. Errors: `std::bad_alloc`. Thread: any.
class history_page {
public:
  static constexpr std::size_t max_bytes = std::size_t{256} * 1024;

  /// In which order the events are added. The answer has the oldest one first.
  enum class order : std::uint8_t { oldest_first, newest_first };

  history_page(encoding to, order added) : to_(to), order_(added) {}

  /// Adds an event (`stored_event.hpp`). Returns false, and adds nothing, if the page is full.
  bool add(const shared_bytes& event);

  struct context {
    std::string_view ref; ///< raw in the receiver's codec; empty if none
    std::string_view room_id;
    std::string_view epoch;
    bool is_complete = true; ///< the room keeps nothing more beyond the page
    /// Position of the latest event that the room keeps no longer; 0: it keeps all.
    std::uint64_t dropped = 0;
  };
  /// `history`, as the answer to the command.
  [[nodiscard]] shared_bytes frame(const context& of, memory_meter* meter) const;

private:
  encoding to_;
  order order_;
  std::vector<std::string> events_; ///< encoded
  std::size_t bytes_ = 0;           ///< of all of them
};

} // namespace troupe::protocol
