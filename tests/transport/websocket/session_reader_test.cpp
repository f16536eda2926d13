// What a session reads, without a socket.

#include <utility>

#include "support/client_frames.hpp"
#include "session_rig.hpp"
#include "websocket/session_reader.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using protocol::ws_event;

namespace {

/// The reader of a session, and what it tells its owner.
struct heard final : manual_loop, transport::memory_pipe::owner, transport::session_reader::owner {
  /// `early`: bytes that were read before the session began.
  explicit heard(std::string_view early = {}) {
    account.meter = &meter;
    account.loops.push_back(std::make_unique<transport::inbound_parts>(account, loop));
    how.parts = &account;
    channel.emplace(pipe, loop, traffic.websocket);
    channel->set_owner(*this);
    reader.emplace(*channel, how, *this);
    reader->take_early(early);
  }
  ~heard() { reader.reset(); }

  std::shared_ptr<void> hold() override { return {}; }
  void on_input() override { reader->read(); }
  bool may_hear() override { return messages_left > 0; }
  void on_event(ws_event event) override {
    if (event.what == ws_event::kind::message)
      --messages_left;
    told.push_back(event.what == ws_event::kind::error ? std::string{to_string(event.why)}
                                                       : std::string{event.payload.view()});
    if (event.what == ws_event::kind::error || event.what == ws_event::kind::close)
      reader->stop();
  }
  void on_gone() override {
    told.emplace_back("gone");
    reader->stop();
  }
  void read_later() override {
    loop.post([this] { reader->read(); });
  }
  void on_part(actors::steady_time since) override { part = since; }
  actors::credit expect_message() override { return {}; }
  void on_parts_needed() override { told.emplace_back("parts needed"); }

  void say(std::string_view bytes) {
    pipe.say(bytes);
    turns();
  }

  std::vector<std::string> told;
  std::optional<actors::steady_time> part;
  int messages_left = 1000;
  protocol::memory_meter meter;
  transport::inbound_account account;
  transport::reader_settings how;
  std::optional<transport::channel> channel;
  std::optional<transport::session_reader> reader;
};

using strings = std::vector<std::string>;

} // namespace

TEST_CASE("a session hears what comes, whatever the pieces") {
  auto all =
    masked_frame(true, 1, "one") + masked_frame(true, 9, "ping") + masked_frame(true, 2, "two");
  heard at_once, by_bytes;

  at_once.say(all);
  for (char c : all)
    by_bytes.say({&c, 1});

  CHECK(at_once.told == strings{"one", "ping", "two"});
  CHECK(by_bytes.told == at_once.told);
}

TEST_CASE("what came before the session began is heard first") {
  heard h{masked_frame(true, 1, "first") + masked_frame(false, 1, "sec")};
  h.say(masked_frame(true, 0, "ond"));

  CHECK(h.told == strings{"first", "second"});
}

TEST_CASE("a session reads no further than it may hear, keeps the rest, and goes on behind it") {
  heard h;
  h.messages_left = 2;
  std::string all;
  for (int i = 0; i < 5; ++i)
    all += masked_frame(true, 1, std::to_string(i));
  h.say(all);
  h.say(masked_frame(true, 1, "5"));
  auto before = h.told;
  auto unread = h.pipe.may_have_input();

  h.messages_left = 2;
  CHECK(h.reader->resume());
  h.reader->read_next();
  h.turns();
  auto then = h.told;
  h.messages_left = 100;
  CHECK(h.reader->resume());
  h.reader->read_next();
  h.turns();

  CHECK(before == strings{"0", "1"});
  CHECK(unread);
  CHECK(then == strings{"0", "1", "2", "3"});
  CHECK(h.told == strings{"0", "1", "2", "3", "4", "5"});
  CHECK_FALSE(h.reader->resume());
}

TEST_CASE("while a session does not hear, its clocks stand still") {
  heard h;
  h.messages_left = 1;
  h.say(masked_frame(true, 1, "one") + masked_frame(false, 1, "a part"));
  auto paused_since = h.part;
  h.pass(1h);
  CHECK(h.reader->last_inbound() == h.loop.now());
  CHECK_FALSE(h.reader->part_since());

  h.messages_left = 100;
  CHECK(h.reader->resume());
  h.reader->read_next();
  h.turns();
  CHECK_FALSE(paused_since);
  CHECK(h.part == h.loop.now());
  CHECK(h.reader->part_since() == h.loop.now());
  h.pass(1s);
  CHECK(h.reader->last_inbound() == h.loop.now() - 1s);
}

// Pins §4.57.
TEST_CASE("the time of a message that has come in part stands still while the session does not "
          "hear") {
  heard h;
  auto begun = h.loop.now();
  h.say(masked_frame(false, 1, "a part"));
  h.pass(1s);
  h.messages_left = 0;
  h.reader->read_next();
  REQUIRE(h.reader->is_paused());
  h.pass(1h);

  h.messages_left = 1;
  REQUIRE(h.reader->resume());

  CHECK(h.reader->part_since() == begun + 1h);
  CHECK(h.part == begun + 1h);
}

