#pragma once

#include <troupe/node.hpp>
#include <troupe/testing/stage.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::test {

using testing::stage;
using names = std::vector<std::string>;

/// A client with what it knows of its session.
struct guest {
  stage::client* line;
  std::string resume;
  std::string client_id;

  stage::client* operator->() const { return line; }
};

/// Connects; `user` empty: the node does not know who it is.
inline guest connect(stage& s, std::string user = {}, unsigned loop = 0,
                     protocol::encoding in = protocol::encoding::v1_json) {
  auto& line = s.connect(actors::connection_info{.encoding = in, .user_id = std::move(user)}, loop);
  auto welcome = line.expect("welcome");
  return {&line, welcome.text("resume"), welcome.text("clientId")};
}

struct position {
  std::string room;
  std::string epoch;
  std::uint64_t seq = 0;
};

inline position join(const guest& g, std::string room) {
  auto joined = g->join(room).expect("joined");
  return {std::move(room), joined.text("epoch"), static_cast<std::uint64_t>(joined.number("seq"))};
}

inline std::string resume_of(std::string_view name, const std::vector<position>& rooms) {
  std::string command =
    R"({"type":"resume","ref":"r","resume":")" + std::string{name} + R"(","rooms":[)";
  for (auto& p : rooms)
    command += (&p == rooms.data() ? "" : ",") + (R"({"roomId":")" + p.room) + R"(","epoch":")"
             + p.epoch + R"(","seq":)" + std::to_string(p.seq) + '}';
  return command + "]}";
}

/// The texts of the messages that wait, in order.
inline names texts(const guest& g) {
  names all;
  for (auto& m : g->take_all())
    if (m.type() == "message")
      all.push_back(m.text("text"));
  return all;
}

inline names types(const guest& g) {
  names all;
  for (auto& m : g->take_all())
    all.push_back(m.type());
  return all;
}

/// Makes a behaviour that relays what members say.
inline std::unique_ptr<actors::room_behavior> relaying(std::string_view) {
  return std::make_unique<actors::room_behavior>();
}

inline bool has(const testing::heard_message& m, std::string_view text) {
  return m.json().find(text) != std::string::npos;
}

inline actors::node_options many_messages(unsigned loops = 1) {
  actors::node_options o;
  o.loops = loops;
  o.connections.messages_per_second = 0;
  return o;
}

} // namespace troupe::test
