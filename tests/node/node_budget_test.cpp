#include "manual_node.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t budget = 100'000;

/// A speaker in the rooms `a` and `b`, and a stalled listener in each.
struct rig {
  rig() {
    for (auto [who, room] :
         {std::pair{&speaker, "a"}, {&speaker, "b"}, {&first, "a"}, {&second, "b"}})
      who->join(room);
    world.settle();
    for (auto* c : {&speaker, &first, &second})
      (void)c->texts();
    first.session.set_window(0);
    second.session.set_window(0);
  }

  /// Publishes about `bytes` to `room`, in messages of 1,000 bytes.
  void pile_up(const std::string& room, std::int64_t bytes) {
    for (; bytes > 0; bytes -= 1000) {
      speaker.publish(room, std::string(860, 'x'));
      world.settle();
    }
    (void)speaker.texts();
    world.pass(10ms);
  }

  [[nodiscard]] std::int64_t used() const { return world.node.stats().output_bytes; }

  manual_node world{bounded_by(budget)};
  actors::outbox::bounds large{16 << 20, 100'000};
  client speaker{world}, first{world, encoding::v1_json, 0, large},
    second{world, encoding::v1_json, 0, large};
};

std::string close_reason(client& c) {
  c.session.set_window(std::nullopt);
  (void)c.texts();
  return c.others.empty() ? "" : c.others.back().payload.substr(2);
}

} // namespace

TEST_CASE("within the budget nobody is cut, however long they lag") {
  rig r;

  r.pile_up("a", 45'000);
  r.pile_up("b", 45'000);
  r.world.pass(1min);

  CHECK(r.used() > 80'000);
  CHECK_FALSE(r.world.node.overloaded());
  CHECK(close_reason(r.first).empty());
  CHECK(close_reason(r.second).empty());
}

// Pins §13.9, §16.27.
TEST_CASE("over the budget the client that has lagged longest is cut, and only that one") {
  rig r;
  r.pile_up("a", 60'000);

  r.pile_up("b", 60'000);

  CHECK(close_reason(r.first) == "node_overloaded");
  CHECK(r.first.close_code() == 1013);
  CHECK(close_reason(r.second).empty());
  CHECK(r.second.heard("message", "text").empty()); // `close_reason` has taken them
  CHECK(r.used() < budget / 10 * 9);
  CHECK_FALSE(r.world.node.overloaded());
}

TEST_CASE("lagging longest is a matter of time, not of bytes") {
  rig r;
  r.pile_up("a", 5'000);

  while (!r.world.node.overloaded())
    r.pile_up("b", 1'000);

  CHECK(close_reason(r.first) == "node_overloaded");
  CHECK(close_reason(r.second).empty());
}

TEST_CASE("a node is overloaded until it is a tenth below its budget") {
  rig r;
  r.pile_up("a", 6'000);
  while (!r.world.node.overloaded())
    r.pile_up("b", 1'000);
  auto once_cut = r.used();
  auto while_close = r.world.node.overloaded();
  r.second.session.set_window(static_cast<std::size_t>(once_cut - budget / 10 * 9) + 5'000);
  r.world.settle();

  CHECK(once_cut > budget / 10 * 9);
  CHECK(once_cut <= budget);
  CHECK(while_close);
  CHECK(r.used() < budget / 10 * 9);
  CHECK_FALSE(r.world.node.overloaded());
  CHECK(close_reason(r.second).empty());
}

TEST_CASE("what many have still to get counts once") {
  rig r;
  std::vector<std::unique_ptr<client>> others;
  for (int i = 0; i < 20; ++i) {
    others.push_back(std::make_unique<client>(r.world, encoding::v1_json, 0, r.large));
    others.back()->join("a");
  }
  r.world.settle();
  for (auto& c : others)
    c->session.set_window(0);

  r.pile_up("a", 50'000);

  CHECK(r.used() < budget / 10 * 9);
  CHECK_FALSE(r.world.node.overloaded());
}

TEST_CASE("while the budget stays exceeded the next one goes") {
  rig r;
  r.second.join("a");
  r.world.settle();

  r.pile_up("a", budget + 10'000); // both hold the same frames: cutting one frees nothing
  r.world.pass(1s);

  CHECK(close_reason(r.first) == "node_overloaded");
  CHECK(close_reason(r.second) == "node_overloaded");
  CHECK_FALSE(r.world.node.overloaded());
}

/// Pins that a cut client which still holds the rest of a half-written frame does not keep the next
/// one from being cut.
TEST_CASE("the next one goes also where the first has not yet sent the rest of its frame") {
  rig r;
  r.second.join("a");
  r.world.settle();
  r.second.session.set_window(std::nullopt);
  (void)r.second.texts();
  r.first.session.set_window(5);
  r.second.session.set_window(5);

  r.pile_up("a", budget + 10'000);
  r.world.pass(1s);

  CHECK(close_reason(r.first) == "node_overloaded");
  CHECK(close_reason(r.second) == "node_overloaded");
  CHECK_FALSE(r.world.node.overloaded());
}
