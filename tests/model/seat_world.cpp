#include <utility>

#include "seat_world.hpp"

#include <troupe/protocol/command.hpp>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace troupe::model {

using namespace std::chrono_literals;
using actors::room_context;
using protocol::errc;

/// A room that notes what happens in it.
class seat_world::room final : public actors::room_behavior {
public:
  room(seat_world& w, std::string_view name)
    : world_(w), which_(static_cast<int>(w.lives_.size())) {
    w.lives_.push_back({std::string{name}, {}, {}});
    w.current_[std::string{name}] = which_;
    on("boom", [](auto&, auto&, auto&) { throw std::runtime_error{"boom"}; });
    on("end", [](room_context& r, auto&, auto&) { r.end(); });
    on("lock", [this](room_context& r, auto&, auto&) { lock(r, !r.is_locked()); });
  }
  ~room() override { world_.on_end(which_); }

  void on_create(room_context& r) override {
    auto for_wish = r.metadata().text("wish");
    if (for_wish)
      ++world_.made_for_[std::string{*for_wish}];
    world_.trace(self().name + " made for " + std::string{for_wish.value_or("a join")});
    self().mode = r.metadata().text("mode").value_or("");
    switch (std::exchange(world_.fails_next_, 0)) {
      case 1: throw std::runtime_error{"no"};
      case 2: return r.end();
      case 3: return lock(r, true);
      default: break;
    }
  }
  void on_join(room_context& r, const actors::member& m) override {
    self().members.insert(m.user_id);
    world_.trace(m.user_id + " is in " + self().name);
    if (r.member_count() > world_.capacity_)
      world_.complain(self().name + " has more members than seats");
    for (auto& p : world_.players_)
      if (p.name == m.user_id && p.seat && p.seat->room == self().name)
        p.seat.reset();
  }
  void on_leave(room_context&, const actors::member& m, actors::leave_reason) override {
    world_.trace(m.user_id + " leaves " + self().name);
    auto& members = self().members;
    members.erase(members.find(m.user_id));
  }

private:
  life& self() { return world_.lives_[static_cast<std::size_t>(which_)]; }
  void lock(room_context& r, bool locked) {
    r.set_locked(locked);
    self().locked = locked;
  }

  seat_world& world_;
  int which_;
};

// -- set-up ---------------------------------------------------------------------------------------

seat_world::seat_world(caf::actor_system& system, std::uint64_t seed)
  : draw_(seed),
    capacity_(static_cast<std::size_t>(draw_.number(1, 3))),
    node_(system, options()),
    loops_(node_, seed) {
  add_rooms();
  auto count = draw_.number(3, 10);
  for (int i = 0; i < count; ++i)
    players_.emplace_back().name = "u" + std::to_string(i);
}

seat_world::~seat_world() {
  for (auto& p : players_)
    p.line.reset();
  node_.stop();
}

actors::node_options seat_world::options() {
  actors::node_options o;
  o.loops = 3;
  o.hash_seed = static_cast<std::uint64_t>(draw_.number(1, 1000));
  o.clock = &clock_;
  o.connections.messages_per_second = 0;
  o.heartbeat.interval = 0ms;
  o.sessions.resume_window = 0ms;
  o.rooms.history = false;
  if (draw_.once_in(4))
    o.rooms.max_rooms = static_cast<std::size_t>(draw_.number(1, 3));
  if (draw_.once_in(4))
    o.matchmaking.max_held = static_cast<std::size_t>(draw_.number(1, 4));
  return o;
}

void seat_world::add_rooms() {
  actors::room_options of;
  of.reservable = actors::reserve_policy::clients;
  of.max_members = capacity_;
  node_.rooms(
    "arena:*", [this](auto name) { return std::make_unique<room>(*this, name); }, of);
}

// -- what happens ---------------------------------------------------------------------------------

