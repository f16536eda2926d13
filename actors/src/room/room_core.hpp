#pragma once

#include "history/history.hpp"
#include "messages/messages.hpp"
#include "model/accepted_ids.hpp"
#include "room/late_answers.hpp"
#include "room/open_requests.hpp"
#include "room/presence_changes.hpp"
#include "room/pressure_watch.hpp"
#include "room/queue_readings.hpp"
#include "room/replay.hpp"
#include "room/reservations.hpp"
#include "room/seats.hpp"
#include "room/user_index.hpp"
#include "runtime/tick_clock.hpp"

#include <troupe/actors/options.hpp>
#include <troupe/actors/room_behavior.hpp>
#include <troupe/actors/seeded_hash.hpp>
#include <troupe/protocol/presence.hpp>
#include <troupe/protocol/value_encoder.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::actors {

struct loop_counts;
struct room_ticks;
class room_timers;

/// A complete frame for each encoding that was in use when it was made; empty handles for the
/// others.
using frame_set = std::array<protocol::shared_bytes, protocol::encoding_count>;

/// What a room asks its actor to do.
class room_output {
public:
  virtual ~room_output() = default;
  /// To the dispatcher of `loop`.
  virtual void to_dispatcher(std::uint32_t loop, subscribe message) = 0;
  virtual void to_dispatcher(std::uint32_t loop, member_frame message) = 0;
  /// To the dispatchers of all `loops`.
  virtual void to_dispatchers(const std::vector<std::uint32_t>& loops, fan_out message) = 0;
  /// Closes a client that does not read what waits for it.
  virtual void cut(session_key who) = 0;
  /// A member was kicked; called after its dispatcher was told. `connection` is the one that its
  /// `join_request` named.
  virtual void member_kicked(const caf::strong_actor_ptr& connection) = 0;
  virtual void to_observer(const caf::actor& who, room_event event) = 0;
  /// A server-side member has joined, or has left for whatever reason.
  virtual void observer_joined(const caf::actor& who) = 0;
  virtual void observer_left(const caf::actor& who) = 0;
  /// To the dispatchers of all `loops`, after everything else: the room has ended.
  virtual void room_ended(const std::vector<std::uint32_t>& loops, room_end reason) = 0;
  /// To the shard: nobody is left; end this room unless somebody is on the way, or comes within
  /// `linger`.
  virtual void report_empty(std::chrono::milliseconds linger) = 0;
  virtual void request_end(room_end reason) = 0;
  /// How many bytes wait for a session of the room's own loop.
  [[nodiscard]] virtual std::size_t queued_bytes(session_key who) const = 0;
  /// Asks the loop of a session of another one to note in `to` how many do.
  virtual void read_queue(session_key who, std::shared_ptr<queue_reading> to) = 0;
  /// The room's loop.
  [[nodiscard]] virtual std::uint32_t loop() const = 0;
  /// Where the answers arrive that are given later; it asks for `take_answers` then. Always the
  /// same one.
  virtual std::shared_ptr<answer_inbox> inbox() = 0;
  /// A join that was put off is decided.
  virtual void join_decided(const join_request& request, join_reply reply) = 0;
  /// Nothing that this session has said waits for its answer any more.
  virtual void all_answered(session_key who) = 0;
  /// Asks for that work at that time, instead of one that it asked for before.
  virtual void work_at(room_work what, steady_time when) = 0;
  /// To the matchmaker of the room's pattern; only if the room is listed.
  virtual void tell_matchmaker(room_report report) = 0;
  /// `hook` (null: none) has thrown, and the room goes on, or was ending anyway.
  virtual void report_hook_failure(const char* hook) noexcept = 0;
  [[nodiscard]] virtual steady_time now() const = 0;
  /// Code of the application has run for a while: `now` is read again.
  virtual void time_has_passed() noexcept = 0;
  [[nodiscard]] virtual wall_time wall_now() const = 0;
};

/// The entries that were handed on to a room and that it has not handled yet, in order. The cell is
/// outside the room so that it outlives a crash: the shard then hands its entries on to the
/// successor. Thread: the loop of the shard and the room.
struct room_cell {
  std::deque<room_entry> entries;
  std::uint64_t handed_on = 0;                      ///< entries in total, by the shard
  std::uint64_t handled = 0;                        ///< by the room
  bool handling = false;                            ///< the first of `entries` is being handled
  std::shared_ptr<const protocol::metadata> wanted; ///< by whom it is made for; null: nobody
};