TEST_CASE("what has come in part counts, has its time, and goes with the rest") {
  heard h;
  auto begun = h.loop.now();
  h.say(masked_frame(false, 1, std::string(5000, 'x')));
  CHECK(h.meter.used_bytes() >= 5000);
  CHECK(h.account.holders == 1);
  h.pass(1s);
  h.say(masked_frame(false, 0, "y"));
  CHECK(h.part == begun);

  h.say(masked_frame(true, 0, "z"));
  CHECK(h.account.holders == 0);
  CHECK(h.told == strings{std::string(5000, 'x') + "yz"});
}

// Pins §16.24.
TEST_CASE("what has come in part counts on, in its place, while the session does not hear") {
  heard h;
  h.messages_left = 1;
  h.say(masked_frame(true, 1, "one") + masked_frame(false, 1, std::string(5000, 'x')));
  h.messages_left = 1;
  CHECK(h.reader->resume());
  h.reader->read_next();
  h.turns();
  auto begun = h.account.loops[0]->oldest();
  h.messages_left = 0;
  h.pass(1s);
  h.say("");
  h.reader->read_next();
  CHECK(h.account.holders == 1);
  CHECK(h.meter.used_bytes() >= 5000);

  h.messages_left = 100;
  CHECK(h.reader->resume());
  h.reader->read_next();
  h.say(masked_frame(false, 0, "y"));
  CHECK(h.account.loops[0]->oldest() == begun);
}

// Pins §14.3.
TEST_CASE("each byte is a sign of life, not only whole messages") {
  heard h;
  h.pass(1s);
  h.say(masked_frame(true, 1, "whole").substr(0, 1));
  auto heard_at = h.loop.now();
  h.pass(1s);

  CHECK(h.reader->last_inbound() == heard_at);
  CHECK(h.told.empty());
}

TEST_CASE("behind an error, a close frame or a stop nothing is heard, and nothing kept") {
  heard error, close, stopped;
  error.say(masked_frame(true, 113, "reserved bits") + masked_frame(true, 1, "late"));
  close.say(masked_frame(true, 8, "") + masked_frame(true, 1, "late"));
  stopped.say(masked_frame(false, 1, "a part"));
  stopped.reader->stop();
  stopped.say(masked_frame(true, 0, "late"));

  CHECK(error.told == strings{"protocol_error"});
  CHECK(close.told == strings{""});
  CHECK(stopped.told.empty());
  CHECK(stopped.account.holders == 0);
  for (auto* h : {&error, &close, &stopped})
    CHECK(h->reader->is_stopped());
}

TEST_CASE("a reader that awaits a close hears it though it may hear nothing else, and no message") {
  heard h;
  h.messages_left = 1;
  h.say(masked_frame(true, 1, "one") + masked_frame(true, 1, "unheard"));
  REQUIRE(h.reader->is_paused());

  h.reader->await_close();
  REQUIRE(h.reader->resume());
  h.reader->read_next();
  h.say(masked_frame(true, 1, "late") + masked_frame(true, 3, "reserved")
        + masked_frame(true, 8, ""));

  CHECK(h.told == strings{"one", ""});
}

// Pins §13.16.
TEST_CASE("a reader that awaits a close reads 1 MiB, and then tells of the peer's end alone") {
  for (bool resets : {false, true}) {
    heard h;
    h.reader->await_close();
    h.say(masked_frame(true, 2, std::string(1'000'000, 'x')));
    h.say(masked_frame(true, 2, std::string(3'000'000, 'x')));
    h.say(masked_frame(true, 8, "too late"));
    auto read = h.traffic.websocket.received.value();
    auto told = h.told;

    resets ? h.pipe.reset() : h.pipe.end_input();
    h.turns();

    CHECK(read == 1024 * 1024);
    CHECK(told.empty());
    CHECK(h.told == strings{"gone"});
    CHECK(h.traffic.websocket.received.value() == read);
  }
}

// Pins §10.14.
TEST_CASE("what came before a reset is heard before the end") {
  heard h;
  h.messages_left = 2;
  for (int i = 0; i < 3; ++i)
    h.pipe.say(masked_frame(true, 1, std::to_string(i)));
  h.pipe.reset();
  h.turns();
  auto before = h.told;

  h.messages_left = 2;
  REQUIRE(h.reader->resume());
  h.reader->read_next();
  h.turns();

  CHECK(before == strings{"0", "1"});
  CHECK(h.told == strings{"0", "1", "2", "gone"});
}

TEST_CASE("the end of the peer is told, behind what it has said") {
  heard h;
  h.pipe.say(masked_frame(true, 1, "last"));
  h.pipe.end_input();
  h.turns();

  CHECK(h.told == strings{"last", "gone"});
}
