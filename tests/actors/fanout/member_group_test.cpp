#include "fanout/member_group.hpp"

#include "support/fake_sink.hpp"
#include "support/sink_of_nothing.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <random>

using namespace troupe::actors;
using troupe::protocol::shared_bytes;
using troupe::test::fake_sink;

namespace {

struct hall {
  session_key enter() {
    auto& s = *sinks.emplace_back(std::make_unique<fake_sink>());
    auto key = table.open(s);
    group.add(key);
    return key;
  }
  fake_sink& at(session_key key) { return static_cast<fake_sink&>(*table.find(key)); }
  void say(std::string text, session_key except = {}, if_behind what = if_behind::queue) {
    group.make_room_for_push(bool(except), what != if_behind::queue);
    group.push(shared_bytes::copy_of(text), except, {}, {}, steady_time::max(), what);
  }
  void say_to_all_but(const std::vector<session_key>& except, std::string text) {
    group.make_room_for_push(except.size());
    group.push(shared_bytes::copy_of(text), {}, {}, {});
    for (auto who : except)
      group.exclude(who);
  }
  void say_volatile(std::string text, session_key except = {}) {
    say(std::move(text), except, if_behind::skip);
  }
  void say_latest(std::string text, std::uint64_t name, session_key except = {}) {
    say(std::move(text), except, if_behind{name});
  }
  member_group::progress flush(std::size_t sends = 1000) {
    return group.flush(sends, false, table, nullptr, gone);
  }

  session_table table{0};
  std::vector<std::unique_ptr<fake_sink>> sinks;
  memberships all;
  member_group group{all};
  std::vector<session_key> gone;
};

/// Counts how often it was prefetched.
struct noted_state final : sink_state {
  void prefetch() const noexcept override { ++prefetches; }
  mutable int prefetches = 0;
};

} // namespace

TEST_CASE("a flush prefetches the state of each member once, before its turn, but the first's") {
  hall h;
  std::array<noted_state, 4> states;
  for (auto& s : states) {
    auto& sink = *h.sinks.emplace_back(std::make_unique<fake_sink>());
    sink.behind = &s;
    h.group.add(h.table.open(sink));
  }
  h.enter();
  h.say("1");

  h.flush(2);
  CHECK(states[1].prefetches == 1);
  CHECK(states[2].prefetches == 1);
  CHECK(states[3].prefetches == 0);
  h.flush();

  CHECK(states[0].prefetches == 0);
  CHECK(states[3].prefetches == 1);
}

TEST_CASE("frames of one turn reach every member as one write") {
  hall h;
  auto a = h.enter(), b = h.enter();
  h.say("1");
  h.say("2");

  h.flush();

  CHECK(h.at(a).bytes == "12");
  CHECK(h.at(b).bytes == "12");
  CHECK(h.at(a).writes == 1);
  CHECK_FALSE(h.group.pending());
}

// Pins §10.13.
TEST_CASE("a member gets nothing that was said before it came") {
  hall h;
  auto a = h.enter();
  h.say("1");
  auto b = h.enter();
  h.say("2");

  h.flush();

  CHECK(h.at(a).bytes == "12");
  CHECK(h.at(b).bytes == "2");
}

TEST_CASE("an excluded sender gets the parts around its own frames") {
  hall h;
  auto a = h.enter(), b = h.enter();
  h.say("1");
  h.say("a", a);
  h.say("2");
  h.say("a", a);
  h.say("b", b);

  h.flush();

  CHECK(h.at(a).bytes == "12b");
  CHECK(h.at(b).bytes == "1a2a");
  CHECK(h.at(a).writes == 1);
}

TEST_CASE("a frame leaves out several members, whether they are named once or twice") {
  hall h;
  auto a = h.enter(), b = h.enter(), c = h.enter();
  h.say("1");
  h.say_to_all_but({a, b, a, session_key{99, 1, 0}}, "c");
  h.say("2", b);
  h.say_to_all_but({c, a}, "b");

  h.group.catch_up(b, h.table);
  h.flush();

  CHECK(h.at(a).bytes == "12");
  CHECK(h.at(b).bytes == "1b");
  CHECK(h.at(c).bytes == "1c2");
}

TEST_CASE("a member with nothing but its own frames is not written to") {
  hall h;
  auto a = h.enter();
  h.say("a", a);

  h.flush();

  CHECK(h.at(a).writes == 0);
}

