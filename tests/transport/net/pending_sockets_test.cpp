#include "net/pending_sockets.hpp"

#include "node/manual_node.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::transport;
using boost::asio::ip::make_address;

namespace {

/// Sockets that only note their end, on a loop that only the test runs.
struct hall {
  struct socket final : pending_socket {
    socket(hall& h, std::string n)
      : pending_socket(h.world.node.loop(0)), owner(h), name(std::move(n)) {}
    ~socket() override { owner.places.leave(*this); }
    void end() override {
      owner.ended.push_back(name);
      owner.places.leave(*this);
    }
    void end_if_idle() override {
      if (is_idle)
        end();
    }
    hall& owner;
    std::string name;
    bool is_idle = false;
  };

  struct noted_reasons final : protocol::event_counters {
    void count(protocol::counter, std::string_view label, std::uint64_t) noexcept override {
      reasons.emplace_back(label);
      if (meanwhile)
        meanwhile();
    }
    std::vector<std::string> reasons;
    std::function<void()> meanwhile; ///< stands for what another thread does before `enter` returns
  };

  explicit hall(pending_sockets::limits l) : places(l, noted) {}

  socket& enter(std::string name, const char* address, bool is_proxy = false) {
    auto s = std::make_shared<socket>(*this, std::move(name));
    places.enter(s, {make_address(address), is_proxy});
    all.push_back(s);
    return *s;
  }

  /// The names of the sockets that have ended since the last call.
  std::vector<std::string> told() {
    world.settle();
    return std::exchange(ended, {});
  }

  test::manual_node world;
  noted_reasons noted;
  pending_sockets places;
  std::vector<std::string> ended;
  std::vector<std::shared_ptr<socket>> all;
};

using names = std::vector<std::string>;

pending_sockets::limits per_address(std::size_t n, bool count_loopback = false) {
  return {0, n, count_loopback};
}

} // namespace

// Pins §1.49.
TEST_CASE("an address's next socket ends the one that has made no progress for longest") {
  hall h{per_address(3)};
  auto& first = h.enter("first", "203.0.113.1");
  h.enter("second", "203.0.113.1");
  h.enter("third", "203.0.113.1");
  h.places.note_waiting(first);

  h.enter("fourth", "203.0.113.1");

  CHECK(h.told() == names{"second"});
  CHECK(h.places.size() == 3);
}

TEST_CASE("nobody but its loop is the last to hold a socket that is ended for another") {
  hall h{per_address(1)};
  h.enter("first", "203.0.113.1");
  std::weak_ptr<hall::socket> first = h.all.front();
  bool is_gone = false;
  h.noted.meanwhile = [&] {
    h.all.clear();
    h.world.settle(); // the first socket's loop is quicker
    is_gone = first.expired();
  };

  h.enter("second", "203.0.113.1");

  CHECK(is_gone);
  CHECK(h.ended == names{"first"});
}

TEST_CASE("one address does not cost another its sockets") {
  hall h{per_address(2)};
  h.enter("other", "203.0.113.2");
  for (int i = 0; i < 5; ++i)
    h.enter("own", "203.0.113.1");

  CHECK(h.told() == names{"own", "own", "own"});
}

TEST_CASE("sockets of one IPv6 /64, and of an address mapped into IPv6, count together") {
  hall h{per_address(1)};
  h.enter("a", "2001:db8:1:2::1");
  h.enter("b", "2001:db8:1:2:3::9");
  h.enter("other", "2001:db8:1:3::1");
  h.enter("c", "203.0.113.1");
  h.enter("d", "::ffff:203.0.113.1");

  CHECK(h.told() == names{"a", "c"});
}

TEST_CASE("sockets of the loopback are bounded in all alone, unless asked") {
  hall open{{10, 2, false}}, counting{per_address(2, true)};
  for (int i = 0; i < 12; ++i)
    open.enter("x", "127.0.0.1");
  for (int i = 0; i < 5; ++i)
    counting.enter("x", "127.0.0.1");

  CHECK(open.told().size() == 2);
  CHECK(counting.told().size() == 3);
}

// Pins §1.49.
TEST_CASE("a socket that waits is ended before one that is being answered") {
  hall h{per_address(2)};
  auto& answered = h.enter("answered", "203.0.113.1");
  h.places.note_answering(answered);
  h.enter("waits", "203.0.113.1");

  h.enter("next", "203.0.113.1");
  CHECK(h.told() == names{"waits"});
  h.places.note_answering(*h.all.back());
  h.enter("last", "203.0.113.1");

  CHECK(h.told() == names{"answered"});
}

