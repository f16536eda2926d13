#pragma once

#include <troupe/testing/manual_clock.hpp>
#include <troupe/testing/manual_loops.hpp>
#include <troupe/testing/memory_session.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::testing {

/// An expectation that was not met: `what()` says whose, and what came instead.
class stage_error : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// A message that a client of a stage has received.
class heard_message {
public:
  heard_message(protocol::codec source, std::string bytes)
    : source_(source), bytes_(std::move(bytes)) {}

  /// Whole, in the client's codec: a JSON text, or MessagePack.
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::string type() const { return text("type"); }
  /// The string of a field; a number or another value as JSON; empty if there is none.
  [[nodiscard]] std::string text(std::string_view field) const;
  /// The number of a field. Throws `stage_error` if there is none.
  [[nodiscard]] double number(std::string_view field) const;
  /// Whole, as JSON; if it is none (of an endpoint), as it is.
  [[nodiscard]] std::string json() const;

private:
  protocol::codec source_;
  std::string bytes_;
};

/// A node for tests: no sockets, no threads, and a time that only the test moves.
///
///     troupe::testing::stage stage;
///     auto& ann = stage.connect("ann");
///     ann.say(R"({"type":"join","roomId":"hall"})").expect("joined");
///
/// Each call of it and of its clients handles all that follows before it returns; so do `expect`
/// and its kin with what has been done elsewhere, by a room's handle for instance. `together` puts
/// several actions into one such moment. Application actors that the test spawns in `system()` run
/// then, too, in an order that is the same in each run; their time-outs follow `advance`, to 10 ms.
///
/// What does not come as expected throws `stage_error`, for any test framework, and so does a
/// moment without end (actors that answer each other for ever). At its end the stage drops its
/// clients and stops the node, which runs hooks and observers once more: declare what they use
/// before it. The actor system ends with the stage: release the handles of your own actors before.
/// Thread: the test's; not within hooks.
class stage {
public:
  /// A client: what it is sent waits until it is expected. It answers pings and close frames. Once
  /// it has ended, what it says is lost.
  class client {
  public:
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    /// Sends a text message; for a client of MessagePack the same JSON in its codec, and throws
    /// `std::invalid_argument` for what is none.
    client& say(std::string_view json);
    /// Sends a message as it is.
    client& say_raw(std::string bytes, bool binary);
    /// Sends `join`, and `message` with a text.
    client& join(std::string_view room);
    client& publish(std::string_view room, std::string_view text);

    /// Takes the next message. It has to be of that type, else throws `stage_error`.
    heard_message expect(std::string_view type);
    /// Throws `stage_error` if a message waits.
    client& expect_nothing();
    /// The code of the server's close frame, or 1006 if the connection has ended without one: the
    /// server has cut the socket, or the client was dropped. Throws `stage_error` if it has not
    /// ended, or if messages still wait to be expected.
    std::uint16_t expect_end();
    /// Takes all messages that wait.
    std::vector<heard_message> take_all();

    /// Loses the socket, without a close frame; what the server has not read is lost, too.
    client& drop();
    /// Ends with a close frame of its own.
    client& close(std::uint16_t code = 1000, std::string reason = {});
    /// Takes at most `bytes` more of what it is sent, until `read_on`. The server cuts it once more
    /// waits for it than the `bounds` allow that were given to `connect`. An empty queue takes
    /// whatever one turn has for the client, however much that is.
    client& stall(std::size_t bytes = 0);
    client& read_on();

    [[nodiscard]] bool has_ended() const noexcept { return session_.ended(); }
    /// The id that it was connected with, or that its `welcome` has told it.
    [[nodiscard]] const std::string& user() const noexcept { return user_; }
    /// For what is rarer: windows, credits, queued bytes.
    [[nodiscard]] memory_session& session() noexcept { return session_; }

  private:
    friend class stage;
    client(stage& s, unsigned loop, actors::connection_info info, actors::outbox::bounds bounds);
    bool take_frames();
    void hear(heard_message m);
    [[noreturn]] void fail(const std::string& expected) const;

    stage& stage_;
    std::string user_;
    protocol::codec codec_;
    memory_session session_;
    std::deque<heard_message> heard_;
    std::uint16_t close_code_ = 1006;
  };

  /// `options.clock` is the stage's own, whatever it says; without a `hash_seed` it is the seed.
  /// `seed`: the order in which what happens `together` is handled. Throws as `actors::node` does.
  explicit stage(actors::node_options options = {}, std::uint64_t seed = 1);
  ~stage();
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  /// For `rooms` and `make_endpoint`, before the first `connect`, and all else that a node has, but
  /// `start` and `stop`.
  [[nodiscard]] actors::node& node() noexcept;
  [[nodiscard]] caf::actor_system& system() noexcept;
  /// For `set_wall_by`; `advance` moves it.
  [[nodiscard]] manual_clock& clock() noexcept;

  /// Connects a client, on the loops by turns, and takes its `welcome`; a plain client gets none.
  /// The client lives as long as the stage. Throws `std::invalid_argument` for a deflated encoding,
  /// `std::logic_error` within `together`.
  client& connect(std::string user, protocol::encoding encoding = protocol::encoding::v1_json);
  /// The same with all that a transport says of a connection, on the loop of that index, and with
  /// the bounds of its output. Its `welcome` still has to be expected. Throws
  /// `std::invalid_argument` for a loop that there is not.
  client& connect(actors::connection_info info, unsigned loop = 0,
                  actors::outbox::bounds bounds = {});

  /// Handles what there is to do, then moves time, and handles what is due on the way: what rooms
  /// do at an exact time (timers, ticks) at that time, in the order of the times; all else in steps
  /// of the loops' timers (10 ms). Throws `std::invalid_argument` for a negative time. Within
  /// `together` this and `settle` throw `std::logic_error`, like all that expects.
  void advance(std::chrono::nanoseconds by);
  /// Handles all that there is to do.
  void settle();

  /// Runs `actions`; what the clients do in them is handled afterwards, in short turns of the loops
  /// in an order drawn from the seed.
  template <class F>
  void together(F&& actions) {
    {
      pause p{*this};
      actions();
    }
    if (pauses_ == 0)
      interleave();
  }

private:
  struct state;
  struct pause {
    explicit pause(stage& s) : owner(s) { ++owner.pauses_; }
    pause(const pause&) = delete;
    pause& operator=(const pause&) = delete;
    ~pause() { --owner.pauses_; }
    stage& owner;
  };

  void interleave();
  void move_to(actors::steady_time end);
  void settle_unless_paused();
  bool take_frames();

  int pauses_ = 0;
  std::unique_ptr<state> state_;
};

} // namespace troupe::testing
