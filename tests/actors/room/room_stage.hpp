#pragma once

#include "fanout/dispatcher.hpp"
#include "room/room_core.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::test {

using protocol::encoding;
using protocol::shared_bytes;

/// An inbox whose room the test tells.
struct quiet_inbox final : actors::answer_inbox {
  void wake() noexcept override { ++calls; }
  int calls = 0;
};

/// Writes down what the room sends, in order, one line each.
struct room_notebook final : actors::room_output {
  void to_dispatcher(std::uint32_t, actors::subscribe m) override {
    note("subscribe", m.who, m.first);
    subscribed.push_back(std::move(m));
  }
  void cut(actors::session_key who) override { lines.push_back("cut " + std::to_string(who.slot)); }
  void to_dispatcher(std::uint32_t, actors::member_frame m) override {
    note(m.remove ? "remove" : "to", m.who, m.frame);
    last_source = bool(m.source);
    last_own = bool(m.own);
    own.push_back(m.own);
    last_frame = m.frame;
  }
  void to_dispatchers(const std::vector<std::uint32_t>& loops, actors::fan_out m) override {
    std::string text = "all(" + std::to_string(loops.size()) + ")";
    if (m.except)
      text += " but " + std::to_string(m.except.slot);
    for (auto& f : m.frames)
      if (f)
        text += " " + std::string{f.view()};
    lines.push_back(text);
    last_source = bool(m.source);
    last_own = bool(m.own);
    own.push_back(m.own);
    last_frames = m.frames;
    for_behind.push_back(m.for_behind);
    except_also.push_back(m.except_also);
  }
  void member_kicked(const caf::strong_actor_ptr&) override { lines.push_back("connection told"); }
  void to_observer(const caf::actor&, actors::room_event e) override {
    events.push_back(std::move(e));
  }
  void observer_joined(const caf::actor&) override {}
  void observer_left(const caf::actor&) override {}
  void report_empty(std::chrono::milliseconds linger) override {
    lines.push_back(linger.count() > 0 ? "empty for " + std::to_string(linger.count()) : "empty");
  }
  void room_ended(const std::vector<std::uint32_t>& loops, actors::room_end r) override {
    lines.push_back("ended(" + std::to_string(loops.size()) + ")");
    ends.push_back(r);
  }
  void request_end(actors::room_end r) override { ends.push_back(r); }
  void report_hook_failure(const char* hook) noexcept override {
    ++failed_hooks;
    failed_hook = hook ? hook : "";
  }
  void work_at(actors::room_work what, actors::steady_time when) override {
    switch (what) {
      case actors::room_work::tell_changes: return due.push_back(when);
      case actors::room_work::end_seats: return seats_due.push_back(when);
      case actors::room_work::end_requests: return requests_due.push_back(when);
      case actors::room_work::tell_pressure: return pressure_due.push_back(when);
      case actors::room_work::keep_listing: return listing_due.push_back(when);
      case actors::room_work::take_answers: return answers_due.push_back(when);
      case actors::room_work::run_timers: return timers_due.push_back(when);
      case actors::room_work::tick: break; // its actor's
    }
  }
  void tell_matchmaker(actors::room_report report) override {
    reports.push_back(std::move(report));
  }
  std::size_t queued_bytes(actors::session_key who) const override { return 100 + who.slot; }
  void read_queue(actors::session_key who, std::shared_ptr<actors::queue_reading> to) override {
    lines.push_back("read " + std::to_string(who.slot));
    readings.push_back(std::move(to));
  }
  std::uint32_t loop() const override { return 0; }
  std::shared_ptr<actors::answer_inbox> inbox() override { return answers; }
  void join_decided(const actors::join_request& request, actors::join_reply reply) override {
    lines.push_back("decided " + std::to_string(request.who.slot) + " "
                    + std::string{to_string(reply.code)});
    decided.push_back(std::move(reply));
  }
  void all_answered(actors::session_key who) override {
    lines.push_back("answered " + std::to_string(who.slot));
  }
  actors::steady_time now() const override { return time; }
  void time_has_passed() noexcept override { time += passes; }
  actors::wall_time wall_now() const override { return {}; }

  void note(std::string what, actors::session_key who, const shared_bytes& frame) {
    lines.push_back(what + " " + std::to_string(who.slot) + " " + std::string{frame.view()});
  }
  /// The index of the first line that holds `text`; the number of lines if there is none.
  [[nodiscard]] std::size_t at(std::string_view text) const {
    std::size_t i = 0;
    while (i < lines.size() && lines[i].find(text) == std::string::npos)
      ++i;
    return i;
  }
  [[nodiscard]] bool said(std::string_view text, std::size_t from = 0) const {
    for (auto i = from; i < lines.size(); ++i)
      if (lines[i].find(text) != std::string::npos)
        return true;
    return false;
  }