// Pins §1.49.
TEST_CASE(
  "beyond the bound in all the address with the most loses the one without progress for longest") {
  hall h{{6, 0, false}};
  h.enter("lonely", "203.0.113.9");
  h.enter("pair 1", "203.0.113.2");
  h.enter("pair 2", "203.0.113.2");
  h.enter("crowd 1", "203.0.113.1");
  h.enter("crowd 2", "203.0.113.1");
  h.enter("crowd 3", "203.0.113.1");

  h.enter("newcomer", "203.0.113.5");

  CHECK(h.told() == names{"crowd 1"});
  CHECK(h.places.size() == 6);
}

TEST_CASE("what a socket's end is counted as is the bound that was reached, also where there is "
          "one address") {
  hall in_all{{1, 2, false}};
  in_all.enter("a", "203.0.113.1");
  in_all.enter("b", "203.0.113.1");
  CHECK(in_all.noted.reasons == names{"sockets"});
  CHECK(in_all.told() == names{"a"});

  hall both{{2, 2, false}};
  both.enter("a", "203.0.113.1");
  both.enter("b", "203.0.113.1");
  both.enter("c", "203.0.113.1");
  CHECK(both.noted.reasons == names{"sockets_per_ip"});
  CHECK(both.told() == names{"a"});
}

// Pins §1.49.
TEST_CASE("among addresses with as many the longest wait goes first") {
  hall h{{3, 0, false}};
  auto& a = h.enter("a", "203.0.113.1");
  h.enter("b", "203.0.113.2");
  h.enter("c", "203.0.113.3");
  h.places.note_waiting(a);

  h.enter("d", "203.0.113.4");
  h.enter("e", "203.0.113.5");

  CHECK(h.told() == names{"b", "c"});
}

TEST_CASE(
  "a trusted proxy's sockets are not bounded until they have a client, whose they are then") {
  hall h{per_address(2)};
  std::vector<pending_socket*> proxied;
  for (int i = 0; i < 5; ++i)
    proxied.push_back(&h.enter(std::to_string(i), "10.0.0.1", true));
  h.enter("the proxy's own", "10.0.0.1");
  CHECK(h.told().empty());

  for (auto* s : proxied)
    h.places.count_for(*s, {make_address("203.0.113.1")});

  CHECK(h.told() == names{"0", "1", "2"});
}

TEST_CASE("a socket that has left, or was told to end, counts no more") {
  hall h{{2, 2, false}};
  h.enter("left", "203.0.113.1");
  h.all.clear();
  auto& told = h.enter("told", "203.0.113.1");
  h.enter("x", "203.0.113.1");
  h.enter("y", "203.0.113.1");
  h.places.note_waiting(told);
  h.places.note_answering(told);
  h.places.count_for(told, {make_address("203.0.113.2")});

  CHECK(h.told() == names{"told"});
  CHECK(h.places.size() == 2);
}

TEST_CASE("room is made of what there is, and not of what there is not") {
  hall h{{}};
  CHECK_FALSE(h.places.make_room());
  h.enter("only", "203.0.113.1");

  CHECK(h.places.make_room());
  CHECK(h.told() == names{"only"});
  CHECK_FALSE(h.places.make_room());
}

TEST_CASE("without bounds nobody is ended, and at the end all of a loop are") {
  hall h{{}};
  for (int i = 0; i < 300; ++i)
    h.enter("x", "203.0.113.1");
  CHECK(h.told().empty());

  h.places.end_all(h.world.node.loop(0));

  CHECK(h.told().size() == 300);
  CHECK(h.places.size() == 0);
}

TEST_CASE("those that are idle may be ended alone") {
  hall h{{}};
  h.enter("busy", "203.0.113.1");
  h.enter("idle", "203.0.113.1").is_idle = true;

  h.places.end_idle(h.world.node.loop(0));

  CHECK(h.told() == names{"idle"});
  CHECK(h.places.size() == 1);
}

/// Pins that no socket is destroyed under the lock, since its destructor takes that lock.
TEST_CASE("places are taken and left by many threads at once") {
  hall h{{20, 3, false}};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&h, t] {
      auto address = make_address("203.0.113." + std::to_string(t % 2));
      for (int i = 0; i < 2000; ++i) {
        auto s = std::make_shared<hall::socket>(h, "x");
        h.places.enter(s, {address});
        h.places.note_answering(*s);
      }
    });
  for (auto& t : threads)
    t.join();
  h.world.settle();

  CHECK(h.places.size() == 0);
}
