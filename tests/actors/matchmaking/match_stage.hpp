#pragma once

#include "matchmaking/match_core.hpp"

#include <troupe/protocol/observe.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace troupe::test {

using protocol::errc;

/// A matchmaker without actors: the test plays its rooms, and reads whom it asks.
struct match_stage final : actors::match_output {
  struct asked_room {
    std::string room;
    actors::hold_request request;
  };
  struct released_seat {
    std::string room;
    actors::release_request request;
  };

  explicit match_stage(actors::match_core::config c = {false, 2, 0}) : core(c, *this) {}

  void hold(const std::string& room, actors::hold_request request) override {
    asked.push_back({room, std::move(request)});
  }
  void release(const std::string& room, actors::release_request request) override {
    released.push_back({room, std::move(request)});
  }
  std::string new_name() override { return "new" + std::to_string(++names); }
  void wake_at(actors::steady_time when) override { wakes = when; }
  actors::steady_time now() const override { return time; }

  /// A wish of that user; its answers come to `heard`.
  void wish(const std::string& user, protocol::metadata_filter filter = {},
            protocol::metadata metadata = {}) {
    actors::reservation_request wanted{"new*", user, std::move(filter), std::move(metadata)};
    auto then = [this, user](const actors::reservation_result& r) {
      heard.push_back(user + ": " + std::string{to_string(r.code)}
                      + (r.room_name.empty() ? "" : " " + r.room_name) + (r.made ? " made" : ""));
    };
    auto question = std::make_shared<actors::seat_question>(
      std::move(wanted), then, actors::waiting_place{nullptr}, protocol::null_logger(),
      protocol::null_counters());
    question->set_sent(true);
    core.reserve(std::move(question));
  }

  /// A room tells how it stands.
  void report(const std::string& name, std::size_t members, std::size_t capacity = 2,
              protocol::metadata metadata = {}, bool locked = false, std::uint32_t life = 1) {
    core.on_report(report_of(name, members, capacity, std::move(metadata), locked, life));
  }

  static actors::room_report report_of(const std::string& name, std::size_t members,
                                       std::size_t capacity, protocol::metadata metadata = {},
                                       bool locked = false, std::uint32_t life = 1) {
    return {{name, members, 0, 0, capacity,
             std::make_shared<const protocol::metadata>(std::move(metadata)), locked},
            {slot_of(name), life}};
  }
  static std::uint32_t slot_of(const std::string& name) {
    return static_cast<std::uint32_t>(std::hash<std::string>{}(name));
  }

  /// The room answers the hold of that index, which was asked for in that order.
  void answer(std::size_t index, errc code, bool made = false, std::size_t reserved = 1,
              bool renewed = false) {
    auto& [room, request] = asked.at(index);
    std::shared_ptr<const actors::room_report> now;
    if (code != errc::room_closed && code != errc::node_room_limit) {
      auto report = report_of(room, 0, 2, request.wanted ? *request.wanted : protocol::metadata{});
      report.now.reserved = reserved;
      now = std::make_shared<const actors::room_report>(std::move(report));
    }
    core.on_answer(
      {request.ticket, request.listing, room, request.user_id, code, made, renewed, now});
  }

  /// The rooms asked, in order.
  [[nodiscard]] std::vector<std::string> rooms_asked() const {
    std::vector<std::string> all;
    for (auto& a : asked)
      all.push_back(a.room);
    return all;
  }
  std::vector<std::string> take_heard() { return std::exchange(heard, {}); }

  std::vector<asked_room> asked;
  std::vector<released_seat> released;
  std::vector<std::string> heard;
  actors::steady_time time{std::chrono::hours{1}}, wakes{};
  int names = 0;
  actors::match_core core;
};

} // namespace troupe::test
