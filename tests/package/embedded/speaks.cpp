// Encodes a message as one WebSocket frame.
#include <troupe/protocol/event.hpp>

#include <iostream>

int main() {
  using namespace troupe::protocol;
  const field fields[] = {{"points", 1}};
  auto frame = encode_frame(codec::json, "score", fields, nullptr);
  std::cout << frame.view().substr(2) << '\n';
  return frame.view().substr(2) != R"({"type":"score","points":1})";
}
