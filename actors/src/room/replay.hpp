#pragma once

#include "history/history.hpp"
#include "messages/messages.hpp"
#include "model/client_id.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace troupe::actors {

/// What a member that catches up has still to get: what it has missed, from the room's history,
/// and in the same line what the room says to it in another way meanwhile. It goes in slices, as
/// fast as its client reads.
///
/// Invariants: a frame that waits in the line comes behind every broadcast that the room had
/// stored before; a broadcast that either of the client's ids is excluded from is not repeated.
/// Bound: the client's account, which the rooms in which it catches up share. Errors:
/// `std::bad_alloc`. Thread: the room's.
class replay {
public:
  /// Most bytes of a slice, or a single frame, and most frames: an outbox takes a few slices.
  static constexpr std::size_t slice_bytes = std::size_t{64} * 1024;
  static constexpr std::size_t slice_frames = 256;

  /// `own`: the member's present id. `from.client`: the one it had before.
  replay(const replay_start& from, client_id own)
    : seq_(from.seq), own_(own), former_(from.client), account_(from.account) {}

  /// Position up to which the member has got what was for it.
  [[nodiscard]] std::uint64_t seq() const noexcept { return seq_; }

  /// Puts a frame into the line, behind what was stored up to position `at`. `source`: the credit
  /// of the member's own command that it answers. Returns false, and takes nothing, if the line is
  /// full.
  [[nodiscard]] bool add(protocol::shared_bytes frame, output_kind kind, std::uint64_t at,
                         credit source = {});

  /// Whether the history has lost what the member has not got yet.
  [[nodiscard]] bool is_overrun(std::uint64_t dropped_through) const noexcept {
    return dropped_through > seq_;
  }

  /// The next slice, at most `most_bytes` or a single frame; none at all if that is 0. Frames are
  /// made in `to`, counted against `meter`. Precondition: it is not overrun.
  [[nodiscard]] std::vector<missed_frames> next(const history& stored, protocol::codec to,
                                                std::size_t most_bytes,
                                                protocol::memory_meter* meter);

  /// All frames that wait in the line, without what was missed.
  [[nodiscard]] std::vector<missed_frames> take_line();

  /// How much is left: broadcasts, of which some may be excluded, and frames of the line.
  [[nodiscard]] std::uint64_t left(const history& stored) const noexcept;

private:
  struct waiting {
    protocol::shared_bytes frame;
    output_kind kind;
    std::uint64_t at;
    credit source;
    credit own; ///< of `account_`
  };

  [[nodiscard]] bool is_excluded(const history& stored, const history::entry& e) const noexcept {
    return e.excluded && (stored.excludes(e, own_) || stored.excludes(e, former_));
  }
  void skip_excluded(const history& stored, std::uint64_t last) noexcept;

  std::uint64_t seq_;
  client_id own_;
  client_id former_;
  std::shared_ptr<credit_account> account_;
  std::vector<waiting> line_;
};

} // namespace troupe::actors
