// build/release/bin/main_loop, then in two browsers: ws = new WebSocket("ws://localhost:8080")
// A game whose own loop drives the server, 60 frames a second, all on one thread, without a lock:
// {"type":"join","roomId":"world"}, then {"type":"steer","vx":2,"vy":-1}.

#include <troupe/troupe.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

struct body {
  std::string user;
  double x = 0, y = 0, vx = 0, vy = 0;
};
using world = std::unordered_map<troupe::session_key, body>;

struct world_room : troupe::room_behavior {
  explicit world_room(world& w) : bodies(w) {
    on("steer", [this](troupe::room_context&, const troupe::member& from,
                       const troupe::application_message& message) {
      bodies[from.key].vx = message.fields.number("vx").value_or(0);
      bodies[from.key].vy = message.fields.number("vy").value_or(0);
    });
  }
  void on_join(troupe::room_context&, const troupe::member& m) override {
    bodies[m.key].user = m.user_id;
  }
  void on_leave(troupe::room_context&, const troupe::member& m, troupe::leave_reason) override {
    bodies.erase(m.key);
  }
  world& bodies;
};

int main(int argc, char** argv) try {
  if (argc > 1) {
    std::puts("usage: main_loop\nA game loop that drives a server, at ws://localhost:8080.");
    return std::string_view{argv[1]} == "--help" ? 0 : 2;
  }
  using clock = std::chrono::steady_clock;
  world bodies;
  troupe::server server{{.bind = "127.0.0.1", .port = 8080}};
  server.rooms("world", [&](auto) { return std::make_unique<world_room>(bodies); });
  server.start_polled();
  auto room = server.room("world");
  auto next = clock::now();
  while (server.poll(next - clock::now())) { // until Ctrl-C
    if (clock::now() < next)
      continue;
    next += std::chrono::microseconds{16'667};
    for (auto& [key, b] : bodies)
      room.publish(
        {"at", {{"userId", b.user}, {"x", b.x += b.vx}, {"y", b.y += b.vy}}, {}, true, false});
  }
} catch (const std::exception& e) {
  return std::fprintf(stderr, "main_loop: %s\n", e.what()), 1;
}
