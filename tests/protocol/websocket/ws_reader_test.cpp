#include <troupe/protocol/ws_reader.hpp>

#include "ws_script.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using protocol::ws_event;
using protocol::ws_limits;
using protocol::ws_reader;

namespace {

constexpr auto start = script_start;
constexpr unsigned continuation = 0, text = 1, binary = 2, close_op = 8, ping = 9, pong = 10;
constexpr unsigned rsv1 = 0x40, rsv2 = 0x20, rsv3 = 0x10;

std::string xs(std::size_t n) { return std::string(n, 'x'); }

ws_limits limit(std::uint64_t bytes) {
  ws_limits l;
  l.max_message_bytes = bytes;
  return l;
}

lines heard(std::string_view bytes, const ws_limits& limits = {}) {
  ws_reader reader{limits};
  return heard_of(reader, bytes);
}

std::string close_frame(unsigned code, std::string_view reason = "") {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code)};
  return masked_frame(true, close_op, payload.append(reason));
}

lines error(std::string_view name) { return {"error " + std::string{name}}; }

} // namespace

// -- messages -------------------------------------------------------------------------------------

TEST_CASE("whole messages, pings, pongs and a close are heard one by one") {
  auto all = heard(masked_frame(true, text, "hello") + masked_frame(true, ping, "a")
                   + masked_frame(true, binary, "\x01\xff") + masked_frame(true, pong, "")
                   + masked_frame(true, text, "") + close_frame(1000, "bye"));

  CHECK(all
        == lines{"text hello", "ping a", "binary \x01\xff", "pong ", "text ", "close 1000 bye"});
}

TEST_CASE("a reader stops behind each event and leaves the rest to its caller") {
  ws_limits limits;
  ws_reader reader{limits};
  const auto first = masked_frame(true, text, "one"), second = masked_frame(true, text, "two");
  const auto both = first + second;
  std::string_view rest{both};

  const auto one = reader.next(rest, start);

  CHECK(line_of(one) == "text one");
  CHECK(rest == second);
  CHECK(line_of(reader.next(rest, start)) == "text two");
  CHECK(rest.empty());
  CHECK(reader.next(rest, start).what == ws_event::kind::need_more);
}

TEST_CASE("payloads of all lengths come out unmasked, whole and byte by byte") {
  ws_limits limits;
  for (std::size_t size = 0; size < 300; ++size) {
    std::string payload;
    for (std::size_t i = 0; i < size; ++i)
      payload += static_cast<char>(i * 7 + size);
    const auto frame = masked_frame(true, binary, payload);
    ws_reader whole{limits}, by_byte{limits};
    INFO(size << " bytes");
    CHECK(heard_of(whole, frame) == lines{"binary " + payload});
    CHECK(heard_of(by_byte, frame, [] { return std::size_t{1}; }) == lines{"binary " + payload});
  }
}

TEST_CASE("a message of the limit is heard in each form of its length that is the shortest") {
  for (std::size_t size : {0u, 125u, 126u, 65'535u, 65'536u}) {
    INFO(size << " bytes");
    CHECK(heard(masked_frame(true, text, xs(size))) == lines{"text " + xs(size)});
  }
}

TEST_CASE("fragments are put together, and control frames between them are heard at once") {
  auto all = heard(masked_frame(false, text, "a") + masked_frame(true, ping, "now")
                   + masked_frame(false, continuation, "") + masked_frame(false, continuation, "b")
                   + masked_frame(true, pong, "") + masked_frame(true, continuation, "c")
                   + masked_frame(true, binary, "next"));

  CHECK(all == lines{"ping now", "pong ", "text abc", "binary next"});
}

TEST_CASE("a message of empty fragments is an empty message") {
  CHECK(heard(masked_frame(false, text, "") + masked_frame(true, continuation, ""))
        == lines{"text "});
}

// -- rules ----------------------------------------------------------------------------------------

