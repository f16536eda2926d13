#include "room/open_requests.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using protocol::errc;
using names = std::vector<std::string>;

namespace {

constexpr session_key ann{1, 1, 0}, bob{2, 1, 0}, cat{1, 2, 0};

constexpr steady_time at(std::chrono::milliseconds t) { return steady_time{} + t; }

std::string open(open_requests& all, session_key who, std::chrono::milliseconds until = 1s) {
  open_request r;
  r.who = who;
  r.until = at(until);
  return std::to_string(all.open(std::move(r)).id);
}

/// The ids of those that have ended, each with the reason.
names ended(open_requests& all) {
  names out;
  while (auto r = all.take_ended())
    out.push_back(std::to_string(r->id) + " " + std::string{to_string(r->why)});
  return out;
}

names ids_of(const open_requests& all, session_key who) {
  names out;
  all.for_each_of(who, [&](const open_request& r) { out.push_back(std::to_string(r.id)); });
  return out;
}

} // namespace

TEST_CASE("a request is taken once, by the member that was asked") {
  open_requests all{0, 0};
  auto id = open(all, ann);

  CHECK_FALSE(all.take(bob, id));
  CHECK_FALSE(all.take(cat, id)); // another session in the same slot
  auto taken = all.take(ann, id);
  REQUIRE(taken);
  CHECK(taken->who == ann);
  CHECK_FALSE(all.take(ann, id));
  CHECK_FALSE(all.next_end());
}

TEST_CASE("an id is known as it was given, and in no other spelling") {
  open_requests all{0, 0};
  auto id = open(all, ann);

  for (auto other :
       {"", "0", "01", "+1", "-1", " 1", "1 ", "1.0", "2", "18446744073709551617", "x"})
    CHECK_FALSE(all.take(ann, other));
  CHECK(all.take(ann, id));
}

TEST_CASE("requests end in the order of their times") {
  open_requests all{0, 0};
  auto late = open(all, ann, 3s), early = open(all, ann, 1s), other = open(all, bob, 2s);

  CHECK(all.next_end() == at(1s));
  all.end_late(at(999ms));
  CHECK(all.ended() == 0);
  all.end_late(at(2s));
  CHECK(ended(all) == names{early + " timed_out", other + " timed_out"});
  CHECK(all.next_end() == at(3s));
  CHECK(ids_of(all, ann) == names{late});
}

TEST_CASE("who leaves ends its own requests alone, in their order") {
  open_requests all{0, 0};
  auto first = open(all, ann, 3s), others = open(all, bob), second = open(all, ann, 1s);

  all.end_all_of(ann, errc::not_joined);

  CHECK(ended(all) == names{first + " not_joined", second + " not_joined"});
  CHECK(ids_of(all, bob) == names{others});
}

TEST_CASE("requests move to the session that has taken a place, and keep ids and times") {
  open_requests all{0, 0};
  auto first = open(all, ann, 2s), second = open(all, ann, 1s), other = open(all, bob);

  all.move(ann, cat);

  CHECK(ids_of(all, ann).empty());
  CHECK(ids_of(all, cat) == names{first, second});
  CHECK(ids_of(all, bob) == names{other});
  CHECK(all.next_end() == at(1s));
  CHECK_FALSE(all.take(ann, first));
  CHECK(all.take(cat, first)->who == cat);
}

TEST_CASE("the bounds of a member and of the room count what is open") {
  open_requests all{2, 3};
  auto first = open(all, ann);
  open(all, ann);
  CHECK_FALSE(all.has_place_for(ann));
  CHECK(all.has_place_for(bob));
  open(all, bob);
  CHECK_FALSE(all.has_place_for(bob));

  CHECK(all.take(ann, first));
  CHECK(all.has_place_for(bob));
  all.end_all(errc::room_closed);
  CHECK(all.has_place_for(ann));
  CHECK(all.ended() == 2);
}

TEST_CASE("a bound of 0 is none") {
  open_requests all{0, 0};
  for (int i = 0; i < 100; ++i)
    open(all, ann);
  CHECK(all.has_place_for(ann));
}

TEST_CASE("a request that is refused ends at once, behind those that have ended before") {
  open_requests all{0, 0};
  auto id = open(all, ann);
  all.end_all(errc::timed_out);
  open_request refused;
  refused.why = errc::unsupported;
  all.refuse(std::move(refused));

  CHECK(ended(all) == names{id + " timed_out", "0 unsupported"});
}

TEST_CASE("what handlers hold is released with them, whether they have run or not") {
  auto held = std::make_shared<int>();
  {
    open_requests all{0, 0};
    for (auto time : {1s, 2s}) {
      open_request r;
      r.until = at(time);
      r.then = [held](room_context&, const request_result&) {};
      all.open(std::move(r));
    }
    all.end_late(at(1s));
    CHECK(held.use_count() == 3);
  }
  CHECK(held.use_count() == 1);
}
