#include "arena/scoreboard.hpp"
#include "support/spawn_function.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::examples;
using list = std::vector<best_player>;

namespace {

void add(score_table& table, const std::string& name, int frags) {
  while (frags-- > 0)
    (void)table.add_frag(name);
}

} // namespace

TEST_CASE("the best come first, and of equals who was there first") {
  score_table table;

  add(table, "ann", 2);
  add(table, "bob", 3);
  add(table, "cid", 2);

  CHECK(table.best() == list{{"bob", 3}, {"ann", 2}, {"cid", 2}});
}

TEST_CASE("a frag that changes nothing of the best is told as such") {
  score_table table;
  for (auto name : {"a", "b", "c", "d", "e"})
    add(table, name, 2);

  CHECK_FALSE(table.add_frag("f"));
  CHECK_FALSE(table.add_frag("f"));
  CHECK(table.add_frag("f"));
  CHECK(table.best().front() == best_player{"f", 3});
}

TEST_CASE("beyond a thousand names the last one makes room") {
  score_table table;
  for (int i = 0; i < 1'000; ++i)
    add(table, "player " + std::to_string(i), 2);

  add(table, "new", 1);
  add(table, "newer", 3);

  CHECK(table.best().front() == best_player{"newer", 3});
  add(table, "new", 2); // it has made room, and begins anew
  CHECK(table.best()[1] == best_player{"player 0", 2});
}

// -- the actor ------------------------------------------------------------------------------------

namespace {

[[maybe_unused]] const bool has_messages = (register_arena_messages(), true);

/// An arena that notes what it hears, on a system that runs when it is told so.
struct site {
  arena_actor open_arena(std::vector<list>& heard) {
    auto hear = [&heard](const best_players& best) { heard.push_back(best.list); };
    return test::spawn_function<arena_actor::pointer>(
      actors.system(),
      [hear](arena_actor::pointer) -> arena_actor::behavior_type { return {hear}; });
  }
  scoreboard_actor open_board() {
    return test::spawn_function<scoreboard_actor::pointer>(actors.system(), scoreboard);
  }
  void settle() {
    while (actors.run_job()) {}
  }

  compat::manual_system actors;
};

} // namespace

TEST_CASE("arenas hear who is best when they begin, and at each change") {
  site s;
  std::vector<list> red, blue;
  auto board = s.open_board();
  auto red_arena = s.open_arena(red), blue_arena = s.open_arena(blue);

  compat::anon_send(board, watch_scores{red_arena});
  compat::anon_send(board, frag_of{"ann"});
  s.settle();
  compat::anon_send(board, watch_scores{blue_arena});
  compat::anon_send(board, frag_of{"bob"});
  s.settle();

  CHECK(red == std::vector<list>{{}, {{"ann", 1}}, {{"ann", 1}, {"bob", 1}}});
  CHECK(blue == std::vector<list>{{{"ann", 1}}, {{"ann", 1}, {"bob", 1}}});
}

TEST_CASE("the scoreboard keeps no arena alive") {
  site s;
  std::vector<list> heard;
  auto board = s.open_board();
  auto arena = s.open_arena(heard);
  auto address = caf::actor_cast<caf::actor_addr>(arena);

  compat::anon_send(board, watch_scores{arena});
  s.settle();
  arena = nullptr;
  s.settle();
  compat::anon_send(board, frag_of{"ann"});
  s.settle();

  CHECK(caf::actor_cast<caf::strong_actor_ptr>(address) == nullptr);
  CHECK(heard == std::vector<list>{{}});
}
