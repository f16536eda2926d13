#include "context/session_directory.hpp"

#include <troupe/testing/manual_clock.hpp>

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

/// A directory on a loop that only the test runs.
struct desk {
  explicit desk(session_options o = {}) : options(o) {}

  static session_name name(std::uint32_t n) { return {{n, 1, 0}, {{n, n}}}; }

  void keep(std::uint32_t n, std::string user = {}, std::uint64_t address = 0) {
    auto record = std::make_shared<session_record>();
    record->user_id = user.empty() ? "u" + std::to_string(n) : std::move(user);
    record->address = address;
    all.keep(name(n), std::move(record));
  }
  [[nodiscard]] bool has(std::uint32_t n) const { return all.find(name(n)).record != nullptr; }

  void pass(std::chrono::milliseconds time) {
    clock.advance(time);
    while (loop.run_turn()) {}
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  testing::manual_clock clock;
  event_loop loop{system, 0, loop_options{.clock = &clock}};
  session_options options;
  session_directory all{loop, options};
};

} // namespace

TEST_CASE("a kept session is found by its name and secret, once") {
  desk d;
  d.keep(1, "ann");

  auto wrong = desk::name(1);
  ++wrong.secret.bits.low;
  CHECK_FALSE(d.all.find(wrong));
  REQUIRE(d.has(1));
  CHECK(d.all.find(desk::name(1)).record->user_id == "ann");
  d.all.take(desk::name(1).key);

  CHECK_FALSE(d.all.find(desk::name(1)));
  CHECK(d.all.kept() == 0);
}

// Pins §16.63.
TEST_CASE("sessions go once their window is over, each at its time") {
  desk d;
  d.keep(1);
  d.pass(20s);
  d.keep(2);
  d.pass(9990ms);
  CHECK(d.has(1));
  d.pass(30ms);
  CHECK_FALSE(d.has(1));
  CHECK(d.has(2));

  d.pass(20s);

  CHECK(d.all.kept() == 0);
  CHECK(d.loop.timers().armed_entries() == 0);
}

TEST_CASE("a session that has moved is found by its former name, with its secret, for its window") {
  desk d;
  const session_key there{5, 2, 1};
  d.all.move(desk::name(1), there);
  auto wrong = desk::name(1);
  ++wrong.secret.bits.high;

  CHECK(d.all.find(desk::name(1)).moved_to == there);
  CHECK_FALSE(d.all.find(wrong));
  d.all.move(desk::name(1), session_key{6, 1, 0});
  CHECK(d.all.find(desk::name(1)).moved_to.slot == 6);
  d.all.forget(desk::name(1).key);
  CHECK_FALSE(d.all.find(desk::name(1)));
  d.all.move(desk::name(1), there);
  d.pass(31s);
  CHECK_FALSE(d.all.find(desk::name(1)));
}

TEST_CASE("what is kept again is found where it had moved from") {
  desk d;
  d.all.move(desk::name(1), session_key{5, 2, 1});

  d.keep(1);

  CHECK(d.has(1));
  d.all.forget(desk::name(1).key); // only of what has moved
  CHECK(d.has(1));
  d.keep(1, "again");
  CHECK(d.all.find(desk::name(1)).record->user_id == "again");
  CHECK(d.all.kept() == 1);
}

// Pins §16.64.
TEST_CASE("beyond a bound the oldest goes: in all, of a user, of an address") {
  session_options o;
  o.max_kept = 5;
  o.max_kept_per_user = 2;
  o.max_kept_per_address = 3;
  desk d{o};

  d.keep(1, "ann");
  d.keep(2, "ann");
  d.keep(3, "bob");
  d.keep(4, "ann");
  CHECK_FALSE(d.has(1));
  CHECK(d.has(2));

  for (auto n : {5u, 6u})
    d.keep(n, {}, 99);
  CHECK(d.all.kept() == 5);
  d.keep(7, {}, 99);
  CHECK_FALSE(d.has(2)); // in all
  d.keep(8, {}, 99);
  CHECK_FALSE(d.has(5)); // of the address, which makes place in all
  for (auto n : {3u, 4u, 6u, 7u, 8u})
    CHECK(d.has(n));
}

TEST_CASE("zero lifts the bounds of what is kept") {
  session_options o;
  o.max_kept = o.max_kept_per_user = o.max_kept_per_address = 0;
  desk d{o};
  for (std::uint32_t n = 0; n < 500; ++n)
    d.keep(n, "ann", 7);

  CHECK(d.all.kept() == 500);
}

TEST_CASE("former names of sessions that have moved are bounded, too") {
  session_options o;
  o.max_kept = 2;
  desk d{o};
  d.keep(9);
  for (auto n : {1u, 2u, 3u})
    d.all.move(desk::name(n), session_key{5, 2, 1});

  CHECK_FALSE(d.all.find(desk::name(1)));
  CHECK(d.all.find(desk::name(2)));
  CHECK(d.all.find(desk::name(3)));
  CHECK(d.has(9));
}

TEST_CASE("a session outlives its slot, which another one may have before its actor has ended") {
  desk d;
  auto second = desk::name(1);
  second.key.generation = 2;
  d.all.open(desk::name(1), {});
  d.all.open(second, {});
  auto record = std::make_shared<session_record>();
  record->user_id = "ann";

  d.all.keep(desk::name(1).key, record);

  REQUIRE(d.has(1));
  d.all.close(desk::name(1).key); // which it has left
  record = std::make_shared<session_record>();
  d.all.keep(second.key, record);
  CHECK(d.all.find(second).record == record);
}
