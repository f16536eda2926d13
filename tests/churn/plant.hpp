#pragma once

#include "truth.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace troupe::churn {

/// Sometimes spoils what a client has received before the reader sees it, to prove that the reader
/// notices.
class plant {
public:
  enum class kind { nothing, drop, twice, swap };
  /// What to do with a room message. `release`: pass it on, and then `held()`.
  enum class verdict { pass, drop, twice, hold, release };

  /// `in_plain`: spoils what clients without subprotocol receive, else what the others receive.
  plant(kind what, bool in_plain) : what_(what), in_plain_(in_plain) {}

  [[nodiscard]] bool any() const { return what_ != kind::nothing; }
  /// Decides about one message of another member; called for each.
  verdict judge(life_id life, bool plain, unsigned room, std::string_view payload);
  [[nodiscard]] std::string_view held() const { return held_; }

private:
  kind what_;
  bool in_plain_;
  unsigned messages_ = 0;
  std::optional<std::pair<life_id, unsigned>> holding_;
  std::string held_;
};

} // namespace troupe::churn
