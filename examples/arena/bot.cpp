#include "bot.hpp"

#include "arena_room.hpp"
#include "bot_mind.hpp"

#include <array>
#include <memory>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

namespace troupe::examples {

namespace {

constexpr std::array names{"Ada", "Brook", "Cleo", "Dax", "Echo", "Finn", "Gus", "Hera"};
constexpr int states_per_thought = 3;

/// One bot, as its actor keeps it.
class player {
public:
  player(std::string user_id, unsigned seed) : user_id_(std::move(user_id)), mind_(seed) {}

  void take(actors::bot hands) { hands_ = std::move(hands); }

  void hear(std::string_view json) {
    protocol::map_view frame{protocol::codec::json, json};
    auto type = frame.string("type");
    if (type == "roster")
      find_itself(frame);
    else if (type == "state" && ++states_ % states_per_thought == 0)
      think(frame);
  }

private:
  void find_itself(const protocol::map_view& roster) {
    for (auto& entry : roster.list("fighters"))
      if (auto f = entry.object(); f.string("userId") == user_id_)
        number_ = f.integer("n").value_or(0);
  }

  void think(const protocol::map_view& state) {
    others_.clear();
    vec own;
    for (auto& entry : state.list("fighters")) {
      auto f = entry.object();
      vec at{f.number("x").value_or(0), f.number("y").value_or(0)};
      if (f.integer("n") == number_)
        own = at;
      else if (f.integer("h").value_or(0) > 0 && !f.boolean("s"))
        others_.push_back(at);
    }
    auto wish = mind_.decide(own, others_);
    hands_.say("input", {{"x", wish.move.x},
                         {"y", wish.move.y},
                         {"aim", wish.aim * 180 / std::numbers::pi},
                         {"fire", wish.fire}});
  }

  std::string user_id_;
  bot_mind mind_;
  actors::bot hands_;
  std::int64_t number_ = 0; ///< of its fighter
  int states_ = 0;
  std::vector<vec> others_;
};

caf::behavior play(caf::event_based_actor* self, const std::string& user_id, unsigned seed) {
  auto here = std::make_shared<player>(user_id, seed);
  return {
    [here](const seat_of_bot& seat) { here->take(seat.hands); },
    [self, here](const room_event& event) {
      if (event.what == room_event::kind::frame)
        here->hear(event.json());
      else if (event.what == room_event::kind::closed || event.what == room_event::kind::refused)
        self->quit();
    },
  };
}

} // namespace

void send_bot(actors::node& node, caf::actor_system& system, std::string_view room,
              unsigned number) {
  auto user_id = std::string{bot_prefix} + std::to_string(number);
  auto name = names[number % names.size()];
  auto claims = std::make_shared<actors::claims>();
  claims->subject = user_id;
  claims->json = std::string{R"({"username":")"} + name + "\"}";
  auto actor = system.spawn(play, user_id, number);
  compat::anon_send(actor, seat_of_bot{node.join(room, actor, user_id, claims)});
}

} // namespace troupe::examples