TEST_CASE("a slice gives the batch to some members and the next slice to the others") {
  hall h;
  std::vector<session_key> all;
  for (int i = 0; i < 5; ++i)
    all.push_back(h.enter());
  h.say("1");

  CHECK(h.flush(2).cost == 2);
  h.say("2");
  CHECK(h.group.pending());
  while (h.group.pending())
    h.flush(2);

  for (auto m : all)
    CHECK(h.at(m).bytes == "12");
}

TEST_CASE("catching up gives one member all that is pending, and the flush then skips it") {
  hall h;
  auto a = h.enter(), b = h.enter();
  h.say("1");
  h.say("2");
  h.flush(1); // `a` has got both
  h.say("3");

  h.group.catch_up(b, h.table);
  CHECK(h.at(b).bytes == "123");
  h.group.catch_up(a, h.table);
  CHECK(h.at(a).bytes == "123");
  while (h.group.pending())
    h.flush();

  CHECK(h.at(a).bytes == "123");
  CHECK(h.at(b).bytes == "123");
}

TEST_CASE("a member whose session is gone is reported and gets nothing") {
  hall h;
  auto a = h.enter(), b = h.enter();
  h.table.close(a);
  h.say("1");

  h.flush();

  REQUIRE(h.gone.size() == 1);
  CHECK(h.gone.front() == a);
  CHECK(h.at(b).bytes == "1");
}

TEST_CASE("credits are held while too much waits, and go back when the flush may begin") {
  hall h;
  h.enter();
  auto account = std::make_shared<credit_account>(credit_limits{});
  h.group.push(shared_bytes::copy_of("1"), {}, account->take(1), {});
  h.enter();

  h.group.flush(1, true, h.table, nullptr, h.gone);
  CHECK(account->held_messages() == 1);
  h.group.flush(0, false, h.table, nullptr, h.gone);
  CHECK(account->held_messages() == 0);
}

TEST_CASE("every member gets exactly what was said while it was in, less its own, whatever the "
          "order of things") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random{seed};
    auto draw = [&](int n) { return std::uniform_int_distribution<>{0, n - 1}(random); };
    hall h;
    std::map<std::uint32_t, std::string> expected; // by slot; this test reuses no slot
    std::map<std::uint32_t, session_key> in, ever;
    auto pick = [&] { return std::next(in.begin(), draw(static_cast<int>(in.size())))->second; };
    char next = 'A';
    for (int step = 0; step < 400; ++step) {
      switch (draw(6)) {
        case 0: {
          auto key = h.enter();
          in[key.slot] = ever[key.slot] = key;
          break;
        }
        case 1:
          if (!in.empty()) {
            auto who = pick();
            h.group.catch_up(who, h.table);
            h.group.remove(who);
            in.erase(who.slot);
          }
          break;
        case 2:
          if (!in.empty())
            h.group.catch_up(pick(), h.table);
          break;
        case 3:
          if (h.group.pending())
            h.flush(static_cast<std::size_t>(draw(4)));
          break;
        default: {
          auto except = in.empty() || draw(2) ? session_key{} : pick();
          std::string text{next};
          next = next == 'Z' ? 'A' : static_cast<char>(next + 1);
          std::vector<session_key> others;
          for (auto left = in.empty() || draw(3) > 0 ? 0 : draw(4); left > 0; --left)
            others.push_back(pick());
          if (others.empty())
            h.say(text, except);
          else
            h.say_to_all_but(others, text);
          auto is_left_out = [&](session_key key) {
            return others.empty() ? key == except
                                  : std::find(others.begin(), others.end(), key) != others.end();
          };
          for (auto& [slot, key] : in)
            if (!is_left_out(key))
              expected[slot] += text;
        }
      }
    }
    while (h.group.pending())
      h.flush(3);
    for (auto& [slot, key] : ever)
      CHECK(h.at(key).bytes == expected[slot]);
  }
}

// -- batches of many bytes ------------------------------------------------------------------------

namespace {

/// A sink that keeps only the first byte of each frame, and checks what it is given.
struct counting final : troupe::test::sink_of_nothing {
  void write(const shared_bytes& batch, std::span<const byte_range> parts,
             std::uint32_t n) override {
    largest = std::max(largest, batch.size());
    for (auto p : parts)
      take(batch, p);
    frames += n;
  }
  void append(const shared_bytes& bytes, byte_range part, std::uint32_t n, output_kind) override {
    take(bytes, part);
    frames += n;
  }
  void take(const shared_bytes& bytes, byte_range part) {
    ok = ok && part.begin < part.end && part.end <= bytes.size();
    for (std::size_t at = part.begin; ok && at < part.end; at += frame_bytes)
      heard += bytes.data()[at];
  }

