#pragma once

#include "context/node_context.hpp"
#include "matchmaking/match_core.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace troupe::actors {

/// The actor of one pattern: leads wishes for a seat to rooms, and lists the rooms. It lives on the
/// loop that a room of the pattern's name would live on. Its handlers never throw, so it ends only
/// with its loop; the wishes that are open then hear `room_closed`.
class matchmaker final : public compat::dispatched<matchmaker_actor::base, hold_answer>,
                         public match_output {
public:
  matchmaker(caf::actor_config& cfg, compat::loop_context& home, node_context& shared,
             loop_unit& unit, std::string pattern, std::size_t capacity);

  behavior_type make_behavior() override;
  const char* name() const override { return "troupe.matchmaker"; }

private:
  /// Wakes it when wishes have waited too long.
  struct deadline final : timer_wheel::entry {
    explicit deadline(matchmaker& m) : owner(m) {}
    void on_deadline() override;
    matchmaker& owner;
  };

  template <class F>
  void guard(F&& f);
  void handle(hold_answer& answer) override;
  void release_state() override;
  [[nodiscard]] std::string new_id();

  // -- match_output -------------------------------------------------------------------------------
  void hold(const std::string& room, hold_request request) override;
  void release(const std::string& room, release_request request) override;
  std::string new_name() override;
  void wake_at(actors::steady_time when) override { unit_.loop->timers().arm(deadline_, when); }
  actors::steady_time now() const override { return unit_.loop->now(); }

  node_context& shared_;
  loop_unit& unit_;
  std::string pattern_;
  std::uint64_t ids_ = 0; ///< so far, if they are not random
  std::optional<match_core> core_;
  deadline deadline_{*this};
};

} // namespace troupe::actors
