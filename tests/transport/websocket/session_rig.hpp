#pragma once

#include "net/memory_pipe.hpp"
#include "net/traffic.hpp"
#include "websocket/session_writer.hpp"

#include <troupe/actors/caf_compat.hpp>
#include <troupe/protocol/frame.hpp>
#include <troupe/testing/manual_clock.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace troupe::test {

using protocol::shared_bytes;

/// A loop and a clock that only the test drives, and a pipe instead of a socket.
struct manual_loop {
  manual_loop() { compat::set_worker_threads(config, 1); }
  void turns() {
    while (loop.run_turn()) {}
  }
  void pass(actors::steady_time::duration time) {
    clock.advance(time);
    turns();
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  testing::manual_clock clock;
  actors::event_loop loop{system, 0, {.clock = &clock}};
  transport::loop_traffic traffic;
  transport::memory_pipe pipe;
};

/// Makes the channel of a part of a session.
inline auto channel_of(manual_loop& m) {
  return [&m] { return transport::channel{m.pipe, m.loop, m.traffic.websocket}; };
}

/// A text frame, as servers send it.
inline shared_bytes text_frame(std::string_view text) {
  return protocol::make_frame(protocol::opcode::text, text);
}

inline const auto close_frame = protocol::make_close_frame(1000, "bye");

/// A session's writer, and what it tells its owner.
struct written final : manual_loop,
                       transport::memory_pipe::owner,
                       transport::session_writer::owner {
  explicit written(actors::outbox::bounds bounds = {})
    : writer(channel_of(*this), bounds, nullptr, traffic, *this) {
    writer.next_layer().set_owner(*this);
  }

  std::shared_ptr<void> hold() override { return {}; }
  void on_input() override {}
  void on_room() override { writer.on_room(); }
  void on_blocked() override { told += "blocked "; }
  void on_last_sent() override { told += "last "; }
  void on_broken() override { told += "broken "; }
  void on_over_bound() override { told += "over "; }

  void write(const shared_bytes& frame) {
    actors::byte_range all{0, static_cast<std::uint32_t>(frame.size())};
    writer.write(frame, {&all, 1}, 1);
  }

  std::string told;
  transport::session_writer writer;
};

} // namespace troupe::test
