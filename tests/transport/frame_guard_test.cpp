#include "frame_guard.hpp"

#include "client_frames.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace troupe;
using namespace troupe::test;
using protocol::errc;
using transport::frame_guard;
using namespace std::chrono_literals;

namespace {

constexpr actors::steady_time start{1h};
constexpr unsigned continuation = 0, text = 1, binary = 2, close_op = 8, ping = 9, pong = 10;

std::string xs(std::size_t n) { return std::string(n, 'x'); }

frame_guard::limits limit(std::uint64_t bytes) {
  frame_guard::limits l;
  l.max_message_bytes = bytes;
  return l;
}

} // namespace

// -- lengths --------------------------------------------------------------------------------------------------------------

TEST_CASE("messages up to the limit pass whole") {
  auto limits = limit(1000);
  frame_guard guard{limits};
  auto bytes = client_frame(true, text, xs(1000)) + client_frame(true, binary, xs(1000)) + client_frame(true, text, "");

  auto v = guard.feed(bytes, start);

  CHECK(v.error == errc::ok);
  CHECK(v.good == bytes.size());
  CHECK(guard.messages() == 3);
}

TEST_CASE("a frame declared one byte too long is refused at its header") {
  auto limits = limit(1000);
  frame_guard guard{limits};
  auto before = client_frame(true, text, xs(10));

  auto v = guard.feed(before + client_header(true, text, 1001), start);

  CHECK(v.error == errc::too_big);
  CHECK(v.good == before.size());
}

TEST_CASE("fragments count together") {
  auto limits = limit(1000);
  frame_guard guard{limits};
  auto good = client_frame(false, text, xs(600)) + client_frame(false, continuation, xs(400));

  auto v = guard.feed(good + client_frame(true, continuation, "x"), start);

  CHECK(v.error == errc::too_big);
  CHECK(v.good == good.size());
}

TEST_CASE("what one message has used does not count against the next") {
  auto limits = limit(1000);
  frame_guard guard{limits};
  std::string bytes;
  for (int i = 0; i < 5; ++i)
    bytes += client_frame(false, text, xs(500)) + client_frame(true, continuation, xs(500));

  CHECK(guard.feed(bytes, start).error == errc::ok);
}

TEST_CASE("every length around every power of two is judged by the limit alone, however it is told") {
  constexpr std::uint64_t max = 64 * 1024;
  auto limits = limit(max);
  for (int bit = 0; bit < 64; ++bit)
    for (std::uint64_t off : {-1, 0, 1}) {
      auto length = (std::uint64_t{1} << bit) + off;
      for (auto form : {length_form::shortest, length_form::two_bytes, length_form::eight_bytes}) {
        frame_guard guard{limits};
        auto v = guard.feed(client_header(true, binary, length, form), start);
        INFO("length " << length);
        CHECK(v.error == (length > max ? errc::too_big : errc::ok));
      }
    }
}

TEST_CASE("without a limit only lengths that the protocol forbids are refused") {
  auto limits = limit(0);
  for (int bit = 0; bit < 64; ++bit) {
    frame_guard guard{limits};
    auto v = guard.feed(client_header(true, binary, std::uint64_t{1} << bit, length_form::eight_bytes), start);
    INFO("bit " << bit);
    CHECK(v.error == (bit == 63 ? errc::too_big : errc::ok));
  }
}

TEST_CASE("a first fragment of almost any length is no way round the limit") {
  auto limits = limit(1000);
  frame_guard guard{limits};

  auto first = guard.feed(client_frame(false, text, xs(1000)), start);
  auto second = guard.feed(client_header(true, continuation, ~std::uint64_t{0} >> 1), start);

  CHECK(first.error == errc::ok);
  CHECK(second.error == errc::too_big);
}

// -- fragments ------------------------------------------------------------------------------------------------------------

// Pins §16.5.
TEST_CASE("a message may have as many fragments as the limit says, and no more") {
  auto limits = limit(1000);
  limits.max_fragments = 8;
  frame_guard guard{limits};
  auto fragments = client_frame(false, text, "");
  for (int i = 0; i < 6; ++i)
    fragments += client_frame(false, continuation, "");

  auto eight = guard.feed(fragments + client_frame(true, continuation, ""), start);
  auto again = guard.feed(fragments + client_frame(false, continuation, ""), start);
  auto ninth = guard.feed(client_frame(true, continuation, ""), start);

  CHECK(eight.error == errc::ok);
  CHECK(again.error == errc::ok);
  CHECK(ninth.error == errc::flood);
  CHECK(ninth.good == 0);
}

TEST_CASE("control frames between fragments are no fragments") {
  auto limits = limit(1000);
  limits.max_fragments = 2;
  frame_guard guard{limits};

  auto v = guard.feed(client_frame(false, text, "a") + client_frame(true, ping, "b") + client_frame(true, pong, "c")
                        + client_frame(true, continuation, "d"),
                      start);

  CHECK(v.error == errc::ok);
  CHECK(guard.messages() == 1);
}

// -- control frames -------------------------------------------------------------------------------------------------------

// Pins §16.8.
TEST_CASE("control frames come in a burst at most, then at their rate") {
  auto limits = limit(1000);
  limits.control_burst = 5;
  limits.control_per_second = 2;
  frame_guard guard{limits};
  auto one = client_frame(true, ping, "hello");

  auto burst = guard.feed(one + one + one + one + one, start);
  auto later = guard.feed(one + one, start + 1s);
  auto flood = guard.feed(one, start + 1s);

  CHECK(burst.error == errc::ok);
  CHECK(later.error == errc::ok);
  CHECK(flood.error == errc::flood);
  CHECK(flood.good == 0);
}

