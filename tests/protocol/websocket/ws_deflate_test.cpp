#include <troupe/protocol/ws_inflater.hpp>
#include <troupe/protocol/ws_reader.hpp>

#include "deflater.hpp"
#include "websocket/ws_inflation.hpp"
#include "ws_script.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::string_view_literals;
using protocol::errc;
using protocol::ws_event;
using protocol::ws_inflater;
using protocol::ws_limits;
using protocol::ws_reader;

namespace {

constexpr unsigned continuation = 0, text = 1, binary = 2, ping = 9;
constexpr unsigned rsv1 = 0x40;

bool runs_long() { return std::getenv("TROUPE_LONG") != nullptr; }

/// A server's reader that takes deflated messages.
struct rig {
  explicit rig(std::uint64_t max_bytes = 70'000, bool keeps_context = false) {
    limits.max_message_bytes = max_bytes;
    reader.allow_deflate(inflater, keeps_context);
  }
  lines hear(std::string_view bytes) { return heard_of(reader, bytes); }

  ws_limits limits;
  ws_inflater inflater;
  ws_reader reader{limits};
};

std::string deflated_frame(std::string_view payload, unsigned op = binary) {
  return masked_frame(true, op | rsv1, payload);
}

lines heard_of_payload(std::string_view payload, unsigned op = text) {
  rig r;
  return r.hear(deflated_frame(payload, op));
}

std::string noise(std::size_t size, std::uint64_t seed = 1) {
  std::mt19937_64 random{seed};
  std::string out(size, '\0');
  for (auto& c : out)
    c = static_cast<char>(random());
  return out;
}

/// Text with some repetitions.
std::string prose(std::size_t size) {
  std::string out;
  for (std::uint32_t i = 1; out.size() < size; i = i * 1'664'525 + 1'013'904'223)
    out.append("message ").append(std::to_string(i >> 20)).append(i % 3 ? " of the room, " : "; ");
  out.resize(size);
  return out;
}

const lines broken{"error undecodable in deflate"};

/// Whether `r` inflates `payload` to `message`.
bool passes(rig& r, const std::string& payload, std::string_view message) {
  const auto frame = deflated_frame(payload);
  std::string_view rest{frame};
  auto e = r.reader.next(rest, script_start);
  while (e.what == ws_event::kind::inflating)
    e = r.reader.next(rest, script_start);
  return e.what == ws_event::kind::message && e.payload.view() == message
      && e.deflated_bytes == payload.size();
}

} // namespace

// -- the RFC's examples (RFC 7692, 7.2.3) ---------------------------------------------------------

TEST_CASE("the examples of RFC 7692 are read as it says") {
  const lines hello{"text Hello"};
  CHECK(heard_of_payload("\xf2\x48\xcd\xc9\xc9\x07\x00"sv) == hello);
  CHECK(heard_of_payload("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"sv) == hello); // stored
  CHECK(heard_of_payload("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"sv) == hello);             // final block
  CHECK(heard_of_payload("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"sv)
        == hello); // two blocks
  CHECK(heard_of_payload("\x00"sv) == lines{"text "});

  rig context{70'000, true};
  CHECK(context.hear(deflated_frame("\xf2\x48\xcd\xc9\xc9\x07\x00"sv, text)
                     + deflated_frame("\xf2\x00\x11\x00\x00"sv, text))
        == lines{"text Hello", "text Hello"});
  rig fragments;
  CHECK(fragments.hear(masked_frame(false, text | rsv1, "\xf2\x48\xcd")
                       + masked_frame(true, ping, "p")
                       + masked_frame(true, continuation, "\xc9\xc9\x07\x00"sv))
        == lines{"ping p", "text Hello"});
}

// -- every length and ending (RELIABILITY: what passes plain passes deflated) ---------------------

/// Whether `size` is a length at which inflaters have failed before, or close to a power of two.
bool is_delicate(std::size_t size) {
  const auto near_power = ((size - 1) & size) == 0 || ((size + 1) & size) == 0;
  return size <= 300 || near_power || (size >= 3'060 && size <= 3'110) || size % 2'999 == 0;
}

TEST_CASE("equal bytes, text and noise of all lengths pass at all levels") {
  constexpr std::size_t largest = 70'000, levels = 10;
  const std::array sources{std::string(largest, '\0'), prose(largest), noise(largest)};
  std::vector<std::unique_ptr<deflater>> peers;
  for (std::size_t level = 0; level < levels; ++level)
    peers.push_back(std::make_unique<deflater>(static_cast<int>(level)));
  rig r;
  const auto pass = [&](std::size_t source, std::size_t size, std::size_t level) {
    const auto message = std::string_view{sources[source]}.substr(0, size);
    if (!passes(r, peers[level]->fresh_message(message), message))
      FAIL("source " << source << ", " << size << " bytes at level " << level);
  };
  for (std::size_t size = 0; size <= largest; ++size)
    for (std::size_t source = 0; source < sources.size(); ++source)
      if (is_delicate(size)) {
        for (std::size_t level = 0; level < levels; ++level)
          pass(source, size, level);
      } else if (runs_long()) { // the level changes with the length
        pass(source, size, (size + source) % levels);
      }
}

TEST_CASE("a message that ends in equal bytes passes, however many they are") {
  rig r;
  deflater d;
  const auto head = noise(500);
  const std::size_t step = runs_long() ? 1 : 61;
  for (std::size_t tail = 0; tail <= 69'000; tail += tail < 600 ? 1 : step) {
    const auto message = head + std::string(tail, 'y');
    if (!passes(r, d.fresh_message(message), message))
      FAIL(tail << " equal bytes");
  }
}

TEST_CASE("all windows, memory levels and strategies pass") {
  const auto message = prose(20'000) + noise(3'000) + std::string(20'000, 'z') + prose(20'000);
  rig r;
  for (int window = 9; window <= 15; ++window)
    for (int memory = 1; memory <= 9; ++memory)
      for (int strategy : {Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED}) {
        deflater d{6, window, memory, strategy};
        INFO("window " << window << ", memory " << memory << ", strategy " << strategy);
        REQUIRE(passes(r, d.fresh_message(message), message));
      }
}

TEST_CASE(
  "a message of the limit passes also where zlib makes it longer, and one byte more does not") {
  constexpr std::size_t max = 65'536;
  const auto message = noise(max + 1);
  const std::string_view largest = std::string_view{message}.substr(0, max);
  for (int level : {0, 1, 6, 9})
    for (int memory : {1, 8, 9})
      for (int strategy : {Z_DEFAULT_STRATEGY, Z_HUFFMAN_ONLY, Z_FIXED}) {
        deflater d{level, 15, memory, strategy};
        INFO("level " << level << ", memory " << memory << ", strategy " << strategy);
        rig good{max}, bad{max};
        CHECK(passes(good, d.fresh_message(largest), largest));
        CHECK(bad.hear(deflated_frame(d.fresh_message(message))) == lines{"error too_big"});
      }
}

TEST_CASE("a message of the limit passes in fragments that were flushed one by one") {
  constexpr std::size_t max = 65'536, parts = 1024;
  const auto message = noise(max);
  deflater d;
  std::string frames;
  for (std::size_t i = 0; i < parts; ++i) {
    const auto part = std::string_view{message}.substr(i * max / parts, max / parts);
    const auto last = i + 1 == parts;
    frames += masked_frame(last, i == 0 ? binary | rsv1 : continuation,
                           last ? d.message(part) : d.run(part, Z_SYNC_FLUSH));
  }
  rig r{max};
  CHECK(r.hear(frames) == lines{"binary " + message});
}

TEST_CASE("streams that end, with nothing or with another one behind them, are read on") {
  const auto ended = [](std::string_view part) {
    deflater d;
    return d.run(part, Z_FINISH);
  };
  deflater d;
  CHECK(heard_of_payload(ended("whole")) == lines{"text whole"});
  CHECK(heard_of_payload(ended("whole") + std::string(1, '\0')) == lines{"text whole"});
  CHECK(heard_of_payload(ended("one, ") + ended("two")) == lines{"text one, two"});
  CHECK(heard_of_payload(ended("one, ") + d.message("two")) == lines{"text one, two"});
  CHECK(heard_of_payload(ended("")) == lines{"text "});
  // The second block refers to the first.
  CHECK(heard_of_payload("\xf3\x48\xcd\xc9\xc9\x07\x00\xf2\x00\x11\x00\x00"sv)
        == lines{"text HelloHello"});
}

TEST_CASE("a last fragment may be empty, and a message too") {
  deflater d;
  const auto flushed = d.run("flushed", Z_SYNC_FLUSH);
  rig r;
  CHECK(r.hear(masked_frame(false, text | rsv1, flushed) + masked_frame(true, continuation, ""))
        == lines{"text flushed"});
  CHECK(r.hear(deflated_frame("", text)) == lines{"text "});
  CHECK(r.hear(masked_frame(false, text | rsv1, "") + masked_frame(true, continuation, ""))
        == lines{"text "});
}

// -- what is refused ------------------------------------------------------------------------------

TEST_CASE(
  "a payload that keeps the end of its flush passes, also where it fills the output's pieces") {
  rig r{256 * 1024};
  for (std::size_t size : {32'767u, 32'768u, 32'769u, 98'303u, 98'304u, 98'305u})
    for (auto flush : {Z_SYNC_FLUSH, Z_FULL_FLUSH}) {
      const auto said = prose(size);
      deflater d;
      CHECK(r.hear(deflated_frame(d.run(said, flush), text)) == lines{"text " + said});
    }
}

TEST_CASE("what DEFLATE does not allow is undecodable") {
  CHECK(heard_of_payload("\xff\xff\xff\xff\xff\xff") == broken);
  CHECK(heard_of_payload("\x05\x00\xff"sv) == broken);
  CHECK(heard_of_payload("\x07") == broken);                               // invalid block type
  CHECK(heard_of_payload("\x00\x05\x00\xfb\xff\x48"sv) == broken);         // lengths that differ
  CHECK(heard_of_payload("\xf3\x48\xcd\xc9\xc9\x07\x00\xff"sv) == broken); // garbage after the end
  CHECK(heard_of_payload("\xf2\x00\x11\x00\x00"sv) == broken); // refers to an earlier message
}

TEST_CASE("a message that stops within a block is undecodable") {
  deflater d;
  const auto payload = d.message(prose(2'000));
  for (std::size_t size = 1; size + 1 < payload.size(); ++size)
    if (heard_of_payload(payload.substr(0, size)) != broken)
      FAIL("stops behind " << size << " of " << payload.size() << " bytes");
}

TEST_CASE("without a context no message may refer to those before it; with one it may, over more "
          "than a window") {
  deflater d;
  std::string frames;
  lines messages;
  for (std::size_t i = 0; i < 60; ++i) {
    const auto message = prose(2'000 + i * 37).substr(i * 11);
    frames += deflated_frame(d.message(message));
    messages.push_back("binary " + message);
  }
  rig with{70'000, true}, without;

  CHECK(with.hear(frames) == messages);
  CHECK(without.hear(frames) == lines{messages.front(), broken.front()});
}

TEST_CASE("a context lasts over plain messages and over one larger than a window") {
  deflater d;
  const auto large = prose(60'000), half = large.substr(30'000);
  auto frames = deflated_frame(d.message(large)) + masked_frame(true, text, "plain");
  frames += deflated_frame(d.message(half));
  rig r{70'000, true};
  CHECK(r.hear(frames) == lines{"binary " + large, "text plain", "binary " + half});
}

TEST_CASE("a context is the last 32 KiB of what has been inflated") {
  protocol::inflate_context context;
  std::string all;
  for (std::size_t size : {0u, 10u, 20'000u, 20'000u, 5u, 40'000u, 32'768u, 1u}) {
    all += noise(size, size);
    context.add(std::string_view{all}.substr(all.size() - size));
    const auto kept = std::min<std::size_t>(all.size(), 32 * 1024);
    CHECK((context.view() == std::string_view{all}.substr(all.size() - kept)));
  }
}

TEST_CASE("an inflater keeps room for 32 KiB of output, however large a message was") {
  rig r;
  deflater d;
  CHECK(r.inflater.kept_bytes() == 0);
  for (std::size_t size : {1u, 70'000u, 100u}) {
    (void)r.hear(deflated_frame(d.fresh_message(prose(size))));
    CHECK(r.inflater.kept_bytes() == 32 * 1024);
  }
}

TEST_CASE("a bomb is too big at the limit and one byte, and a message of the limit is not") {
  for (std::size_t max : {1u, 100u, 32'767u, 32'768u, 32'769u, 65'536u, 98'304u, 1'000'000u}) {
    deflater d{9};
    rig fits{max}, one_more{max}, bomb{max};
    INFO("limit " << max);
    CHECK(fits.hear(deflated_frame(d.fresh_message(std::string(max, 'b'))))
          == lines{"binary " + std::string(max, 'b')});
    CHECK(one_more.hear(deflated_frame(d.fresh_message(std::string(max + 1, 'b'))))
          == lines{"error too_big"});
    if (max > 32'000 && max < 100'000)
      CHECK(bomb.hear(deflated_frame(d.fresh_message(std::string(max * 200, 'b'))))
            == lines{"error too_big"});
  }
}

TEST_CASE("a frame that declares more than zlib would ever make of the largest message is refused "
          "at its header") {
  rig good, bad, huge;
  const auto most = ws_inflater::largest_payload(70'000, 1);
  CHECK(good.hear(client_header(true, text | rsv1, most)).empty());
  CHECK(bad.hear(client_header(true, text | rsv1, most + 1)) == lines{"error too_big"});
  CHECK(huge.hear(client_header(true, text | rsv1, std::uint64_t{1} << 62))
        == lines{"error too_big"});
  CHECK(most < 84'000);
}

TEST_CASE(
  "the bit of deflate is for the first frame of a message, and only where that was agreed on") {
  const lines refused{"error protocol_error"};
  ws_limits limits;
  ws_reader plain{limits};
  CHECK(heard_of(plain, client_header(true, text | rsv1, 1)) == refused);
  rig continued, control;
  CHECK(continued.hear(masked_frame(false, text | rsv1, "")
                       + client_header(true, continuation | rsv1, 1))
        == refused);
  CHECK(control.hear(client_header(true, ping | rsv1, 0)) == refused);
}

TEST_CASE("inflated text is UTF-8; inflated bytes need not be") {
  deflater d;
  const auto half = d.fresh_message("caf\xc3");
  rig r;
  CHECK(r.hear(deflated_frame(half, binary)) == lines{"binary caf\xc3"});
  CHECK(r.hear(deflated_frame(half, text)) == lines{"error undecodable"});
}

TEST_CASE("a large message is inflated in steps, and nothing is read meanwhile") {
  constexpr std::size_t size = 3'000'000, step = 20'000;
  deflater d;
  rig r{size};
  SECTION("much comes") {
    const auto message = noise(size);
    const auto frame = deflated_frame(d.fresh_message(message)) + masked_frame(true, ping, "p");
    std::string_view rest{frame};
    std::size_t steps = 0;
    auto e = r.reader.next(rest, script_start);
    for (; e.what == ws_event::kind::inflating; e = r.reader.next(rest, script_start)) {
      ++steps;
      REQUIRE(r.reader.is_inflating());
      REQUIRE(rest.size() == masked_frame(true, ping, "p").size());
      REQUIRE_FALSE(r.reader.open_since());
      REQUIRE(r.reader.held_bytes() >= size);
    }
    CHECK(steps >= size / step);
    CHECK(steps <= size / 16'384);
    CHECK(e.payload.view() == message);
    CHECK(r.reader.held_bytes() == 0);
    CHECK(line_of(r.reader.next(rest, script_start)) == "ping p");
  }
  SECTION("little comes, and much of it") {
    const auto frame = deflated_frame(d.fresh_message(std::string(size, 'x')));
    std::string_view rest{frame};
    std::size_t steps = 0;
    while (r.reader.next(rest, script_start).what == ws_event::kind::inflating)
      ++steps;
    CHECK(steps >= size / 600'000);
  }
  SECTION("others are heard between the steps, and none hears of what is not done") {
    const auto frame = deflated_frame(d.fresh_message(noise(size)));
    std::string_view rest{frame};
    CHECK(r.reader.next(rest, script_start).what == ws_event::kind::inflating);
    ws_reader other{r.limits};
    other.allow_deflate(r.inflater, false);
    CHECK(heard_of(other, deflated_frame(d.fresh_message("good"))) == lines{"binary good"});
    r.reader = ws_reader{r.limits}; // its peer has gone
    CHECK(heard_of(other, deflated_frame(d.fresh_message("still"))) == lines{"binary still"});
  }
}

// Pins §16.33.
TEST_CASE("a few large messages are inflated at once, and the others wait as they came") {
  constexpr std::size_t size = 1'000'000;
  deflater d;
  const ws_limits limits{.max_message_bytes = size};
  ws_inflater shared;
  const auto large = deflated_frame(d.fresh_message(noise(size)));
  const auto bomb = deflated_frame(d.fresh_message(std::string(size, 'x')));
  const auto make = [&] {
    auto r = std::make_unique<ws_reader>(limits);
    r->allow_deflate(shared, false);
    return r;
  };
  const auto starts = [](ws_reader& r, std::string_view frame) {
    return r.next(frame, script_start).what == ws_event::kind::inflating;
  };
  const auto ends = [](ws_reader& r) { // within the steps that inflating needs
    std::string_view nothing;
    for (std::size_t i = 0; i < 100; ++i)
      if (auto e = r.next(nothing, script_start); e.what != ws_event::kind::inflating)
        return e.what == ws_event::kind::message && e.payload.size() == size;
    return false;
  };

  std::vector<std::unique_ptr<ws_reader>> first;
  for (unsigned i = 0; i < 4; ++i)
    REQUIRE(starts(*first.emplace_back(make()), i % 2 ? large : bomb));
  auto waits = make(), waits_with_bomb = make(), small = make();
  REQUIRE(starts(*waits, large));
  REQUIRE(starts(*waits_with_bomb, bomb));
  CHECK_FALSE(ends(*waits));
  CHECK_FALSE(ends(*waits_with_bomb));
  CHECK(waits_with_bomb->held_bytes() < 3000);
  CHECK(heard_of(*small, deflated_frame(d.fresh_message("small"))) == lines{"binary small"});

  SECTION("until others are done") {
    for (unsigned i : {0u, 1u})
      CHECK(ends(*first[i]));
  }
  SECTION("until the peers of others have gone") { first.resize(2); }
  CHECK(ends(*waits));
  CHECK(ends(*waits_with_bomb));
}

TEST_CASE("an inflater serves the next reader after a broken message and after a bomb") {
  ws_limits limits;
  ws_inflater shared;
  deflater d;
  for (const auto& bad : {std::string{"\xff\xff"}, d.fresh_message(std::string(1'000'000, 'x')),
                          d.fresh_message("cut").substr(0, 2)}) {
    ws_reader first{limits}, second{limits};
    first.allow_deflate(shared, false);
    second.allow_deflate(shared, false);
    CHECK(heard_of(first, deflated_frame(bad)).front().starts_with("error"));
    CHECK(heard_of(second, deflated_frame(d.fresh_message("good"))) == lines{"binary good"});
  }
}
