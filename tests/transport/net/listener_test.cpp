// A listener on a loop that only the test runs. Its clients are sockets of this process.

#include <utility>

#include "net/listener.hpp"

#include "node/manual_node.hpp"
#include "support/noted_log.hpp"
#include "support/raw_client.hpp"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <algorithm>
#include <map>
#include <new>
#include <stdexcept>
#include <vector>

using namespace troupe;
using namespace troupe::transport;
using namespace std::chrono_literals;

namespace {

struct counting final : protocol::event_counters {
  void count(protocol::counter what, std::string_view label, std::uint64_t n) noexcept override {
    counts[{what, std::string{label}}] += n;
  }
  std::map<std::pair<protocol::counter, std::string>, std::uint64_t> counts;
};

/// A client that connects and sends nothing.
struct visitor : test::raw_client {
  explicit visitor(std::uint16_t port) : raw_client(port, "") {}
};

int lowest_free_descriptor() {
  auto d = ::dup(0);
  ::close(d);
  return d;
}

constexpr int plenty = 1 << 20;

/// A listener whose parts fail as often as the test says.
struct rig {
  /// Both bounds count from the descriptors in use now.
  explicit rig(int scarce_after = plenty, int shut_after = plenty) {
    tested.start(
      [this]() -> actors::event_loop& {
        if (choices_that_fail > 0 && choices_that_fail-- > 0)
          throw std::runtime_error{"no loop"};
        return world.node.loop(0);
      },
      [this](actors::event_loop&, owned_descriptor socket, const tcp::endpoint&) {
        if (sockets_that_fail > 0 && sockets_that_fail-- > 0)
          throw std::bad_alloc{};
        taken.push_back(std::move(socket));
      },
      {used + scarce_after, used + shut_after, [this] { ++rooms_made; }});
  }
  ~rig() {
    tested.stop();
    world.settle();
  }

  /// Runs the loop until it has handled all that the kernel reports. The clock stands still.
  void settle() {
    for (int i = 0; i < 20; ++i)
      world.settle();
  }
  std::uint64_t counted(protocol::counter what, std::string label) {
    return counters.counts[{what, std::move(label)}];
  }

  counting counters;
  test::noted_log log;
  test::manual_node world;
  listener tested{world.node.loop(0), "127.0.0.1", 0, log, counters};
  int used = lowest_free_descriptor();
  int choices_that_fail = 0;
  int sockets_that_fail = 0;
  int rooms_made = 0;
  std::vector<owned_descriptor> taken;
};

} // namespace

TEST_CASE("sockets that connect are handed on, many at a time") {
  rig r;
  std::vector<visitor> crowd;
  for (int i = 0; i < 50; ++i)
    crowd.emplace_back(r.tested.port());
  r.settle();

  CHECK(r.taken.size() == 50);
}

/// Pins that an exception while one socket is handled does not stop the listener.
TEST_CASE("a handler that throws ends one socket, and the listener goes on after a moment") {
  auto fails = GENERATE(1, 2, 5);
  auto which = GENERATE(0, 1);
  rig r;
  (which ? r.choices_that_fail : r.sockets_that_fail) = fails;
  std::vector<visitor> crowd;
  for (int i = 0; i < fails; ++i) {
    crowd.emplace_back(r.tested.port());
    r.settle();
    r.world.pass(1s); // the longest pause after a failure
  }

  crowd.emplace_back(r.tested.port());
  r.settle();
  r.world.pass(1s);

  CHECK(r.taken.size() == 1);
  for (int i = 0; i < fails; ++i)
    CHECK(crowd[static_cast<std::size_t>(i)].has_ended());
  CHECK_FALSE(crowd.back().has_ended());
  CHECK(r.counted(protocol::counter::handler_errors, "accept")
        == static_cast<std::uint64_t>(fails));
}

TEST_CASE(
  "a listener that failed backs off for 10 ms, and twice as long each time it fails again") {
  rig r;
  r.sockets_that_fail = 3;
  std::vector<visitor> crowd;
  for (int i = 0; i < 5; ++i)
    crowd.emplace_back(r.tested.port());
  r.settle();
  CHECK(r.sockets_that_fail == 2);

  r.world.pass(20ms); // 10 ms and a tick of the wheel
  CHECK(r.sockets_that_fail == 1);
  r.world.pass(10ms);
  CHECK(r.sockets_that_fail == 1);
  r.world.pass(20ms);
  CHECK(r.sockets_that_fail == 0);
  r.world.pass(60ms);

  CHECK(r.taken.size() == 2);
}

TEST_CASE("a connection does not wake a listener that backs off") {
  rig r{plenty, 0}; // no descriptor is left for it
  std::vector<visitor> crowd;
  for (int i = 0; i < 5; ++i) {
    crowd.emplace_back(r.tested.port());
    r.settle();
  }
  CHECK(r.counted(protocol::counter::accept_errors, "EMFILE") == 1);
  r.world.pass(20ms);
  CHECK(r.counted(protocol::counter::accept_errors, "EMFILE") == 2);
}

TEST_CASE("a shortage is told once in ten seconds, however often there is a socket in between") {
  rig r{plenty, 4};
  std::vector<visitor> crowd;
  for (int i = 0; i < 20; ++i) { // two descriptors each: no more fit after the second
    crowd.emplace_back(r.tested.port());
    r.world.pass(100ms);
    if (i % 4 == 3) {
      crowd.clear();
      r.taken.clear();
      r.world.pass(100ms);
    }
  }
  CHECK(r.counted(protocol::counter::accept_errors, "EMFILE") > 4);
  CHECK(r.log.lines == std::vector<std::string>{"listener: accept: Too many open files"});

  r.world.pass(10s);
  for (int i = 0; i < 4; ++i)
    crowd.emplace_back(r.tested.port());
  r.world.pass(100ms);
  CHECK(r.log.lines.size() == 2);
}

TEST_CASE("a stopped listener does not accept again") {
  rig r;
  r.sockets_that_fail = 1;
  visitor v{r.tested.port()};
  r.settle();
  r.tested.stop();
  r.world.pass(2s);

  CHECK(r.taken.empty());
  CHECK_THROWS(visitor{r.tested.port()});
}

TEST_CASE("where descriptors are scarce each socket costs another its place, and the last ones are "
          "not for sockets") {
  rig r{4, 12};
  std::vector<visitor> crowd;
  for (int i = 0; i < 12; ++i) { // two descriptors each: both ends are here
    crowd.emplace_back(r.tested.port());
    r.settle();
  }

  auto scarce =
    std::count_if(r.taken.begin(), r.taken.end(), [&](auto& s) { return s.get() >= r.used + 4; });
  CHECK(scarce > 0);
  CHECK(r.rooms_made >= scarce);
  for (auto& s : r.taken)
    CHECK(s.get() < r.used + 12);
  CHECK(r.counted(protocol::counter::accept_errors, "EMFILE") > 0);

  r.taken.clear();
  crowd.clear();
  crowd.emplace_back(r.tested.port());
  r.world.pass(20ms);
  CHECK_FALSE(r.taken.empty());
}