/// Decides who is in a room, in which order messages come, and who gets them. Knows no socket, and
/// reaches actors only through its `room_output`.
///
/// Invariants: `seq` rises by one with each stored broadcast; the dispatchers hear of everything in
/// the order of the room's decisions; a member is subscribed on exactly its own loop; nothing is
/// said after the end, and nothing is handled between the decision to end and the end; each
/// member's `on_leave` runs once, however the room ends. A member that catches up is told all in
/// the order of the room, too, but later, and passing broadcasts not at all. Thread: the room's
/// loop. An exception that leaves it is the behaviour's and ends the room.
class room_core final : private room_context {
public:
  struct config {
    room_identity_ptr identity;
    std::string epoch;
    room_limits limits;
    bool announce = true;
    bool list_members = false;
    std::size_t gather_beyond = 500;
    bool keep_when_empty = false;
    std::chrono::milliseconds resume_window{0}; ///< how long sessions are kept
    std::chrono::milliseconds keep_seat{0};     ///< 0: members whose connection is lost leave
    protocol::delivery delivery = protocol::delivery::reliable; ///< of what names none
    bool command_ids = false;                                   ///< of application messages
    bool is_listed = false;                             ///< its matchmaker is told how it stands
    std::shared_ptr<const protocol::metadata> metadata; ///< to begin with; null: none
    hash_key key;                                       ///< the node's
    protocol::memory_meter* meter = nullptr;
    /// The loop's; null: nobody keeps the history within its age and the memory budget.
    history_shelf* histories = nullptr;
    loop_counts* counts = nullptr;
    protocol::event_counters* counters = nullptr;
    tick_options tick{};
  };

  room_core(config c, std::unique_ptr<room_behavior> behavior, room_output& output);
  ~room_core() override;

  void create();
  /// `room_closed` while `ending()`: the request was not handled.
  [[nodiscard]] join_reply join(const join_request& request);
  void leave(const leave_request& request);
  void renew(const claims_renewed& message);
  void input(const room_input& in);
  void list(const presence_request& asked);
  /// Tells what has changed among the users and was not told at once.
  void tell_changes();
  /// Gives up the seats of members that have not come back in time.
  void end_seats();
  void recall(const history_request& asked);
  /// Sends the next slice to a member that catches up; does nothing for others.
  void continue_replay(session_key who);
  void outside(const outside_event& event);
  void outside(const outside_request& asked);
  void outside(const outside_task& task);
  /// Tells the handlers of requests that nobody has answered.
  void end_requests();
  /// Carries out the answers that were given later, and ends those that have not come in time.
  void take_answers();
  /// Whether a message of that session waits for its answer.
  [[nodiscard]] bool owes_answer(session_key who) const noexcept {
    return !answers_.is_empty() && answers_.has_message_of(who);
  }
  /// Of a room that has ended: takes a join out that was put off, the last one first; null if there
  /// is none.
  [[nodiscard]] std::unique_ptr<join_request> take_put_off() noexcept {
    return answers_.take_last_join();
  }
  /// The same for the one over which it has crashed; that has perhaps let the client in.
  [[nodiscard]] std::unique_ptr<join_request> take_half_decided() noexcept {
    return std::move(half_decided_);
  }
  /// Looks whether the room's output waits, and tells the behaviour if that has changed.
  void tell_pressure();
  /// Runs the timers that are due.
  void run_timers();
  /// Lets the room tick, from tick 1 after `start` on. Precondition: `config::tick` has a rate.
  void start_ticks(steady_time start);
  /// Runs the tick that is due, if one is. Precondition: `start_ticks`, as for `next_tick`.
  void tick();
  [[nodiscard]] steady_time next_tick() const noexcept;
  /// Hands over what waits of that member, if it is one, without a tick.
  void finish_inputs(session_key who);
  /// Runs code of the behaviour as a hook; `name` says what it is. Does nothing while `ending()`.
  /// Returns whether it has run and returned.
  bool run_as_hook(const char* name, const std::function<void()>& f);
  /// What a hook may do, while one runs.
  [[nodiscard]] room_context& context() noexcept { return *this; }
  /// Holds a seat: `ok`, `forbidden` (it is locked, or not as it is wanted), `room_full`.
  [[nodiscard]] protocol::errc hold(const hold_request& asked);
  [[nodiscard]] bool holds_seat_of(std::string_view user) const noexcept {
    return reservations_.holds(user);
  }
  void release(const release_request& request);
  /// How it stands, for its matchmaker, who then needs to be told nothing else.
  [[nodiscard]] room_report report();
  /// Ends the held seats that nobody has taken in time, and tells the matchmaker what is new.
  void keep_listing();
  void observe(const observe_request& request);
  void unobserve(const caf::actor& who);

