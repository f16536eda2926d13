#pragma once

#include "messages/messages.hpp"
#include "model/session_name.hpp"

#include <troupe/protocol/command.hpp>
#include <troupe/protocol/event.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::actors {

/// A `resume` under way: where the client says it left off, and what its rooms have answered.
///
/// Cost: logarithmic in the rooms that the client names, which its largest message bounds. They are
/// looked up by order: a client cannot choose names that are slow to find.
class resuming {
public:
  /// `c`: the command, whose bytes need not outlive this; `arrived`: its number.
  resuming(const protocol::command& c, const session_name& name, std::uint64_t arrived,
           credit token);
  resuming(const resuming&) = delete;
  resuming& operator=(const resuming&) = delete;

  [[nodiscard]] const session_name& name() const noexcept { return name_; }
  [[nodiscard]] std::uint64_t arrived() const noexcept { return arrived_; }
  [[nodiscard]] const std::string& ref() const noexcept { return ref_; }
  [[nodiscard]] const credit& token() const noexcept { return token_; }

  /// The session is here. Its rooms are asked once the client is in no other room.
  void find(std::shared_ptr<const session_record> session) { found_ = std::move(session); }
  /// Takes it out: from now on its rooms are asked to take it in.
  [[nodiscard]] std::shared_ptr<const session_record> begin_return() noexcept {
    is_returning_ = found_ != nullptr;
    return std::exchange(found_, nullptr);
  }
  [[nodiscard]] bool has_found() const noexcept { return found_ != nullptr; }
  [[nodiscard]] bool is_returning() const noexcept { return is_returning_; }

  /// Where the client left off in that room; null if it has not said so.
  [[nodiscard]] const protocol::room_position* position(std::string_view room) const noexcept;

  /// The number of the last direct that the client has seen; absent: it does not say so.
  [[nodiscard]] const std::optional<std::uint64_t>& directs() const noexcept { return directs_; }

  /// The session is in that room again.
  void note(std::string room, std::shared_ptr<const room_return> at);
  /// The session is not in that room any more.
  void lose(std::string room, protocol::errc why);

  /// The `resumed`. `rooms`: those that it is in, in the order of joining; each was noted.
  /// `directs`: told if the client has said where it left off.
  [[nodiscard]] protocol::shared_bytes frame(protocol::encoding to, std::string_view user_id,
                                             std::string_view client_id,
                                             const std::vector<std::string_view>& rooms,
                                             std::string_view resume,
                                             const protocol::resumed_directs& directs,
                                             protocol::memory_meter* meter);

private:
  struct lost {
    std::string room;
    protocol::errc why;
  };

  session_name name_;
  std::uint64_t arrived_;
  std::string ref_; ///< raw; empty if it had none
  credit token_;
  std::optional<std::uint64_t> directs_;
  std::vector<protocol::room_position> positions_;
  std::map<std::string_view, const protocol::room_position*> by_room_; ///< of `positions_`
  std::map<std::string, std::shared_ptr<const room_return>, std::less<>> returned_;
  std::vector<lost> lost_;
  std::shared_ptr<const session_record> found_;
  bool is_returning_ = false;
};

} // namespace troupe::actors
