// Checks the guarantees of the whole actor layer under interleavings drawn from seeds: several
// loops on one thread, sockets that stall and are cut, members of all kinds that come, speak, are
// kicked and go, rooms that crash and end. To replay one seed: TROUPE_MODEL_SEED=<seed>
// model_tests; with TROUPE_MODEL_TRACE=1 it prints what every client sends and receives.
// TROUPE_MODEL_RED=<n> goes on until n seeds have failed.
//
// `world` draws what happens. In each room a `witness` writes what it says, and the fate of each
// command, into the `oracle`; `known_ids` has the ids that a room has accepted, and `request_log`
// what it has asked. Each `client` compares its frames with that, `stay` by `stay`; what it may
// miss and what not while it is behind, `stay_values.cpp` says. At the end a `judge` compares its
// commands with their fates. A `lasting_session` knows which strings name a session, and
// `returned_session` compares `resumed` with what the session was.
#include <utility>

#include "world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>

using namespace troupe;
using namespace troupe::model;

namespace {

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  auto* text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// The least count to expect of an event that happens `in_each` times in an average play. Worlds
/// differ, so a few plays may have fewer.
std::size_t least_of(std::size_t plays, double in_each) {
  auto on_average = static_cast<double>(plays) * in_each;
  return static_cast<std::size_t>(std::max(0.0, on_average - 6 * std::sqrt(on_average)));
}

} // namespace

TEST_CASE("whatever happens, members hear all that their rooms say, and what they say happens") {
  caf::actor_system_config config;
  compat::set_worker_threads(config, 1);
  caf::actor_system system{config};
  auto only = number_from("TROUPE_MODEL_SEED", 0);
  auto first = only ? only : 1;
  auto count = only ? 1 : number_from("TROUPE_MODEL_SEEDS", 2000);
  auto most_red = number_from("TROUPE_MODEL_RED", 1);
  tally sum;
  for (auto seed = first; seed < first + count && most_red > 0; ++seed) {
    world w{system, seed};
    auto complaints = w.play();
    sum += w.result();
    std::string all;
    for (auto& c : complaints)
      all += c + "\n";
    INFO("replay with TROUPE_MODEL_SEED=" << seed << "\n" << all);
    CHECK(complaints.empty());
    most_red -= !complaints.empty();
  }
  // The test proves something only if these things happened.
  if (!only && most_red > 0) {
    INFO("received " << sum.received << ", said " << sum.said << ", done " << sum.acted
                     << ", refused " << sum.refused << ", crashed " << sum.crashed
                     << ", thrown out " << sum.kicked << ", ended " << sum.ended << ", cut "
                     << sum.cut << ", observers " << sum.observed << ", outside " << sum.outside
                     << ", drained " << sum.drained << ", given in slices " << sum.given_in_slices
                     << ", stopped " << sum.stopped);
    CHECK(sum.received >= least_of(count, 100));
    CHECK(sum.acted >= least_of(count, 20));
    CHECK(sum.refused >= least_of(count, 1));
    CHECK(sum.crashed >= least_of(count, 0.25));
    CHECK(sum.ended >= least_of(count, 0.25));
    CHECK(sum.cut >= least_of(count, 0.1));
    CHECK(sum.outside >= least_of(count, 1));
    CHECK(sum.observed >= least_of(count, 1));
    CHECK(sum.drained >= least_of(count, 0.1));
    CHECK(sum.stopped >= least_of(count, 0.08));
    CHECK(sum.kicked >= least_of(count, 0.1));
    CHECK(sum.given_in_slices >= least_of(count, 0.005));
    for (auto* what : {"lobby",
                       "one room",
                       "binary",
                       "volatile",
                       "latest",
                       "show",
                       "values waited",
                       "values left out",
                       "asked",
                       "asked again",
                       "answered again",
                       "late reply",
                       "request/ok",
                       "request/timed_out",
                       "request/not_joined",
                       "request/unsupported",
                       "request/overloaded",
                       "request/room_closed",
                       "skipped",
                       "spared",
                       "duplicate",
                       "duplicate after a return",
                       "forgotten",
                       "greeted",
                       "loops 1",
                       "loops 2",
                       "loops 3",
                       "recovered",
                       "not recovered",
                       "ask/refuse",
                       "ask/kick",
                       "enter/kick",
                       "exit/kick",
                       "kick",
                       "slip",
                       "ask/slip",
                       "replaced",
                       "replaced quietly",
                       "further session",
                       "profile",
                       "followed",
                       "away",
                       "back",
                       "back on its seat",
                       "seat by a join",
                       "seat is over",
                       "drop",
                       "resumed",
                       "resumed and recovered",
                       "along",
                       "taken over",
                       "two at once",
                       "former string",
                       "session_gone",
                       "identity_mismatch",
                       "lost",
                       "kept",
                       "direct",
                       "directs recovered"}) {
      INFO(what);
      CHECK(sum.seen[what] >= least_of(count, 0.05));
    }
  }
}
