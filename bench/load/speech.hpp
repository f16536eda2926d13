#pragma once

#include "options.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe::bench {

/// A frame to send many times, with another marker each time.
struct publish_template {
  std::string frame;
  std::size_t marker_at = 0;
};

/// The words of one dialect; frames are masked and whole. `mixed` is not one: its clients speak
/// json or msgpack.
class speech {
public:
  speech(dialect d, const load_options& options) : dialect_(d), options_(options) {}

  /// The request for the upgrade.
  [[nodiscard]] std::string upgrade() const;

  /// What is said first: a greeting where one must wait to be let in, else the join.
  [[nodiscard]] std::string opening(std::string_view room) const;
  /// Whether this payload says that one may now join.
  [[nodiscard]] bool is_invitation(std::string_view payload) const;
  [[nodiscard]] std::string join(std::string_view room) const;
  [[nodiscard]] std::string leave(std::string_view room) const;
  [[nodiscard]] publish_template publish(std::string_view room) const;

  /// Whether this payload says that a join was done.
  [[nodiscard]] bool is_joined(std::string_view payload) const;
  /// Whether this payload tells that somebody has come or gone.
  [[nodiscard]] bool is_notice(std::string_view payload) const;
  /// What must be answered to this payload for the connection to live; empty: nothing.
  [[nodiscard]] std::string answer_to(std::string_view payload) const;

private:
  dialect dialect_;
  const load_options& options_;
};

} // namespace troupe::bench
