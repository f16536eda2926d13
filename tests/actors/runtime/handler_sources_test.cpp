// The sources of a loop's handlers: posts, its poller, and Asio.

#include <utility>

#include "await_sleep.hpp"

#include <troupe/actors/event_loop.hpp>

#include <catch2/catch.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <future>
#include <optional>
#include <thread>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

struct system_of_one_thread {
  system_of_one_thread() { compat::set_worker_threads(config, 1); }
  caf::actor_system_config config;
};

/// A descriptor that any thread may write to.
struct line final : pollable {
  line() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0); }
  ~line() {
    for (auto d : ends)
      ::close(d);
  }
  void say() const { REQUIRE(::write(ends[1], "x", 1) == 1); }
  void on_ready(std::uint32_t) override { heard(); }
  std::array<int, 2> ends{};
  std::function<void()> heard = [] {};
};

/// A loop whose flushes are always large, and a descriptor that it polls.
struct large_flushes {
  explicit large_flushes(std::chrono::microseconds wait)
    : loop{system, 0, [&] {
             loop_options o;
             o.gather_wait = wait;
             return o;
           }()} {
    loop.set_flush_gauge({.is_large = [] { return true; }});
    heard.heard = [this] { ++told; };
    loop.sockets().add(heard.ends[0], heard);
    loop.run_turn(); // this turn flushes
  }
  ~large_flushes() { loop.sockets().remove(heard.ends[0], heard); }

  void post(int times) {
    for (int i = 0; i < times; ++i)
      loop.post([] {});
  }
  /// Posts a handler that makes the descriptor ready. The turn reports it only if it polls again.
  void post_word() {
    loop.post([this] { heard.say(); });
  }
  void turn() { loop.run_turn(); }
  void turn(std::size_t handlers) { loop.run_turn(handlers); }

  system_of_one_thread f;
  caf::actor_system system{f.config};
  line heard;
  int told = 0;
  event_loop loop;
};

/// A loop on a thread of its own.
struct running {
  running() : thread{[this] { loop.run(); }} {}
  ~running() {
    loop.stop();
    thread.join();
  }
  /// Runs `work` on the loop, and waits for it.
  void on_loop(std::function<void()> work) {
    std::promise<void> done;
    loop.post([&] {
      work();
      done.set_value();
    });
    done.get_future().get();
  }
  system_of_one_thread f;
  caf::actor_system system{f.config};
  event_loop loop{system, 0};
  std::thread thread;
};

} // namespace

TEST_CASE("none of a loop's sources of handlers keeps the others waiting") {
  system_of_one_thread f;
  caf::actor_system system{f.config};
  event_loop loop{system, 0};
  int posts = 0, asio = 0, told = 0;
  std::function<void()> post_again = [&] {
    ++posts;
    loop.post(post_again);
  };
  std::function<void()> post_to_asio_again = [&] {
    ++asio;
    boost::asio::post(loop.context(), post_to_asio_again);
  };
  line l;
  l.heard = [&] {
    ++told;
    l.say();
  };
  loop.sockets().add(l.ends[0], l);
  post_again();
  post_to_asio_again();
  l.say();
  for (int i = 0; i < 4; ++i)
    CHECK(loop.run_turn(6));
  CHECK(posts >= 4);
  CHECK(asio >= 4);
  CHECK(told >= 4);
  loop.sockets().remove(l.ends[0], l);
}

TEST_CASE("a turn runs no more handlers than it may, and says that some are left") {
  system_of_one_thread f;
  caf::actor_system system{f.config};
  event_loop loop{system, 0};
  std::array<line, 5> lines;
  int told = 0;
  for (auto& l : lines) {
    l.heard = [&] { ++told; };
    loop.sockets().add(l.ends[0], l);
    l.say();
  }
  CHECK(loop.run_turn(2));
  CHECK(told == 2);
  CHECK(loop.run_turn(2));
  CHECK(loop.run_turn(2));
  CHECK(told == 5);
  CHECK_FALSE(loop.run_turn(2));
  for (auto& l : lines)
    loop.sockets().remove(l.ends[0], l);
}

