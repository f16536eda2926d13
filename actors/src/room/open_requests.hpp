#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/actors/room_context.hpp>
#include <troupe/actors/session_key.hpp>
#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/errc.hpp>

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace troupe::actors {

/// What a room's behaviour has asked a member.
struct open_request {
  std::uint64_t id = 0; ///< unique in the room; the client's `requestId`
  session_key who;
  protocol::codec source = protocol::codec::json;
  std::string data; ///< raw map in `source`
  steady_time until{};
  request_handler then;
  protocol::errc why = protocol::errc::timed_out; ///< once it has ended: why nobody answers it

  boost::intrusive::set_member_hook<> by_member{};
  boost::intrusive::set_member_hook<> by_time{};
  boost::intrusive::list_member_hook<> in_line{};
};

/// The requests of a room that wait for an answer, and those that have ended without one and whose
/// handlers have still to be told.
///
/// Invariants: a request is open, or ended, or has been taken out, once. Ended ones keep their
/// order. Bound: `has_place_for`, of those that are open; those that have ended wait for the end of
/// a hook only. Cost: logarithmic in the open ones. Once a request has been opened, nothing more is
/// allocated for it. Thread: the room's.
class open_requests {
public:
  /// The most of one member, and in all; 0: any number.
  open_requests(std::size_t most_of_member, std::size_t most) noexcept
    : most_of_member_(most_of_member), most_(most) {}
  open_requests(const open_requests&) = delete;
  open_requests& operator=(const open_requests&) = delete;
  ~open_requests();

  /// Whether another request to that member may be opened.
  [[nodiscard]] bool has_place_for(session_key who) const noexcept;

  /// Opens a request, whose `id` this sets. Errors: `std::bad_alloc`; then nothing has changed.
  const open_request& open(open_request request);
  /// Ends a request before it was open, for `request.why`. Errors: as above.
  void refuse(open_request request);

  /// Takes out the open request of that `requestId` to that member; null if there is none.
  [[nodiscard]] std::unique_ptr<open_request> take(session_key who, std::string_view id) noexcept;

  /// A member's place has gone to another session, which is to answer now. Precondition: it is
  /// another one.
  void move(session_key from, session_key to) noexcept;
  /// Calls `f` for each open request to that member, in the order in which they were opened.
  template <class F>
  void for_each_of(session_key who, F&& f) const {
    for (auto i = first_of(who); i != by_member_.end() && i->who == who; ++i)
      f(*i);
  }

  /// Ends all open requests to that member.
  void end_all_of(session_key who, protocol::errc why) noexcept;
  /// Ends those whose time is over.
  void end_late(steady_time now) noexcept;
  /// Ends all that are open.
  void end_all(protocol::errc why) noexcept;

  /// How many have ended and are still here.
  [[nodiscard]] std::size_t ended() const noexcept { return ended_.size(); }
  /// Takes out the one that has ended first; null if there is none.
  [[nodiscard]] std::unique_ptr<open_request> take_ended() noexcept;

  /// When the next open request ends; nothing if none is open.
  [[nodiscard]] std::optional<steady_time> next_end() const noexcept {
    return by_time_.empty() ? std::nullopt : std::optional{by_time_.begin()->until};
  }

private:
  struct order_by_member {
    static auto key(session_key who, std::uint64_t id) noexcept {
      return std::tuple{who.loop, who.slot, who.generation, id};
    }
    bool operator()(const open_request& a, const open_request& b) const noexcept {
      return key(a.who, a.id) < key(b.who, b.id);
    }
  };
  struct order_by_time {
    bool operator()(const open_request& a, const open_request& b) const noexcept {
      return std::pair{a.until, a.id} < std::pair{b.until, b.id};
    }
  };
  template <auto Hook>
  using member_of = boost::intrusive::member_hook<
    open_request, std::remove_reference_t<decltype(std::declval<open_request>().*Hook)>, Hook>;
  using member_set = boost::intrusive::set<open_request, member_of<&open_request::by_member>,
                                           boost::intrusive::compare<order_by_member>>;
  using time_set = boost::intrusive::set<open_request, member_of<&open_request::by_time>,
                                         boost::intrusive::compare<order_by_time>>;
  using line = boost::intrusive::list<open_request, member_of<&open_request::in_line>>;

  [[nodiscard]] member_set::const_iterator first_of(session_key who) const noexcept;
  void close(open_request& r) noexcept;
  void end(open_request& r, protocol::errc why) noexcept;

  std::size_t most_of_member_;
  std::size_t most_;
  std::uint64_t last_id_ = 0;
  member_set by_member_; ///< those that are open; each is owned by this
  time_set by_time_;     ///< the same ones
  line ended_;           ///< likewise owned
};

} // namespace troupe::actors
