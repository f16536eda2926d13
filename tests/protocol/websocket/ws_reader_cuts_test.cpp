// Scripts of frames, cut at every place; and random streams, compared with a reference reader that
// sees all bytes at once and is written for clarity only. One seed is one stream.
#include <troupe/protocol/ws_inflater.hpp>
#include <troupe/protocol/ws_reader.hpp>

#include "deflater.hpp"
#include "ws_reference.hpp"
#include "ws_script.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using protocol::ws_limits;
using protocol::ws_reader;

namespace {

constexpr unsigned continuation = 0, text = 1, binary = 2, close_op = 8, ping = 9, pong = 10;

const std::string greeting = "h\xc3\xa9 \xf0\x9f\x98\x80";

std::vector<std::string> scripts() {
  const std::string bye{"\x03\xe8 bye", 6};
  return {
    masked_frame(true, text, greeting) + masked_frame(true, ping, "p")
      + masked_frame(true, binary, "") + masked_frame(true, close_op, bye),
    masked_frame(false, text, greeting.substr(0, 6)) + masked_frame(true, pong, "between")
      + masked_frame(false, continuation, "") + masked_frame(true, continuation, greeting.substr(6))
      + masked_frame(true, text, "z"),
    masked_frame(true, binary, std::string(130, 'b')) + masked_frame(true, text, "a\xffz"),
    masked_frame(true, text, "a") + client_header(true, text | 0x10, 300) + "garbage",
    masked_frame(false, binary, "a") + client_header(true, continuation, 70'000) + "too big",
    masked_frame(true, ping, std::string(125, 'p')) + client_header(true, ping, 126) + "too long",
    masked_frame(true, close_op, "\x03") + masked_frame(true, text, "late"),
  };
}

} // namespace

TEST_CASE("a script is heard the same however its bytes are cut in three, and byte by byte") {
  const ws_limits limits;
  for (const auto& script : scripts()) {
    ws_reader whole{limits}, by_byte{limits};
    const auto want = heard_of(whole, script);
    CHECK(want == reference_lines(script, limits));
    CHECK(heard_of(by_byte, script, [] { return std::size_t{1}; }) == want);
    for (std::size_t first = 0; first <= script.size(); ++first)
      for (std::size_t second = first; second <= script.size(); ++second) {
        ws_reader reader{limits};
        lines heard;
        feed(reader, std::string_view{script}.substr(0, first), heard);
        feed(reader, std::string_view{script}.substr(first, second - first), heard);
        feed(reader, std::string_view{script}.substr(second), heard);
        if (heard != want)
          FAIL("cut at " << first << " and " << second);
      }
  }
}

// -- random streams -------------------------------------------------------------------------------

namespace {

/// A stream of frames that mostly keep the rules.
class random_stream {
public:
  explicit random_stream(std::uint64_t seed) : random_(seed) {
    limits.max_message_bytes = draw(0, 3) ? 400 : 0;
    limits.max_fragments = static_cast<std::uint64_t>(draw(0, 12));
    limits.control_burst = draw(0, 20);
    deflate = static_cast<deflate_use>(draw(0, 2));
    for (auto count = draw(1, 40); count > 0; --count)
      add();
    for (auto flips = draw(0, 3) ? 0 : draw(1, 3); flips > 0; --flips)
      bytes[static_cast<std::size_t>(draw(0, static_cast<int>(bytes.size()) - 1))] ^=
        static_cast<char>(1 << draw(0, 7));
    if (draw(0, 3) == 0)
      bytes.resize(static_cast<std::size_t>(draw(1, static_cast<int>(bytes.size()))));
  }

  [[nodiscard]] std::size_t piece() {
    return static_cast<std::size_t>(draw(0, 2) ? draw(1, 8) : draw(1, 300));
  }

  ws_limits limits;
  deflate_use deflate;
  std::string bytes;

private:
  int draw(int low, int high) { return std::uniform_int_distribution<>{low, high}(random_); }
  bool seldom() { return draw(0, 60) == 0; }

  void add() {
    if (draw(0, 3) == 0)
      return add_control();
    if (deflate != deflate_use::none && !in_message_ && draw(0, 1))
      return add_deflated();
    const auto fin = draw(0, 2) != 0;
    const auto op = in_message_ ? continuation : draw(0, 1) ? text : binary;
    is_text_ = op == continuation ? is_text_ : op == text;
    in_message_ = !fin;
    bytes += frame(fin, seldom() ? static_cast<unsigned>(draw(0, 0x7f)) : op,
                   is_text_ ? words() : noise(draw(0, 1) ? 20 : 200));
  }