  /// Ends the room: tells everybody, then the behaviour.
  void close(room_end reason);
  /// Ends the room after a hook has thrown. The shard tells the members; of the behaviour's hooks
  /// only `on_leave` runs, for each member.
  void crash() noexcept;
  /// Tells the server-side members that the room has ended. May throw for lack of memory: the next
  /// call goes on from there.
  void tell_observers_end();
  /// Whether the room is to end: it handles nothing any more.
  [[nodiscard]] bool ending() const noexcept { return ending_; }

  /// The hook that runs, or has thrown; null: none.
  [[nodiscard]] const char* hook() const noexcept { return hook_; }

  [[nodiscard]] std::uint64_t seq() const noexcept { return seq_; }
  [[nodiscard]] const history& stored() const noexcept { return history_; }

private:
  /// A member and the actor of its connection.
  struct resident : indexed_member {
    resident(member m, const join_request& request, member_place p, std::uint64_t n)
      : indexed_member(std::move(m)),
        connection(request.from),
        client(request.client),
        place(p),
        number(n) {}
    caf::strong_actor_ptr connection;
    client_id client;
    member_place place;
    std::uint64_t number;                   ///< in the order of joining
    std::uint64_t complete_from = 0;        ///< position behind which its client misses nothing
    std::unique_ptr<replay> catching_up;    ///< null: it is level with the room
    std::unique_ptr<accepted_ids> accepted; ///< null: it has given none
    bool is_cut = false;                    ///< too much waits for it, and its end is on its way
  };

  /// A broadcast that the history keeps.
  struct stored_event {
    std::uint64_t seq;
    protocol::shared_bytes event; ///< see `history::entry`; empty if no history is kept
    client_id excluded;
    std::span<const client_id> several{}; ///< those excluded instead, if they are several
  };

  /// Whom a broadcast of the behaviour's is not for.
  struct exclusion {
    session_key one{};                                        ///< or nobody
    std::shared_ptr<const std::vector<session_key>> others{}; ///< null: none
  };

  /// Whose command is refused, and how it is named.
  struct refused_command {
    session_key who;
    protocol::encoding encoding;
    std::string_view type;
    open_ref* ref; ///< null if it had none
  };

  struct observer {
    caf::actor who;
    behind_policy policy;
    std::shared_ptr<credit_account> account;
    std::uint64_t dropped = 0;
  };

  /// Who pays for what is said.
  enum class payer : std::uint8_t {
    room,   ///< its own account; far beyond its bound the room ends
    client, ///< the credit of the command being handled
    /// The room's account, without its bound: the node joins clients to the room as they connect,
    /// and many may connect at once.
    arrival,
    /// For what lost connections cause: many may be lost at once, and no command asked for it.
    nobody,
  };

  /// How large a command has become so far for a member that receives all of it.
  struct growth {
    bool is_counted = false;
    std::size_t command_bytes = 0;
    std::size_t to_all_bytes = 0; ///< largest frame of each broadcast, summed
    std::size_t to_one_bytes = 0; ///< largest frame for one member alone
    std::size_t charged_bytes = 0;
  };

  struct command_scope;
  [[nodiscard]] static payer payer_of(const credit& token) noexcept;

  // -- room_context -------------------------------------------------------------------------------
  void broadcast(const broadcast_event& event) override;
  void broadcast_except(session_key who, const broadcast_event& event) override;
  void broadcast_except(std::span<const session_key> who, const broadcast_event& event) override;
  void send_to(session_key who, const broadcast_event& event) override;
  void broadcast_binary(const binary_event& event) override;
  void broadcast_binary_except(std::span<const session_key> who,
                               const binary_event& event) override;
  void send_binary_to(session_key who, std::string_view bytes) override;
  void broadcast(const broadcast_event& event, protocol::object_fill fill) override;
  void broadcast_except(session_key who, const broadcast_event& event,
                        protocol::object_fill fill) override;
  void send_to(session_key who, const broadcast_event& event, protocol::object_fill fill) override;
  void ask(session_key who, const std::vector<protocol::field>& data,
           std::chrono::milliseconds limit, request_handler then) override;
  void ask(session_key who, protocol::object_fill fill, std::chrono::milliseconds limit,
           request_handler then) override;
  void kick(session_key who, std::string_view message) override;
  void end() override;
  void refuse(protocol::errc code, std::string_view detail) override;
  reply_promise reply_later() override;
  std::string_view name() const override;
  const member* find(session_key key) const override;
  const member* find_user(std::string_view user_id) const override;
  void for_each_session_of(std::string_view user_id,
                           const std::function<void(const member&)>& f) const override;
  std::size_t queued_bytes(session_key who) const override;
  std::size_t member_count() const override;
  void for_each_member(const std::function<void(const member&)>& f) const override;
  room_timer every(std::chrono::nanoseconds period, timer_handler then) override;
  room_timer after(std::chrono::nanoseconds delay, timer_handler then) override;
  bool cancel(room_timer which) override;
  steady_time steady_now() const override;
  wall_time now() const override;
  double pressure() const override;
  void set_metadata(protocol::metadata all) override;
  const protocol::metadata& metadata() const override;
  void set_locked(bool locked) override;
  bool is_locked() const override;