std::vector<std::string> seat_world::play() {
  auto turns = draw_.number(10, 40);
  for (int i = 0; i < turns && complaints_.empty(); ++i) {
    burst();
    if (draw_.once_in(4))
      continue; // the next burst comes while much is under way
    settle();
    if (draw_.once_in(3))
      pass(draw_.one_of({20ms, 200ms, 1'000ms, 6'000ms, 16'000ms}));
    check_quiet();
    if (draw_.once_in(4))
      check_greed();
  }
  settle();
  check_quiet();
  for (auto& p : players_)
    p.line.reset();
  pass(25s);
  if (node_.stats().rooms > 0 || !listed().empty() || !current_.empty())
    complain("a room outlives its members and its seats");
  return complaints_;
}

void seat_world::burst() {
  auto count = draw_.number(1, 6);
  for (int i = 0; i < count; ++i) {
    if (draw_.once_in(30))
      fails_next_ = draw_.number(1, 3);
    act(players_[draw_.below(players_.size())]);
    for (auto steps = draw_.number(0, 8); steps > 0; --steps)
      step();
  }
}

void seat_world::step() {
  loops_.step();
  if (draw_.once_in(20))
    clock_.advance(std::chrono::milliseconds{draw_.number(1, 60)});
  if (!draw_.once_in(300))
    return;
  clock_.advance(5'500ms);
  trace("a loop has stood still");
}

void seat_world::act(player& p) {
  if (p.is_busy)
    return;
  p.is_busy = true;
  auto what = draw_.number(0, 19);
  if (what < 7)
    return make_wish(p, p.line && draw_.once_in(2));
  if (!p.line)
    return connect(p);
  if (what < 12)
    return join(p);
  if (what == 12)
    return say(p, "boom");
  if (what == 13)
    return say(p, "end");
  if (what < 16)
    return say(p, "lock");
  if (what < 18)
    return say(p, "leave");
  if (what == 18)
    return go(p);
  (void)node_.room(room_that_is_known()).end();
  ++tally_.seen["ended from outside"];
}

void seat_world::connect(player& p) {
  auto& loop = node_.loop(static_cast<unsigned>(draw_.below(3)));
  p.line = std::make_unique<testing::memory_session>(
    node_, loop,
    actors::connection_info{.encoding = protocol::encoding::v1_json, .user_id = p.name});
  p.rooms.clear();
}

void seat_world::make_wish(player& p, bool by_wire) {
  auto count = draw_.once_in(5) ? 2 : 1;
  for (int i = 0; i < count; ++i) {
    auto number = wishes_.size();
    wish w{p.name, draw_.one_of({"", "", "duel", "race"}), now(), 15s};
    if (!by_wire)
      w.hold = draw_.one_of({20ms, 1'000ms, 15'000ms});
    wishes_.push_back(w);
    auto id = std::to_string(number);
    trace(p.name + " wishes " + id + " of " + w.mode + (by_wire ? ", by wire" : ""));
    if (by_wire) {
      auto filter = R"("filter":[{"name":"mode","op":"eq","value":")" + w.mode + R"("}],)";
      p.line->say(R"({"type":"$reserve","pattern":"arena:*",)" + (w.mode.empty() ? "" : filter)
                  + R"("metadata":{"wish":")" + id + R"("},"ref":)" + id + '}');
      ++tally_.seen["wishes by clients"];
      continue;
    }
    actors::reservation_request wanted{"arena:*", p.name, {}, {{"wish", id}}, w.hold};
    if (!w.mode.empty())
      wanted.filter.push_back({"mode", protocol::comparison::equal, w.mode});
    (void)node_.reserve(std::move(wanted), [this, number](auto& r) { on_answer(number, r); });
    ++tally_.seen["wishes by the server"];
  }
}

/// Mostly to where its seat is.
void seat_world::join(player& p) {
  auto to = p.seat && !draw_.once_in(4) ? p.seat->room : room_that_is_known();
  if (p.seat && p.seat->room == to && p.seat->is_sure && p.seat->surely_until > now())
    p.expects = p.seat;
  trace(p.name + " joins " + to);
  p.line->say(R"({"type":"join","roomId":")" + to + "\"}");
}

void seat_world::say(player& p, const std::string& type) {
  if (p.rooms.empty())
    return;
  auto& room = p.rooms[draw_.below(p.rooms.size())];
  p.line->say(R"({"type":")" + type + R"(","roomId":")" + room + "\"}");
  ++tally_.seen[type];
}

void seat_world::go(player& p) {
  if (draw_.once_in(2))
    p.line->disconnect();
  else
    p.line->close(1000, "");
  p.line.reset();
  p.rooms.clear();
  ++tally_.seen["goes"];
}

std::string seat_world::room_that_is_known() {
  if (lives_.empty() || draw_.once_in(4))
    return draw_.one_of({"arena:a", "arena:b"});
  return lives_[draw_.below(lives_.size())].name;
}

void seat_world::pass(std::chrono::milliseconds time) {
  for (auto step = std::min(time, 20ms); time.count() > 0; time -= step) {
    clock_.advance(step);
    loops_.settle();
  }
  settle();
}

void seat_world::settle() {
  loops_.settle();
  for (auto& p : players_)
    hear(p);
}

// -- what is heard --------------------------------------------------------------------------------

void seat_world::on_answer(std::size_t number, const actors::reservation_result& r) {
  auto& w = wishes_[number];
  auto id = std::to_string(number);
  auto& p = *std::find_if(players_.begin(), players_.end(),
                          [&](auto& other) { return other.name == w.user; });
  ++tally_.seen["answered by " + std::string{to_string(r.code)}];
  trace("answer to " + id + ": " + std::string{to_string(r.code)} + " " + r.room_name);
  if (++w.answers > 1)
    return complain("wish " + id + " was answered twice");
  if (r.code != errc::ok) {
    if (p.seat && r.code == errc::timed_out) { // the room may have held it anew, or may yet
      p.seat->surely_until = std::min(p.seat->surely_until, w.at + w.hold);
      p.seat->maybe_until = std::max(p.seat->maybe_until, now() + w.hold);
    }
    return;
  }
  tally_.seen["rooms made"] += r.made;
  if (made_for_[id] != (r.made ? 1 : 0))
    complain("wish " + id + " has made " + std::to_string(made_for_[id]) + " rooms");
  auto fits = [&](const life& l) {
    return l.name == r.room_name && (w.mode.empty() || l.mode == w.mode);
  };
  if (std::none_of(lives_.begin(), lives_.end(), fits))
    complain("wish " + id + " was led to a room that does not fit: " + r.room_name);
  auto there = current_.find(r.room_name);
  p.seat =
    grant{r.room_name, there == current_.end() ? -1 : there->second, w.at + w.hold, now() + w.hold};
  p.seat->is_sure = !ended_lately_.contains(r.room_name) && p.seat->life >= 0;
}

void seat_world::hear(player& p) {
  if (!p.line)
    return;
  for (auto& frame : p.line->take_frames())
    if (frame.opcode == 1)
      on_frame(p, frame.payload);
}

void seat_world::on_frame(player& p, std::string_view text) {
  const protocol::document_view frame{protocol::codec::json, text};
  auto type = frame.string("type").value_or("");
  auto room = frame.string("roomId").value_or("");
  auto wished = frame.unsigned_integer("ref");
  if (type == "joined") {
    p.rooms.push_back(room);
    if (p.seat && p.seat->room == room)
      p.seat.reset(); // also if it was here before
    p.expects.reset();
    ++tally_.seen["joins"];
  } else if (type == "left" || type == "roomClosed") {
    std::erase(p.rooms, room);
  } else if (type == "$reserved") {
    on_answer(*wished,
              {errc::ok, room, std::chrono::milliseconds{frame.integer("holdMs").value_or(0)},
               frame.boolean("made").value_or(false)});
  } else if (type == "error" && wished) {
    auto* why = protocol::info_named(frame.string("code").value_or(""));
    on_answer(*wished, {why ? why->code : errc::internal});
  } else if (type == "error" && frame.string("request") == "join") {
    auto code = frame.string("code").value_or("");
    ++tally_.seen["refused joins"];
    if (p.expects && p.expects->surely_until > now() && !ended_lately_.contains(room))
      complain(p.name + " has a seat in " + room + " and is refused: " + code);
    p.expects.reset();
  }
}

/// A room has ended, in whatever way, and its seats with it.
void seat_world::on_end(int which) {
  auto& l = lives_[static_cast<std::size_t>(which)];
  trace(l.name + " ends");
  l.alive = false;
  if (auto i = current_.find(l.name); i != current_.end() && i->second == which)
    current_.erase(i);
  ended_lately_.insert(l.name);
  for (auto& p : players_) {
    if (!p.seat || p.seat->room != l.name)
      continue;
    if (p.seat->is_new)
      p.seat->is_sure = false; // nobody knows whether it was there before, or after that
    else
      p.seat.reset();
  }
}

// -- what must be so ------------------------------------------------------------------------------

void seat_world::complain(std::string what) {
  trace("! " + what);
  complaints_.push_back(std::move(what));
}

/// Prints it with the time, if the environment asks for that.
void seat_world::trace(const std::string& what) const {
  static const bool is_on = std::getenv("TROUPE_MODEL_TRACE") != nullptr;
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch()).count();
  if (is_on)
    std::cerr << ms - 3'600'000 << ' ' << what << '\n';
}

std::vector<actors::room_listing> seat_world::listed() {
  constexpr std::size_t few = 2;
  std::vector<actors::room_listing> all;
  for (bool complete = false; !complete;) {
    auto answers = 0;
    auto after = all.empty() ? std::string{} : all.back().name;
    (void)node_.list("arena:*", after, few, [&](auto& page) {
      ++answers;
      all.insert(all.end(), page.rooms.begin(), page.rooms.end());
      complete = page.complete;
    });
    loops_.settle();
    if (answers != 1) {
      complain("a page has " + std::to_string(answers) + " answers");
      return all;
    }
  }
  return all;
}

void seat_world::check_quiet() {
  pass(150ms); // rooms tell how they stand
  for (auto& w : wishes_)
    if (w.answers != 1)
      complain("the wish of " + w.user + " has " + std::to_string(w.answers) + " answers");
  for (auto& [id, rooms] : made_for_)
    if (rooms > 1)
      complain("wish " + id + " has made " + std::to_string(rooms) + " rooms");
  for (auto& p : players_)
    if (p.seat && p.seat->maybe_until + 200ms < now())
      p.seat.reset();
  auto rooms = listed();
  std::set<std::string> names, there;
  for (auto& r : rooms)
    names.insert(r.name);
  for (auto& [name, which] : current_)
    there.insert(name);
  if (names != there || names.size() != rooms.size())
    complain(std::to_string(rooms.size()) + " rooms are listed, and there are "
             + std::to_string(there.size()));
  else
    for (auto& r : rooms)
      check_room(r);
  ended_lately_.clear();
  for (auto& p : players_) {
    p.is_busy = false;
    p.expects.reset();
    if (p.seat)
      p.seat->is_new = false;
  }
}

void seat_world::check_room(const actors::room_listing& r) {
  auto& l = lives_[static_cast<std::size_t>(current_.at(r.name))];
  std::size_t sure = 0, maybe = 0;
  for (auto& p : players_)
    if (p.seat && p.seat->room == r.name)
      ++(p.seat->is_sure && p.seat->surely_until > now() ? sure : maybe);
  auto stands = r.name + " (" + std::to_string(r.members) + " members, "
              + std::to_string(r.reserved) + " held, " + std::to_string(sure) + " to "
              + std::to_string(sure + maybe) + " known, " + std::to_string(l.members.size())
              + " there)";
  if (r.members != l.members.size() || r.locked != l.locked || r.seats != 0)
    complain(stands + " is listed otherwise than it is");
  if (r.capacity != capacity_ || r.members + r.reserved > capacity_)
    complain(stands + " has more than its seats");
  if (r.reserved < sure || r.reserved > sure + maybe)
    complain(stands + " holds other seats than it should");
  if (r.members + r.reserved == 0)
    complain(stands + " lives for nobody");
  tally_.seen["seats that are held"] += r.reserved;
  tally_.seen["full rooms"] += r.members + r.reserved == capacity_;
  tally_.seen["locked rooms"] += r.locked;
}

/// A wish makes no room while another has a seat for it.
void seat_world::check_greed() {
  auto rooms = listed();
  auto is_open = [&](auto& r) { return !r.locked && r.members + r.reserved < capacity_; };
  auto is_found = std::any_of(rooms.begin(), rooms.end(), is_open);
  auto& p = players_[draw_.below(players_.size())];
  if (p.seat || !complaints_.empty())
    return;
  auto before = tally_.seen["rooms made"];
  auto number = wishes_.size();
  fails_next_ = 0;
  wishes_.push_back({p.name, {}, now(), 1s});
  (void)node_.reserve({"arena:*", p.name, {}, {{"wish", std::to_string(number)}}, 1s},
                      [this, number](auto& r) { on_answer(number, r); });
  settle();
  if (is_found && tally_.seen["rooms made"] > before)
    complain("a room was made though another has a free seat");
  check_quiet();
}

} // namespace troupe::model
