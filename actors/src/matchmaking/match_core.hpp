#pragma once

#include "messages/matchmaking.hpp"

#include <troupe/actors/clock.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace troupe::actors {

/// What a matchmaker asks its actor to do.
class match_output {
public:
  virtual ~match_output() = default;
  /// To the shard of the room of that name; `match_core::on_answer` follows, or nothing.
  virtual void hold(const std::string& room, hold_request request) = 0;
  virtual void release(const std::string& room, release_request request) = 0;
  /// A name for a new room of the pattern; the pattern's own if it is one name.
  [[nodiscard]] virtual std::string new_name() = 0;
  /// Asks for `match_core::on_deadline` at that time, instead of one that it asked for before.
  virtual void wake_at(steady_time when) = 0;
  [[nodiscard]] virtual steady_time now() const = 0;
};

/// Decides which room of a pattern a wish is led to, and when a room is made for one.
///
/// A wish asks one room at a time whether it holds a seat: the one where its user has a seat
/// already, then those that fit and have a seat free, the fullest first. The room decides; if it
/// refuses, the next is asked, eight at most. Then a room is made. It is listed from then on, with
/// the seats that are asked for there, so that the next wishes find it although it does not exist
/// yet. Wishes of one user are served one after the other, and a new seat replaces the former one,
/// unless the user has taken that.
///
/// Invariants: a wish makes one room at most, and is answered once; a seat that is held for a wish
/// that has been answered otherwise is given up. Bounds: see `matchmaking_options`; `wish_time`.
/// Cost of a wish: linear in the rooms with a free seat. Thread: the loop's. Errors: where memory
/// is short, the wish at hand is answered by `internal`.
class match_core {
public:
  /// After so many refusals a room is made.
  static constexpr std::size_t most_asked_rooms = 8;
  /// How long a wish waits for rooms.
  static constexpr std::chrono::seconds wish_time{5};

  struct config {
    bool is_one_name = false; ///< the pattern is
    std::size_t capacity = 0; ///< of a room; 0: any number of members
    std::size_t max_held = 0; ///< as `matchmaking_options::max_held`
  };

  match_core(config c, match_output& output) : config_(c), output_(output) {}

  void reserve(seat_question_ptr asked);
  void list(page_question& asked) const;
  void on_answer(const hold_answer& answer);
  void on_report(const room_report& report);
  void on_unlisted(const unlist_room& gone);
  /// Answers the wishes that have waited too long.
  void on_deadline();

  /// Wishes that are open or wait for another one of their user.
  [[nodiscard]] std::size_t open_wishes() const noexcept;
  /// Seats that it takes for held.
  [[nodiscard]] std::size_t held() const noexcept { return held_; }

private:
  /// A room, or one that is being made.
  struct listed {
    room_listing now;
    room_key room;            ///< none: it has not been heard of yet
    std::uint64_t number = 0; ///< of this listing, in the order in which they came
    std::size_t asked = 0;    ///< holds that it has not answered
    bool is_ending = false;   ///< its end is on its way

    [[nodiscard]] std::size_t taken() const noexcept {
      return now.members + now.seats + now.reserved + asked;
    }
    [[nodiscard]] bool is_open() const noexcept {
      return !is_ending && !now.locked && (now.capacity == 0 || taken() < now.capacity);
    }
  };
  struct fullest_first {
    bool operator()(const listed* a, const listed* b) const noexcept {
      return a->taken() != b->taken() ? a->taken() > b->taken() : a->number < b->number;
    }
  };

  struct seat {
    std::string room;
    std::uint64_t listing = 0;
    std::uint64_t ticket = 0;
    steady_time until{};
  };
  struct user {
    std::deque<seat_question_ptr> waiting;
    std::uint64_t ticket = 0;  ///< of its open wish; 0: none
    std::optional<seat> holds; ///< as far as the matchmaker knows
  };
  using users = std::unordered_map<std::string, user>;

  struct wish {
    seat_question_ptr asked;
    std::shared_ptr<const protocol::metadata_filter> filter; ///< null: any room will do
    std::string room;                                        ///< that is asked
    std::vector<std::uint64_t> refused;                      ///< listings
    bool has_own = false; ///< the room where its user has a seat was asked
    bool has_made = false;
  };

  [[nodiscard]] bool makes_place(users::iterator whose);
  void serve(users::iterator whose) noexcept;
  void begin(users::iterator whose, seat_question_ptr asked);
  void ask_next(std::uint64_t ticket, wish& w);
  [[nodiscard]] listed* own_room(wish& w);
  [[nodiscard]] listed* open_room(const wish& w);
  void ask(std::uint64_t ticket, wish& w, listed& room);
  void make_room_for(std::uint64_t ticket, wish& w);
  void finish(std::uint64_t ticket, const reservation_result& result) noexcept;
  void give_up_late(const hold_answer& answer);
  void note_answer(const hold_answer& answer);
  void take_answer(wish& w, const hold_answer& answer);
  void hold_for(std::uint64_t ticket, const wish& w, const hold_answer& answer);
  void drop_past_deadlines() noexcept;
  void forget_if_idle(users::iterator whose) noexcept;

  template <class F>
  void change(listed& room, F&& f) noexcept;
  listed& add(room_listing now, room_key room);
  void remove(std::map<std::string, listed, std::less<>>::iterator i) noexcept;
  [[nodiscard]] listed* find(const std::string& name, std::uint64_t number) noexcept;

  config config_;
  match_output& output_;
  std::map<std::string, listed, std::less<>> rooms_;
  std::set<listed*, fullest_first> open_; ///< of `rooms_`: those with a free seat
  std::unordered_map<std::uint64_t, wish> wishes_;
  std::deque<std::pair<steady_time, std::uint64_t>>
    deadlines_; ///< of `wishes_`, and of former ones
  users users_;
  std::size_t held_ = 0;       ///< of `users_`: those with a seat
  steady_time next_sweep_{};   ///< before that, no held seat ends
  std::uint64_t tickets_ = 0;  ///< so far
  std::uint64_t listings_ = 0; ///< so far
};

} // namespace troupe::actors
