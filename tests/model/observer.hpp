#pragma once

#include "oracle.hpp"
#include "wire.hpp"

#include <troupe/actors/node.hpp>

#include <caf/all.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace troupe::model {

/// A server-side member. It hears what a v1 JSON client hears, in the same order, except what a gap
/// tells it that it missed.
class observer {
public:
  observer(oracle& t, caf::actor_system& system, actors::node& node, std::string room,
           actors::observer_options options);

  /// Takes at most `most` events that have come. Keeps their credits until `let_go`.
  void look(std::size_t most);
  void let_go() { kept_.clear(); }
  void leave();

  /// Checks that everything owed has come. Call it when nothing is under way, after the room has
  /// spoken once more.
  void settle();
  /// Whether it was told the end, or has left and does not wait for it.
  [[nodiscard]] bool has_ended() const noexcept { return leaving_ || phase_ == phase::over; }

private:
  enum class phase : std::uint8_t { asked, inside, over };

  void take(const actors::room_event& e);
  void hear(const frame_fields& f);
  void find(const frame_fields& line);
  [[nodiscard]] bool is_heard(const entry& e) const;
  [[nodiscard]] std::size_t heard_between(std::size_t from, std::size_t to) const;
  void complain(const std::string& what) { oracle_.complain("observer of " + room_, what); }

  oracle& oracle_;
  actors::node& node_;
  std::string room_;
  caf::scoped_actor self_;
  std::vector<actors::credit> kept_;
  phase phase_ = phase::asked;
  bool leaving_ = false;
  std::size_t log_ = 0;
  std::optional<std::size_t> next_;   ///< the entry that comes next; unknown until a line is heard
  std::vector<frame_fields> notices_; ///< heard since then, while their place is unknown
  std::uint64_t missed_ = 0;          ///< told by gaps since the last line
  int last_outside_ = 0;
};

} // namespace troupe::model