TEST_CASE(
  "a turn that has handled some and has much to send waits a moment for what shares its sends") {
  system_of_one_thread f;
  caf::actor_system system{f.config};
  loop_options options;
  options.gather_wait = 1s; // the wait ends with the first input
  event_loop loop{system, 0, options};
  struct {
    int posts = 4;
    bool is_large = true;
    bool leaves_some = false;
    bool waits = true;
  } play;
  SECTION("it waits") {}
  SECTION("not where there is little to send") { play.is_large = play.waits = false; }
  SECTION("not where it has handled few") { play.posts = 3, play.waits = false; }
  SECTION("not where the flush before has left some, which must go") {
    play.leaves_some = true, play.waits = false;
  }
  loop.set_flush_gauge({.is_large = [&] { return play.is_large; }});
  loop.add_flusher([&] { return play.leaves_some; });
  line l;
  int told = 0;
  l.heard = [&] { ++told; };
  loop.sockets().add(l.ends[0], l);
  loop.run_turn(); // this turn flushes

  for (int i = 0; i < play.posts; ++i)
    loop.post([] {});
  auto speaks = std::thread{[&] {
    // The point: by then a turn that does not wait has ended.
    std::this_thread::sleep_for(20ms);
    if (play.waits)
      l.say();
  }};
  auto began = std::chrono::steady_clock::now();
  loop.run_turn();
  auto took = std::chrono::steady_clock::now() - began;
  speaks.join();

  CHECK(told == (play.waits ? 1 : 0));
  CHECK((took >= 10ms) == play.waits);
  loop.sockets().remove(l.ends[0], l);
}

TEST_CASE("after a wait in vain the next turn waits for nothing") {
  large_flushes loop{10us};
  loop.post(4);
  loop.turn(); // it waits in vain

  loop.post(3);
  loop.post_word();
  loop.turn();
  CHECK(loop.told == 0);

  loop.post(3); // the next turn may wait again
  loop.post_word();
  loop.turn();
  CHECK(loop.told == 2);
}

TEST_CASE("a turn that has more to handle does not wait for more") {
  large_flushes loop{10us};
  loop.post(3);
  loop.post_word();
  loop.post(4);

  loop.turn(4);

  CHECK(loop.told == 0);
}

TEST_CASE("without a wait a turn ends with what there was as it began") {
  auto wait = GENERATE(0us, 10us);
  large_flushes loop{wait};
  loop.post(3);
  loop.post_word();

  loop.turn();

  CHECK(loop.told == (wait > 0us ? 1 : 0));
}

TEST_CASE("a call of another thread's while a turn waits for more is heard in that turn") {
  system_of_one_thread f;
  caf::actor_system system{f.config};
  loop_options options;
  options.gather_wait = 1s;
  event_loop loop{system, 0, options};
  std::promise<void> waits;
  loop.set_flush_gauge({.is_large = [&] { return waits.set_value(), true; }}); // then it waits
  for (int i = 0; i < 4; ++i)
    loop.post([] {});
  bool heard = false;
  std::thread caller{[&] {
    waits.get_future().wait_for(10s);
    loop.post([&] { heard = true; });
  }};
  loop.run_turn();
  caller.join();
  CHECK(heard);
}

TEST_CASE("a loop that sleeps hears its descriptors, what is posted and its deadlines, whether "
          "Asio has something to wait for or not") {
  running r;
  line l;
  std::promise<void> told, rung, fired;
  struct alarm final : timer_wheel::entry {
    explicit alarm(std::promise<void>& p) : rung(p) {}
    void on_deadline() override { rung.set_value(); }
    std::promise<void>& rung;
  } bell{rung};
  std::optional<boost::asio::steady_timer> far, near;
  auto asio_waits = GENERATE(false, true);
  r.on_loop([&] {
    near.emplace(r.loop.context());
    far.emplace(r.loop.context(), 1h);
    if (asio_waits)
      far->async_wait([](auto) {});
    r.loop.sockets().add(l.ends[0], l);
    l.heard = [&] { told.set_value(); };
  });
  test::await_sleep(r.loop);
  l.say();
  told.get_future().get();
  r.on_loop([&] { r.loop.arm(bell, 5ms); });
  rung.get_future().get();
  r.on_loop([&] {
    near->expires_after(2ms);
    near->async_wait([&](auto) { fired.set_value(); });
  });
  fired.get_future().get(); // Asio's timer fires, even if it is the first one that Asio waits for
  std::promise<void> again;
  r.on_loop([&] { l.heard = [&] { again.set_value(); }; });
  test::await_sleep(r.loop);
  l.say();
  again.get_future().get();
  r.on_loop([&] {
    far.reset();
    near.reset();
    r.loop.sockets().remove(l.ends[0], l);
  });
}

TEST_CASE("what a descriptor's listener throws is reported, and the loop goes on") {
  system_of_one_thread f;
  caf::actor_system system{f.config};
  event_loop loop{system, 0};
  line l;
  int told = 0;
  l.heard = [&] {
    if (++told == 1)
      throw 42;
  };
  loop.sockets().add(l.ends[0], l);
  l.say();
  loop.run_turn();
  l.say();
  loop.run_turn();
  CHECK(told == 2);
  loop.sockets().remove(l.ends[0], l);
}

TEST_CASE("what was posted and never ran is let go of with its loop") {
  auto kept = std::make_shared<int>();
  {
    system_of_one_thread f;
    caf::actor_system system{f.config};
    event_loop loop{system, 0};
    loop.post([kept] {});
    CHECK(kept.use_count() == 2);
  }
  CHECK(kept.use_count() == 1);
}
