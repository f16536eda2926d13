#include "scoreboard.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>

namespace troupe::examples {

namespace {

constexpr std::size_t most_known = 1'000;
constexpr std::ptrdiff_t most_shown = 5;

/// What the actor keeps. Arenas are named weakly: it keeps none alive that has ended.
struct board {
  score_table scores;
  std::vector<caf::actor_addr> arenas;
};

/// Null if the arena has ended.
arena_actor alive(const caf::actor_addr& arena) {
  return caf::actor_cast<arena_actor>(caf::actor_cast<caf::strong_actor_ptr>(arena));
}

} // namespace

bool score_table::add_frag(std::string_view name) {
  auto before = best();
  auto entry = std::find_if(all_.begin(), all_.end(), [&](auto& p) { return p.name == name; });
  if (entry == all_.end()) {
    if (all_.size() == most_known)
      all_.pop_back();
    entry = all_.insert(all_.end(), {std::string{name}, 0});
  }
  ++entry->frags;
  auto place = std::find_if(all_.begin(), entry, [&](auto& p) { return p.frags < entry->frags; });
  std::rotate(place, entry, std::next(entry));
  return best() != before;
}

std::vector<best_player> score_table::best() const {
  auto shown = std::min(most_shown, std::ssize(all_));
  return {all_.begin(), all_.begin() + shown};
}

scoreboard_actor::behavior_type scoreboard(scoreboard_actor::pointer self) {
  auto here = std::make_shared<board>();
  return {
    [self, here](const watch_scores& watch) {
      std::erase_if(here->arenas, [](auto& known) { return !alive(known); });
      here->arenas.push_back(caf::actor_cast<caf::actor_addr>(watch.arena));
      compat::send(self, watch.arena, best_players{here->scores.best()});
    },
    [self, here](const frag_of& frag) {
      if (!here->scores.add_frag(frag.name))
        return;
      for (auto& known : here->arenas)
        if (auto arena = alive(known))
          compat::send(self, arena, best_players{here->scores.best()});
    },
  };
}

} // namespace troupe::examples
