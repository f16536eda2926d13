// What the parts guarantee when memory is short: a step happens completely or not at all.
#include "support/replaced_allocator.hpp"

#include "fanout/dispatcher.hpp"
#include "fanout/member_group.hpp"

#include "support/fake_sink.hpp"

#include <troupe/actors/event_loop.hpp>
#include <troupe/transport/line_writer.hpp>
#include <troupe/actors/outbox.hpp>

#include <catch2/catch.hpp>

#include <unistd.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using protocol::shared_bytes;
using test::fake_sink;

namespace {

/// Runs `f` with its n-th allocation failing. Returns whether one failed.
template <class F>
bool fails_at(std::size_t n, F&& f) {
  bool threw = false;
  test::arm(n);
  try {
    f();
  } catch (const std::bad_alloc&) {
    threw = true;
  }
  test::disarm();
  CHECK(threw == test::has_failed());
  return threw;
}

/// Runs `f` once for each of its allocations, with that one failing, until none fails.
template <class F>
void insist(F&& f) {
  for (std::size_t n = 0; fails_at(n, f); ++n) {}
}

/// A sink whose own memory never fails.
struct unharmed_sink final : sink {
  void write(const shared_bytes& batch, std::span<const byte_range> parts, std::uint32_t) override {
    test::unharmed scope;
    for (auto p : parts)
      bytes += batch.view().substr(p.begin, p.size());
  }
  void append(const shared_bytes& b, byte_range part, std::uint32_t, output_kind) override {
    test::unharmed scope;
    bytes += b.view().substr(part.begin, part.size());
  }
  value_fate put_value(const shared_bytes& b, byte_range part, if_behind) override {
    test::unharmed scope;
    (bytes += '[').append(b.view().substr(part.begin, part.size())) += ']';
    return value_fate::queued;
  }
  void flush() override {}
  void ping(std::string_view) override {}
  void close(protocol::errc why, std::string_view) override { closed = why; }
  void close_with(std::uint16_t, std::string_view) override {}
  void cut(protocol::errc) override {}
  void terminate(protocol::errc) override {}
  void resume_reading() override {}
  steady_time last_inbound() const override { return {}; }
  std::size_t queued_bytes() const override { return unread; }
  std::optional<steady_time> oldest_queued() const override { return {}; }

  std::string bytes;
  std::size_t unread = 0;
  std::optional<protocol::errc> closed;
};

/// A table of sessions whose sinks never fail.
struct hall {
  session_key enter() {
    auto& s = *sinks.emplace_back(std::make_unique<unharmed_sink>());
    return table.open(s);
  }
  unharmed_sink& at(session_key key) { return static_cast<unharmed_sink&>(*table.find(key)); }

  session_table table{0};
  std::vector<std::unique_ptr<unharmed_sink>> sinks;
};

shared_bytes frame(const char* text) { return shared_bytes::copy_of(text); }

} // namespace

TEST_CASE(
  "members get every frame once and in order whichever allocation of their group has failed") {
  hall h;
  memberships places;
  member_group group{places};
  std::vector<session_key> gone;
  auto flush = [&] { group.flush(1, false, h.table, nullptr, gone); };
  auto a = h.enter(), b = h.enter(), c = h.enter();
  for (auto who : {a, b, c})
    insist([&] { group.add(who); });
  for (auto* text : {"1", "2", "3"}) {
    auto f = frame(text);
    insist([&] {
      group.make_room_for_push(true);
      group.push(f, a, {}, {});
    });
  }
  insist(flush);
  auto f = frame("4");
  insist([&] {
    group.make_room_for_push(false);
    group.push(f, {}, {}, {});
  });
  insist([&] { group.catch_up(c, h.table); });
  while (group.pending())
    insist(flush);

  CHECK(gone.empty());
  CHECK(h.at(a).bytes == "4");
  CHECK(h.at(b).bytes == "1234");
  CHECK(h.at(c).bytes == "1234");
}

TEST_CASE("members that are behind get values once and in order, whichever allocation has failed") {
  hall h;
  memberships places;
  member_group group{places}, other{places};
  std::vector<session_key> gone;
  auto a = h.enter(), b = h.enter(), c = h.enter();
  for (auto who : {a, b, c}) {
    h.at(who).unread = 1;
    group.add(who);
  }
  other.add(b);
  auto say = [&](member_group& to, const char* text, std::uint64_t what) {
    auto f = frame(text);
    insist([&] {
      to.make_room_for_push(false, what != 0);
      to.push(f, {}, {}, {}, steady_time::max(), if_behind{what});
    });
  };
  say(group, "1", 7);
  say(group, "2", 0);
  say(group, "3", 8);
  say(other, "x", 7);
  insist([&] { group.catch_up(c, h.table); });
  for (auto* g : {&group, &other})
    while (g->pending())
      insist([&] { g->flush(1, false, h.table, nullptr, gone); });

  CHECK(h.at(a).bytes == "[1]2[3]");
  CHECK(h.at(b).bytes == "[1]2[3][x]");
  CHECK(h.at(c).bytes == "[1]2[3]");
}

