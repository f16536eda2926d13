#pragma once

#include "commands.hpp"

#include <string>

namespace troupe::model {

/// Compares a `resumed` with what the model knows of the session.
class returned_session {
public:
  /// `asked`: the `resume`, of `client`, that `f` answers. `now`: the former holder as it stands
  /// now.
  returned_session(oracle& t, std::string client, const command& asked, const resume_claim& now,
                   const frame_fields& f)
    : oracle_(t), client_(std::move(client)), claim_(*asked.claim), now_(now), told_(f) {}

  /// `is_alone`: no other claim can have changed the session meanwhile.
  void check(bool is_alone);

private:
  void check_rooms_once();
  void check_recovered(const frame_fields& room);
  void check_order();
  void check_is_possible(const frame_fields& room);
  void check_is_told(const std::string& room, const resume_claim::seat& at);
  void check_lost(const frame_fields& room);
  [[nodiscard]] bool was_in(const resume_claim::seat& at) const;
  [[nodiscard]] bool keeps_seat(const std::string& room, const resume_claim::seat& at) const;
  [[nodiscard]] bool has_gone_again(const std::string& room) const;
  [[nodiscard]] const left_off* named(const std::string& room) const;
  void complain(const std::string& what) { oracle_.complain(client_, "its resumed " + what); }

  oracle& oracle_;
  std::string client_;
  const resume_claim& claim_;
  const resume_claim& now_;
  const frame_fields& told_;
};

} // namespace troupe::model
