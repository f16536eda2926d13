#include "arena_room.hpp"

#include "chat/names.hpp"

#include <cmath>
#include <numbers>
#include <utility>

namespace troupe::examples {

using namespace std::chrono_literals;

namespace {

constexpr double degrees = 180 / std::numbers::pi;

int whole(double x) { return static_cast<int>(std::lround(x)); }

bool is_bot(const member& who) { return who.user_id.starts_with(bot_prefix); }

void write(object_writer& out, const fighter& f) {
  out.field("n", f.number);
  out.field("x", whole(f.at.x));
  out.field("y", whole(f.at.y));
  out.field("a", whole(f.wish.aim * degrees));
  out.field("h", f.health);
  if (f.shield > 0 || f.resting)
    out.field("s", true);
}

void write(object_writer& out, const shot& s) {
  out.field("n", s.number);
  out.field("by", s.by);
  out.field("x", whole(s.at.x));
  out.field("y", whole(s.at.y));
}

} // namespace

room_options arena_room::options() {
  room_options o;
  o.tick.rate = arena_rules::steps_per_second;
  o.keep_seat = 20s;
  o.max_members = 8;
  o.reservable = reserve_policy::clients;
  o.announce = false; // the roster tells it
  o.linger = 0s;      // a new arena begins anew
  return o;
}

arena_room::arena_room(arena_surroundings around)
  : around_(std::move(around)), world_(around_.map) {
  on("input", [this](auto& room, auto& who, auto& input) { take_input(room, who, input); });
}

void arena_room::on_create(room_context& room) {
  tell(around_.scores, watch_scores{self()});
  room.every(1s, [this](room_context& r) { keep_company(r); });
}

arena_room::handlers arena_room::actor_handlers() {
  return {[this](const best_players& best) {
    room().broadcast("best", [&](object_writer& out) {
      out.objects("players", best.list, [](object_writer& o, const best_player& p) {
        o.field("name", p.name);
        o.field("frags", p.frags);
      });
    });
  }};
}

// -- who is in it ---------------------------------------------------------------------------------

/// Who plays already goes on in the new window.
join_decision arena_room::authorize_join(room_context& room, const member& who) {
  if (!name_of(who))
    return join_decision::refuse(errc::bad_request, "profile.name: 1 to 32 characters");
  if (auto* before = who.returning ? nullptr : room.find_user(who.user_id))
    return join_decision::accept_in_place_of(before->key, "You play in another window.");
  return join_decision::accept();
}

void arena_room::on_join(room_context& room, const member& who) {
  auto& p = players_[who.user_id];
  if (p.number == 0)
    p = {world_.enter(), name_of(who).value_or(default_name(who.user_id)), is_bot(who)};
  p.away = false;
  world_.rest(p.number, false);
  show_field(room, who.key);
  tell_roster(room);
}

void arena_room::on_drop(room_context& room, const member& who) {
  auto& p = players_.at(who.user_id);
  p.away = true;
  world_.rest(p.number, true);
  tell_roster(room);
}

void arena_room::on_return(room_context& room, const member& now, const member&) {
  on_join(room, now);
}

void arena_room::on_leave(room_context& room, const member& who, leave_reason) {
  if (room.find_user(who.user_id))
    return; // goes on in another window
  world_.leave(players_.at(who.user_id).number);
  players_.erase(who.user_id);
  tell_roster(room);
}

/// Bots fill the arena up while a player is there. One comes or goes at a time.
void arena_room::keep_company(room_context& room) const {
  std::vector<session_key> bots;
  room.for_each_member([&](const member& m) {
    if (is_bot(m))
      bots.push_back(m.key);
  });
  if (bots.size() == room.member_count())
    for (auto bot : bots)
      room.kick(bot);
  else if (room.member_count() < around_.fill)
    around_.send_bot(room.name());
  else if (room.member_count() > around_.fill && !bots.empty())
    room.kick(bots.back());
}

// -- the game -------------------------------------------------------------------------------------

void arena_room::take_input(room_context& room, const member& who,
                            const application_message& input) {
  auto x = input.fields.number("x"), y = input.fields.number("y"), aim = input.fields.number("aim");
  if (!x || !y || !aim)
    return room.refuse(errc::bad_request, "x, y, aim: numbers");
  auto fire = input.fields.boolean("fire").value_or(false);
  auto angle = std::remainder(*aim, 360) / degrees;
  world_.wish(players_.at(who.user_id).number, {{*x, *y}, angle, fire});
}

void arena_room::on_tick(room_context& room, const tick_info& tick) {
  auto frags = world_.step();
  for (auto& one : frags)
    tell_frag(room, one);
  if (!frags.empty())
    tell_roster(room);
  room.broadcast({.type = "state", .is_volatile = true}, [&](object_writer& out) {
    out.field("tick", tick.number);
    out.objects("fighters", world_.fighters(), [](auto& o, const fighter& f) { write(o, f); });
    out.objects("shots", world_.shots(), [](auto& o, const shot& s) { write(o, s); });
  });
}

void arena_room::tell_frag(room_context& room, const frag& what) const {
  room.broadcast("frag", {{"by", what.by}, {"of", what.of}});
  for (auto& [user, p] : players_)
    if (p.number == what.by && !p.bot)
      tell(around_.scores, frag_of{p.name});
}

// -- what members are told ------------------------------------------------------------------------

void arena_room::show_field(room_context& room, session_key to) const {
  room.send_to(to, "field", [this](object_writer& out) {
    auto& map = world_.map();
    out.field("width", map.size.x);
    out.field("height", map.size.y);
    out.field("body", arena_rules::body);
    out.field("health", arena_rules::health);
    out.objects("pillars", map.pillars, [](object_writer& o, const disc& d) {
      o.field("x", d.at.x);
      o.field("y", d.at.y);
      o.field("r", d.radius);
    });
  });
}

void arena_room::tell_roster(room_context& room) const {
  room.broadcast("roster", [this](object_writer& out) {
    out.objects("fighters", players_, [this](object_writer& o, const auto& entry) {
      auto& [user, p] = entry;
      auto* f = world_.find(p.number);
      o.field("n", p.number);
      o.field("userId", user);
      o.field("name", p.name);
      o.field("frags", f->frags);
      o.field("falls", f->falls);
      if (p.away)
        o.field("away", true);
      if (p.bot)
        o.field("bot", true);
    });
  });
}

} // namespace troupe::examples