  static constexpr std::size_t frame_bytes = 4 << 20;
  std::size_t largest = 0;
  std::uint32_t frames = 0;
  std::string heard;
  bool ok = true;
};

struct large_hall {
  session_key enter() {
    auto& s = *sinks.emplace_back(std::make_unique<counting>());
    auto key = table.open(s);
    group.add(key);
    return key;
  }
  counting& at(session_key key) { return static_cast<counting&>(*table.find(key)); }
  /// Pushes a frame of one of five letters. All frames of a letter share one buffer.
  void say(char letter, session_key except = {}) {
    group.push(letters[letter - 'a'], except, {}, {});
  }
  void flush_all() {
    while (group.pending())
      group.flush(1000, false, table, nullptr, gone);
  }

  static shared_bytes frame(char letter) {
    return shared_bytes::copy_of(std::string(counting::frame_bytes, letter));
  }

  session_table table{0};
  std::vector<std::unique_ptr<counting>> sinks;
  memberships all;
  member_group group{all};
  std::vector<session_key> gone;
  std::array<shared_bytes, 5> letters{frame('a'), frame('b'), frame('c'), frame('d'), frame('e')};
};

} // namespace

/// Pins that the pending bytes of one room are not summed in 32 bits.
TEST_CASE("more than 4 GiB pending leave in batches of 64 MiB at most, whole and in order") {
  large_hall h;
  auto a = h.enter();
  std::string said;
  for (int i = 0; i < 1100; ++i) {
    said += static_cast<char>('a' + i % 5);
    h.say(said.back());
  }
  auto pending = h.group.pending_bytes();

  h.flush_all();

  CHECK(pending > std::size_t{4} << 30);
  CHECK(h.at(a).ok);
  CHECK(h.at(a).heard == said);
  CHECK(h.at(a).frames == 1100);
  CHECK(h.at(a).largest <= member_group::max_batch_bytes);
}

TEST_CASE("a frame larger than a batch may be is a batch of its own") {
  large_hall h;
  auto a = h.enter();
  std::string large(member_group::max_batch_bytes + 1, 'L');
  h.say('a');
  h.group.push(shared_bytes::copy_of(large), {}, {}, {});
  h.say('b');

  h.flush_all();

  CHECK(h.at(a).largest == large.size());
  CHECK(h.at(a).heard == "a" + std::string(large.size() / counting::frame_bytes + 1, 'L') + "b");
  CHECK(h.at(a).frames == 3);
}

TEST_CASE("exclusions hold on both sides of where a batch was split, also for who is caught up in "
          "between") {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random{seed};
    auto draw = [&](int n) { return std::uniform_int_distribution<>{0, n - 1}(random); };
    large_hall h;
    std::vector<session_key> members{h.enter(), h.enter(), h.enter(), h.enter()};
    std::map<std::uint32_t, std::string> expected;
    for (int i = 0; i < 70; ++i) {
      auto except = draw(3) ? members[static_cast<std::size_t>(draw(4))] : session_key{};
      auto letter = static_cast<char>('a' + draw(5));
      h.say(letter, except);
      for (auto m : members)
        if (!(m == except))
          expected[m.slot] += letter;
      if (draw(40) == 0)
        h.group.catch_up(members[static_cast<std::size_t>(draw(4))], h.table);
      if (draw(30) == 0)
        h.group.flush(static_cast<std::size_t>(draw(3)), false, h.table, nullptr, h.gone);
    }
    h.group.flush(2, false, h.table, nullptr, h.gone);
    h.group.catch_up(members[static_cast<std::size_t>(draw(4))], h.table);
    h.flush_all();

    for (auto m : members) {
      CHECK(h.at(m).ok);
      CHECK(h.at(m).heard == expected[m.slot]);
    }
  }
}

TEST_CASE("credits of a split batch come back once its last part is under way") {
  large_hall h;
  h.enter();
  auto account = std::make_shared<credit_account>(credit_limits{});
  for (int i = 0; i < 20; ++i)
    h.group.push(h.letters[0], {}, account->take(1), {});

  h.group.flush(1000, false, h.table, nullptr, h.gone);
  auto with_a_rest = account->held_messages();
  h.flush_all();

  CHECK(with_a_rest == 20);
  CHECK(account->held_messages() == 0);
}

