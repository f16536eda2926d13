#include "member_group.hpp"

#include "support/fake_sink.hpp"

#include <catch2/catch.hpp>

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
  void say(std::string text, session_key except = {}) { group.push(shared_bytes::copy_of(text), except, {}, {}); }
  member_group::progress flush(std::size_t sends = 1000) { return group.flush(sends, false, table, nullptr, gone); }

  session_table table{0};
  std::vector<std::unique_ptr<fake_sink>> sinks;
  member_group group;
  std::vector<session_key> gone;
};

} // namespace

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

  CHECK(h.flush(2).sends == 2);
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
  h.flush(1); // a has both
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

TEST_CASE("every member gets exactly what was said while it was in, less its own, whatever the order of things") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random{seed};
    auto draw = [&](int n) { return std::uniform_int_distribution<>{0, n - 1}(random); };
    hall h;
    std::map<std::uint32_t, std::string> expected; // by slot; slots are not reused here
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
          h.say(text, except);
          for (auto& [slot, key] : in)
            if (!(key == except))
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
