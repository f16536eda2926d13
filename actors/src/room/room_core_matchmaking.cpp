// What a room does for those who look for a seat.
#include "room/room_core_scope.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

namespace troupe::actors {
namespace {

/// For so long changes wait to be told to the matchmaker together.
constexpr std::chrono::milliseconds time_to_gather{100};

} // namespace

// -- seats ----------------------------------------------------------------------------------------

errc room_core::hold(const hold_request& asked) {
  auto why = reason_against(asked);
  if (why == errc::ok)
    reservations_.hold(asked.user_id, asked.ticket, output_.now() + asked.hold);
  plan_listing();
  check_empty();
  return why;
}

/// A user may hold its own seat anew, also in a locked room. A room that was made for the wish is
/// as its behaviour wants it.
errc room_core::reason_against(const hold_request& asked) const {
  auto is_own = reservations_.holds(asked.user_id);
  static const protocol::metadata none;
  auto is_fit = !asked.filter || fits(metadata_ ? *metadata_ : none, *asked.filter);
  if (!asked.made && (!is_fit || (locked_ && !is_own)))
    return errc::forbidden;
  return is_own || has_seat_for(asked.user_id) ? errc::ok : errc::room_full;
}

void room_core::release(const release_request& request) {
  if (!ending_ && reservations_.give_up(request.user_id, request.ticket))
    listing_changed();
  check_empty(); // in any case: the shard has counted this entry
}

/// Whether one more session of that user may come.
bool room_core::has_seat_for(std::string_view user) const noexcept {
  auto most = config_.limits.max_members;
  auto held_for_others = reservations_.size() - (reservations_.holds(user) ? 1 : 0);
  return most == 0 || members_.size() + held_for_others < most;
}

// -- properties -----------------------------------------------------------------------------------

const protocol::metadata& room_core::metadata() const {
  running_room::must_be(*this, "metadata");
  static const protocol::metadata none;
  return metadata_ ? *metadata_ : none;
}

void room_core::set_metadata(protocol::metadata all) {
  running_room::must_be(*this, "set_metadata");
  metadata_ = std::make_shared<const protocol::metadata>(std::move(all));
  listing_changed();
}

bool room_core::is_locked() const {
  running_room::must_be(*this, "is_locked");
  return locked_;
}

void room_core::set_locked(bool locked) {
  running_room::must_be(*this, "set_locked");
  if (std::exchange(locked_, locked) != locked)
    listing_changed();
}

// -- what its matchmaker knows --------------------------------------------------------------------

room_report room_core::report() {
  if (!metadata_)
    metadata_ = std::make_shared<const protocol::metadata>();
  auto present = std::accumulate(encodings_.begin(), encodings_.end(), std::size_t{0});
  room_listing now{config_.identity->name,
                   present,
                   members_.size() - present,
                   reservations_.size(),
                   config_.limits.max_members,
                   metadata_,
                   locked_};
  listing_due_.reset();
  return {std::move(now), config_.identity->key};
}

void room_core::tell_matchmaker_later() {
  listing_due_ = output_.now() + time_to_gather;
  plan_listing();
}

/// Asks to be woken when a held seat ends, or when the matchmaker is to be told.
void room_core::plan_listing() {
  auto when = std::min(reservations_.next_end().value_or(steady_time::max()),
                       listing_due_.value_or(steady_time::max()));
  if (when != steady_time::max() && !ending_)
    output_.work_at(room_work::keep_listing, when);
}

void room_core::keep_listing() {
  if (ending_)
    return;
  auto now = output_.now();
  if (reservations_.end_late(now)) {
    listing_changed();
    check_empty();
  }
  if (listing_due_ && *listing_due_ <= now)
    output_.tell_matchmaker(report());
  plan_listing();
}

} // namespace troupe::actors