  // -- parts --------------------------------------------------------------------------------------
  void carry_out(posted_function& posted, const credit& token);
  void carry_out(const event_for_user& said, const credit& token);
  void carry_out(const kick_of_user& kicked, const credit& token);
  template <class F>
  bool run_hook(const char* name, const member* about, F&& f);
  [[nodiscard]] bool goes_on(const member* about);
  join_reply admit(member candidate, const join_request& request, const join_decision& decision);
  [[nodiscard]] join_reply examine(member& candidate, const join_request& request) const;
  join_reply conclude(member candidate, const join_request& request, join_decision decision);
  [[nodiscard]] protocol::errc reason_against(const hold_request& asked) const;
  [[nodiscard]] bool has_seat_for(std::string_view user) const noexcept;
  /// A user that has come does not need the seat that was held for it.
  void take_held_seat(std::string_view user) {
    if (reservations_.take(user))
      listing_changed();
  }
  /// Its matchmaker, if it has one, is told of it, but not of each change by itself.
  void listing_changed() {
    if (config_.is_listed && !ending_ && !listing_due_)
      tell_matchmaker_later();
  }
  void tell_matchmaker_later();
  void plan_listing();
  join_reply put_off(const join_request& request, const join_promise& promise);
  void decide(unanswered what);
  void answer(const unanswered& what);
  void acknowledge(const unanswered_message& m);
  void refuse_message(const unanswered_message& m, protocol::errc why, std::string_view detail);
  void end_messages_of(session_key who, bool tells);
  void plan_answers();
  [[nodiscard]] steady_time deadline_of_answers() const;
  static void take_profile(member& candidate, const member& former);
  [[nodiscard]] session_key former_of(const join_request& request) const;
  [[nodiscard]] bool keeps_seats() const noexcept { return config_.keep_seat.count() > 0; }
  void set_away(resident& m);
  const member& take_place(session_key before);
  void announce_away(const member& m, bool was_away);
  void tell_seats() const;
  void say_left(const member& gone, leave_reason reason);
  void remove(session_key who, leave_reason reason, const protocol::shared_bytes& farewell,
              open_ref* ref = nullptr);
  const member& take_out(session_key who, leave_reason reason,
                         const protocol::shared_bytes& farewell, open_ref* ref = nullptr);
  [[nodiscard]] protocol::shared_bytes farewell_to_kicked(session_key who,
                                                          std::string_view message) const;
  /// Whether the command being handled is still to be carried out: its hook has neither refused it,
  /// nor kicked its sender, whose connection answers in that case, nor left the answer to others.
  [[nodiscard]] bool is_current() const noexcept {
    return current_ && !sender_left_ && !replies_later_;
  }
  bool tell(const room_input& in, resident& from);
  void relay_input(const room_input& in, resident& from);
  std::optional<std::uint64_t> next_seq(const room_input& in) noexcept;
  void relay(const room_input& in, const resident& from);
  void relay_binary(const room_input& in, const resident& from);
  template <class Make>
  void relay(const room_input& in, const resident& from, Make&& make);
  void take_profile(const room_input& in, resident& from);
  template <class Encode>
  void ask_with(Encode&& encode, session_key who, std::chrono::milliseconds limit,
                request_handler&& then);
  [[nodiscard]] protocol::errc reason_against_asking(const resident* m) const noexcept;
  [[nodiscard]] session_key session_to_ask(std::string_view user_id) const;
  void send_request(const resident& m, const open_request& asked);
  void ask_again(session_key former, const resident& now);
  void plan_requests();
  void take_reply(const room_input& in);
  room_timer start_timer(std::chrono::nanoseconds delay, std::chrono::nanoseconds period,
                         timer_handler&& then);
  void plan_timers();
  void run_tick(const tick_clock::tick& due, steady_time began);
  [[nodiscard]] bool waits_for_tick(const room_input& in);
  void hand_over(std::vector<room_input> waiting);
  [[nodiscard]] protocol::errc finish_former(const join_request& request);
  void tell_end_of(open_request& asked);
  void dismiss_requests(bool crashed);
  void answer(const room_input& in);
  void answer_again(const room_input& in, std::uint64_t seq);
  void note_accepted(resident& from, std::uint64_t id);
  [[nodiscard]] bool is_passing(const room_input& in) const noexcept;
  [[nodiscard]] if_behind fate_of(const room_input& in, const resident& from) const noexcept;
  [[nodiscard]] std::uint64_t known_id(const room_input& in) const noexcept;
  [[nodiscard]] bool is_repeat(const room_input& in, std::uint64_t id, const resident& from);
  void keep_ids(resident& gone) noexcept;
  [[nodiscard]] std::unique_ptr<accepted_ids> ids_of(session_key former, client_id client);
  void refuse_input(const room_input& in, protocol::errc code, std::string_view detail) {
    refuse_command({in.who, in.encoding, in.type, in.ref.get()}, code, detail);
  }
  void refuse_command(const refused_command& c, protocol::errc code, std::string_view detail);
  [[nodiscard]] protocol::joined_event joined_event_for(std::string_view user_id,
                                                        std::optional<bool> recovered) const;
  protocol::shared_bytes joined_frame_for(const join_request& request,
                                          std::optional<bool> recovered);
  [[nodiscard]] bool recovers(const replay_start& since) const noexcept;
  std::shared_ptr<const room_return> subscribe_member(resident& m, const join_request& request);
  std::shared_ptr<const room_return> hold_member(resident& m, replay_start from);
  void begin_replay(resident& m, const replay_start& from);
  void send_slice(resident& m, subscribe message, std::size_t most_bytes);
  void end_replay(resident& m) noexcept;
  void send_line(resident& m);
  void send_lines(bool crashed);
  void wait_in_line(resident& m, protocol::shared_bytes frame, output_kind kind, credit source);
  void wait_in_lines(const frame_set& frames, session_key except);
  [[nodiscard]] std::uint64_t position_of(const resident& m) const noexcept {
    return m.catching_up ? m.catching_up->seq() : seq_;
  }
  bool list_users(protocol::presence_page& page, std::string_view after, std::int64_t most) const;
  using sight = presence_changes::sight;
  [[nodiscard]] bool gathers() const noexcept;
  void gather(const member& m, sight before, sight now, leave_reason reason, bool is_seen = false);
  void charge_gathered(const member& m);
  protocol::shared_bytes changes_frame(protocol::encoding to,
                                       presence_changes::changes::const_iterator& next) const;
  void announce_join(const member& m);
  void announce_leave(const member& m, leave_reason reason);
  void announce_profile(std::uint64_t before, const member& m, session_key brought_by);
  [[nodiscard]] std::uint64_t mark_of_profile(const member& m) const;
  [[nodiscard]] static std::uint64_t sight_of(std::uint64_t mark, bool away) noexcept;
  [[nodiscard]] std::string_view type_at_hand() const noexcept;
  void check(const broadcast_event& event) const;
  /// `more`: fields behind those of the event.
  void say(const broadcast_event& event, const exclusion& except,
           const protocol::encoded_by_codec& more = {});
  void say(const binary_event& event, const exclusion& except);
  void send_frame_to(const resident& m, protocol::shared_bytes frame);
  template <class Make>
  void say_by(Make&& make, const broadcast_event& how, const exclusion& except);
  [[nodiscard]] exclusion exclusion_of(std::span<const session_key> who) const;
  [[nodiscard]] std::vector<client_id> clients_of(const exclusion& except) const;
  void fill_in(const broadcast_event& event, protocol::object_fill fill,
               protocol::value_encoder& to) const;
  void say_to(session_key who, const broadcast_event& event,
              const protocol::encoded_by_codec& more = {});
  protocol::shared_bytes application_frame_for(protocol::encoding e, const broadcast_event& event,
                                               const protocol::encoded_by_codec& more,
                                               std::optional<std::uint64_t> seq,
                                               protocol::memory_meter* meter) const;
  template <class Make>
  [[nodiscard]] frame_set frames_by(Make&& make) const;
  template <class Make>
  [[nodiscard]] frame_set stored_frames_by(Make&& make, protocol::shared_bytes& event) const;
  void put(protocol::shared_bytes frame, protocol::encoding plain, frame_set& frames) const;
  [[nodiscard]] std::size_t cause_bytes() const noexcept;
  void charge_growth(std::size_t to_all, std::size_t to_one) noexcept;
  /// How a broadcast that is not stored is meant.
  enum class passing : std::uint8_t {
    no, ///< members that catch up get it in its place
    yes ///< they do not get it
  };
  void send_frames(frame_set frames, session_key except, std::optional<stored_event> stored,
                   passing how = passing::no, if_behind for_behind = if_behind::queue,
                   std::shared_ptr<const std::vector<session_key>> except_also = {});
  [[nodiscard]] if_behind value_name(client_id sender, std::uint64_t key) const noexcept;
  [[nodiscard]] if_behind fate_of(const broadcast_event& event) const noexcept;
  void store(stored_event what);
  void tell_observers(const frame_set& frames);
  void send_event(observer& o, room_event event);
  [[nodiscard]] credit charge(std::size_t bytes);
  [[nodiscard]] bool in_use(protocol::encoding e) const;
  [[nodiscard]] bool is_spoken(protocol::encoding plain) const;
  /// Position of the latest broadcast that the history does not keep (any more).
  [[nodiscard]] std::uint64_t dropped_through() const noexcept {
    return seq_ - history_.entries().size();
  }
  [[nodiscard]] resident* find_at(member_place place, session_key who) const noexcept;
  resident& seat(member&& candidate, const join_request& request);
  user_index::removal unseat(resident& gone) noexcept;
  void count_member(const member& m, int change);
  void check_empty();
  void dismiss_members(bool crashed);
  void to_member(session_key who, protocol::shared_bytes frame, bool only_member = false);
  std::string_view timestamp();

