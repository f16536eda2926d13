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

/// What a room has asked a client.
struct heard_request {
  std::string room;
  std::string id;         ///< `requestId`
  std::size_t number = 0; ///< in the `request_log`
};

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

  /// Bounds with which many values may wait, however long they are.
  static constexpr actors::outbox::bounds patient{60'000, 30};

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
  /// Answers a request, or tries to.
  void reply(const heard_request& to, const deed& d, bool ref);
  [[nodiscard]] const std::vector<heard_request>& heard_requests() const noexcept {
    return heard_requests_;
  }
  void list(const std::string& room, int number, bool ref);
  void ping(int number, bool ref);
  /// Says something to a user.
  void direct(const std::string& user, int number, bool ref);
  /// Takes a session up; it must say nothing else before the answer.
  void resume(std::shared_ptr<const resume_claim> claim, int number);
  /// Sends a token. `rooms`: the rooms that it opens; empty: all.
  void authenticate(const std::string& user, const std::vector<std::string>& rooms, int number,
                    bool ref);
  /// Sends input that makes the server close it at once, if its encoding has such input.
  void break_off();
  /// Takes at most so many bytes more; nothing: any number.
  void set_window(std::optional<std::size_t> bytes);
  /// It is behind, and takes nothing from now on until `goes_on`; nothing is under way at either
  /// time. So it is known what it has to get of that room.
  void stalls(std::size_t log);
  void goes_on();
  /// Disconnects. `heard_out`: the server still reads, as far as the caller knows.
  void disconnect(bool heard_out);

  /// Where it was when it went. Takes it: one connection follows it.
  [[nodiscard]] virtual std::vector<left_off> take_left_off() { return {}; }

  /// Where it is, or was, for whoever takes its session up.
  [[nodiscard]] virtual std::vector<left_off> positions() { return {}; }
  /// Its session; null: none that it knows of.
  [[nodiscard]] const std::shared_ptr<lasting_session>& lasting() const noexcept {
    return lasting_;
  }
  /// The session that it has claimed, until it is told whether it has that; else null.
  [[nodiscard]] const std::shared_ptr<lasting_session>& wanted() const noexcept { return wanted_; }
  /// The string by which its session was named to it; empty: none yet.
  [[nodiscard]] virtual std::string resume_string() const { return {}; }
  /// Whether it has not been told, or never was, whether it has the session that it has claimed.
  [[nodiscard]] bool is_resuming();
  /// Its session was claimed while its own commands may have been under way: those may be lost.
  void claimed_early() noexcept { claimed_early_ = true; }
  /// Notes in a claim of its session where it is. `number`: what it has joined by a later command
  /// counts as possible.
  virtual void describe(resume_claim&, int number) { (void)number; }

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
  /// Whether its latest token opens some rooms only.
  [[nodiscard]] bool has_few_rights() const noexcept { return !opened_.empty(); }
  [[nodiscard]] protocol::encoding encoding() const noexcept { return options_.encoding; }
  /// Whether it has the bounds `patient`.
  [[nodiscard]] bool is_patient() const noexcept {
    return options_.bounds.max_bytes == patient.max_bytes;
  }
  [[nodiscard]] bool is_plain() const { return protocol::is_plain(options_.encoding); }
  [[nodiscard]] std::size_t received() const noexcept { return received_; }
  [[nodiscard]] std::size_t said() const { return commands_.all().size(); }
  [[nodiscard]] const std::deque<command>& all_said() const { return commands_.all(); }

protected:
  virtual void on_frame(const frame_fields& f) = 0;
  virtual void on_close() {}
  virtual void on_resume(int number) { (void)number; }
  /// Begins a stay. `asked`: the `join` that it answers; null: none is known.
  stay& begin(command* asked, std::size_t log, std::size_t at, std::optional<std::uint64_t> seq);
  void complain(std::string what) { oracle_.complain(options_.name, std::move(what)); }
  void acked(stay* s, const command* c, const frame_fields& f);
  void acked_again(stay* s, const command& c, const frame_fields& f);
  void on_direct_answer(const command& c, const frame_fields& f);
  void on_request(stay* in, const frame_fields& f);
  void check_refused_reply(const command& c);
  void settle_requests();
  [[nodiscard]] std::optional<int> number_of_direct(const frame_fields& f);
  /// Checks a page of what was said in a room.
  void check_history(const stay& s, const frame_fields& f);

  oracle& oracle_;
  options options_;
  commands commands_;
  std::deque<stay> stays_;
  std::vector<heard_request> heard_requests_;
  std::size_t received_ = 0; ///< room messages
  std::shared_ptr<lasting_session> lasting_;
  std::shared_ptr<lasting_session> wanted_;

private:
  [[nodiscard]] static bool traces();
  void send(command c, const std::string& fields);
  void note_sent(command::kind what, int number);
  void note_behind();
  void note_level();
  void on_text(const std::string& json);
  void on_raw(const std::string& bytes);
  void check_claims();

  std::vector<std::string> opened_;       ///< rooms that its latest token opens; empty: all
  std::optional<frame_fields> announced_; ///< a binary message whose bytes come next
  bool is_behind_ = false;                ///< something is queued for it
  bool closed_ = false;
  bool told_goodbye_ = false;
  bool went_whole_ = false; ///< disconnected with nothing unread or unheeded
  bool claimed_early_ = false;
  std::uint16_t close_code_ = 0;
  std::unique_ptr<testing::memory_session> session_;
};

