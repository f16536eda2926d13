#pragma once

#include <utility>

#include <troupe/actors/node.hpp>
#include <troupe/protocol/command.hpp>
#include <troupe/testing/manual_clock.hpp>
#include <troupe/testing/manual_loops.hpp>
#include <troupe/testing/memory_session.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test {

using protocol::encoding;

/// A node whose loops and clock only the test drives. Its rooms end with their last member: what
/// they do when they linger is in `linger_test.cpp`.
struct manual_node {
  explicit manual_node(actors::node_options options = {})
    : node(system, with_clock(std::move(options))) {}

  void settle() { loops.settle(); }

  /// The name of a room that lives on `loop`.
  [[nodiscard]] std::string room_on(unsigned loop) const {
    for (int i = 0;; ++i)
      if (auto name = "room" + std::to_string(i); node.loop_of(name) == loop)
        return name;
  }

  /// Lets time pass in steps of 10 ms, so that each deadline fires in time; precise ones exactly.
  void pass(std::chrono::nanoseconds time) {
    constexpr std::chrono::milliseconds step{10};
    auto end = clock.now() + time;
    for (auto now = clock.now(), stop = now; now < end; now = clock.now()) {
      if (now == stop)
        stop = std::min(end, now + step);
      clock.advance(std::min(loops.next_deadline().value_or(stop), stop) - now);
      settle();
    }
  }

  caf::actor_system_config config;
  caf::actor_system system{one_worker(config)};
  testing::manual_clock clock;
  actors::node node;
  testing::manual_loops loops{node};

private:
  static caf::actor_system_config& one_worker(caf::actor_system_config& c) {
    compat::set_worker_threads(c, 1);
    return c;
  }

  actors::node_options with_clock(actors::node_options o) {
    o.clock = &clock;
    o.rooms.linger = std::chrono::milliseconds{0};
    return o;
  }
};

/// Options of a node that holds at most `budget` bytes of output, and sends nothing of its own.
inline actors::node_options bounded_by(std::int64_t budget) {
  actors::node_options o;
  o.memory_budget_bytes = budget;
  o.rooms.history = false;
  o.announce = false;
  o.connections.messages_per_second = 0;
  o.heartbeat.interval = std::chrono::milliseconds{0};
  return o;
}

/// A client that sends JSON, even if its encoding is MessagePack.
struct client {
  explicit client(manual_node& world, encoding e = encoding::v1_json, unsigned loop = 0,
                  actors::outbox::bounds bounds = {}, std::string user_id = {},
                  transport::session_deadlines deadlines = transport::session_deadlines::none())
    : session(world.node, world.node.loop(loop), {e, std::move(user_id)}, bounds, deadlines) {}

  void say(std::string json) { session.say(std::move(json)); }
  void join(const std::string& room) { say(R"({"type":"join","roomId":")" + room + "\"}"); }
  void publish(const std::string& room, const std::string& text) {
    say(R"({"type":"message","roomId":")" + room + R"(","text":")" + text + "\"}");
  }

  /// The texts received since the last call. Keeps other frames in `others`.
  std::vector<std::string> texts() {
    std::vector<std::string> out;
    for (auto& f : session.take_frames()) {
      if (f.opcode == 1)
        out.push_back(std::move(f.payload));
      else
        others.push_back(std::move(f));
    }
    return out;
  }

  /// `field` of each text of that type received since the last call.
  std::vector<std::string> heard(std::string_view type, std::string_view field) {
    std::vector<std::string> out;
    for (auto& text : texts()) {
      protocol::document_view view{protocol::codec::json, text};
      if (view.string("type") == type)
        out.push_back(view.string(field).value_or(std::string{view.raw(field)}));
    }
    return out;
  }

  /// The code of the close frame received so far; 0: none.
  [[nodiscard]] std::uint16_t close_code() {
    (void)texts();
    for (auto& f : others)
      if (f.opcode == 8)
        return f.close_code();
    return 0;
  }

  testing::memory_session session;
  std::vector<testing::received_frame> others;
};

inline std::string type_of(std::string_view json) {
  return protocol::document_view{protocol::codec::json, json}.string("type").value_or("");
}

inline std::vector<std::string> types_of(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  for (auto& t : texts)
    out.push_back(type_of(t));
  return out;
}

} // namespace troupe::test
