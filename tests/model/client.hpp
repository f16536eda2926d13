#pragma once

#include "commands.hpp"
#include "judge.hpp"
#include "stay.hpp"

#include <troupe/testing/memory_session.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace troupe::model {

/// One client of the model. It sends commands, and compares what it receives with the oracle.
class client {
public:
  struct options {
    protocol::encoding encoding = protocol::encoding::plain_json;
    std::string name;
    std::string user_id; ///< its user; others may have the same
    std::string lobby;   ///< empty: none
    bool one_room = false;
    actors::outbox::bounds bounds{3'000, 30}; ///< soon cut for what others say
  };

  client(oracle& t, actors::node& node, unsigned loop, options o);
  virtual ~client() = default;

  // -- what it says; `room`: empty for the default room -------------------------------------------
  void join(const std::string& room, const deed& d, bool ref);
  /// Joins the room that another connection was in, and says where that left off.
  void come_back(const left_off& since, const deed& d);
  /// Asks what was said.
  void history(const std::string& room, int number, bool ref);
  void leave(const std::string& room, int number, bool ref);
  void publish(const std::string& room, const deed& d, bool ref, std::size_t padding);
  void send_binary(const std::string& room, const deed& d, bool ref, std::size_t padding);
  void ask(const std::string& room, const deed& d, bool ref);
  void change_profile(const std::string& room, const deed& d, bool ref);
  void list(const std::string& room, int number, bool ref);
  void ping(int number, bool ref);
  /// Sends another command, which no room handles.
  void other(const std::string& type, int number, bool ref);
  /// Sends a token. `rooms`: the rooms that it opens; empty: all.
  void authenticate(const std::string& user, const std::vector<std::string>& rooms, int number,
                    bool ref);
  /// Sends input that makes the server close it at once, if its encoding has such input.
  void break_off();
  /// Disconnects. `heard_out`: the server still reads, as far as the caller knows.
  void disconnect(bool heard_out);

  /// Where it was when it went. Takes it: one connection follows it.
  [[nodiscard]] virtual std::vector<left_off> take_left_off() { return {}; }

  /// Judges what has come in since the last call.
  void look();

  /// Checks that everything owed has come. Call it when nothing is under way.
  virtual void settle();

  [[nodiscard]] testing::memory_session& session() { return *session_; }
  [[nodiscard]] bool gone() const {
    return session_->ended() || session_->disconnected() || closed_;
  }
  [[nodiscard]] const std::string& name() const { return options_.name; }
  [[nodiscard]] const std::string& user_id() const { return options_.user_id; }
  [[nodiscard]] std::uint16_t close_code() const noexcept { return close_code_; }
  [[nodiscard]] bool was_told_goodbye() const noexcept { return told_goodbye_; }
  [[nodiscard]] bool is_plain() const { return protocol::is_plain(options_.encoding); }
  [[nodiscard]] std::size_t received() const noexcept { return received_; }
  [[nodiscard]] std::size_t said() const { return commands_.all().size(); }

protected:
  virtual void on_frame(const frame_fields& f) = 0;
  /// Begins a stay. `asked`: the `join` that it answers; null: none is known.
  stay& begin(command* asked, std::size_t log, std::size_t at, std::optional<std::uint64_t> seq);
  void complain(std::string what) { oracle_.complain(options_.name, std::move(what)); }
  void acked(stay* s, const command* c, const frame_fields& f);
  /// Checks a page of what was said in a room.
  void check_history(const stay& s, const frame_fields& f);

  oracle& oracle_;
  options options_;
  commands commands_;
  std::deque<stay> stays_;
  std::size_t received_ = 0; ///< room messages

private:
  void send(command c, const std::string& fields);
  void on_text(const std::string& json);
  void on_raw(const std::string& bytes);
  void check_claims();

  std::vector<std::string> opened_;       ///< rooms that its latest token opens; empty: all
  std::optional<frame_fields> announced_; ///< a binary message whose bytes come next
  bool closed_ = false;
  bool told_goodbye_ = false;
  bool went_whole_ = false; ///< disconnected with nothing unread or unheeded
  std::uint16_t close_code_ = 0;
  std::unique_ptr<testing::memory_session> session_;
};

/// A client that speaks `troupe.v1` in either codec; its frames name their rooms.
class v1_client final : public client {
public:
  using client::client;
  void settle() override;
  std::vector<left_off> take_left_off() override;

private:
  void on_lost(const frame_fields& f);
  void on_recovered(const frame_fields& f, command& asked);
  void check_recovered(const frame_fields& f, const command* asked);
  void on_frame(const frame_fields& f) override;
  void on_joined(const frame_fields& f, command* asked);
  void on_which(const frame_fields& f);
  static void on_users(stay& in, const frame_fields& f);
  void end(const frame_fields& f, stay::end how);
  [[nodiscard]] stay* held(const std::string& room);

  /// `joined` has come, and `which` must follow.
  struct entering {
    command* asked;
    std::string epoch;
    std::uint64_t seq;
    std::optional<users> members; ///< if it lists all
  };
  std::map<std::string, entering> entering_;
  std::map<std::string, std::size_t> held_;   ///< stays by room
  std::map<std::size_t, std::string> epochs_; ///< by log
  std::string id_;                            ///< its `clientId`
  bool is_followed_ = false;                  ///< by another connection
};

/// A client without subprotocol. It is in one room at a time, and its frames do not name the room.
class plain_client final : public client {
public:
  using client::client;
  void settle() override;

private:
  void on_frame(const frame_fields& f) override;
  void on_which(const frame_fields& f);
  void on_thrown_out(const frame_fields& f);
  void on_ack(const frame_fields& f, const command* c);
  /// Handles a `joined` that no `which` has followed: it answers a second join of the same room.
  void joined_again();
  [[nodiscard]] stay* current();

  command* entering_ = nullptr; ///< `joined` has come, and `which` may follow
};

} // namespace troupe::model
