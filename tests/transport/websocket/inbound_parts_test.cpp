#include <utility>

#include "websocket/inbound_parts.hpp"

#include <troupe/actors/caf_compat.hpp>
#include <troupe/testing/manual_clock.hpp>

#include <catch2/catch.hpp>

#include <optional>

using namespace troupe;
using namespace troupe::transport;
using namespace std::chrono_literals;

namespace {

struct desk {
  explicit desk(std::int64_t budget, unsigned loops = 1) {
    all.meter = &meter;
    all.budget_bytes = budget;
    for (unsigned i = 0; i < loops; ++i) {
      this->loops.push_back(
        std::make_unique<actors::event_loop>(system, i, actors::loop_options{.clock = &clock}));
      all.loops.push_back(std::make_unique<inbound_parts>(all, *this->loops.back()));
    }
  }

  void settle() {
    for (bool busy = true; busy;) {
      busy = false;
      for (auto& l : loops)
        busy |= l->run_turn();
    }
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  testing::manual_clock clock;
  protocol::memory_meter meter;
  inbound_account all;
  std::vector<std::unique_ptr<actors::event_loop>> loops;
};

/// A peer that has sent part of a message.
struct peer final : inbound_parts::holder {
  peer(desk& d, std::size_t bytes, unsigned loop = 0)
    : share(std::in_place, *d.all.loops[loop], *this) {
    share->resize(bytes);
    d.clock.advance(1ms);
  }
  void give_up_input() override { ++given_up; }

  int given_up = 0;
  std::optional<inbound_parts::share> share;
};

} // namespace

TEST_CASE("parts count while they are held") {
  desk d{1000};
  {
    peer a{d, 300};
    a.share->resize(500);
    CHECK(d.meter.used_bytes() == 500);
    a.share->resize(100);
    CHECK(d.meter.used_bytes() == 100);
  }
  CHECK(d.meter.used_bytes() == 0);
  CHECK(d.all.holders == 0);
}

// Pins §13.10.
TEST_CASE(
  "over the budget who has held parts longest gives them up, not who holds most or came last") {
  desk d{1000};
  peer first{d, 100}, second{d, 700}, third{d, 150};

  third.share->resize(250);
  auto before_the_loop_runs = first.given_up;
  d.settle();

  CHECK(before_the_loop_runs == 0);
  CHECK(first.given_up == 1);
  CHECK(second.given_up == 0);
  CHECK(third.given_up == 0);
  CHECK(d.meter.used_bytes() == 950);
}

TEST_CASE("as many give up as it takes, each once") {
  desk d{1000};
  peer a{d, 100}, b{d, 100}, c{d, 100}, e{d, 100};

  e.share->resize(950);
  d.settle();
  a.share->resize(5000); // what it still sends no longer counts
  d.settle();

  CHECK(a.given_up == 1);
  CHECK(b.given_up == 1);
  CHECK(c.given_up == 1);
  CHECK(e.given_up == 0);
  CHECK(d.meter.used_bytes() == 950);
}

TEST_CASE("who is alone may go beyond the budget") {
  desk d{1000};
  peer a{d, 5000};

  d.settle();

  CHECK(a.given_up == 0);
}

TEST_CASE("a budget of 0 is none") {
  desk d{0};
  peer a{d, 5000}, b{d, 5000};

  d.settle();

  CHECK(a.given_up + b.given_up == 0);
}

TEST_CASE("who has finished is not asked, and whose next message begins is the latest") {
  desk d{1000};
  peer a{d, 400}, b{d, 400};
  a.share.reset();
  a.share.emplace(*d.all.loops[0], a);

  a.share->resize(700);
  d.settle();

  CHECK(a.given_up == 0);
  CHECK(b.given_up == 1);
}

TEST_CASE("who has held longest may be on another loop") {
  desk d{1000, 3};
  peer a{d, 400, 2}, b{d, 400, 1}, c{d, 100, 0};

  c.share->resize(300);
  d.settle();

  CHECK(a.given_up == 1);
  CHECK(b.given_up == 0);
  CHECK(c.given_up == 0);
}
