// How a session ends, without a socket.

#include <utility>

#include "session_rig.hpp"
#include "websocket/session_ending.hpp"

#include <catch2/catch.hpp>

#include <optional>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using protocol::errc;
using transport::session_ending;
using phase = session_ending::phase;

namespace {

/// The ending and the writer of a session, and what they tell their owner.
struct ended final : manual_loop, transport::session_writer::owner, session_ending::owner {
  ended()
    : writer(channel_of(*this), {}, nullptr, traffic, *this), ending(writer, deadlines, *this) {
    writer.next_layer().set_owner(*this);
    ending.open();
  }

  std::shared_ptr<void> hold() override { return {}; }
  void on_input() override {}
  void on_room() override { writer.on_room(); }
  void on_blocked() override { ending.await_write(); }
  void on_last_sent() override {}
  void on_broken() override { ending.end_soon(); }
  void on_over_bound() override {}
  [[nodiscard]] std::optional<actors::steady_time> part_since() const override { return part; }
  void on_time() noexcept override { ending.check(); }
  void on_late(errc why) override { told += std::string{to_string(why)} + ' '; }
  void end() noexcept override {
    if (ending.end())
      told += "end ";
    writer.next_layer().close();
  }

  void write(const shared_bytes& frame) {
    actors::byte_range all{0, static_cast<std::uint32_t>(frame.size())};
    writer.write(frame, {&all, 1}, 1);
  }

  std::string told;
  std::optional<actors::steady_time> part;
  const transport::session_deadlines deadlines{1s, 2s, 3s};
  transport::session_writer writer;
  session_ending ending;
};

} // namespace

TEST_CASE("a session that closes ends at its deadline, and its first reason stays") {
  ended e;
  e.ending.begin(errc::slow_consumer);
  e.ending.begin(errc::internal);
  CHECK(e.ending.is(phase::closing));

  e.pass(2900ms);
  auto before = e.told;
  e.pass(200ms);

  CHECK(before.empty());
  CHECK(e.told == "end ");
  CHECK(e.ending.is(phase::ended));
  CHECK(e.ending.error() == "slow_consumer");
  CHECK(std::string_view{e.ending.label().data()} == "1013 slow_consumer");
}

TEST_CASE("it ends once, and its deadlines with it") {
  ended e;
  e.ending.begin(errc::internal);

  CHECK(e.ending.end());
  CHECK_FALSE(e.ending.end());
  e.pass(10s);
  CHECK(e.told.empty());
}

TEST_CASE("who has ended it is told: the peer, the application, the server, which may be ordered") {
  ended peer, application, server;
  application.ending.note_application();
  server.ending.note(errc::shutdown);

  CHECK(std::string_view{peer.ending.label().data()} == "none peer");
  CHECK(std::string_view{application.ending.label().data()} == "none application");
  CHECK(std::string_view{server.ending.label().data()} == "1001 shutdown");
  CHECK(peer.ending.error().empty());
  CHECK(server.ending.error().empty());
}

TEST_CASE("a peer that reads nothing of what waits is late, one that reads a little is not") {
  ended e;
  e.pipe.set_window(0);
  e.write(text_frame("hello"));
  for (int i = 0; i < 3; ++i) {
    e.pass(1900ms);
    e.pipe.set_window(1);
  }
  auto while_it_reads = e.told;
  e.pass(2100ms);

  CHECK(while_it_reads.empty());
  CHECK(e.told == "write_timeout ");
}

// Pins §16.9.
TEST_CASE("a peer that takes what the kernel holds is not late, though there is no room yet") {
  ended slow, stalled;
  for (auto* e : {&slow, &stalled}) {
    e->pipe.set_window(0);
    e->pipe.set_undelivered(1000);
    e->write(text_frame("hello"));
  }
  for (std::size_t left = 900; left > 0; left -= 100) {
    slow.pipe.set_undelivered(left);
    slow.pass(1s);
  }
  stalled.pass(2500ms);
  auto while_it_takes = slow.told;
  slow.pass(3s);

  CHECK(while_it_takes.empty());
  CHECK(slow.told == "write_timeout ");
  CHECK(stalled.told == "write_timeout ");
}

TEST_CASE("a peer that does not send the rest of a message is late, unless it is closing") {
  ended open, closing;
  for (auto* e : {&open, &closing}) {
    e->part = e->loop.now();
    e->ending.await_rest_of_message(*e->part);
  }
  closing.ending.begin(errc::internal);
  open.pass(1100ms);
  closing.pass(1100ms);

  CHECK(open.told == "assembly_timeout ");
  CHECK(closing.told.empty());
}

TEST_CASE("the deadline of a message that is whole by then is none") {
  ended e;
  e.part = e.loop.now();
  e.ending.await_rest_of_message(*e.part);
  e.pass(900ms);
  e.part.reset();
  e.pass(10s);

  CHECK(e.told.empty());
}

TEST_CASE("a session that lingers shuts its output, and ends at the deadline of its close") {
  ended e;
  e.ending.begin(errc::too_big);
  e.pass(1s);
  e.ending.linger();
  CHECK(e.pipe.is_output_shut());
  CHECK(e.ending.is(phase::lingering));

  e.pass(1900ms);
  auto before = e.told;
  e.pass(200ms);

  CHECK(before.empty());
  CHECK(e.told == "end ");
}

// Pins §10.19.
TEST_CASE("a session that is muted ends at the deadline of a close, whatever begins meanwhile") {
  ended e;
  e.ending.mute();
  CHECK(e.ending.is(phase::open));
  e.pass(2s);
  e.ending.mute();
  e.ending.begin(errc::ok);

  e.pass(900ms);
  auto before = e.told;
  e.pass(200ms);

  CHECK(before.empty());
  CHECK(e.told == "end ");
}

TEST_CASE("a session that is to end soon ends from the loop") {
  ended e;
  e.ending.end_soon();
  auto at_once = e.told;
  e.turns();

  CHECK(at_once.empty());
  CHECK(e.told == "end ");
}
