#pragma once

#include <troupe/node.hpp>
#include <troupe/testing/stage.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::test {

/// A room that does what its members and the test say, and counts its lives.
struct arena_room final : actors::room_behavior {
  struct notes {
    std::map<std::string, int> made;  ///< by name
    std::map<std::string, int> alive; ///< likewise
    std::function<void(actors::room_context&)> create;
  };

  arena_room(notes& n, std::string name) : notes_(n), name_(std::move(name)) {
    ++notes_.made[name_];
    ++notes_.alive[name_];
    on("boom", [](auto&, auto&, auto&) { throw std::runtime_error{"boom"}; });
    on("end", [](actors::room_context& r, auto&, auto&) { r.end(); });
    on("lock", [](actors::room_context& r, auto&, auto&) { r.set_locked(!r.is_locked()); });
    on("mode", [](actors::room_context& r, auto&, const actors::application_message& m) {
      r.set_metadata({{"mode", m.fields.string("mode").value_or("")}});
    });
  }
  ~arena_room() override { --notes_.alive[name_]; }

  void on_create(actors::room_context& r) override {
    if (notes_.create)
      notes_.create(r);
  }

private:
  notes& notes_;
  std::string name_;
};

/// A node of three loops with reservable rooms `arena:*` of two members.
struct arenas {
  explicit arenas(actors::node_options o = options(),
                  actors::reserve_policy policy = actors::reserve_policy::clients,
                  std::uint64_t seed = 1, std::size_t capacity = 2)
    : stage(std::move(o), seed) {
    actors::room_options of;
    of.max_members = capacity;
    of.reservable = policy;
    stage.node().rooms(
      "arena:*",
      [this](auto name) { return std::make_unique<arena_room>(notes, std::string{name}); }, of);
  }
  static actors::node_options options() {
    actors::node_options o;
    o.loops = 3;
    o.connections.messages_per_second = 0;
    o.heartbeat.interval = std::chrono::milliseconds{0};
    o.rooms.history = false;
    return o;
  }

  /// What a wish of that user has come to; nothing if it was not answered.
  std::optional<actors::reservation_result> reserve(std::string user,
                                                    protocol::metadata_filter filter = {},
                                                    protocol::metadata metadata = {}) {
    auto result = std::make_shared<std::optional<actors::reservation_result>>();
    actors::reservation_request wanted{"arena:*", std::move(user), std::move(filter),
                                       std::move(metadata)};
    auto sent = stage.node().reserve(std::move(wanted), [result](auto& r) { *result = r; });
    if (sent != actors::publish_result::accepted)
      return actors::reservation_result{protocol::errc::overloaded};
    stage.settle();
    return *result;
  }
  /// The room of a wish; the name of the code if there is none.
  std::string room_for(std::string user, protocol::metadata_filter filter = {},
                       protocol::metadata metadata = {}) {
    auto result = reserve(std::move(user), std::move(filter), std::move(metadata));
    if (!result)
      return "no answer";
    return result->code == protocol::errc::ok ? result->room_name
                                              : std::string{to_string(result->code)};
  }
  actors::room_page list(std::string_view after = {}, std::size_t limit = 100) {
    actors::room_page page;
    stage.node().list("arena:*", after, limit, [&](auto& p) { page = p; });
    stage.settle();
    return page;
  }
  std::size_t rooms() { return stage.node().stats().rooms; }

  arena_room::notes notes; // outlives the stage
  testing::stage stage;
};

} // namespace troupe::test
