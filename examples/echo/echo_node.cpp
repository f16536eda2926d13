// build/release/bin/echo_node --mode echo
// The first servers of the `ws` tutorial: a greeting and echo, broadcasts with and without the
// sender, and a plain echo.

#include "support/node_main.hpp"

#include <optional>
#include <string>

namespace {

enum class mode { echo, broadcast, others, plain };

std::optional<mode> parse_mode(std::string_view text) {
  if (text == "echo")
    return mode::echo;
  if (text == "broadcast")
    return mode::broadcast;
  if (text == "others")
    return mode::others;
  if (text == "plain")
    return mode::plain;
  return {};
}

void reply(const troupe::raw_connection& to, std::string_view message, bool is_binary) {
  if (is_binary)
    to.send_binary(message);
  else
    to.send(message);
}

/// The handlers for `/`; `self` is the endpoint that they belong to.
troupe::endpoint_handlers handlers_for(mode m, troupe::endpoint& self) {
  troupe::endpoint_handlers on;
  switch (m) {
    case mode::echo:
      on.on_open = [](const troupe::raw_connection& c) {
        c.send("WebSocket 서버에 연결되었습니다!");
      };
      on.on_message = [](const troupe::raw_connection& c, std::string_view message,
                         bool is_binary) {
        if (is_binary)
          c.send_binary(message);
        else
          c.send("서버 응답: " + std::string{message});
      };
      break;
    case mode::broadcast:
      on.on_message = [&self](const troupe::raw_connection&, std::string_view message,
                              bool is_binary) {
        (void)(is_binary ? self.broadcast_binary(message) : self.broadcast(message));
      };
      break;
    case mode::others:
      on.on_message = [&self](const troupe::raw_connection& c, std::string_view message,
                              bool is_binary) {
        (void)(is_binary ? self.broadcast_binary_except(c, message)
                         : self.broadcast_except(c, message));
      };
      break;
    case mode::plain: on.on_message = reply; break;
  }
  return on;
}

} // namespace

int main(int argc, char** argv) {
  auto chosen = mode::echo;
  troupe::endpoint at_root;
  troupe::examples::option_table more{
    {"mode",
     "MODE",
     "echo (with the tutorial's texts), broadcast, others (all but the sender) or plain",
     "echo, broadcast, others or plain",
     [&](std::string_view text) {
       auto m = parse_mode(text);
       chosen = m.value_or(chosen);
       return m.has_value();
     },
     {},
     false,
     "echo"}};
  return troupe::examples::node_main(
    argc, argv, "echo_node", "The first servers of the `ws` tutorial.", {},
    [&](troupe::server& server) { at_root = server.endpoint("/", handlers_for(chosen, at_root)); },
    std::move(more));
}
