#include "matchmaking/matchmaker.hpp"

#include "model/client_id.hpp"
#include "model/random_id.hpp"
#include "runtime/guarded.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace troupe::actors {

matchmaker::matchmaker(caf::actor_config& cfg, compat::loop_context& home, node_context& shared,
                       loop_unit& unit, std::string pattern, std::size_t capacity)
  : dispatched(cfg, home),
    shared_(shared),
    unit_(unit),
    pattern_(std::move(pattern)),
    core_(
      std::in_place,
      match_core::config{!pattern_.ends_with('*'), capacity, shared.options.matchmaking.max_held},
      *this) {}

template <class F>
void matchmaker::guard(F&& f) {
  guarded(*shared_.options.log, *shared_.options.counters, "matchmaking", std::forward<F>(f));
}

matchmaker::behavior_type matchmaker::make_behavior() {
  return {
    [this](const reserve_call& m) { guard([&] { core_->reserve(m.wish); }); },
    [this](const list_call& m) { guard([&] { core_->list(*m.asked); }); },
    [this](hold_answer& answer) { handle(answer); },
    [this](const room_report& report) { guard([&] { core_->on_report(report); }); },
    [this](const unlist_room& gone) { guard([&] { core_->on_unlisted(gone); }); },
  };
}

void matchmaker::handle(hold_answer& answer) {
  guard([&] { core_->on_answer(answer); });
}

void matchmaker::deadline::on_deadline() {
  auto look = [this] { owner.guard([this] { owner.core_->on_deadline(); }); };
  if (!owner.dispatched::enter(look))
    owner.unit_.loop->arm(*this, timer_wheel::tick);
}

void matchmaker::release_state() {
  deadline_.cancel();
  core_.reset();
}

// -- match_output ---------------------------------------------------------------------------------

void matchmaker::hold(const std::string& room, hold_request request) {
  compat::anon_send(shared_.home_of(room).registry, room_call{room, std::move(request)});
}

void matchmaker::release(const std::string& room, release_request request) {
  compat::anon_send(shared_.home_of(room).registry, room_call{room, std::move(request)});
}

/// Random, or the same in each run if the node's hashes are.
std::string matchmaker::new_id() {
  if (!shared_.options.hash_seed)
    return random_id();
  auto text = pattern_ + std::to_string(++ids_);
  auto low = siphash(shared_.key, text);
  auto id = to_text(client_id{siphash(shared_.key, text += '+'), low});
  std::reverse(id.begin(), id.end()); // its first character is one of four
  return id;
}

/// Some names of the pattern may belong to rooms of another one that was given before.
std::string matchmaker::new_name() {
  if (!pattern_.ends_with('*'))
    return pattern_;
  constexpr int enough_draws = 1000;
  for (int i = 0; i < enough_draws; ++i) {
    auto name = pattern_.substr(0, pattern_.size() - 1) + new_id();
    if (shared_.rule_for(name)->pattern == pattern_)
      return name;
  }
  throw std::runtime_error{"no name is left for a room of " + pattern_};
}

} // namespace troupe::actors