TEST_CASE("a frame that breaks a rule of RFC 6455 is a protocol error") {
  const auto broken = GENERATE(
    client_header(true, text, 1, length_form::shortest, false), client_header(true, text | rsv1, 1),
    client_header(true, text | rsv2, 1), client_header(true, binary | rsv3, 1),
    client_header(true, ping | rsv1, 1), client_header(true, 3, 1), client_header(true, 7, 1),
    client_header(true, 11, 1), client_header(true, 15, 1), client_header(true, continuation, 1),
    client_header(false, continuation, 1), client_header(false, ping, 1),
    client_header(false, close_op, 0), client_header(true, ping, 126),
    client_header(true, pong, 70'000), client_header(true, ping, 5, length_form::two_bytes),
    client_header(true, text, 125, length_form::two_bytes),
    client_header(true, text, 65'535, length_form::eight_bytes),
    client_header(true, text, 0, length_form::eight_bytes));

  CHECK(heard(broken) == error("protocol_error"));
}

TEST_CASE("a message that starts inside another one is a protocol error") {
  CHECK(heard(masked_frame(false, text, "a") + client_header(true, text, 1))
        == error("protocol_error"));
  CHECK(heard(masked_frame(false, text, "a") + client_header(false, binary, 1))
        == error("protocol_error"));
}

TEST_CASE("a rule that the first two bytes break is broken without the others") {
  CHECK(heard(client_header(true, text | rsv2, 70'000).substr(0, 2)) == error("protocol_error"));
  CHECK(heard(client_header(true, ping, 126).substr(0, 2)) == error("protocol_error"));
}

TEST_CASE("what comes before a broken frame is heard, and nothing behind it") {
  CHECK(heard(masked_frame(true, text, "good") + client_header(true, 3, 0)
              + masked_frame(true, text, "late"))
        == lines{"text good", "error protocol_error"});
}

TEST_CASE("a client reads frames without a mask, and only those") {
  ws_limits limits;
  ws_reader good{limits, ws_reader::role::client}, bad{limits, ws_reader::role::client};
  const auto frame = client_header(true, text, 9, length_form::shortest, false) + "unmasked!";

  CHECK(heard_of(good, frame) == lines{"text unmasked!"});
  CHECK(heard_of(bad, masked_frame(true, text, "masked")) == error("protocol_error"));
}

// -- lengths --------------------------------------------------------------------------------------

TEST_CASE("a message declared one byte too long is refused at its header") {
  CHECK(heard(masked_frame(true, text, "ok") + client_header(true, text, 1001), limit(1000))
        == lines{"text ok", "error too_big"});
}

TEST_CASE("the lengths of fragments count together, and not against the next message") {
  const auto half = masked_frame(false, text, xs(600));
  CHECK(heard(half + client_header(true, continuation, 401), limit(1000)) == error("too_big"));
  CHECK(heard(half + masked_frame(true, continuation, xs(400)) + half, limit(1000))
        == lines{"text " + xs(1000)});
}

TEST_CASE("every length around every power of two is judged by the limit alone") {
  constexpr std::uint64_t max = 64 * 1024;
  for (int bit = 0; bit < 64; ++bit)
    for (std::uint64_t off : {-1, 0, 1}) {
      const auto length = (std::uint64_t{1} << bit) + off;
      INFO("length " << length);
      CHECK(heard(client_header(true, binary, length))
            == (length > max ? error("too_big")
                : length > 0 ? lines{}
                             : lines{"binary "}));
    }
}

TEST_CASE("a long first fragment is no way round the limit") {
  CHECK(heard(masked_frame(false, text, xs(1000))
                + client_header(true, continuation, ~std::uint64_t{0} >> 1),
              limit(1000))
        == error("too_big"));
}

TEST_CASE("without a limit a message may have what a buffer holds, and no more") {
  constexpr std::uint64_t most = protocol::shared_bytes::max_bytes;
  CHECK(heard(client_header(true, binary, most), limit(0)).empty());
  CHECK(heard(client_header(true, binary, most + 1), limit(0)) == error("too_big"));
  CHECK(heard(client_header(true, binary, ~std::uint64_t{0}), limit(0)) == error("too_big"));
}

// -- fragments and floods -------------------------------------------------------------------------

namespace {

/// The first `count` fragments of a message that does not end.
std::string fragments(std::size_t count) {
  auto all = masked_frame(false, text, "");
  for (std::size_t i = 1; i < count; ++i)
    all += masked_frame(false, continuation, "");
  return all;
}

std::string pings(int n) {
  std::string all;
  while (n-- > 0)
    all += masked_frame(true, ping, "");
  return all;
}

} // namespace

TEST_CASE("a message may have as many fragments as the limit says, each message anew") {
  ws_limits limits;
  limits.max_fragments = 8;
  const auto eight = fragments(7) + masked_frame(true, continuation, "");

  CHECK(heard(eight + eight, limits) == lines{"text ", "text "});
  CHECK(heard(eight + fragments(8) + client_header(true, continuation, 0), limits)
        == lines{"text ", "error flood"});
}

TEST_CASE("a limit of no fragments lifts it") {
  ws_limits limits;
  limits.max_fragments = 0;
  CHECK(heard(fragments(100'000) + masked_frame(true, continuation, "x"), limits)
        == lines{"text x"});
}

TEST_CASE("by default a message has a fragment for each 256 bytes, and at least 1,024") {
  CHECK(ws_limits{}.max_fragments == 1024);
  CHECK(ws_limits::fragments_for(1000) == 1024);
  CHECK(ws_limits::fragments_for(64 * 1024) == 1024);
  CHECK(ws_limits::fragments_for(16 * 1024 * 1024) == 65'536);
}

TEST_CASE("pings and pongs come in a burst at most, then at their rate") {
  ws_limits limits;
  limits.control_burst = 5;
  limits.control_per_second = 2;
  ws_reader reader{limits};
  auto at = [&](std::chrono::steady_clock::time_point now, std::string bytes) {
    std::size_t heard = 0;
    for (std::string_view rest{bytes}; !rest.empty();) {
      const auto e = reader.next(rest, now);
      if (e.what == ws_event::kind::error)
        return line_of(e);
      ++heard;
    }
    return std::to_string(heard);
  };

  CHECK(at(start, pings(5)) == "5");
  CHECK(at(start + 1s, pings(2)) == "2");
  CHECK(at(start + 1h, pings(5)) == "5");
  CHECK(at(start + 1h, pings(1)) == "error flood");
}

TEST_CASE("a close is heard also where no ping would be") {
  ws_limits limits;
  limits.control_burst = 1;
  CHECK(heard(pings(1) + close_frame(1000), limits) == lines{"ping ", "close 1000 "});
}

TEST_CASE("a lifted burst lets any number of pings through") {
  ws_limits limits;
  limits.control_burst = 0;
  CHECK(heard(pings(1000), limits).size() == 1000);
}

// -- text -----------------------------------------------------------------------------------------

TEST_CASE("text that is not UTF-8 is undecodable, whole and in fragments; the same bytes are good "
          "in a binary message") {
  const std::string broken =
    GENERATE("\xff", "\x80", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe0\x9f\xbf",
             "\xf0\x8f\xbf\xbf", "\xf5\x80\x80\x80", "\xe2\x82", "\xe2\x28\xa1", "\xf0\x9f\x98");
  const auto around = "before " + broken;

  CHECK(heard(masked_frame(true, text, around)) == error("undecodable"));
  CHECK(heard(masked_frame(false, text, around) + masked_frame(true, continuation, "!"))
        == error("undecodable"));
  CHECK(heard(masked_frame(false, text, around) + masked_frame(true, continuation, ""))
        == error("undecodable"));
  CHECK(heard(masked_frame(true, binary, around)) == lines{"binary " + around});
}

TEST_CASE("a byte that is no UTF-8 is found wherever it stands in a whole text") {
  for (std::size_t size = 1; size <= 40; ++size)
    for (std::size_t at = 0; at < size; ++at) {
      auto payload = xs(size);
      payload[at] = '\xff';
      if (heard(masked_frame(true, text, payload)) != error("undecodable"))
        FAIL("byte " << at << " of " << size);
    }
}

TEST_CASE("text is refused at the first byte that no continuation can save") {
  const std::string hopeless =
    GENERATE("{\xff", "{\xed\xa0", "\xc0", "\xe0\x80", "\xf4\x90", "\xf0\x9f\x41", "\xf0\x80");
  ws_limits limits;
  ws_reader reader{limits};
  lines heard;

  feed(reader, client_header(true, text, 100), heard);
  const auto masked = masked_frame(true, text, hopeless).substr(6);
  feed(reader, masked.substr(0, masked.size() - 1), heard);
  CHECK(heard.empty());
  feed(reader, masked.substr(masked.size() - 1), heard);

  CHECK(heard == error("undecodable"));
}

TEST_CASE("characters may be cut by frames and reads wherever they like") {
  const std::string hello =
    "h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x98\x80 \xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf";
  for (std::size_t cut = 0; cut <= hello.size(); ++cut) {
    const auto frames = masked_frame(false, text, hello.substr(0, cut))
                      + masked_frame(true, continuation, hello.substr(cut));
    INFO("cut at " << cut);
    CHECK(heard(frames) == lines{"text " + hello});
  }
}

// -- closes ---------------------------------------------------------------------------------------

TEST_CASE("a close has a code and a reason, or neither") {
  CHECK(heard(masked_frame(true, close_op, "")) == lines{"close 1005 "});
  CHECK(heard(close_frame(4999, "\xe2\x82\xac")) == lines{"close 4999 \xe2\x82\xac"});
  CHECK(heard(masked_frame(true, close_op, "\x03")) == error("protocol_error"));
  CHECK(heard(close_frame(1000, "\xff")) == error("undecodable"));
}

TEST_CASE("a close tells a code that may travel") {
  for (unsigned code = 0; code <= 65'535; ++code) {
    const auto may_travel = (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006))
                         || (code >= 3000 && code < 5000);
    if (heard(close_frame(code))
        != (may_travel ? lines{"close " + std::to_string(code) + ' '} : error("protocol_error")))
      FAIL("code " << code);
  }
}

TEST_CASE("a close ends what is read, also inside a message") {
  CHECK(heard(masked_frame(false, text, "half") + close_frame(1001)
              + masked_frame(true, continuation, "late"))
        == lines{"close 1001 "});
}

// -- what deadlines and budgets are made of -------------------------------------------------------

TEST_CASE("a message is open from its first byte to its last, and control frames between do not "
          "make it younger") {
  ws_limits limits;
  ws_reader reader{limits};
  const auto bytes = masked_frame(false, text, "ab") + masked_frame(true, ping, "")
                   + masked_frame(true, continuation, "cd");

  CHECK_FALSE(reader.open_since());
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    auto one = std::string_view{bytes}.substr(i, 1);
    (void)reader.next(one, start + std::chrono::seconds{i});
    CHECK(reader.open_since() == start);
  }
  auto last = std::string_view{bytes}.substr(bytes.size() - 1);
  CHECK(line_of(reader.next(last, start + 1h)) == "text abcd");
  CHECK_FALSE(reader.open_since());
}

TEST_CASE("a control frame that comes in parts is open by itself") {
  ws_limits limits;
  ws_reader reader{limits};
  const auto frame = masked_frame(true, ping, "slow");
  std::string_view half = std::string_view{frame}.substr(0, 7),
                   rest = std::string_view{frame}.substr(7);

  (void)reader.next(half, start);
  CHECK(reader.open_since() == start);
  CHECK(line_of(reader.next(rest, start + 1s)) == "ping slow");
  CHECK_FALSE(reader.open_since());
}

TEST_CASE("time that stands still is not the peer's") {
  ws_limits limits;
  ws_reader reader{limits};
  auto half = std::string_view{"\x81"};
  (void)reader.next(half, start);

  reader.stand_still(5s);

  CHECK(reader.open_since() == start + 5s);
}

TEST_CASE("a reader holds what has come of a message, not what was declared, and nothing once it "
          "is whole") {
  ws_limits limits;
  ws_reader reader{limits};
  const auto frame = masked_frame(true, binary, xs(60'000));
  constexpr std::size_t overhead = 256;
  lines heard;
  CHECK(reader.held_bytes() == 0);

  feed(reader, std::string_view{frame}.substr(0, 1000), heard);
  CHECK(reader.held_bytes() >= 990);
  CHECK(reader.held_bytes() <= 1000 + overhead);
  for (std::size_t at = 1000; at + 1 < frame.size(); at += 1000)
    feed(reader,
         std::string_view{frame}.substr(at, std::min<std::size_t>(1000, frame.size() - 1 - at)),
         heard);
  CHECK(heard.empty());
  CHECK(reader.held_bytes() <= 60'000 + overhead);
  feed(reader, std::string_view{frame}.substr(frame.size() - 1), heard);

  CHECK(heard == lines{"binary " + xs(60'000)});
  CHECK(reader.held_bytes() == 0);
}

TEST_CASE("behind a close and behind an error nothing is open, and nothing is held") {
  for (const auto& last : {close_frame(1000), client_header(true, 3, 0)}) {
    ws_limits limits;
    ws_reader reader{limits};

    (void)heard_of(reader, masked_frame(false, text, "half a message") + last);

    CHECK_FALSE(reader.open_since());
    CHECK(reader.held_bytes() == 0);
  }
}

// -- behind a close frame of the reader's side ----------------------------------------------------

namespace {

/// What a peer may have sent when the reader stops heeding it: whole, in part, or broken.
const std::vector<std::string> beginnings{
  "",
  masked_frame(true, text, "whole"),
  masked_frame(false, text, "half a message"),
  client_header(true, binary, 300) + "half a frame",
  client_header(true, binary, 70'000).substr(0, 5),
  masked_frame(false, text, "a") + masked_frame(true, ping, "p").substr(0, 7),
  client_header(true, 3, 5),                // a reserved opcode
  client_header(true, text | rsv2, 300),    // a reserved bit
  client_header(true, 3, 300).substr(0, 2), // refused before its header is whole
  client_header(true, ping, 200),           // too long for a control frame
  client_header(true, continuation, 2),     // of no message
  client_header(true, binary, 70'000),      // too big
  client_header(true, text, 5, length_form::shortest, false),
  client_header(true, text, 5, length_form::eight_bytes),
  client_header(true, text, 10) + std::string(5, '\xff'), // no UTF-8
  masked_frame(true, text, "\xff"),
  masked_frame(true, close_op, "\x03"),
};

/// The rest of the last frame of a beginning, whatever it is.
std::string rest_of(const std::string& beginning) {
  std::size_t at = 0;
  while (beginning.size() > at + 1) {
    const auto head = protocol::ws_header::bytes(static_cast<std::uint8_t>(beginning[at + 1]));
    const auto second = static_cast<std::uint8_t>(beginning[at + 1]);
    auto form = (second & 0x7f) == 127 ? length_form::eight_bytes : length_form::shortest;
    if (beginning.size() < at + head) // the test's headers of this kind declare these two sizes
      return client_header(true, 0, form == length_form::eight_bytes ? 70'000 : 300)
               .substr(beginning.size() - at)
           + std::string(form == length_form::eight_bytes ? 70'000 : 300, '\x88');
    at += head + protocol::ws_header::read(beginning.data() + at).length;
  }
  return std::string(at - std::min(at, beginning.size()), '\x88');
}

} // namespace

TEST_CASE("a reader that awaits a close drops all else, judges nothing, and finds the close") {
  const auto junk = masked_frame(true, text, "late\xff") + client_header(true, 3, 2) + "xx"
                  + client_frame(true, ping, xs(100)) + masked_frame(true, close_op, "\x03")
                  + client_frame(true, close_op | rsv1, "") + masked_frame(true, binary, xs(300));
  const ws_limits limits = limit(1000);
  for (const auto& beginning : beginnings) {
    INFO("behind " << Catch::StringMaker<std::string>::convert(beginning));
    const auto all = rest_of(beginning) + junk + close_frame(1000, "bye");
    for (std::size_t cut = 0; cut < std::min<std::size_t>(all.size(), 500); ++cut) {
      ws_reader reader{limits};
      (void)heard_of(reader, beginning);
      reader.await_close();
      CHECK_FALSE(reader.open_since());
      CHECK(reader.held_bytes() == 0);

      lines heard;
      feed(reader, std::string_view{all}.substr(0, cut), heard);
      feed(reader, std::string_view{all}.substr(cut), heard);
      feed(reader, close_frame(1001) + masked_frame(true, text, "late"), heard);
      REQUIRE(heard == lines{"close 1000 bye"});
    }
  }
}

TEST_CASE("a close frame that has come in part is found when its reader begins to await one") {
  const auto close = close_frame(4000, "enough");
  for (std::size_t cut = 0; cut <= close.size() - 1; ++cut) {
    ws_limits limits;
    ws_reader reader{limits};
    (void)heard_of(reader, masked_frame(false, text, "half") + close.substr(0, cut));

    reader.await_close();

    CHECK(heard_of(reader, std::string_view{close}.substr(cut)) == lines{"close 4000 enough"});
  }
}

TEST_CASE("a reader weighs no more between messages than what it takes the place of") {
  CHECK(sizeof(ws_reader) <= 128);
}
