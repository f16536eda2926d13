// What a session writes, without a socket.

#include <utility>

#include "session_rig.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;

namespace {

std::string both(const shared_bytes& a, const shared_bytes& b) {
  return std::string{a.view()} + std::string{b.view()};
}

} // namespace

TEST_CASE("a session's writer sends at once what its channel takes, and tells nobody") {
  written w;
  auto frame = text_frame("hello");

  w.write(frame);

  CHECK(w.pipe.received() == frame.view());
  CHECK(w.told.empty());
  CHECK_FALSE(w.writer.has_output());
}

TEST_CASE(
  "a session's writer that is blocked tells so once, and sends the rest when there is room") {
  written w;
  auto one = text_frame("one"), two = text_frame("two");
  w.pipe.set_window(3);

  w.write(one);
  w.write(two);
  auto while_blocked = w.pipe.received();
  w.pipe.set_window(std::nullopt);

  CHECK(while_blocked == one.view().substr(0, 3));
  CHECK(w.told == "blocked ");
  CHECK(w.pipe.received() == both(one, two));
  CHECK_FALSE(w.writer.has_output());
}

TEST_CASE("what was appended goes before what is written later, with the next flush") {
  written w;
  auto pong = protocol::make_frame(protocol::opcode::pong, "x"), text = text_frame("text");
  actors::output_piece piece{&text, {0, static_cast<std::uint32_t>(text.size())}, 1};

  w.writer.append(pong);
  w.write(text);
  w.writer.write_all({&piece, 1});
  auto before = w.pipe.received();
  w.writer.flush();

  CHECK(before.empty());
  CHECK(w.pipe.received() == both(pong, text) + std::string{text.view()});
}

TEST_CASE("many frames of one turn are offered to the channel before they are too many") {
  written w{{1024, 4}};
  for (int i = 0; i < 20; ++i)
    w.writer.append(text_frame("text"));

  CHECK(w.told.empty());
}

TEST_CASE("a blocked writer tells what is over the bound, and a cut drops it") {
  written w{{1024, 4}};
  auto text = text_frame("text");
  w.pipe.set_window(3);
  for (int i = 0; i < 5; ++i)
    w.write(text);
  auto told = w.told;
  w.write(text);

  CHECK(told == "blocked over ");
  CHECK(w.writer.cut(close_frame) == 5);
  w.pipe.set_window(std::nullopt);
  CHECK(w.pipe.received() == both(text, close_frame));
}

TEST_CASE("a writer lags while its channel takes nothing and half of the bound is queued") {
  written w{{1024, 4}};
  for (int i = 0; i < 3; ++i)
    w.writer.append(text_frame("of one turn"));
  auto before_the_channel_was_asked = w.writer.lags();
  w.pipe.set_window(3);
  w.writer.flush();
  auto blocked = w.writer.lags();
  w.pipe.set_window(std::nullopt);

  CHECK_FALSE(before_the_channel_was_asked);
  CHECK(blocked);
  CHECK_FALSE(w.writer.lags());
}

TEST_CASE("behind a close frame a writer takes nothing, and tells when it has left") {
  written w;
  w.pipe.set_window(0);
  w.writer.close(close_frame);
  w.writer.flush();
  auto told = w.told;
  w.write(text_frame("late"));
  w.writer.append(text_frame("later"));
  w.pipe.set_window(std::nullopt);

  CHECK(told == "blocked ");
  CHECK(w.told == "blocked last ");
  CHECK(w.pipe.received() == close_frame.view());
}

TEST_CASE("a writer whose channel is broken tells it once, and takes nothing any more") {
  written w;
  w.pipe.close();

  w.write(text_frame("lost"));
  w.write(text_frame("lost, too"));
  w.writer.append(text_frame("and this"));

  CHECK(w.told == "broken ");
  CHECK(w.writer.is_stopped());
  CHECK_FALSE(w.writer.has_output());
}

