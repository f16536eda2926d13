// Starts a server on a free port, publishes to a room of its own and stops.
#include <troupe/troupe.hpp>

#include <iostream>
#include <memory>

namespace {

struct arena final : troupe::room_behavior {};

} // namespace

int main() {
  troupe::server_options options;
  options.bind = "127.0.0.1";
  options.port = 0;
  troupe::server server{options};
  server.rooms("arena:*", [](auto) { return std::make_unique<arena>(); });

  server.start();
  server.room("arena:1").publish("score", {{"points", 1}});
  auto port = server.port();
  server.stop();

  std::cout << "served on port " << port << '\n';
  return port == 0;
}