TEST_CASE("a long silence earns no more than one burst") {
  auto limits = limit(1000);
  limits.control_burst = 3;
  frame_guard guard{limits};
  auto one = client_frame(true, pong, "");
  (void)guard.feed(one, start);

  auto v = guard.feed(one + one + one + one, start + 1h);

  CHECK(v.error == errc::flood);
  CHECK(v.good == 3 * one.size());
}

/// A ping of 126 bytes or more is answered 1002, which is the parser's to say. What lies behind the
/// header is no frame, so it must not be taken for one that is too long.
TEST_CASE("a control frame that is too long is left to the parser, whatever its payload looks like") {
  auto limits = limit(1000);
  for (auto length : {126u, 200u, 5000u}) {
    frame_guard guard{limits};
    auto looks_like_frames = xs(125);
    while (looks_like_frames.size() < length)
      looks_like_frames += client_header(true, text, ~std::uint64_t{0} >> 2);
    looks_like_frames.resize(length);

    auto v = guard.feed(client_frame(true, ping, looks_like_frames), start);

    INFO("a ping of " << length << " bytes");
    CHECK(v.error == errc::ok);
  }
}

// -- the bounds that nobody has configured ------------------------------------------------------------------------------------

TEST_CASE("a message has 64 KiB at most unless configured otherwise") {
  frame_guard::limits standard;
  frame_guard guard{standard}, other{standard};

  CHECK(guard.feed(client_frame(true, text, xs(65'536)), start).error == errc::ok);
  CHECK(other.feed(client_header(true, text, 65'537), start).error == errc::too_big);
}

// Pins §16.5.
TEST_CASE("a message has 1,024 fragments at most unless configured otherwise") {
  frame_guard::limits standard;
  frame_guard guard{standard}, other{standard};
  auto fragments = client_frame(false, text, "");
  for (int i = 0; i < 1'022; ++i)
    fragments += client_frame(false, continuation, "");

  auto last = guard.feed(fragments + client_frame(true, continuation, ""), start);
  auto more = other.feed(fragments + client_frame(false, continuation, ""), start);
  auto too_many = other.feed(client_frame(true, continuation, ""), start);

  CHECK(last.error == errc::ok);
  CHECK(more.error == errc::ok);
  CHECK(too_many.error == errc::flood);
}

// Pins §16.8.
TEST_CASE("control frames come 100 a second, 200 in a burst, unless configured otherwise") {
  frame_guard::limits standard;
  frame_guard guard{standard};
  auto pings = [](int n) {
    std::string all;
    while (n-- > 0)
      all += client_frame(true, ping, "");
    return all;
  };
  auto one = pings(1);

  auto burst = guard.feed(pings(200), start);
  auto second = guard.feed(pings(100), start + 1s);
  auto flood = guard.feed(one + one, start + 1s + 10ms);

  CHECK(burst.error == errc::ok);
  CHECK(second.error == errc::ok);
  CHECK(flood.error == errc::flood);
  CHECK(flood.good == one.size());
}

// -- what the deadlines are made of ----------------------------------------------------------------------------------------

TEST_CASE("a message is open from its first byte to its last") {
  auto limits = limit(1000);
  frame_guard guard{limits};
  auto bytes = client_frame(false, text, "ab") + client_frame(true, continuation, "cd");
  auto before = guard.open_since();

  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    (void)guard.feed(bytes.substr(i, 1), start + i * 1s);
    CHECK(guard.open_since() == start);
    CHECK_FALSE(guard.at_message_end());
  }
  (void)guard.feed(bytes.substr(bytes.size() - 1), start + 1min);

  CHECK(before == std::nullopt);
  CHECK(guard.open_since() == std::nullopt);
  CHECK(guard.at_message_end());
  CHECK(guard.messages() == 1);
}

TEST_CASE("control frames between fragments do not make a message younger") {
  auto limits = limit(1000);
  frame_guard guard{limits};
  (void)guard.feed(client_frame(false, text, "a"), start);

  (void)guard.feed(client_frame(true, ping, ""), start + 5s);
  (void)guard.feed(client_frame(false, continuation, "b"), start + 9s);

  CHECK(guard.open_since() == start);
}

TEST_CASE("a half control frame between messages is open, too") {
  auto limits = limit(1000);
  frame_guard guard{limits};
  auto bytes = client_frame(true, ping, "hello");

  (void)guard.feed(bytes.substr(0, 8), start);
  auto half = guard.open_since();
  (void)guard.feed(bytes.substr(8), start + 1s);

  CHECK(half == start);
  CHECK(guard.open_since() == std::nullopt);
}

TEST_CASE("time during which nothing was read does not count against an open message") {
  auto limits = limit(1000);
  frame_guard guard{limits};
  (void)guard.feed(client_frame(false, text, "a"), start);

  guard.stand_still(7s);

  CHECK(guard.open_since() == start + 7s);
}

TEST_CASE("a control frame behind a message waits behind it") {
  auto limits = limit(1000);
  frame_guard guard{limits};

  (void)guard.feed(client_frame(true, text, "a"), start);
  auto after_message = guard.at_message_end();
  (void)guard.feed(client_frame(true, close_op, ""), start);

  CHECK(after_message);
  CHECK_FALSE(guard.at_message_end());
}