  /// Adds a deflated message of one to four frames, made with random zlib settings. Sometimes it
  /// lacks its end or consists of two streams.
  void add_deflated() {
    is_text_ = draw(0, 1);
    const auto message = (is_text_ ? std::exchange(open_, {}) + words() : noise(60))
                       + std::string(static_cast<std::size_t>(draw(0, 1) ? 0 : draw(0, 500)), 'y');
    auto payload = draw(0, 3)
                   ? peer_.message(message)
                   : deflater{draw(0, 9), draw(9, 15), draw(1, 9), draw(0, 4)}.message(message);
    if (deflate == deflate_use::afresh && draw(0, 9))
      payload = deflater{draw(0, 9)}.message(message);
    if (draw(0, 7) == 0)
      payload = deflater{}.run(message, Z_FINISH)
              + (draw(0, 1) ? std::string(1, '\0') : deflater{}.message("more"));
    if (seldom())
      payload.resize(payload.size() / 2);
    for (auto op = (is_text_ ? text : binary) | 0x40u; op != 0x100;) {
      const auto size =
        std::min(payload.size(), static_cast<std::size_t>(draw(0, 1) ? 1'000 : draw(0, 40)));
      const auto fin = size == payload.size();
      bytes += frame(fin, op, payload.substr(0, size));
      payload.erase(0, size);
      op = fin ? 0x100 : continuation;
      if (!fin && draw(0, 5) == 0)
        add_control();
    }
  }

  void add_control() {
    const auto op = draw(0, 15) == 0 ? close_op : draw(0, 1) ? ping : pong;
    const auto code = draw(0, 4) ? 1000 + draw(0, 16) : draw(0, 65'535);
    const std::string told{static_cast<char>(code >> 8), static_cast<char>(code)};
    bytes += frame(!seldom(), op,
                   op == close_op && draw(0, 3) ? told + words() : noise(seldom() ? 130 : 10));
  }

  std::string frame(bool fin, unsigned op, const std::string& payload) {
    return masked_frame(fin, op, payload,
                        seldom() ? length_form::two_bytes : length_form::shortest);
  }

  std::string noise(int most) {
    std::string out;
    for (auto n = draw(0, most); n > 0; --n)
      out += static_cast<char>(random_());
    return out;
  }

  /// Text that may stop within a character. The next fragment continues there.
  std::string words() {
    static const std::vector<std::string> some{
      "a", "word ", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf"};
    std::string out = std::exchange(open_, {});
    for (auto n = draw(0, 12); n > 0; --n)
      out += some[static_cast<std::size_t>(draw(0, 5))];
    if (seldom())
      out += noise(3);
    if (in_message_ && draw(0, 1) && out.size() > 1) {
      open_ = out.substr(out.size() - 1);
      out.pop_back();
    }
    return out;
  }

  std::mt19937_64 random_;
  deflater peer_;
  std::string open_;
  bool in_message_ = false;
  bool is_text_ = false;
};

} // namespace

TEST_CASE("a random stream is heard as the reference hears it, whole and in pieces") {
  const std::uint64_t seeds = std::getenv("TROUPE_LONG") ? 400'000 : 8'000;
  std::size_t refused = 0, closed = 0, messages = 0, not_inflated = 0;
  protocol::ws_inflater inflater;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    random_stream s{seed};
    const auto want = reference_lines(s.bytes, s.limits, s.deflate);
    ws_reader whole{s.limits}, pieces{s.limits};
    if (s.deflate != deflate_use::none)
      for (auto* reader : {&whole, &pieces})
        reader->allow_deflate(inflater, s.deflate == deflate_use::context);

    const auto at_once = heard_of(whole, s.bytes);
    const auto bit_by_bit = heard_of(pieces, s.bytes, [&] { return s.piece(); });

    INFO("seed " << seed);
    REQUIRE(at_once == want);
    REQUIRE(bit_by_bit == want);
    for (auto& line : want) {
      refused += line.starts_with("error");
      closed += line.starts_with("close");
      not_inflated += line.ends_with("in deflate");
      messages += line.starts_with("text") || line.starts_with("binary");
    }
  }

  // The test proves something only if there are streams of all kinds.
  CHECK(refused > seeds / 4);
  CHECK(closed > seeds / 50);
  CHECK(not_inflated > seeds / 50);
  CHECK(messages > seeds);
}
