#pragma once

#include "oracle.hpp"
#include "wire.hpp"

#include <troupe/actors/node.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::model {

/// The claims of a client, by which behaviours know it. `rooms`: those that it may join; empty:
/// all.
[[nodiscard]] actors::claims_ptr claims_of(const std::string& user, const std::string& client,
                                           std::vector<std::string> rooms = {});
/// What the profile of a member asks for; nothing if it has none.
[[nodiscard]] std::optional<deed> deed_in_profile(const actors::member& m);
/// The client that a member is.
[[nodiscard]] std::string client_of(const actors::member& m);

/// A behaviour that relays, notes what it says, and does in each hook what the command asks for:
///
/// In a message, a binary message, a new profile and `do`: `swallow`, `refuse`, `refuse/say`
/// (refuses and returns true), and all deeds below. In the profile of a join: `ask/refuse`,
/// `ask/instead` (lets it in instead of the client named, or of its user's other session), and a
/// deed below with the prefix `ask/` (done in `authorize_join`), `enter/` (in `on_join`), `drop/`
/// (in `on_drop`) or `exit/` (in `on_leave`). In all but `exit/`: `slip` (throws, and the room goes
/// on). Everywhere: `kick` (the client named), `end`, `boom` (throws), `tell` (broadcasts), `hint`
/// (broadcasts without storing), `blink` (the same, as volatile), `show` (the same, as the latest
/// of the client named), `secret` (broadcasts to all but the client named), `modern` (broadcasts to
/// all but plain clients), `query` (asks the client named).
///
/// An answer to what it has asked is a command like a message, and may have the same deeds.
class witness final : public actors::room_behavior {
public:
  /// `node` must outlive it. `options`: those of the room.
  witness(oracle& t, actors::node& node, std::string_view room,
          const actors::room_options& options);
  ~witness() override;

  actors::join_decision authorize_join(actors::room_context& room,
                                       const actors::member& candidate) override;
  void on_join(actors::room_context& room, const actors::member& m) override;
  bool on_publish(actors::room_context& room, const actors::member& from,
                  const actors::application_message& m) override;
  bool on_binary(actors::room_context& room, const actors::member& from,
                 std::string_view bytes) override;
  bool on_profile(actors::room_context& room, const actors::member& from,
                  const protocol::document_view& profile) override;
  void on_drop(actors::room_context& room, const actors::member& m) override;
  void on_return(actors::room_context& room, const actors::member& now,
                 const actors::member& former) override;
  void on_leave(actors::room_context& room, const actors::member& m,
                actors::leave_reason reason) override;
  void on_close(actors::room_context& room) override;
  bool on_error(actors::room_context&, const actors::member*, std::string_view what) override {
    return what == "slip";
  }

private:
  [[nodiscard]] room_log& log() { return oracle_.logs[index_]; }
  [[nodiscard]] bool is_brought_back(const deed& d, const actors::member& m) const;
  actors::join_decision judge_return(actors::room_context& room, const deed& d,
                                     const actors::member& candidate);
  bool take(actors::room_context& room, const actors::member& from, std::string_view text,
            std::string_view type);
  void note_relayed(const deed& d, const actors::member& from, std::string_view type,
                    std::string_view text);
  void obey(actors::room_context& room, const deed& d, std::string_view hook = {},
            std::size_t padding = 0);
  [[nodiscard]] std::size_t padding_for(const deed& d, const actors::member& m);
  void kick(actors::room_context& room, const std::string& client);
  [[nodiscard]] bool has_user(const std::string& user) const;
  void note_profile(const std::string& client, std::string before, const std::string& except);
  [[nodiscard]] bool is_away(const std::string& client) const;
  void note_away(const std::string& client, bool was_away);
  actors::join_decision let_in_instead(actors::room_context& room, const actors::member& candidate,
                                       const std::string& client);
  [[nodiscard]] bool is_replaced_quietly(const std::string& client) const;
  void forget_replaced();
  void check_is_new(const deed& d, const std::string& client, std::string_view type);
  /// Named by the client that has begun it.
  struct session_of_client {
    std::string name;
    bool is_sure;
  };
  [[nodiscard]] session_of_client session_of(const std::string& client) const;
  void part_ids(const std::string& client);
  [[nodiscard]] bool is_resumed(const actors::member& m) const;
  void check_seat_of(const actors::member& m);
  void check_place(const actors::member& now, const actors::member& former);
  void check_loss(const actors::member& m, bool was_away, actors::steady_time until);
  void ask(actors::room_context& room, const deed& d);
  [[nodiscard]] protocol::errc reason_against_asking(const actors::member* m) const;
  void hear_result(actors::room_context& room, std::size_t number,
                   const actors::request_result& result);
  void hear_reply(actors::room_context& room, request& r, const actors::request_result& result);
  void greet(actors::room_context& room, const actors::member& m);
  void broadcast(actors::room_context& room, entry e);
  void check(actors::room_context& room);
  void check_thread();
  void check_end();

  oracle& oracle_;
  actors::node& node_;
  std::string name_;
  std::size_t index_;
  std::chrono::milliseconds keep_seat_;
  /// While a client comes in instead of another one.
  struct replacement {
    std::string gone;
    bool is_quiet; ///< both are one user's, of whom nobody hears
  };
  std::optional<replacement> replaced_;
};

} // namespace troupe::model
