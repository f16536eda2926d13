// Frames that npm's ws and Python's zlib have sent, recorded by record_peer_frames.mjs.
#include <troupe/protocol/ws_inflater.hpp>
#include <troupe/protocol/ws_reader.hpp>

#include "ws_script.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

using namespace troupe;
using namespace troupe::test;

namespace {

std::string from_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out += static_cast<char>(std::stoi(std::string{hex.substr(i, 2)}, nullptr, 16));
  return out;
}

/// "text:3*6162" is "text ababab".
std::string line_told(const std::string& message) {
  const auto colon = message.find(':'), star = message.find('*');
  const auto piece = from_hex(std::string_view{message}.substr(star + 1));
  auto line = message.substr(0, colon) + ' ';
  for (auto count = std::stoi(message.substr(colon + 1)); count > 0; --count)
    line += piece;
  return line;
}

struct recording {
  std::string peer, context, messages, hex;

  [[nodiscard]] lines expected() const {
    lines all;
    std::istringstream list{messages};
    for (std::string one; std::getline(list, one, ',');)
      all.push_back(line_told(one));
    return all;
  }
};

std::vector<recording> recordings() {
  std::ifstream file{TROUPE_SOURCE_DIR "/tests/protocol/websocket/ws_peer_frames.txt"};
  std::vector<recording> all;
  for (recording r; file >> r.peer >> r.context >> r.messages >> r.hex;)
    all.push_back(r);
  return all;
}

} // namespace

TEST_CASE("what other peers have sent is heard, whole and in small pieces") {
  const auto all = recordings();
  REQUIRE(all.size() == 13);
  const protocol::ws_limits limits;
  protocol::ws_inflater inflater;
  for (auto& r : all)
    for (std::size_t piece : {0u, 1u, 7u, 1000u}) {
      protocol::ws_reader reader{limits};
      if (r.peer != "ws-plain")
        reader.allow_deflate(inflater, r.context == "context");
      INFO(r.peer << " in pieces of " << piece);
      CHECK(heard_of(reader, from_hex(r.hex), [&] { return piece; }) == r.expected());
    }
}
