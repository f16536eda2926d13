// tick_node [options of the nodes] [--tick-rate HZ]: rooms `arena:*` of up to four players that
// tick. Each tick tells all members where the players are; `input` says where one goes.
// colyseus_ticks.mjs is the same game on Colyseus.
#include "support/node_main.hpp"
#include "support/units.hpp"

#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace {

constexpr double width = 100;
constexpr double step = 0.25;
constexpr unsigned max_rate = 128; // of `tick_options`

struct player {
  int id = 0;
  double x = 0.1, y = 0.7; // never whole, so that all positions have the same size
  int go = 1;
};

double moved(double at, int go) {
  at += go * step;
  return at >= width ? at - width : at < 0 ? at + width : at;
}

class arena : public troupe::room_behavior {
public:
  arena() {
    on("input", [this](auto& room, auto& who, auto& input) {
      auto go = input.fields.integer("go");
      if (!go || *go < -1 || *go > 1)
        return room.refuse(troupe::errc::bad_request, "go: -1, 0 or 1");
      players_.at(who.key).go = static_cast<int>(*go);
    });
  }
  void on_join(troupe::room_context&, const troupe::member& who) override {
    players_[who.key].id = ++last_id_;
  }
  void on_leave(troupe::room_context&, const troupe::member& who, troupe::leave_reason) override {
    players_.erase(who.key);
  }
  void on_tick(troupe::room_context& room, const troupe::tick_info&) override {
    for (auto& [key, p] : players_) {
      p.x = moved(p.x, p.go);
      p.y = moved(p.y, -p.go);
    }
    // Volatile, as positions are soon out of date: not in the history, and who is behind skips it.
    room.broadcast({.type = "tick", .is_volatile = true}, [&](troupe::object_writer& out) {
      out.objects("players", players_, [](troupe::object_writer& o, const auto& entry) {
        o.field("id", entry.second.id);
        o.field("x", entry.second.x);
        o.field("y", entry.second.y);
      });
    });
  }

private:
  std::unordered_map<troupe::session_key, player> players_;
  int last_id_ = 0;
};

} // namespace

int main(int argc, char** argv) {
  unsigned rate = 30;
  troupe::examples::option_table more{{"tick-rate",
                                       "HZ",
                                       "Ticks of each room a second",
                                       "a whole number from 1 to 128",
                                       [&](std::string_view text) {
                                         auto hz = troupe::examples::parse_count(text, max_rate);
                                         rate = static_cast<unsigned>(hz.value_or(0));
                                         return rate > 0;
                                       },
                                       {},
                                       false,
                                       "30"}};
  return troupe::examples::node_main(
    argc, argv, "tick_node", "Rooms that tick, and tell each time where their players are.", {},
    [&](troupe::server& server) {
      troupe::room_options options;
      options.max_members = 4;
      options.tick.rate = rate;
      server.rooms(
        "arena:*", [](auto) { return std::make_unique<arena>(); }, options);
    },
    std::move(more));
}
