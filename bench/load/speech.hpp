#pragma once

#include "options.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace troupe::bench {

/// A frame that is sent many times, each time with another marker.
struct publish_template {
  std::string frame;
  std::size_t marker_at = 0;
};

/// The messages of one dialect, as whole masked frames. The dialect is never `mixed`, whose clients
/// speak json or msgpack.
class speech {
public:
  speech(dialect d, const load_options& options) : dialect_(d), options_(options) {}

  /// The request for the upgrade.
  [[nodiscard]] std::string upgrade() const;

  /// The first message: a greeting where the server must invite before a join, else the join.
  [[nodiscard]] std::string opening(std::string_view room) const;
  /// Whether this payload says that the client may join now.
  [[nodiscard]] bool is_invitation(std::string_view payload) const;
  [[nodiscard]] std::string join(std::string_view room) const;
  [[nodiscard]] std::string leave(std::string_view room) const;
  [[nodiscard]] publish_template publish(std::string_view room) const;

  /// Whether this payload confirms a join.
  [[nodiscard]] bool is_joined(std::string_view payload) const;
  /// Whether this payload says that somebody has joined or left.
  [[nodiscard]] bool is_notice(std::string_view payload) const;
  /// The answer that this payload needs to keep the connection alive; empty if none.
  [[nodiscard]] std::string answer_to(std::string_view payload) const;

private:
  dialect dialect_;
  const load_options& options_;
};

} // namespace troupe::bench
