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
/// Each call handles all that follows from it before it returns; `together` puts several actions
/// into one such moment. Application actors that the test spawns in `system()` run then, too, in
/// the order of their messages; CAF's time-outs follow `advance`. What does not come as expected
/// throws `stage_error`, for any test framework. Thread: the test's.
class stage {
public:
  /// A client: what it is sent waits until it is expected. It answers pings and close frames.
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
    /// The code of the server's close frame, behind which nothing may wait; 1006: it has cut the
    /// socket without one. Throws `stage_error` if it has not ended, or messages wait.
    std::uint16_t expect_end();
    /// Takes all messages that wait.
    std::vector<heard_message> take_all();

    /// Loses the socket, without a close frame.
    client& drop();
    /// Takes at most `bytes` more of what it is sent, until `read_on`.
    client& stall(std::size_t bytes = 0);
    client& read_on();

    [[nodiscard]] bool has_ended() const noexcept { return session_.ended(); }
    [[nodiscard]] const std::string& user() const noexcept { return user_; }
    /// For what is rarer: windows, credits, queued bytes.
    [[nodiscard]] memory_session& session() noexcept { return session_; }

  private:
    friend class stage;
    client(stage& s, unsigned loop, actors::connection_info info, actors::outbox::bounds bounds);
    bool take_frames();
    [[noreturn]] void fail(const std::string& expected) const;

    stage& stage_;
    std::string user_;
    protocol::codec codec_;
    memory_session session_;
    std::deque<heard_message> heard_;
    std::uint16_t close_code_ = 1006;
  };

  /// `options.clock` is the stage's own, whatever it says. `seed`: the order in which what happens
  /// `together` is handled. Throws as `actors::node` does.
  explicit stage(actors::node_options options = {}, std::uint64_t seed = 1);
  ~stage();
  stage(const stage&) = delete;
  stage& operator=(const stage&) = delete;

  /// For `rooms`, before the first `connect`, and all else that a node has.
  [[nodiscard]] actors::node& node() noexcept;
  [[nodiscard]] caf::actor_system& system() noexcept;
  [[nodiscard]] manual_clock& clock() noexcept;

  /// Connects a client on the loops by turns; it lives as long as the stage, and has its `welcome`
  /// behind it.
  client& connect(std::string user, protocol::encoding encoding = protocol::encoding::v1_json);
  /// The same with all that a transport says of a connection, on the loop of that index, and with
  /// what has to fit into its output. A `welcome` waits.
  client& connect(actors::connection_info info, unsigned loop = 0,
                  actors::outbox::bounds bounds = {});

  /// Moves time, in steps of the loops' timers (10 ms), and handles what is due at each.
  void advance(std::chrono::milliseconds by);
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
  bool take_frames();

  int pauses_ = 0;
  std::unique_ptr<state> state_;
};

} // namespace troupe::testing
