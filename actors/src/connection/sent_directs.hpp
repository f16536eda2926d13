#pragma once

#include "model/accepted_ids.hpp"

#include <troupe/actors/credit.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::actors {

/// The directs that a connection has sent and whose fate it does not know yet, and the ids of the
/// accepted directs of its session.
///
/// Bound: each holds the credit of its command. Cost: linear in those under way. Thread: the
/// loop's.
class sent_directs {
public:
  struct asker {
    std::string ref; ///< raw; empty if it had none
    credit token;
  };
  struct sent {
    std::uint32_t ticket;
    std::uint64_t id; ///< 0: it has none
    /// The command, and those that have repeated it meanwhile.
    std::vector<asker> askers;
  };

  [[nodiscard]] bool has_taken(std::uint64_t id) const noexcept {
    return id != 0 && taken_ && taken_->find(id) != nullptr;
  }
  /// Lets the repeat of one that is under way wait for its answer. Returns false if there is none.
  [[nodiscard]] bool wait_for(std::uint64_t id, asker who) {
    auto i = std::find_if(all_.begin(), all_.end(), [&](auto& s) { return s.id == id; });
    if (id == 0 || i == all_.end())
      return false;
    i->askers.push_back(std::move(who));
    return true;
  }
  /// Returns the ticket of the answer.
  [[nodiscard]] std::uint32_t begin(std::uint64_t id, asker who) {
    auto& s = all_.emplace_back(sent{next_ticket_++, id, {}});
    s.askers.push_back(std::move(who));
    return s.ticket;
  }
  /// Takes out those who wait for that answer; an id that was taken is known again from now on.
  [[nodiscard]] std::vector<asker> end(std::uint32_t ticket, bool is_taken) {
    auto i = std::find_if(all_.begin(), all_.end(), [&](auto& s) { return s.ticket == ticket; });
    if (i == all_.end())
      return {};
    auto done = std::move(*i);
    all_.erase(i);
    if (is_taken && done.id != 0) {
      if (!taken_)
        taken_ = std::make_shared<accepted_ids>();
      taken_->add(done.id, 0);
    }
    return std::move(done.askers);
  }
  [[nodiscard]] bool is_empty() const noexcept { return all_.empty(); }

  /// The ids, for the connection that takes the session over.
  [[nodiscard]] const std::shared_ptr<accepted_ids>& taken() const noexcept { return taken_; }
  void adopt(std::shared_ptr<accepted_ids> taken) noexcept { taken_ = std::move(taken); }

private:
  std::vector<sent> all_;
  std::shared_ptr<accepted_ids> taken_; ///< null: none
  std::uint32_t next_ticket_ = 1;
};

} // namespace troupe::actors
