#pragma once

#include <troupe/actors/bot.hpp>
#include <troupe/actors/claims.hpp>
#include <troupe/actors/credit.hpp>
#include <troupe/actors/drain_kind.hpp>
#include <troupe/actors/endpoint.hpp>
#include <troupe/actors/event_loop.hpp>
#include <troupe/actors/find_room.hpp>
#include <troupe/actors/matchmaking.hpp>
#include <troupe/actors/node_stats.hpp>
#include <troupe/actors/options.hpp>
#include <troupe/actors/room_behavior.hpp>
#include <troupe/actors/room_handle.hpp>
#include <troupe/actors/room_event.hpp>
#include <troupe/actors/sink.hpp>
#include <troupe/actors/user_handle.hpp>
#include <troupe/protocol/codec.hpp>

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::actors {

struct loop_unit;
struct node_context;
struct room_rule;

/// Who has connected.
struct connection_info {
  protocol::encoding encoding = protocol::encoding::plain_json;
  std::string user_id{}; ///< empty: a random one
  claims_ptr claims{};   ///< null: none
  /// Not null: a raw connection, without envelope.
  std::shared_ptr<endpoint_state> endpoint = nullptr;
  std::shared_ptr<const actors::handshake> request = nullptr; ///< for a raw connection's handlers
  /// Checks the token of an `auth`; null: `node_options::verify_token`.
  std::shared_ptr<const token_check> check_token = nullptr;
  /// Its first command may be `resume`: the node waits for that, a second at most, before it puts
  /// the client into the lobby. `troupe.v1` only.
  bool may_resume = false;
  /// Stands for the client's address: `session_options::max_kept_per_address`. 0: no limit.
  std::uint64_t address = 0;
  /// An actor of this process (`node::join`): it enters no lobby, its session is not kept, and what
  /// it says has no rate.
  bool is_bot = false;
};

/// A session's end of its connection actor. Thread: the loop's.
class connection_port {
public:
  connection_port() noexcept;
  connection_port(connection_port&&) noexcept;
  connection_port& operator=(connection_port&&) noexcept;
  ~connection_port();

  /// The session's key, also once it is closed.
  [[nodiscard]] session_key key() const noexcept;

  /// Hands one whole WebSocket message to the actor, with credit for its bytes. In a turn of its
  /// loop an idle actor handles it inline, so its answers may reach the sink before this returns.
  /// Does nothing once the port is closed. `deflated_bytes`: its size before it was inflated; the
  /// larger size counts in the byte rate.
  void deliver(protocol::shared_bytes message, bool binary, std::uint64_t deflated_bytes = 0);

  /// Takes credit for a message that has arrived whole and cannot be delivered yet. While the
  /// caller holds it, a node that drains waits for the message. Empty once the port is closed.
  /// Errors: `std::bad_alloc`.
  [[nodiscard]] credit expect_message();

  /// Whether the next message may be read: there is credit, and the bytes of a second are not used
  /// up. If not, `sink::resume_reading` will be called, unless the node drains.
  [[nodiscard]] bool may_read();

  /// Messages whose credit has not been returned.
  [[nodiscard]] std::int64_t held_messages() const;

  /// Whether `ponged` is to be called.
  [[nodiscard]] bool wants_pongs() const noexcept;
  /// Tells the actor that the client has sent a pong. Does nothing once the port is closed.
  void ponged(std::string payload);

  /// A close of either side has begun: the actor leaves its rooms once all that was delivered has
  /// taken effect. `error`: why the server closes, empty if the peer or the application does;
  /// `code`: of the peer's close frame, 1006 if none has come. The first call counts. Never throws:
  /// where memory is short, the actor hears of it by `closed`.
  void closing(std::string_view error, std::uint16_t code = 1006) noexcept;

  /// The socket has ended: the key becomes invalid, the actor leaves its rooms, as above,
  /// and ends. Idempotent. `code`: of the peer's close frame, 1006 if none came; `error`: why the
  /// server ended it, empty if the peer did. Never throws: where memory is short, the actor is told
  /// in a later turn, without the texts.
  void closed(std::uint16_t code = 1006, std::string reason = {}, std::string error = {}) noexcept;

private:
  friend class node;
  struct state;
  explicit connection_port(std::shared_ptr<state> s) noexcept;
  std::shared_ptr<state> state_;
};

/// One process's worth of actors: loops with a registry shard and a dispatcher each, and the rooms
/// that live on them.
///
/// Lifetime: construct, register rooms, `start` (or drive the loops by hand), open connections,
/// `drain`, `stop`. The actor system outlives the node; `compat::set_worker_threads` keeps its own
/// threads asleep. Thread: construction, `rooms`, `start` and `stop` on one thread; everything else
/// as said there.
class node {
public:
  /// Throws `std::invalid_argument` for options that cannot work, `std::logic_error` if CAF 1.x
  /// does not know Troupe's messages (`troupe::init`).
  explicit node(caf::actor_system& system, node_options options = {});
  /// Stops it. If it runs on one of its own loops, it stops the node on a separate thread and logs
  /// that.
  ~node();
  node(const node&) = delete;
  node& operator=(const node&) = delete;

  /// Gives rooms whose name matches `pattern` (a name, or a prefix and `*`) a behaviour. The first
  /// match wins; rooms without one relay. Before `start`. Throws `std::invalid_argument` for an
  /// invalid pattern, one that has a behaviour already or that an earlier one covers (`*` goes
  /// last), or an empty factory; `std::logic_error` after `start`. A room whose factory returns
  /// null crashes, and its log line says why.
  void rooms(std::string pattern, behavior_factory factory, room_options options = {});

  /// Makes an endpoint for WebSockets without envelope; `path` names it in logs and decides its
  /// loop. Before `start`, else `std::logic_error`.
  [[nodiscard]] endpoint make_endpoint(std::string path, endpoint_handlers handlers);

  /// The options it was made with; `loops` is the actual number, also if 0 was given. Thread: any.
  [[nodiscard]] const node_options& options() const noexcept;
  /// How many loops it has. Thread: any.
  [[nodiscard]] unsigned loops() const noexcept;
  /// One of its loops, which lives as long as the node. Precondition: `index` is below `loops()`.
  /// Thread: any.
  [[nodiscard]] event_loop& loop(unsigned index) noexcept;

  /// The index of the loop that rooms of that name live on. Thread: any.
  [[nodiscard]] unsigned loop_of(std::string_view room) const noexcept;

  /// Runs each loop on a thread of its own. Throws `std::logic_error` if it was started or stopped
  /// before, and if the lobby is no room (`node_options::only_registered_rooms`).
  void start();

  /// Starts without a thread for its loop: the calling thread drives that, by
  /// `loop(0).poll(max_wait)`. Throws `std::logic_error` as `start`, and `std::invalid_argument` if
  /// it has several loops.
  void start_polled();

  /// Ends all rooms, then all connections, then the rest and the loops, and joins the threads.
  /// Idempotent. Runs the loops itself if no thread does. Throws `std::logic_error` if called on
  /// one of its loops, because it would wait for itself.
  void stop();

  /// Whether the calling code runs on one of its loops.
  [[nodiscard]] bool is_current() const noexcept;

  /// Opens a connection for `output`, which must stay alive until `connection_port::closed`. Sends
  /// `welcome`; joins the lobby. Throws for want of memory, or once the node has ended its
  /// connections; then nothing is left behind. Thread: that of `home`.
  [[nodiscard]] connection_port open(event_loop& home, sink& output, connection_info info);

  /// Names a room from any thread; the room need not exist. Handles may outlive the node.
  [[nodiscard]] room_handle room(std::string_view name);

  /// Names a user from any thread; it need not be here. Handles may outlive the node.
  [[nodiscard]] user_handle user(std::string_view user_id);

  /// Finds a room of a pattern that is not locked, fits and has a free seat, the fullest first, or
  /// makes one, and holds a seat there for a user; a join of that user takes it. Until then it
  /// counts as a member, and the room lives on. A wish makes one room at most. A user has one held
  /// seat of a pattern: a further wish gets the same if that room fits it (it is held anew), else
  /// the former seat is given up. Wishes of one user are served one after the other.
  ///
  /// Answers `accepted`: `then` runs once (see `reservation_handler`). `overloaded`
  /// (`matchmaking_options::max_waiting`) and `gone` (the node ends): it does not run, and no seat
  /// is held. Throws `std::invalid_argument` with a sentence: for an empty `then` or `user_id`, a
  /// pattern that no rooms were given with or whose `room_options::reservable` is off, a `hold`
  /// that is not from 1 ms to 1 h, more than 16 terms or 4 KiB in the filter, `at_least` or
  /// `at_most` with a text or a boolean, and a filter that a room with the `metadata` would not
  /// fit. Cost: some messages, and a look at each room with a free seat. Thread: any; before
  /// `start`, that of the set-up.
  publish_result reserve(reservation_request wanted, reservation_handler then);

  /// Lists the rooms of a pattern whose names come behind `after` (empty: from the first one), in
  /// the order of their bytes, `limit` of them at most (1 to 1,000); ask again with the last name.
  /// A room that is there all the while is in one of the pages. Answers and throws as `reserve`.
  /// Cost: linear in `limit`. Thread: as `reserve`.
  publish_result list(std::string_view pattern, std::string_view after, std::size_t limit,
                      room_page_handler then);

  /// Makes a CAF actor a server-side member, which is sent `room_event`s; `refused` if the node
  /// ends or no room can have that name. Throws `std::invalid_argument` if `who` is null, as
  /// `unobserve` does. Thread: any.
  void observe(std::string_view room, caf::actor who, observer_options options = {});
  /// Ends such a membership; does nothing if there is none. Thread: any.
  void unobserve(std::string_view room, caf::actor who);

  /// Makes a CAF actor a member of a room like a client of troupe.v1: it counts in the room's
  /// capacity, in `presence`, notices and the hooks of the behaviour, and as a connection of the
  /// node. The room is made if need be; its behaviour and `claims` decide as about a client. What
  /// the actor is told comes as `room_event`s: `joined`, then frames, and at last `closed`; or
  /// `refused`, if it may not enter. It leaves by `bot::leave`, and when it ends.
  ///
  /// `user_id`: empty for the subject of `claims`. Each call is a member of its own. Throws
  /// `std::invalid_argument` for a null actor, no user id, and options that cannot work. Thread:
  /// any. Cost: two actors on the room's loop.
  bot join(std::string_view room, caf::actor who, std::string_view user_id,
           claims_ptr claims = nullptr, bot_options options = {});

  /// Who knows the rooms that speak CAF, for `find_room`; may outlive the node. Null once the node
  /// ends. Thread: any.
  [[nodiscard]] actors::rooms_actor rooms_actor() const;

  // -- draining: `stop_reading`, until `has_handled_all`, `end_rooms`, until no room is left,
  // `drain`, until no connection is, `stop` ------

  /// Stops reading from all clients. Thread: any. At most once.
  void stop_reading();
  /// Whether, since `stop_reading`, all that clients have sent has taken effect, and its output has
  /// begun to leave. Thread: any.
  [[nodiscard]] bool has_handled_all() const noexcept;
  /// Ends all rooms in order: their members are not told, their behaviours are. From here on
  /// handles return `gone`. Thread: any.
  void end_rooms();

  /// Says goodbye to all connections and closes them, in batches spread over `spread`. Thread: any.
  /// At most once.
  void drain(drain_kind kind, std::chrono::milliseconds spread);

  /// Whether live output buffers have exceeded the budget and are not yet 10 % below it: refuse new
  /// connections then. Thread: any.
  [[nodiscard]] bool overloaded() const noexcept;

  /// Counts what live output buffers hold; transports allocate theirs against it.
  [[nodiscard]] protocol::memory_meter& output_meter() noexcept;
  /// The same for what may outlive the node.
  [[nodiscard]] const std::shared_ptr<protocol::memory_meter>& shared_output_meter() noexcept;

  /// Counts the bytes of messages that have arrived only in part; transports keep it within
  /// `node_stats::inbound_budget_bytes`.
  [[nodiscard]] protocol::memory_meter& inbound_meter() noexcept;

  /// Thread: any; the numbers of other loops may be a moment old.
  [[nodiscard]] node_stats stats() const;

  /// Tells all actors to end, rooms first, and does not wait: for callers that drive the loops by
  /// hand. They run turns until no loop has pinned actors.
  void request_stop();

private:
  friend class bot_session;
  struct state;
  [[nodiscard]] static connection_port open(node_context& s, event_loop& home, sink& output,
                                            connection_info info);
  void set_up(loop_unit& unit);
  void make_matchmaker(room_rule& rule);
  void must_be_new(const char* what) const;
  void check_set_up() const;
  void must_be_startable() const;
  void begin_to_look_on();
  static void request_stop(state& self);
  static void stop(state& self);
  static void drive_until_done(state& self);

  std::unique_ptr<state> state_;
};

} // namespace troupe::actors