  config config_;
  room_output& output_;
  std::unordered_map<session_key, resident> members_;
  std::vector<resident*> catching_up_;    ///< in `members_`
  std::vector<resident*> places_;         ///< in `members_`; null: nobody's
  std::vector<member_place> free_places_; ///< with room for all
  std::uint64_t joined_ = 0;              ///< members so far
  user_index users_;                      ///< of `members_`
  presence_changes changes_;              ///< of `users_`, not told yet
  departed_ids departed_ids_;
  seats seats_;
  reservations reservations_;
  std::shared_ptr<const protocol::metadata> metadata_; ///< null: none
  bool locked_ = false;
  std::optional<steady_time> listing_due_; ///< when its matchmaker is told how it stands
  open_requests requests_;
  late_answers answers_;
  std::unique_ptr<join_request> half_decided_; ///< a join that was put off; null: none is decided
  pressure_watch watch_;
  mutable queue_readings queues_;
  bool changes_are_due_ = false; ///< `tell_changes` is asked for
  /// Kept until the hook that may still use them has returned.
  std::vector<decltype(members_)::node_type> departed_;
  std::array<std::size_t, protocol::encoding_count> encodings_{};
  std::vector<std::size_t> members_by_loop_;
  std::vector<std::uint32_t> loops_; ///< those with members
  std::vector<observer> observers_;
  std::uint64_t seq_ = 0;
  history history_;
  std::shared_ptr<credit_account> own_;
  payer payer_ = payer::room;
  credit current_token_;                ///< of the command being handled
  session_key commander_;               ///< whose command that is, or nobody
  const room_input* current_ = nullptr; ///< the input being handled, until it is refused
  bool sender_left_ = false;            ///< while its input is handled
  bool replies_later_ = false;          ///< likewise: the answer comes later
  growth growth_;              ///< of that input, even if refused; of a join's announcement
  const char* hook_ = nullptr; ///< stays set if the hook throws
  /// A client is being admitted: the room does not count as empty, whoever is kicked.
  bool entering_ = false;
  bool ending_ = false; ///< its end is requested
  bool ended_ = false;  ///< nothing is said any more
  wall_time timestamp_at_{};
  std::string timestamp_;
  /// Null: it has had no timer; it does not tick.
  std::unique_ptr<room_timers> timers_;
  std::unique_ptr<room_ticks> ticks_;
  std::unique_ptr<room_behavior> behavior_; ///< last, so that it is destroyed first
};

} // namespace troupe::actors
