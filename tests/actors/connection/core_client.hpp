#pragma once

#include "connection/connection_core.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace troupe::test {

using protocol::encoding;
using protocol::errc;
using protocol::shared_bytes;

/// Writes down each thing that the connection asks for, as one line.
struct connection_notebook final : actors::connection_output {
  void reply(const shared_bytes& frame) override {
    lines.push_back("reply " + std::string{frame.view().substr(2)});
  }
  void tell(const shared_bytes& frame) override {
    lines.push_back("tell " + std::string{frame.view().substr(2)});
  }
  void say_direct(actors::direct_ptr what, std::uint32_t ticket, actors::credit) override {
    note("say to " + what->to + ": " + std::string{what->body}, ticket);
    said = std::move(what);
  }
  errc reserve(actors::reservation_request wanted, std::string ref, actors::credit) override {
    lines.push_back("reserve " + wanted.pattern + " for " + wanted.user_id + " " + ref);
    return errc::ok;
  }
  void list_as(std::string_view) override {}
  void reply_behind_rooms(shared_bytes frame) override {
    lines.push_back("behind rooms " + std::string{frame.view().substr(2)});
  }
  void close(errc why) override { lines.push_back("close " + std::string{to_string(why)}); }
  void end_behind_rooms(std::vector<actors::room_key> rooms, shared_bytes frame,
                        errc why) override {
    std::string line = "behind";
    for (auto room : rooms)
      line += ' ' + std::to_string(room.slot);
    if (frame)
      line += ' ' + std::string{frame.view().substr(2)};
    lines.push_back(line);
    lines.push_back("close " + std::string{to_string(why)});
  }
  void await_handled(const actors::room_actor&, std::uint32_t ticket) override {
    note("await_handled", ticket);
  }
  void enter(const std::string& room, actors::room_entry entry) override {
    if (auto* join = std::get_if<actors::join_request>(&entry)) {
      note("join " + room, join->ticket);
      requests.push_back(std::move(*join));
    } else {
      lines.push_back("leave behind the join of " + room);
    }
  }
  void publish(const actors::room_actor&, actors::room_input in) override {
    lines.push_back("publish " + std::string{in.bytes.view()});
    inputs.push_back(std::move(in));
  }
  void ask(const actors::room_actor&, actors::presence_request r) override {
    lines.push_back("ask behind '" + r.after + "' for " + std::to_string(r.limit));
  }
  void ask(const actors::room_actor&, actors::history_request r) override {
    auto text = [](std::optional<std::uint64_t> seq) { return seq ? std::to_string(*seq) : "-"; };
    lines.push_back("recall " + text(r.after) + " to " + text(r.before) + " for "
                    + std::to_string(r.limit));
  }
  void renew(const actors::room_actor&, actors::claims_renewed) override {
    lines.push_back("renew");
  }
  void leave(const actors::room_actor&, actors::leave_request r) override {
    lines.push_back(r.answer ? "leave, answer" : "leave");
  }
  void claim(actors::session_claim c) override {
    lines.push_back("claim " + to_text(c.name) + " of " + c.user_id);
  }
  void await_lobby(std::chrono::milliseconds) override { lines.push_back("await lobby"); }
  void forget_name(actors::session_key key) override {
    lines.push_back("forget " + std::to_string(key.slot));
  }
  void drop(actors::room_key room) override {
    lines.push_back("drop " + std::to_string(room.slot));
  }
  void release(std::vector<actors::room_key> rooms) override {
    std::string line = "release";
    for (auto room : rooms)
      line += ' ' + std::to_string(room.slot);
    lines.push_back(std::move(line));
  }
  std::size_t queued_bytes() const override { return queued; }
  actors::steady_time now() const override { return at; }
  actors::wall_time wall_now() const override { return {}; }
  void expire_at(std::optional<actors::wall_time> when) override { expires_at = when; }

  void note(std::string what, std::uint32_t ticket) {
    lines.push_back(std::move(what));
    last_ticket = ticket;
  }
  [[nodiscard]] bool has(std::string_view text) const {
    for (auto& l : lines)
      if (l.find(text) != std::string::npos)
        return true;
    return false;
  }
  std::size_t count(std::string_view start) const {
    std::size_t n = 0;
    for (auto& l : lines)
      n += l.starts_with(start);
    return n;
  }

  std::vector<std::string> lines;
  std::vector<actors::join_request> requests;
  std::vector<actors::room_input> inputs;
  std::uint32_t last_ticket = 0;
  actors::direct_ptr said; ///< the last one
  std::optional<actors::wall_time> expires_at;
  std::size_t queued = 0; ///< bytes that the client has still to read
  actors::steady_time at{std::chrono::hours{1}};
};

/// A connection without actors: the test plays its client and its rooms, and reads
/// what it asks for.
struct core_client {
  explicit core_client(encoding e = encoding::v1_json, actors::node_options o = {})
    : options(std::move(o)) {
    actors::connection_core::config c;
    c.key = {1, 1, 0};
    c.encoding = e;
    c.user_id = "me";
    c.options = &options;
    c.directs = &directs;
    core = std::make_unique<actors::connection_core>(std::move(c), out);
  }

  /// A null handle, since the notebook does not use it.
  actors::room_actor handle;

  void say(std::string_view json, actors::credit token = {}) {
    core->on_message({shared_bytes::copy_of(json), false, std::move(token)});
  }

  /// Joins a room; the room accepts.
  std::uint32_t enter(std::string room, std::uint32_t key) {
    say(R"({"type":"join","roomId":")" + room + "\"}");
    auto ticket = out.last_ticket;
    accept(ticket, key);
    return ticket;
  }
  void accept(std::uint32_t ticket, std::uint32_t key) {
    core->on_joined({ticket, {errc::ok, {}, actors::room_key{key, 1}}, handle});
  }
  void refuse(std::uint32_t ticket, errc why) { core->on_joined({ticket, {why, {}, {}}, {}}); }

  actors::node_options options;
  actors::direct_budget directs;
  connection_notebook out;
  std::unique_ptr<actors::connection_core> core;
};

} // namespace troupe::test
