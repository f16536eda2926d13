#include <utility>

#include "world.hpp"

#include <sstream>

namespace troupe::model {

using namespace std::chrono_literals;

tally& tally::operator+=(const tally& t) {
  received += t.received, said += t.said, acted += t.acted, refused += t.refused, ended += t.ended,
    crashed += t.crashed;
  kicked += t.kicked, cut += t.cut, observed += t.observed, outside += t.outside,
    drained += t.drained, given_in_slices += t.given_in_slices, stopped += t.stopped;
  for (auto& [what, times] : t.seen)
    seen[what] += times;
  return *this;
}

namespace {

/// Reads a token: a user, a slash and its client, and the rooms that it opens, separated by spaces;
/// no room means all.
actors::claims_ptr read_token(std::string_view token) {
  if (token.starts_with("bad/"))
    return nullptr;
  std::istringstream words{std::string{token}};
  std::string who;
  words >> who;
  std::vector<std::string> rooms;
  for (std::string room; words >> room;)
    rooms.push_back(room);
  auto slash = who.find('/');
  return claims_of(who.substr(0, slash), who.substr(slash + 1), std::move(rooms));
}

} // namespace

world::world(caf::actor_system& system, std::uint64_t seed)
  : system_(system),
    draw_(seed),
    one_room_(draw_.once_in(5)),
    crowd_(draw_.once_in(40) ? 150 + draw_.below(60) : 0),
    raw_(draw_.once_in(3)),
    rights_(draw_.once_in(5)),
    lobby_(draw_.once_in(4) ? "room1" : ""),
    node_(system, options()),
    raw_endpoint_(node_),
    loops_(node_, seed) {
  add_rooms();
}

world::~world() {
  observers_.clear();
  raw_clients_.clear();
  clients_.clear();
  node_.stop();
}

actors::node_options world::options() {
  actors::node_options o;
  o.loops = crowd_ > 0 ? 1 : static_cast<unsigned>(draw_.number(1, 3));
  o.hash_seed = draw_.below(1 << 30);
  o.clock = &clock_;
  o.connections.max_rooms = one_room_ ? 1 : draw_.once_in(6) ? 2 : 128;
  o.connections.messages_per_second = 0;
  o.connections.max_errors = 0;
  o.connections.credits = {draw_.number(2, 8), 2000};
  o.sessions.max_kept_per_user = 0;
  o.heartbeat.interval = 0ms;
  o.lobby = lobby_;
  o.directs.allowed = actors::direct_policy::all;
  o.rooms.history_messages = 8;
  o.rooms.max_requests_per_member = draw_.once_in(3) ? 1 : 16;
  o.rooms.linger = draw_.once_in(2) ? 0ms : 300ms;
  oracle_.values_may_go = draw_.once_in(8);
  o.memory_budget_bytes = oracle_.values_may_go ? draw_.number(20'000, 60'000) : 64 << 20;
  o.rooms.max_pending_bytes = draw_.once_in(4) ? 4'000 : 1 << 20;
  o.verify_token = [](std::string_view token, actors::wall_time) -> actors::claims_ptr {
    return read_token(token);
  };
  return o;
}

/// Adds three rooms, and sometimes a small one and one that stays when it is empty.
void world::add_rooms() {
  names_ = {"room1", "room2", "room3"};
  if (draw_.once_in(3))
    names_.push_back("booth");
  if (draw_.once_in(3))
    names_.push_back("hall");
  for (auto& name : names_) {
    actors::room_options o;
    o.announce = !draw_.once_in(4);
    o.keep_when_empty = name == "hall";
    o.list_members = crowd_ == 0 && draw_.once_in(2);
    if (crowd_ == 0 && draw_.once_in(3)) {
      o.gather_beyond = static_cast<std::size_t>(draw_.number(1, 4));
      oracle_.gathering.insert(name);
    }
    if (name == "booth")
      o.max_members = 2;
    if (draw_.once_in(3))
      o.keep_seat = draw_.one_of({300ms, 1'000ms, longest_seat});
    auto make = [this, o](std::string_view room) {
      return std::make_unique<witness>(oracle_, node_, room, o);
    };
    node_.rooms(name, make, o);
  }
}

std::vector<std::string> world::play() {
  gather();
  auto steps = draw_.number(200, 600);
  auto drain_at = draw_.once_in(6) ? draw_.number(steps / 2, steps) : steps;
  auto stop_at = draw_.once_in(10) ? draw_.number(steps / 2, steps) : steps;
  for (int i = 0; i < steps; ++i) {
    if (i == stop_at) {
      stop();
      count();
      leave();
      return std::move(oracle_.complaints);
    }
    if (i == drain_at)
      drain();
    act();
    for (int turns = draw_.number(0, 6); turns > 0; --turns)
      loops_.step();
    if (draw_.once_in(8))
      look();
  }
  calm();
  count();
  leave();
  return std::move(oracle_.complaints);
}

} // namespace troupe::model
