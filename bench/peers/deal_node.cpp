// deal_node [options of the nodes]: answers each message of type `deal` with a message for every
// single member, as a game sends each player what only this one sees.
#include "support/node_main.hpp"

#include <memory>

namespace {

struct dealer : troupe::room_behavior {
  dealer() {
    on("deal", [](troupe::room_context& room, const troupe::member&,
                  const troupe::application_message& message) {
      auto text = message.fields.string("text").value_or("");
      room.for_each_member([&](const troupe::member& m) {
        room.send_to(m.key, "dealt", {{"to", m.user_id}, {"text", text}});
      });
    });
  }
};

} // namespace

int main(int argc, char** argv) {
  return troupe::examples::node_main(
    argc, argv, "deal_node", "Sends each member its own.", {}, [](troupe::server& server) {
      server.rooms("*", [](auto) { return std::make_unique<dealer>(); });
    });
}