TEST_CASE("a writer whose channel breaks while output waits drops it, and lags no more") {
  written w{{1024, 4}};
  w.pipe.set_window(3);
  for (int i = 0; i < 4; ++i)
    w.write(text_frame("waits"));
  auto lagged = w.writer.lags();

  w.pipe.reset();

  CHECK(lagged);
  CHECK(w.told == "blocked broken ");
  CHECK(w.writer.queued_bytes() == 0);
  CHECK(w.writer.allows_input());
  auto& queued = w.traffic.queued[protocol::index_of(protocol::encoding::plain_json)];
  CHECK(queued[0].value() + queued[1].value() == 0);
}

TEST_CASE("a writer that was stopped sends nothing, whatever room there is") {
  written w;
  w.pipe.set_window(0);
  w.write(text_frame("queued"));
  w.writer.stop();
  w.pipe.set_window(std::nullopt);
  w.write(text_frame("late"));
  w.writer.flush();

  CHECK(w.pipe.received().empty());
}

TEST_CASE("what waits for a channel counts, by encoding and kind, until it leaves or is dropped") {
  written w;
  w.writer.set_encoding(protocol::encoding::v1_msgpack);
  auto queued = [&](actors::output_kind kind) {
    return w.traffic
      .queued[protocol::index_of(protocol::encoding::v1_msgpack)][static_cast<std::size_t>(kind)]
      .value();
  };
  auto text = text_frame("text"), pong = protocol::make_frame(protocol::opcode::pong, "x");
  w.pipe.set_window(0);
  w.write(text);
  w.writer.append(pong);
  CHECK(queued(actors::output_kind::data) == text.size());
  CHECK(queued(actors::output_kind::control) == pong.size());

  w.pipe.set_window(text.size());
  CHECK(queued(actors::output_kind::data) == 0);
  CHECK(queued(actors::output_kind::control) == pong.size());

  w.writer.stop();
  CHECK(queued(actors::output_kind::control) == 0);
  CHECK(w.traffic.websocket.sent.value() == 0); // bytes of a pipe count for no wire
}

TEST_CASE("values of a session that is behind give way, and count while they wait") {
  written w;
  auto one = text_frame("one"), two = text_frame("two"), rest = text_frame("rest");
  auto put = [&](const shared_bytes& frame) {
    return w.writer.put_value(frame, {0, static_cast<std::uint32_t>(frame.size())},
                              actors::if_behind{7});
  };
  auto& queued = w.traffic.queued[protocol::index_of(protocol::encoding::plain_json)]
                                 [static_cast<std::size_t>(actors::output_kind::data)];
  w.pipe.set_window(0);
  w.write(rest);

  CHECK(put(one) == actors::value_fate::queued);
  CHECK(put(two) == actors::value_fate::replaced);

  CHECK(queued.value() == rest.size() + two.size());
  CHECK(w.writer.drop_values() == 1);
  CHECK(queued.value() == rest.size());
  CHECK(put(one) == actors::value_fate::queued);
  w.pipe.set_window(std::nullopt);
  CHECK(w.pipe.received() == both(rest, one));
  CHECK(queued.value() == 0);
  CHECK(w.told == "blocked ");
}

TEST_CASE("a value for a session that is not behind is data, and for one that has ended nothing") {
  written w;
  auto one = text_frame("one"), two = text_frame("two");
  auto put = [&](const shared_bytes& frame) {
    return w.writer.put_value(frame, {0, static_cast<std::uint32_t>(frame.size())},
                              actors::if_behind{7});
  };

  CHECK(put(one) == actors::value_fate::queued);
  CHECK(put(two) == actors::value_fate::queued);
  w.writer.flush();

  CHECK(w.pipe.received() == both(one, two));
  w.writer.stop();
  CHECK(put(one) == actors::value_fate::dropped);
}

TEST_CASE("a writer knows when bytes last left, or since when they wait") {
  written w;
  w.pipe.set_window(0);
  w.pass(std::chrono::seconds{1});
  auto queued_at = w.loop.now();
  w.write(text_frame("text"));
  w.pass(std::chrono::seconds{1});
  CHECK(w.writer.last_progress() == queued_at);
  CHECK(w.writer.oldest_queued() == queued_at);

  w.pipe.set_window(1);
  CHECK(w.writer.last_progress() == w.loop.now());
  CHECK(w.writer.oldest_queued() == queued_at);
}
