// build/release/bin/hello, then in a browser's console: ws = new WebSocket("ws://localhost:8080")
// A room with one command of its own: {"type":"join","roomId":"hello"}, then
// {"type":"greet","name":"you"}.

#include <troupe/troupe.hpp>

#include <cstdio>
#include <memory>
#include <string_view>

struct greeter : troupe::room_behavior {
  greeter() {
    on("greet", [](troupe::room_context& room, const troupe::member& from,
                   const troupe::application_message& message) {
      auto name = message.fields.string("name").value_or("stranger");
      room.broadcast("greeting", {{"userId", from.user_id}, {"text", "Hello, " + name + "!"}});
    });
  }
};

int main(int argc, char** argv) {
  if (argc > 1) {
    std::puts("usage: hello\nA room with one command of its own, at ws://localhost:8080; it takes "
              "no options. Ends on Ctrl-C.");
    return std::string_view{argv[1]} == "--help" ? 0 : 2;
  }
  troupe::server server{{.bind = "127.0.0.1", .port = 8080}};
  server.rooms("hello", [](auto) { return std::make_unique<greeter>(); });
  return server.run();
}