TEST_CASE("a batch weighs what its frames weigh") {
  struct weighing final : troupe::test::sink_of_nothing {
    void write(const shared_bytes& batch, std::span<const byte_range>, std::uint32_t) override {
      weight = batch.weight();
    }
    std::size_t weight = 0;
  } sink;
  session_table table{0};
  memberships all;
  member_group group{all};
  group.add(table.open(sink));
  auto light = shared_bytes::copy_of(std::string(700, 'x'));
  light.make_lighter(100);
  std::vector<session_key> gone;

  group.push(light, {}, {}, {});
  group.push(shared_bytes::copy_of(std::string(50, 'y')), {}, {}, {});
  group.flush(10, false, table, nullptr, gone);

  CHECK(sink.weight == 150);
}

TEST_CASE("groups that speak in turn share one batch, and each keeps its positions") {
  hall h;
  auto a = h.enter();
  member_group other{h.all};
  auto& s = *h.sinks.emplace_back(std::make_unique<fake_sink>());
  auto b = h.table.open(s);
  other.add(b);
  for (auto text : {"1", "2", "3"}) {
    h.say(text);
    h.flush();
    other.push(shared_bytes::copy_of(std::string{"o"} + text), {}, {}, {});
    other.flush(10, false, h.table, nullptr, h.gone);
  }
  auto batch = h.all.buffers().take();
  auto second = h.all.buffers().take();

  CHECK(h.at(a).bytes == "123");
  CHECK(s.bytes == "o1o2o3");
  CHECK(batch->frames.capacity() > 0);
  CHECK(second->frames.capacity() == 0); // a new one
}

TEST_CASE("a batch that has become large is not kept") {
  hall h;
  h.enter();
  for (int i = 0; i < 1000; ++i)
    h.say("x");
  h.flush();

  CHECK(h.all.buffers().take()->frames.capacity() == 0);
}

// Pins §4.120.
TEST_CASE("a member that is behind does not get what may be skipped, and all else in order") {
  hall h;
  auto quick = h.enter(), slow = h.enter(), own = h.enter();
  h.at(slow).unread = h.at(own).unread = 1;
  h.say_volatile("a");
  h.say("1");
  h.say_volatile("b", own);
  h.say("2", own);
  h.say_volatile("c");
  h.say("3");
  h.say_volatile("d");

  h.flush();

  CHECK(h.at(quick).bytes == "a1b2c3d");
  CHECK(h.at(slow).bytes == "123");
  CHECK(h.at(own).bytes == "13");
  CHECK(h.at(slow).frames == 3);
  CHECK(h.at(own).frames == 2);
  h.at(slow).unread = 0;
  h.say_volatile("e");
  h.flush();
  CHECK(h.at(slow).take() == "123e");
}

TEST_CASE("a batch of nothing but what is skipped is no write") {
  hall h;
  auto slow = h.enter();
  h.at(slow).unread = 1;
  h.say_volatile("a");
  h.say_volatile("b");

  auto done = h.flush();

  CHECK(h.at(slow).writes == 0);
  CHECK(done.frames == 0);
  CHECK(h.all.buffers().skipped == 2);
  CHECK_FALSE(h.group.pending());
}

// Pins §4.120.
TEST_CASE("whoever is caught up or in several rooms is skipped likewise") {
  hall h;
  member_group other{h.all};
  auto slow = h.enter(), late = h.enter();
  other.add(slow);
  h.at(slow).unread = h.at(late).unread = 1;
  h.say_volatile("a");
  h.say("1");
  CHECK(h.group.catch_up(late, h.table) == 1);
  h.say_volatile("b", slow);
  h.say("2");
  other.push(shared_bytes::copy_of("x"), {}, {}, {}, steady_time::max(), if_behind::skip);
  other.push(shared_bytes::copy_of("y"), {}, {}, {});

  h.flush();

  CHECK(h.at(late).bytes == "12");
  CHECK(h.at(slow).bytes == "12y");
}

// Pins §4.124, §4.125.
TEST_CASE("a member that is behind gets values as such, between all else, and others in place") {
  hall h;
  auto quick = h.enter(), slow = h.enter(), own = h.enter();
  h.at(slow).unread = h.at(own).unread = 1;
  h.say_latest("a", 7);
  h.say("1");
  h.say("2");
  h.say_latest("b", 8, own);
  h.say_latest("c", 9);
  h.say_volatile("d");
  h.say("3", own);
  h.say_latest("e", 7);

  auto done = h.flush();

  CHECK(h.at(quick).bytes == "a12bcd3e");
  CHECK(h.at(slow).bytes == "[7:a]12[8:b][9:c]3[7:e]");
  CHECK(h.at(own).bytes == "[7:a]12[9:c][7:e]");
  CHECK(h.at(slow).frames == 3);
  CHECK(h.at(quick).writes == 1);
  CHECK(done.frames == 8 + 7 + 5);
  CHECK(h.all.buffers().skipped == 2);
  CHECK(h.all.buffers().replaced == 0);
}