  std::vector<std::string> lines;
  actors::frame_set last_frames; ///< of the latest broadcast
  shared_bytes last_frame;       ///< of the latest one to a single member
  std::vector<actors::subscribe> subscribed;
  std::vector<actors::room_event> events;
  std::vector<actors::room_end> ends;
  std::vector<actors::steady_time> due; ///< of changes among the users
  std::vector<actors::steady_time> seats_due, requests_due, pressure_due, timers_due, answers_due,
    listing_due;
  std::vector<actors::room_report> reports; ///< to the matchmaker
  std::shared_ptr<actors::answer_inbox> answers = std::make_shared<quiet_inbox>();
  std::vector<actors::join_reply> decided; ///< of the joins that were put off
  actors::steady_time time{};              ///< only the test moves it
  actors::steady_time::duration passes{0}; ///< how long each tick takes
  std::vector<std::shared_ptr<actors::queue_reading>> readings;
  std::vector<actors::credit> own;
  std::vector<actors::if_behind> for_behind; ///< of each broadcast
  std::vector<std::shared_ptr<const std::vector<actors::session_key>>> except_also; ///< likewise
  bool last_source = false, last_own = false;
  int failed_hooks = 0;
  std::string failed_hook;
};

/// A room without actors: the test plays its connections, and reads what it sends.
struct room_stage {
  explicit room_stage(
    std::unique_ptr<actors::room_behavior> b = std::make_unique<actors::room_behavior>(),
    std::size_t max_members = 10, actors::room_core::config c = {}) {
    auto identity = std::make_shared<actors::room_identity>();
    identity->key = actors::room_key{7, 1};
    identity->name = "hall";
    c.identity = identity;
    c.epoch = "e1";
    c.limits.max_members = max_members;
    core = std::make_unique<actors::room_core>(std::move(c), std::move(b), out);
    core->create();
  }

  actors::join_reply join(std::uint32_t who, encoding e = encoding::v1_json) {
    return enter(who, "u" + std::to_string(who), {}, e);
  }
  /// Joins as one of the user's sessions.
  actors::join_reply enter(std::uint32_t who, std::string user, std::string profile = {},
                           encoding e = encoding::v1_json) {
    actors::join_request r;
    r.who = key(who);
    r.client = client(who);
    r.user_id = std::move(user);
    r.encoding = e;
    r.profile = std::move(profile);
    auto reply = core->join(r);
    if (reply.room)
      places[who] = reply.place;
    return reply;
  }
  void leave(std::uint32_t who, actors::leave_reason why = actors::leave_reason::left) {
    core->leave({key(who), why, false, nullptr, {}});
  }
  static actors::session_key key(std::uint32_t who) { return {who, 1, who % 2}; }
  static actors::client_id client(std::uint32_t who) { return {who, who}; }

  actors::room_input input(std::uint32_t who, std::string type, std::string json) {
    actors::room_input in;
    in.what =
      type == "message" ? actors::room_input::kind::message : actors::room_input::kind::application;
    in.who = key(who);
    in.place = places[who];
    in.encoding = encoding::v1_json;
    in.bytes = shared_bytes::copy_of(json);
    in.type = std::move(type);
    in.field = protocol::body_field::text;
    in.body = R"("hi")";
    return in;
  }

  /// A `$profile` of that member.
  actors::room_input profile(std::uint32_t who, std::string map, encoding e = encoding::v1_json) {
    auto in = input(who, "$profile", std::move(map));
    in.what = actors::room_input::kind::profile;
    in.encoding = e;
    in.body = in.bytes.view();
    return in;
  }

  /// A `$reply` of that member, with `data` as raw JSON.
  actors::room_input reply(std::uint32_t who, const std::string& id, const std::string& data) {
    auto in =
      input(who, "$reply", R"({"type":"$reply","requestId":")" + id + R"(","data":)" + data + '}');
    in.what = actors::room_input::kind::reply;
    in.body = in.bytes.view().substr(in.bytes.size() - 1 - data.size(), data.size());
    return in;
  }

  actors::presence_request presence(std::uint32_t who, std::string ref) {
    actors::presence_request r{key(who), places[who], encoding::v1_json};
    r.ref = std::make_shared<actors::open_ref>();
    r.ref->value = std::move(ref);
    r.limit = 100;
    return r;
  }

  room_notebook out;
  std::unique_ptr<actors::room_core> core;
  std::map<std::uint32_t, actors::member_place> places; ///< as the room has told its connections
};

inline actors::open_ref_ptr ref(std::string value) {
  auto r = std::make_shared<actors::open_ref>();
  r->value = std::move(value);
  return r;
}

} // namespace troupe::test