/// A client that speaks `troupe.v1` in either codec; its frames name their rooms.
class v1_client final : public client {
public:
  using client::client;
  void settle() override;
  std::vector<left_off> take_left_off() override;
  std::vector<left_off> positions() override;
  void describe(resume_claim& claim, int number) override;
  std::string resume_string() const override { return string_; }

private:
  void on_close() override;
  void on_resume(int number) override { resume_ = number; }
  void check_order(const command& asked);
  void on_resumed(const frame_fields& f, command& asked);
  void on_resume_refused(const frame_fields& f, const command& asked);
  void leave_lobby();
  void come_back_to(const frame_fields& room, command& asked);
  void on_lost(const frame_fields& f);
  void on_direct(const frame_fields& f);
  void on_directs_resumed(const frame_fields& f, const resume_claim& claim);
  void settle_directs();
  void on_recovered(const frame_fields& f, command& asked);
  void check_recovered(const frame_fields& f, const command* asked);
  void on_frame(const frame_fields& f) override;
  void on_joined(const frame_fields& f, command* asked);
  void on_which(const frame_fields& f);
  static void on_users(stay& in, const frame_fields& f);
  void end(const frame_fields& f, stay::end how);
  [[nodiscard]] stay* held(const std::string& room);

  /// `joined` or `resumed` has come, and `which` must follow.
  struct entering {
    command* asked;
    std::string epoch;
    std::uint64_t seq;
    std::optional<users> members; ///< if it lists all
  };
  /// Notes which stay has begun by that command.
  static void note_stay(command* asked, const std::string& room, std::size_t stay);
  std::map<std::string, entering> entering_;
  std::map<std::string, std::size_t> held_;   ///< stays by room
  std::map<std::size_t, std::string> epochs_; ///< by log
  std::optional<int> resume_;                 ///< the command, until it is answered
  int told_behind_ = 0;                       ///< the last command before it was told `resumed`
  std::string string_;                        ///< names its session: of its `welcome`
  bool is_followed_ = false;                  ///< by another connection
  std::uint64_t direct_at_ = 0;               ///< the latest direct that it has heard, or named
  bool directs_may_jump_ = false;             ///< some between that and the next may be lost
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
  void on_direct(const frame_fields& f);
  /// Handles a `joined` that no `which` has followed: it answers a second join of the same room.
  void joined_again();
  [[nodiscard]] stay* current();

  command* entering_ = nullptr;               ///< `joined` has come, and `which` may follow
  std::map<std::string, int> last_direct_of_; ///< by client
};

} // namespace troupe::model
