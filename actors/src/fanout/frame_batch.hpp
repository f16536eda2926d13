#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/actors/credit.hpp>
#include <troupe/actors/sink.hpp>
#include <troupe/protocol/shared_bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace troupe::actors {

/// Frames of one group on their way to its members: they gather, then all of them are given out as
/// one run of bytes. `member_group` says how.
struct frame_batch {
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  /// A frame that a member does not get; a list for each member, newest first.
  struct exclusion {
    std::uint64_t position;
    std::uint32_t member; ///< its slot in the group
    std::uint32_t older;  ///< index in `exclusions`, or `none`
  };

  /// A frame that a member that is behind does not get in its place.
  struct skippable_frame {
    std::uint64_t position;
    if_behind what; ///< what it gets of it: nothing, or a value
  };

  std::uint64_t begin = 0; ///< position of the first frame
  std::uint64_t end = 0;   ///< position behind the last one
  std::vector<exclusion> exclusions;
  std::vector<skippable_frame> skippable; ///< in order
  std::vector<credit> credits;
  steady_time since{}; ///< when the room received what the oldest frame answers, or one before it

  // -- while they gather --
  std::vector<protocol::shared_bytes> frames;
  std::size_t gathered_bytes = 0;

  // -- while they are given out --
  protocol::shared_bytes bytes;
  byte_range whole;
  std::size_t cost = 0;               ///< of a send of all of it: see `flush_budget`
  std::vector<std::uint32_t> offsets; ///< of each frame, and the end
  std::size_t cursor = 0;             ///< the next slot to give it to

  [[nodiscard]] std::uint32_t count() const noexcept {
    return static_cast<std::uint32_t>(end - begin);
  }
};

/// What the groups of a loop share because only one of them needs it at a time: batches of groups
/// that have no frames now, and scratch. A room that speaks finds them in the cache, and a silent
/// room holds none. Thread: the loop's.
class group_buffers {
public:
  group_buffers() { spare_.reserve(most_spare); }

  /// An empty batch. Errors: `std::bad_alloc`.
  [[nodiscard]] std::unique_ptr<frame_batch> take();
  /// Keeps the batch, unless there are many or it has become large.
  void give_back(std::unique_ptr<frame_batch> batch) noexcept;

  /// A frame of a batch that is a value for its receiver.
  struct value {
    byte_range part;
    if_behind name;
  };

  /// Puts a piece that is a value where its receiver, which is behind, gets the last ones. Returns
  /// how many frames were queued: one, or none.
  std::size_t put(const output_piece& value, sink& output);

  /// Gives all `pieces`, of which some are values. Returns how many of those were queued.
  std::size_t give_with_values(sink& output);

  std::vector<byte_range> parts;
  std::vector<value> values; ///< between `parts`
  std::vector<output_piece> pieces;
  bool has_values = false;  ///< whether some of `pieces` are
  std::size_t skipped = 0;  ///< frames that members did not get since they were behind
  std::size_t replaced = 0; ///< values that have given way

private:
  static constexpr std::size_t most_spare = 256;  ///< about as many rooms as speak in one turn
  static constexpr std::size_t most_frames = 256; ///< of a batch that is kept

  std::vector<std::unique_ptr<frame_batch>> spare_; ///< with room for `most_spare`
};

} // namespace troupe::actors
