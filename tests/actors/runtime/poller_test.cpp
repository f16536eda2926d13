#include <troupe/actors/poller.hpp>

#include <catch2/catch.hpp>

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

struct pair_of_sockets {
  pair_of_sockets() {
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
  }
  ~pair_of_sockets() {
    for (auto d : ends)
      ::close(d);
  }
  void say(char c) const { REQUIRE(::write(ends[1], &c, 1) == 1); }
  [[nodiscard]] int heard() const {
    std::array<char, 16> room;
    return static_cast<int>(::read(ends[0], room.data(), room.size()));
  }
  std::array<int, 2> ends{};
};

struct listener final : pollable {
  void on_ready(std::uint32_t events) override {
    told.push_back(events);
    if (then)
      then();
  }
  std::vector<std::uint32_t> told;
  std::function<void()> then;
};

/// Waits once and tells each listener that is ready; returns how many it told.
int tell(poller& p, std::optional<std::chrono::nanoseconds> timeout = 0ns) {
  p.wait(timeout);
  int n = 0;
  for (; p.has_ready(); ++n)
    p.tell_next();
  return n;
}

} // namespace

TEST_CASE("a poller tells of each input once, read or not") {
  pair_of_sockets s;
  poller p;
  listener l;
  s.say('1');
  p.add(s.ends[0], l);
  CHECK(tell(p) == 1); // the input came before `add`
  CHECK(tell(p) == 0);
  s.say('2');
  CHECK(tell(p) == 1); // although the first byte was not read
  CHECK(s.heard() == 2);
  CHECK(tell(p) == 0);
  CHECK((l.told.back() & EPOLLIN) != 0);
  CHECK((l.told.back() & EPOLLOUT) == 0);
}

TEST_CASE("a poller tells of the end together with the input before it") {
  pair_of_sockets s;
  poller p;
  listener l;
  p.add(s.ends[0], l);
  s.say('1');
  ::shutdown(s.ends[1], SHUT_WR);
  REQUIRE(tell(p) == 1);
  CHECK((l.told[0] & EPOLLRDHUP) != 0);
}

TEST_CASE(
  "a poller tells of room for output from the change on, and again when there is more of it") {
  pair_of_sockets s;
  poller p;
  listener l;
  p.add(s.ends[0], l);
  CHECK(tell(p) == 0);
  p.change(s.ends[0], poller::interest::input_and_output);
  REQUIRE(tell(p) == 1);
  CHECK((l.told.back() & EPOLLOUT) != 0);
  std::vector<char> much(1 << 16);
  while (::write(s.ends[0], much.data(), much.size()) > 0) {}
  CHECK(tell(p) == 0);
  while (::read(s.ends[1], much.data(), much.size()) > 0) {}
  CHECK(tell(p) == 1);
}

TEST_CASE("who is removed hears nothing of what was taken already") {
  pair_of_sockets first, second;
  poller p;
  listener a, b;
  p.add(first.ends[0], a);
  p.add(second.ends[0], b);
  a.then = [&] { p.remove(second.ends[0], b); };
  b.then = [&] { p.remove(first.ends[0], a); };
  first.say('1');
  second.say('1');
  p.wait(0ns);
  while (p.has_ready())
    p.tell_next();
  CHECK(a.told.size() + b.told.size() == 1);
  CHECK(tell(p) == 0);
}

TEST_CASE("a descriptor is handed over with what was taken of it already") {
  pair_of_sockets s;
  poller p;
  listener from, to;
  p.add(s.ends[0], from);
  s.say('1');
  p.wait(0ns);
  REQUIRE(p.has_ready());
  p.hand_over(s.ends[0], from, to);
  while (p.has_ready())
    p.tell_next();
  CHECK(from.told.empty());
  CHECK(to.told.size() == 1);
  CHECK(tell(p) == 0);
  s.say('2');
  CHECK(tell(p) == 1);
  CHECK(to.told.size() == 2);
}

TEST_CASE("who is left at the end is told so once, and may go") {
  struct last final : pollable {
    explicit last(int& n) : ends(n) {}
    void on_ready(std::uint32_t) override {}
    void on_end() noexcept override {
      ++ends;
      if (then)
        then();
    }
    std::function<void()> then;
    int& ends;
  };
  pair_of_sockets first, second, third;
  poller p;
  int ends = 0;
  last a{ends};
  last b{ends}, removed{ends};
  a.then = [&] { p.remove(second.ends[0], b); };
  b.then = [&] { p.remove(first.ends[0], a); };
  p.add(first.ends[0], a);
  p.add(second.ends[0], b);
  p.add(third.ends[0], removed);
  p.remove(third.ends[0], removed);
  p.let_go();
  CHECK(ends == 1);
  p.let_go();
  CHECK(ends == 1);
}

TEST_CASE(
  "a wait ends by a deadline, by a bell that rang before it, and by one from another thread") {
  poller p;
  auto at = std::chrono::steady_clock::now();
  p.wait(3ms);
  CHECK(std::chrono::steady_clock::now() - at >= 3ms);
  CHECK_FALSE(p.has_ready());
  p.wake();
  p.wake();
  p.wait(std::nullopt); // otherwise this test does not end
  std::jthread other{[&] { p.wake(); }};
  p.wait(std::nullopt);
  p.wait(-5ms);
  CHECK_FALSE(p.has_ready());
}

TEST_CASE("more descriptors than one wait takes are told of by the next ones") {
  std::vector<pair_of_sockets> sockets(150);
  std::vector<listener> listeners(sockets.size());
  poller p;
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    p.add(sockets[i].ends[0], listeners[i]);
    sockets[i].say('1');
  }
  int told = 0;
  while (auto n = tell(p))
    told += n;
  CHECK(told == 150);
}

TEST_CASE("what a listener throws passes on, and the others are told after it") {
  pair_of_sockets first, second;
  poller p;
  listener a, b;
  p.add(first.ends[0], a);
  p.add(second.ends[0], b);
  a.then = b.then = [] { throw 42; };
  first.say('1');
  second.say('1');
  p.wait(0ns);
  CHECK_THROWS_AS(p.tell_next(), int);
  REQUIRE(p.has_ready());
  CHECK_THROWS_AS(p.tell_next(), int);
  CHECK_FALSE(p.has_ready());
}

TEST_CASE("a descriptor that cannot be listened to is refused") {
  poller p;
  listener l;
  CHECK_THROWS_AS(p.add(-1, l), std::system_error);
}

TEST_CASE("a poller wakes after a time, also who waits for its descriptor alone") {
  poller p;
  auto began = std::chrono::steady_clock::now();
  p.wake_after(1h); // which the next call replaces
  p.wake_after(3ms);
  pollfd waiting{p.descriptor(), POLLIN, 0};

  CHECK(::poll(&waiting, 1, 10'000) == 1);

  auto took = std::chrono::steady_clock::now() - began;
  CHECK(took >= 3ms);
  CHECK(took < 5s);
  CHECK(p.wait(0ns));
  CHECK_FALSE(p.has_ready()); // it is nobody's event
  CHECK(::poll(&waiting, 1, 0) == 0);

  p.wake_after(-1s);
  CHECK(p.wait(10s));
  CHECK(std::chrono::steady_clock::now() - began < 8s);
}
