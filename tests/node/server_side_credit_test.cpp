#include "onlooker.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

TEST_CASE(
  "an actor that is behind misses what does not fit, and is told how much where it is missing") {
  observed_node r;
  r.observe("r", at_most(4, behind_policy::drop));

  r.publish(10); // three fit in beside `joined`
  auto first = r.watcher.take();
  r.publish(1);
  auto second = r.watcher.take();

  REQUIRE(first.size() == 4);
  CHECK(first[3].what == frame);
  REQUIRE(second.size() == 2);
  CHECK(second[0].what == gap);
  CHECK(second[0].dropped == 7);
  CHECK(protocol::document_view{protocol::codec::json, second[1].json()}.integer("i") == 11);
}

TEST_CASE("each gap is told once, and nothing is lost but what the gaps count") {
  observed_node r;
  r.observe("r", at_most(3, behind_policy::drop));
  std::int64_t seen = 0, missed = 0;
  auto look = [&](std::size_t most) {
    for (auto& e : r.watcher.take(most)) {
      if (e.what == gap)
        missed += static_cast<std::int64_t>(e.dropped);
      else if (e.what == frame)
        CHECK(protocol::document_view{protocol::codec::json, e.json()}.integer("i")
              == missed + ++seen);
    }
  };

  for (std::size_t round = 1; round <= 50; ++round) {
    r.publish(static_cast<int>(round % 7));
    look(round % 3);
  }
  look(1000);
  r.publish(1);
  look(1000);

  CHECK(missed > 0);
  CHECK(seen + missed == r.said);
}

TEST_CASE("an actor that keeps up is never behind, however little credit it has") {
  observed_node r;
  r.observe("r", at_most(2, behind_policy::drop));
  (void)r.watcher.take();

  for (int i = 0; i < 50; ++i) {
    r.publish(1);
    CHECK(r.watcher.take_kinds() == kinds{frame});
  }
}

TEST_CASE("holding a copy of an event holds its credit") {
  observed_node r;
  r.observe("r", at_most(2, behind_policy::drop));
  (void)r.watcher.take();

  r.publish(2);
  std::vector<room_event> kept;
  {
    caf::scoped_actor unused{r.world.system};
    kept = r.watcher.take();
  }
  r.publish(1);

  CHECK(kept.size() == 2);
  CHECK(r.watcher.take_kinds() == kinds{frame});
}

TEST_CASE("an actor that is to be removed when behind is told so, and nothing follows") {
  observed_node r;
  client ann{r.world};
  ann.join("r");
  r.observe("r", at_most(3, behind_policy::remove));

  r.publish(10);

  CHECK(r.watcher.take_kinds() == kinds{joined, frame, frame, closed});
  CHECK(r.world.node.stats().rooms == 1);
}

/// Pins that a room does not stay for ever once its only member was removed for being behind.
TEST_CASE("a room whose last member was removed for being behind ends") {
  observed_node r;
  r.observe("r", at_most(3, behind_policy::remove));
  r.world.pass(11s); // longer than a new room waits for its first member
  r.publish(10);

  CHECK(r.watcher.take_kinds().back() == closed);
  CHECK(r.world.node.stats().rooms == 0);
}

TEST_CASE("an actor that is behind holds back neither the room nor others") {
  observed_node r;
  onlooker quick{r.world.system};
  client ann{r.world};
  ann.join("r");
  r.observe("r", at_most(2, behind_policy::drop));
  r.world.node.observe("r", quick.handle());
  r.world.settle();
  (void)ann.texts();
  (void)quick.take();

  r.publish(20);

  CHECK(ann.texts().size() == 20);
  CHECK(quick.take_kinds().size() == 20);
}