TEST_CASE("removing members of a group allocates nothing") {
  hall h;
  memberships places;
  member_group group{places};
  std::vector<session_key> all;
  for (int i = 0; i < 100; ++i)
    group.add(all.emplace_back(h.enter()));

  CHECK_FALSE(fails_at(0, [&] {
    for (auto who : all)
      group.remove(who);
  }));
  CHECK(group.empty());
}

TEST_CASE("closing, touching and flushing sessions allocates nothing") {
  hall h;
  std::vector<session_key> all;
  for (int i = 0; i < 100; ++i)
    all.push_back(h.enter());

  CHECK_FALSE(fails_at(0, [&] {
    for (auto key : all)
      h.table.touch(key);
    h.table.flush_touched();
    for (auto key : all)
      h.table.touch(key);
    for (auto key : all)
      h.table.close(key);
    h.table.flush_touched();
  }));
}

TEST_CASE("a dispatcher forgets a room whose frames it cannot keep, and its members are told") {
  auto identity = std::make_shared<room_identity>();
  identity->key = room_key{1, 1};
  identity->name = "r";
  for (std::size_t n = 0;; ++n) {
    hall h;
    loop_counts counts;
    dispatcher core{h.table, nullptr, counts};
    auto a = h.enter();
    core.on_subscribe({identity, a, protocol::encoding::v1_json, {}});
    auto f = frame("x");
    auto failed = fails_at(n, [&] { core.on_fan_out({identity->key, {f, {}, {}}, {}, {}, {}}); });
    if (failed)
      core.give_up(identity->key);
    while (core.flush()) {}

    CHECK(h.at(a).closed.has_value() == failed);
    CHECK(h.at(a).bytes == (failed ? "" : "x"));
    CHECK(core.rooms() == (failed ? 0 : 1));
    CHECK(counts.members == (failed ? 0 : 1));
    if (!failed)
      break;
  }
}

TEST_CASE("an outbox that cannot keep what its socket has not taken is broken, and takes all of a "
          "frame or nothing") {
  actors::outbox box{{}};
  auto f = frame("frame");
  const byte_range all{0, 5};
  auto takes_two = [](const iovec*, int) { return ssize_t{2}; };
  auto status = actors::outbox::status::done;
  test::arm(0);
  status = box.write(
    f, std::span{&all, 1}, 1, [] { return steady_time{}; }, takes_two);
  test::disarm();
  CHECK(status == actors::outbox::status::broken);

  insist([&] { box.append(f, all, 1, output_kind::control, {}); });
  CHECK(box.queued_bytes() == 5);
  insist([&] { box.cut(f, {}); });
  CHECK(box.sealed());
}

TEST_CASE("a value that finds no memory is dropped, and one in another's place needs none") {
  actors::outbox box{{}};
  auto f = frame("frame");
  const byte_range all{0, 5};
  auto put = [&](std::uint64_t name) { return box.put_value(f, all, if_behind{name}, {}); };
  auto fate = value_fate::queued;

  CHECK_FALSE(fails_at(0, [&] { box.drop_values(); }));
  test::arm(0);
  fate = put(7);
  test::disarm();
  CHECK(fate == value_fate::dropped);
  CHECK(box.empty());

  CHECK(put(7) == value_fate::queued);
  CHECK_FALSE(fails_at(0, [&] { fate = put(7); }));
  CHECK(fate == value_fate::replaced);
  CHECK(box.queued_bytes() == 5);
}

TEST_CASE("lines of a log that find no memory are counted as lost, and make no other line go") {
  constexpr int failures = 60;
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  std::string heard;
  std::uint64_t lost = 0;
  {
    transport::line_writer log{ends[1]};
    for (int i = 0; i < failures; ++i) {
      std::string line(100'000, 'x'); // together more than the writer keeps
      test::arm(0, 100);
      log.write(std::move(line));
      test::disarm();
    }
    for (auto* text : {"one", "two", "three"})
      log.write(text);
    while (heard.find("three") == std::string::npos) {
      std::array<char, 256> some;
      auto n = ::read(ends[0], some.data(), some.size());
      REQUIRE(n > 0);
      heard.append(some.data(), static_cast<std::size_t>(n));
    }
    lost = log.lost_lines();
  }
  ::close(ends[0]);
  ::close(ends[1]);
  CHECK(lost == failures);
  CHECK(heard.find("60 lines were lost here\n") != std::string::npos);
  CHECK(heard.find("one\ntwo\nthree\n") != std::string::npos);
}

TEST_CASE("queueing a job for a loop allocates nothing on any thread") {
  struct counted final : compat::loop_job {
    void run(std::size_t) override { ++runs; }
    int runs = 0;
  } here, there;
  caf::actor_system_config config;
  compat::set_worker_threads(config, 1);
  caf::actor_system system{config};
  event_loop loop{system, 0};
  CHECK_FALSE(fails_at(0, [&] { loop.submit(here); }));
  (void)loop.run_turn();
  std::thread{[&] {
    test::arm(0);
    loop.submit(there);
    test::disarm();
  }}.join();
  (void)loop.run_turn();

  CHECK(here.runs == 1);
  CHECK(there.runs == 1);
}
