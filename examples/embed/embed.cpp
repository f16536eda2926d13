// build/release/bin/embed, then join `lot:lamp` at ws://127.0.0.1:8080 and send
// {"type":"bid","amount":5}; `lamp` typed here lets the hammer fall.
// A CAF program that was there before, an auction house, gains rooms: one for each lot. Its actors
// run on CAF's threads as ever. Rooms ask them, and hear from them.

#include <troupe/node.hpp>
#include <troupe/troupe.hpp>
#include <troupe/typed_room.hpp>

#include <charconv>
#include <cstdio>
#include <iostream>
#include <map>
#include <string>

using namespace std::chrono_literals;

struct bid {
  std::string lot;
  std::string user;
  std::int64_t amount = 0;
};
struct hammer {};

CAF_BEGIN_TYPE_ID_BLOCK(embed, 5000)
CAF_ADD_TYPE_ID(embed, (bid))
CAF_ADD_TYPE_ID(embed, (hammer))
CAF_END_TYPE_ID_BLOCK(embed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(bid)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hammer)

// -- what was there before ------------------------------------------------------------------------

using house_actor = troupe::compat::typed_actor<caf::result<bid>(bid)>; // -> the highest one

house_actor::behavior_type auction_house(house_actor::pointer) {
  auto highest = std::make_shared<std::map<std::string, bid>>();
  return {[highest](const bid& b) {
    auto& best = (*highest)[b.lot];
    if (b.amount > best.amount)
      best = b;
    return best;
  }};
}

// -- what it gains --------------------------------------------------------------------------------

using lot_actor = troupe::compat::typed_actor<caf::result<void>(hammer)>;

class lot_room final : public troupe::typed_room<lot_actor> {
public:
  explicit lot_room(house_actor house) : house_(std::move(house)) {
    on("bid", [this](auto& room, auto& who, auto& message) {
      auto amount = message.fields.integer("amount");
      if (!amount)
        return room.refuse(troupe::errc::bad_request, "amount: a whole number");
      ask(house_, 2s, bid{std::string{room.name()}, who.user_id, *amount})
        .then(
          [this](const bid& best) {
            this->room().broadcast("highest", {{"userId", best.user}, {"amount", best.amount}});
          },
          [this](const caf::error&) { this->room().broadcast("closed", {}); });
    });
  }

private:
  handlers actor_handlers() override {
    return {[this](const hammer&) {
      room().broadcast("sold", {});
      room().end();
    }};
  }

  house_actor house_;
};

int main(int argc, char** argv) try {
  std::uint16_t port = 8080;
  std::string_view given = argc == 2 ? argv[1] : "8080";
  auto [end, problem] = std::from_chars(given.data(), given.data() + given.size(), port);
  if (argc > 2 || problem != std::errc{} || end != given.data() + given.size())
    return std::puts("usage: embed [PORT]"), given == "--help" ? 0 : 2;
  troupe::init();
  troupe::compat::register_messages<caf::id_block::embed>();
  caf::actor_system_config config;
  caf::actor_system system{config};
  auto house = system.spawn(auction_house);
  troupe::server server{system,
                        {.bind = "127.0.0.1", .port = port}}; // behind the system: ends first
  server.rooms("lot:*", [house](auto) { return std::make_unique<lot_room>(house); });
  server.start();
  caf::scoped_actor self{system};
  for (std::string lot; std::getline(std::cin, lot);)
    troupe::find_room<lot_room>(self, server.node().rooms_actor(), "lot:" + lot, 1s)
      .receive([&](const lot_actor& room) { troupe::compat::send(self, room, hammer{}); },
               [](const caf::error&) { std::puts("nobody bids for that"); });
} catch (const std::exception& e) {
  return std::fprintf(stderr, "embed: %s\n", e.what()), 1;
}
