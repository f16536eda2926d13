#pragma once

#include <troupe/protocol/errc.hpp>
#include <troupe/protocol/event.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace troupe::actors {

struct broadcast_event;
struct join_decision;
class answer_handle;
class late_answer;

/// The decision about one join that `room_behavior::authorize_join` gives later: it returns
/// `join_decision::later` of this, and whoever has a copy then decides.
///
/// All copies stand for the same decision; the first one counts. One that is given within the hook
/// takes effect after it. If the last copy goes without a decision, the client is told `internal`
/// at once; if none has come when the time is over (`room_limits::answer_deadline`), `timed_out`.
/// A decision that comes then, or after the end of the room or the node, or once the join was taken
/// back, has no effect. Thread: any.
class join_promise {
public:
  /// For one join. Cost: two allocations.
  join_promise();

  /// Lets the candidate in, unless the room has no place for it by then.
  void accept() const;
  /// Refuses it, as `join_decision::refuse` does. Throws as that does.
  void refuse(protocol::errc code, std::string why = {}) const;
  /// The same with `forbidden`.
  void refuse(std::string why) const;
  /// Decides as `authorize_join` would by returning `decision`. Throws `std::invalid_argument` for
  /// one that no behaviour may return, and for one that is itself to come later. If there is no
  /// memory for it, throws `std::bad_alloc`, and nothing was decided.
  void decide(join_decision decision) const;

  /// Whether a decision given now may still have an effect: none was given, and nobody has stopped
  /// waiting for it, as of a moment ago.
  [[nodiscard]] bool is_awaited() const;

private:
  friend class late_answer;
  std::shared_ptr<const answer_handle> handle_; ///< never null but in what was moved from
};

/// The answer to one message of a member that a behaviour gives later: see
/// `room_context::reply_later`.
///
/// All copies stand for the same answer; the first one counts. If the last copy goes without an
/// answer, the client is told `internal` at once; if none has come when the time is over
/// (`room_limits::answer_deadline`), `timed_out`. An answer that comes then, or once the member has
/// left or lost its connection, or after the end of the room or the node, has no effect, and
/// neither has one by a promise that is default-constructed or moved from. Each call throws
/// `std::bad_alloc` if there is no memory for it; then no answer was given. Thread: any.
class reply_promise {
public:
  reply_promise() noexcept = default;

  /// The message has taken effect: `ack`, to a client that has given a `ref`.
  void ack() const;
  /// Sends the sender this message, and `ack` behind it. Throws as `room_context::send_to` does;
  /// the same fields of the event have no meaning.
  void send(const broadcast_event& event) const;
  /// The same with fields for all clients.
  void send(std::string_view type, protocol::field_list fields) const;
  /// The sender gets `error`. Throws as `room_context::refuse` does.
  void refuse(protocol::errc code, std::string_view detail = {}) const;

  /// As `join_promise::is_awaited`.
  [[nodiscard]] bool is_awaited() const;

private:
  friend class late_answer;
  std::shared_ptr<const answer_handle> handle_; ///< null: of nobody
};

} // namespace troupe::actors
