#pragma once

#include "manual_node.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::test {

/// Hooks that a test fills in. Counts its incarnations, and notes the ends that it hears of.
struct scripted_room final : actors::room_behavior {
  struct script {
    std::function<void(actors::room_context&)> create;
    std::function<actors::join_decision(actors::room_context&, const actors::member&)> authorize;
    std::function<void(actors::room_context&, const actors::member&)> join, leave;
    int made = 0, alive = 0;
    std::vector<std::string> ends;
  };

  explicit scripted_room(script& s) : script_(s) {
    ++s.made, ++s.alive;
    on("end", [](actors::room_context& r, const actors::member&,
                 const actors::application_message&) { r.end(); });
    on("boom", [](actors::room_context&, const actors::member&,
                  const actors::application_message&) { throw std::runtime_error{"boom"}; });
  }
  ~scripted_room() override { --script_.alive; }

  void on_create(actors::room_context& r) override {
    if (script_.create)
      script_.create(r);
  }
  actors::join_decision authorize_join(actors::room_context& r, const actors::member& m) override {
    return script_.authorize ? script_.authorize(r, m) : actors::join_decision::accept();
  }
  void on_join(actors::room_context& r, const actors::member& m) override {
    if (script_.join)
      script_.join(r, m);
  }
  void on_leave(actors::room_context& r, const actors::member& m,
                actors::leave_reason why) override {
    script_.ends.push_back(m.user_id + " " + std::string{to_string(why)});
    if (script_.leave)
      script_.leave(r, m);
  }
  void on_close(actors::room_context&) override { script_.ends.emplace_back("close"); }

private:
  script& script_;
};

/// A node whose rooms are all scripted, by one script.
struct scripted_rooms {
  explicit scripted_rooms(unsigned loops = 1, actors::room_options of = {})
    : scripted_rooms(options(loops), of) {}
  explicit scripted_rooms(actors::node_options with, actors::room_options of = {})
    : world(std::move(with)) {
    world.node.rooms(
      "*", [this](auto) { return std::make_unique<scripted_room>(script); }, of);
  }
  static actors::node_options options(unsigned loops) {
    actors::node_options o;
    o.loops = loops;
    o.hash_seed = 1;
    o.connections.messages_per_second = 0;
    o.heartbeat.interval = std::chrono::milliseconds{0};
    return o;
  }
  std::unique_ptr<client> connect(std::string user, encoding e = encoding::v1_json,
                                  unsigned loop = 0) {
    auto c = std::make_unique<client>(world, e, loop, actors::outbox::bounds{}, std::move(user));
    world.settle();
    (void)heard(*c);
    return c;
  }
  /// The payloads that the client has received since the last call; "close" and the code for a
  /// close frame.
  static std::vector<std::string> heard(client& c) {
    std::vector<std::string> all;
    for (auto& f : c.session.take_frames())
      all.push_back(f.opcode == 8 ? "close " + std::to_string(f.close_code()) : f.payload);
    return all;
  }
  static bool any(const std::vector<std::string>& frames, std::string_view text) {
    for (auto& f : frames)
      if (f.find(text) != std::string::npos)
        return true;
    return false;
  }

  scripted_room::script script;
  manual_node world;
};

} // namespace troupe::test
