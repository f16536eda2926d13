// build/release/bin/arena --port 8080, then open the address that it prints, in two tabs
// An arena game: the server decides all that moves, 30 times a second. Bots fill it up.

#include "arena/arena_room.hpp"
#include "arena/bot.hpp"
#include "arena/scoreboard.hpp"
#include "support/node_main.hpp"
#include "support/page_routes.hpp"
#include "support/units.hpp"

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace {

using namespace troupe::examples;

/// Only arenas: any other name would be a room that relays.
troupe::server_options arena_defaults() {
  troupe::server_options options;
  options.node.only_registered_rooms = true;
  return options;
}

program_option fill_option(std::size_t& fill) {
  program_option option;
  option.name = "fill";
  option.value = "N";
  option.help = "bots come until an arena has so many fighters, if a player is there";
  option.expected = "a number from 0 to 8";
  option.standard = std::to_string(fill);
  option.take = [&fill](std::string_view text) {
    auto count = parse_count(text, 8);
    fill = count.value_or(fill);
    return count.has_value();
  };
  return option;
}

/// `bots`: how many have been sent so far.
void set_up(troupe::server& server, caf::actor_system& system, std::size_t fill,
            std::atomic<unsigned>& bots) {
  arena_surroundings around;
  around.scores = system.spawn(scoreboard);
  around.fill = fill;
  around.send_bot = [&](std::string_view room) { send_bot(server.node(), system, room, ++bots); };
  server.rooms(
    "arena:*", [around](auto) { return std::make_unique<arena_room>(around); },
    arena_room::options());
  add_page_routes(server, embedded_page());
}

} // namespace

int main(int argc, char** argv) {
  std::size_t fill = 3;
  std::atomic<unsigned> bots{0};
  register_arena_messages();
  return actor_node_main(
    argc, argv, "arena", "An arena game that the server decides, with its page.", arena_defaults(),
    [&](auto& server, auto& system) { set_up(server, system, fill, bots); }, {fill_option(fill)});
}
