#include "room/waiting_inputs.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using protocol::errc;

namespace {

room_input said(std::uint32_t who, std::size_t bytes = 1, std::string type = "x") {
  room_input in;
  in.what = room_input::kind::application;
  in.who = {who, 1, 0};
  in.place = who;
  in.bytes = protocol::shared_bytes::copy_of(std::string(bytes, 'x'));
  in.type = std::move(type);
  return in;
}

std::vector<std::string> types(const std::vector<room_input>& all) {
  std::vector<std::string> out;
  for (auto& in : all)
    out.push_back(in.type);
  return out;
}

/// Adds it if there is a place; returns what says why not.
errc add(waiting_inputs& w, const room_input& in) {
  auto why = w.reason_against(in);
  if (why == errc::ok)
    w.add(in);
  return why;
}

using names = std::vector<std::string>;

} // namespace

TEST_CASE("what waits for a tick is taken in the order in which it came, of all or of one member") {
  waiting_inputs w{{}};
  w.add(said(1, 1, "a"));
  w.add(said(2, 1, "b"));
  w.add(said(1, 1, "c"));
  w.add(said(3, 1, "d"));

  CHECK(types(w.take_of(1, said(1).who)) == names{"a", "c"});
  CHECK(w.take_of(1, said(1).who).empty());
  w.drop_of(3, said(3).who);
  w.drop_of(9, said(9).who);
  w.add(said(1, 1, "e"));
  CHECK(types(w.take_all()) == names{"b", "e"});
  CHECK(w.size() == 0);
}

TEST_CASE("what waits for a tick holds no credit") {
  auto account = std::make_shared<credit_account>(credit_limits{});
  waiting_inputs w{{}};
  {
    auto in = said(1);
    in.token = account->take(100);
    w.add(in);
    CHECK(account->held_bytes() == 100);
  }
  CHECK(account->held_bytes() == 0);
  CHECK(w.size() == 1);
}

TEST_CASE("a member has a bounded number of messages waiting, and all together have") {
  tick_options o;
  o.max_inputs_per_member = 2;
  o.max_inputs = 3;
  waiting_inputs w{o};
  CHECK(add(w, said(1)) == errc::ok);
  CHECK(add(w, said(1)) == errc::ok);
  CHECK(add(w, said(1)) == errc::rate_limited);
  CHECK(add(w, said(2)) == errc::ok);
  CHECK(add(w, said(2)) == errc::overloaded);

  w.drop_of(1, said(1).who);
  CHECK(add(w, said(2)) == errc::ok);
  CHECK(w.take_all().size() == 2);
  CHECK(add(w, said(2)) == errc::ok);
}

TEST_CASE("their bytes are bounded, too, but for a first message") {
  tick_options o;
  o.max_input_bytes_per_member = 100;
  o.max_input_bytes = 250;
  waiting_inputs w{o};
  CHECK(add(w, said(1, 200)) == errc::ok);
  CHECK(add(w, said(1, 1)) == errc::rate_limited);
  CHECK(add(w, said(2, 50)) == errc::ok);
  CHECK(add(w, said(3, 1)) == errc::overloaded);
  (void)w.take_of(2, said(2).who);
  CHECK(add(w, said(3, 50)) == errc::ok);
  (void)w.take_all();
  CHECK(add(w, said(3, 1000)) == errc::ok);
}

// Pins §16.101.
TEST_CASE("of a member at most 32 messages wait for a tick, and 128 KiB unless one is larger") {
  for (std::size_t each : {10u, 4096u, 10'000u, 300'000u}) {
    waiting_inputs w{{}};
    while (add(w, said(1, each)) == errc::ok) {}
    auto all = w.take_all();
    CHECK(all.size() <= 32);
    CHECK((all.size() == 1 || all.size() * each <= 128 * 1024));
    CHECK((all.size() == 32 || (all.size() + 1) * each > 128 * 1024));
  }
}

TEST_CASE("0 lifts each of the bounds of what waits for a tick") {
  tick_options o;
  o.max_inputs_per_member = o.max_inputs = 0;
  o.max_input_bytes_per_member = o.max_input_bytes = 0;
  waiting_inputs w{o};
  for (int i = 0; i < 10'000; ++i)
    REQUIRE(add(w, said(1, 1000)) == errc::ok);
  CHECK(w.take_all().size() == 10'000);
}

TEST_CASE("the memory of what was handed over serves what comes") {
  waiting_inputs w{{}};
  for (int i = 0; i < 30; ++i)
    w.add(said(1));
  auto taken = w.take_all();
  auto* where = taken.data();
  w.recycle(std::move(taken));
  w.add(said(1));
  CHECK(w.take_all().data() == where);
}
