// build/release/bin/chat_node --port 8080
// The chat of the `ws` tutorial, in rooms, with its page: open the address that the node prints.

#include "chat/chat_room.hpp"
#include "support/node_main.hpp"
#include "support/page_routes.hpp"

#include <memory>

namespace {

constexpr std::size_t max_message_bytes = 1024 * 1024;

/// Everybody starts in the lobby. `system` tells who comes and goes, instead of `userJoined` and
/// `userLeft`.
troupe::server_options chat_defaults() {
  troupe::server_options options;
  options.node.lobby = "lobby";
  options.node.announce = false;
  options.node.messages.max_message_bytes = max_message_bytes;
  return options;
}

void set_up(troupe::server& server) {
  server.rooms("*", [](auto) { return std::make_unique<troupe::examples::chat_room>(); });
  troupe::examples::add_page_routes(server, troupe::examples::embedded_page());
  troupe::examples::add_session_route(server);
}

} // namespace

int main(int argc, char** argv) {
  return troupe::examples::node_main(argc, argv, "chat_node", "A chat in rooms, with its page.",
                                     chat_defaults(), set_up);
}
