#pragma once

#include "oracle.hpp"

#include <troupe/actors/node.hpp>
#include <troupe/testing/memory_session.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::model {

/// An endpoint without envelope. It broadcasts what its clients say, in that order.
///
/// Clients say `<number> <user> <what>`; `what` is `all` (to all), `others` (to all but the user),
/// `close` (closes the user) or `boom` (throws).
class raw_endpoint {
public:
  struct broadcast {
    std::string text;
    std::string except; ///< a user; empty: nobody
  };

  explicit raw_endpoint(actors::node& node);

  [[nodiscard]] const std::shared_ptr<actors::endpoint_state>& state() const {
    return endpoint_.state();
  }
  /// The broadcasts in order, as far as they were accepted.
  [[nodiscard]] const std::vector<broadcast>& said() const noexcept { return said_; }

private:
  void hear(const actors::raw_connection& from, std::string_view text);

  actors::endpoint endpoint_;
  std::vector<broadcast> said_;
};

/// A client of a `raw_endpoint`. From its opening to its end it hears every broadcast once, in
/// order.
class raw_client {
public:
  raw_client(oracle& t, actors::node& node, unsigned loop, raw_endpoint& at, std::string user);

  void say(int number, const std::string& what);
  void look();
  /// Checks that every broadcast has come. Call it when nothing is under way.
  void settle();

  [[nodiscard]] testing::memory_session& session() { return session_; }
  [[nodiscard]] bool gone() const { return session_.ended() || session_.disconnected() || closed_; }
  [[nodiscard]] const std::string& user_id() const noexcept { return user_; }

private:
  void hear(const std::string& text);
  void pass();

  oracle& oracle_;
  raw_endpoint& at_;
  std::string user_;
  std::size_t opened_at_;           ///< how much was said before; some of that may still come
  std::optional<std::size_t> next_; ///< the broadcast that comes next; unknown until one is heard
  bool closed_ = false;
  testing::memory_session session_;
};

} // namespace troupe::model
