#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/actors/matchmaking.hpp>
#include <troupe/actors/session_key.hpp>
#include <troupe/actors/sink.hpp>
#include <troupe/protocol/observe.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

// What is said about wishes for seats: by those who have them, matchmakers, shards and rooms.

namespace troupe::actors {

/// How much waits for the answer of a matchmaker. Thread: any.
class waiting_count {
public:
  explicit waiting_count(std::size_t most) noexcept : most_(most) {}

  /// Counts one more, if there is a place for it.
  [[nodiscard]] bool enter() noexcept {
    if (most_ == 0 || now_.fetch_add(1, std::memory_order_relaxed) < most_)
      return true;
    leave();
    return false;
  }
  void leave() noexcept {
    if (most_ > 0)
      now_.fetch_sub(1, std::memory_order_relaxed);
  }

private:
  std::size_t most_; ///< 0: any number
  std::atomic<std::size_t> now_{0};
};

/// A place in such a count.
class waiting_place {
public:
  /// Empty if there is none.
  explicit waiting_place(std::shared_ptr<waiting_count> of)
    : of_(of && of->enter() ? std::move(of) : nullptr) {}
  waiting_place(waiting_place&& other) noexcept = default;
  waiting_place& operator=(waiting_place&& other) noexcept {
    std::swap(of_, other.of_);
    return *this;
  }
  ~waiting_place() {
    if (of_)
      of_->leave();
  }
  explicit operator bool() const noexcept { return of_ != nullptr; }

private:
  std::shared_ptr<waiting_count> of_;
};

/// What somebody asks a matchmaker. Once it is on its way, its handler runs once: if it has not
/// been told anything when the last owner goes, it hears `room_closed`. Thread: one at a time.
template <class Question, class Result>
class match_question {
public:
  /// `log` and `counters` outlive it.
  match_question(Question what, std::function<void(const Result&)> then, waiting_place place,
                 protocol::logger& log, protocol::event_counters& counters)
    : what_(std::move(what)),
      then_(std::move(then)),
      place_(std::move(place)),
      log_(log),
      counters_(counters) {}
  match_question(const match_question&) = delete;
  match_question& operator=(const match_question&) = delete;
  ~match_question() {
    if (is_sent_)
      answer(Result{protocol::errc::room_closed});
  }

  [[nodiscard]] const Question& what() const noexcept { return what_; }
  /// It is on its way, or has not got there after all.
  void set_sent(bool is_sent) noexcept { is_sent_ = is_sent; }

  /// Tells the handler, unless it has been told. Logs an exception out of it.
  void answer(const Result& result) noexcept {
    auto then = std::exchange(then_, nullptr);
    if (!then)
      return;
    { auto gone = std::move(place_); }
    try {
      then(result);
    } catch (...) {
      protocol::report_exception(log_, counters_, "matchmaking");
    }
  }

private:
  Question what_;
  std::function<void(const Result&)> then_; ///< empty: it has been told
  waiting_place place_;
  bool is_sent_ = false;
  protocol::logger& log_;
  protocol::event_counters& counters_;
};

/// Which page of a pattern's rooms somebody wants.
struct page_request {
  std::string after; ///< the name behind which it begins
  std::size_t limit = 0;
};

using seat_question = match_question<reservation_request, reservation_result>;
using seat_question_ptr = std::shared_ptr<seat_question>;
using page_question = match_question<page_request, room_page>;
using page_question_ptr = std::shared_ptr<page_question>;

// -- to matchmaker --------------------------------------------------------------------------------

struct reserve_call {
  seat_question_ptr wish;
};

struct list_call {
  page_question_ptr asked;
};

/// From a room: how it stands. Later ones are newer.
struct room_report {
  room_listing now;
  room_key room;
};

/// From a room, or from its shard if there is no such room (any more): whether the seat is held.
struct hold_answer {
  std::uint64_t ticket = 0;
  std::uint64_t listing = 0; ///< as in the request
  std::string room;
  std::string user_id;
  protocol::errc code = protocol::errc::ok;
  bool made = false;                        ///< the room was made for it
  bool renewed = false;                     ///< its user had one there, by an earlier wish
  std::shared_ptr<const room_report> now{}; ///< from the room
};

/// From a shard: that room is no more.
struct unlist_room {
  std::string name;
  room_key room;
};

// -- to a room, by way of its shard ---------------------------------------------------------------

/// Asks a room to hold a seat.
struct hold_request {
  std::uint64_t ticket = 0;  ///< names it at the matchmaker of its pattern; later ones are larger
  std::uint64_t listing = 0; ///< of the matchmaker: comes back with the answer
  std::string user_id;
  std::chrono::milliseconds hold{0};
  std::shared_ptr<const protocol::metadata_filter> filter{}; ///< null: whatever it is like
  room_key room{};                                           ///< none: whichever has the name
  /// Not null: the room is made if there is none, with this.
  std::shared_ptr<const protocol::metadata> wanted{};
  bool made = false; ///< set by the shard: the room was made for it
};

/// Gives a held seat up; does nothing if it was taken, or has been asked for anew since.
struct release_request {
  std::string user_id;
  std::uint64_t ticket = 0;
  room_key room{};
};

} // namespace troupe::actors
