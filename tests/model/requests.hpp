#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/protocol/errc.hpp>

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace troupe::model {

/// What a room has asked a client, as its behaviour notes it.
struct request {
  std::size_t log = 0; ///< of the room
  std::string client;  ///< who is to answer: the one that was asked, or has taken its place
  /// Clients that were to answer, and how many entries came before that.
  std::map<std::string, std::size_t> whom;
  actors::steady_time until{};
  protocol::errc why = protocol::errc::ok; ///< once it is over without an answer, if that is known
  bool is_open = true;                     ///< an answer would count
  std::size_t times_heard = 0;             ///< how often its handler has run
  std::string id;                          ///< the `requestId`, once a client has told it
  std::set<std::string> heard_by;          ///< clients
};

/// All requests of a play; a request is known by its number.
///
/// A request is over by an answer, by its time, with its member, or with its room; then its handler
/// runs, once. Who comes back to a place is asked again what is open there.
class request_log {
public:
  /// Notes a request; returns its number. `why`: of one that is over at once.
  std::size_t add(request r) {
    all_.push_back(std::move(r));
    return all_.size() - 1;
  }

  /// The client has left that room.
  void end_all_of(std::size_t log, const std::string& client) {
    for (auto& r : all_)
      if (r.is_open && r.log == log && r.client == client)
        end(r, protocol::errc::not_joined);
  }
  /// The client `to` has taken the place of `from`, where that many entries come before. `plain`:
  /// it cannot be asked.
  void move(std::size_t log, const std::string& from, const std::string& to, std::size_t position,
            bool plain) {
    for (auto& r : all_) {
      if (!r.is_open || r.log != log || r.client != from)
        continue;
      r.client = to;
      r.whom[to] = position;
      if (plain)
        end(r, protocol::errc::unsupported);
    }
  }
  static void end(request& r, protocol::errc why) {
    r.is_open = false;
    r.why = why;
  }

  [[nodiscard]] std::size_t open_of(std::size_t log, const std::string& client) const {
    std::size_t count = 0;
    for (auto& r : all_)
      count += r.is_open && r.log == log && r.client == client;
    return count;
  }
  [[nodiscard]] request* find(std::size_t number) {
    return number < all_.size() ? &all_[number] : nullptr;
  }
  [[nodiscard]] std::deque<request>& all() noexcept { return all_; }

  /// What a `$reply` of that number answers: by `requestId`.
  std::map<int, std::string> replies;

private:
  std::deque<request> all_;
};

} // namespace troupe::model