TEST_CASE("values count by what has become of them") {
  hall h;
  auto slow = h.enter();
  h.at(slow).unread = 1;
  h.at(slow).fate = value_fate::replaced;
  h.say_latest("a", 7);
  h.say_latest("b", 8);
  CHECK(h.flush().frames == 2);
  CHECK(h.all.buffers().replaced == 2);

  h.at(slow).fate = value_fate::dropped;
  h.say_latest("c", 7);
  CHECK(h.flush().frames == 0);
  h.say_latest("d", 7);
  CHECK(h.group.catch_up(slow, h.table) == 0);
  CHECK(h.all.buffers().replaced == 2);
  CHECK(h.all.buffers().skipped == 2);
}

// Pins §4.125.
TEST_CASE("whoever is caught up or in several rooms gets values likewise") {
  hall h;
  member_group other{h.all};
  auto slow = h.enter(), late = h.enter(), quick = h.enter();
  other.add(slow);
  other.add(quick);
  h.at(slow).unread = h.at(late).unread = 1;
  h.say_latest("a", 7);
  h.say("1");
  CHECK(h.group.catch_up(late, h.table) == 2);
  h.say_latest("b", 7, slow);
  h.say("2");
  other.push(shared_bytes::copy_of("x"), {}, {}, {}, steady_time::max(), if_behind{70});
  other.push(shared_bytes::copy_of("y"), {}, {}, {});

  auto done = h.flush();

  CHECK(h.at(late).bytes == "[7:a]1[7:b]2");
  CHECK(h.at(slow).bytes == "[7:a]12[70:x]y");
  CHECK(h.at(quick).bytes == "a1b2xy");
  CHECK(h.at(quick).sends == 1);
  CHECK(done.frames == 2 + 5 + 6);
}

TEST_CASE("a batch that begins while another one is given out has its own values") {
  hall h;
  auto first = h.enter(), slow = h.enter();
  h.at(slow).unread = 1;
  h.say_latest("a", 7);
  h.flush(1);
  h.say("1");
  h.say_latest("b", 7);

  CHECK(h.group.catch_up(slow, h.table) == 3);
  while (h.group.pending())
    h.flush();

  CHECK(h.at(first).bytes == "a1b");
  CHECK(h.at(slow).bytes == "[7:a]1[7:b]");
}

TEST_CASE("any mix of exclusions, skipping, slices and joins gives each member what is for it") {
  std::mt19937 draw{7};
  auto below = [&](unsigned n) { return draw() % n; };
  for (int round = 0; round < 300; ++round) {
    hall h;
    std::vector<session_key> who;
    std::map<std::uint32_t, std::string> want;
    std::map<std::uint32_t, bool> is_slow;
    for (int step = 0; step < 60; ++step) {
      if (who.size() < 6 && below(6) == 0) {
        who.push_back(h.enter());
        is_slow[who.back().slot] = below(2) == 0;
        h.at(who.back()).unread = is_slow[who.back().slot] ? 1 : 0;
      } else if (below(5) == 0) {
        if (h.group.pending())
          h.flush(1 + below(4));
      } else if (!who.empty() && below(6) == 0) {
        h.group.catch_up(who[below(static_cast<unsigned>(who.size()))], h.table);
      } else {
        auto text = std::to_string(step) + ' ';
        auto except = !who.empty() && below(3) == 0 ? who[below(static_cast<unsigned>(who.size()))]
                                                    : session_key{};
        auto what = if_behind{below(4)};
        h.say(text, except, what);
        for (auto w : who)
          if (w != except && is_slow[w.slot] && is_value(what))
            want[w.slot] += '[' + std::to_string(static_cast<int>(what)) + ':' + text + ']';
          else if (w != except && !(what == if_behind::skip && is_slow[w.slot]))
            want[w.slot] += text;
      }
    }
    while (h.group.pending())
      h.flush();
    for (auto w : who)
      CHECK(h.at(w).bytes == want[w.slot]);
  }
}
