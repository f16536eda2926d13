// Random streams of client frames, whole and cut at random places, held against a walk over the list of frames. One seed is one
// stream.
#include "frame_guard.hpp"

#include "client_frames.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using protocol::errc;
using transport::frame_guard;
using namespace std::chrono_literals;

namespace {

constexpr actors::steady_time start{1h};

struct stream_frame {
  std::string header;
  std::uint64_t length; ///< of the payload, as declared; the bytes are there if it is short
  bool control;
  bool fin;
};

struct expectation {
  errc error = errc::ok;
  std::size_t good = 0;          ///< bytes before the refused frame
  std::size_t refused_header = 0; ///< its header's size
  std::uint64_t messages = 0;
  bool open = false;
};

class stream {
public:
  explicit stream(std::uint64_t seed) : random_(seed) {
    limits.max_message_bytes = draw(0, 5) ? 300 : 0;
    limits.max_fragments = static_cast<std::uint32_t>(draw(1, 12));
    limits.control_burst = draw(1, 20);
    limits.control_per_second = 0;
    for (auto count = draw(1, 60); count > 0; --count)
      add();
  }

  /// What the guard is to say, from its rules and the list of frames.
  [[nodiscard]] expectation expected() const {
    expectation e;
    double control_left = limits.control_burst;
    std::uint64_t bytes = 0;
    std::uint32_t fragments = 0;
    for (auto& f : frames_) {
      e.refused_header = f.header.size();
      if (f.control) {
        if (control_left < 1)
          return e.error = errc::flood, e;
        control_left -= 1;
      } else {
        bytes += f.length;
        ++fragments;
        e.open = true;
        if (f.length >> 63 || (limits.max_message_bytes > 0 && bytes > limits.max_message_bytes))
          return e.error = errc::too_big, e;
        if (fragments > limits.max_fragments)
          return e.error = errc::flood, e;
      }
      e.good += f.header.size() + f.length;
      if (!f.control && f.fin) {
        ++e.messages;
        bytes = fragments = 0;
        e.open = false;
      }
    }
    return e;
  }

  /// Feeds it whole if `pieces` is false; returns the verdict with all good bytes.
  frame_guard::verdict feed(frame_guard& guard, bool pieces) {
    std::size_t good = 0;
    for (std::size_t at = 0; at < bytes_.size();) {
      auto size = pieces ? std::min<std::size_t>(bytes_.size() - at, static_cast<std::size_t>(draw(1, draw(0, 1) ? 3 : 200)))
                         : bytes_.size();
      auto v = guard.feed(std::string_view{bytes_}.substr(at, size), start);
      good += v.good;
      if (v.error != errc::ok)
        return {good, v.error};
      REQUIRE(v.good == size);
      at += size;
    }
    return {good, errc::ok};
  }

  frame_guard::limits limits;

private:
  int draw(int low, int high) { return std::uniform_int_distribution<>{low, high}(random_); }

  void add() {
    stream_frame f;
    f.control = draw(0, 3) == 0;
    f.fin = f.control || draw(0, 2) != 0;
    auto opcode = static_cast<unsigned>(f.control ? draw(8, 15) : draw(0, 7));
    auto refused = !f.control && draw(0, 40) == 0;
    f.length = refused ? a_refused_length() : static_cast<std::uint64_t>(draw(0, draw(0, 1) ? 125 : 10));
    f.header = client_header(f.fin, opcode, f.length, static_cast<length_form>(draw(0, 2)), draw(0, 9) != 0);
    bytes_ += f.header;
    for (std::uint64_t i = 0; !refused && i < f.length; ++i)
      bytes_ += static_cast<char>(random_());
    frames_.push_back(std::move(f));
  }

  /// One whose payload nobody will read.
  std::uint64_t a_refused_length() {
    auto length = random_() >> draw(0, 60);
    return limits.max_message_bytes > 0 ? std::max(length, limits.max_message_bytes + 1) : length | std::uint64_t{1} << 63;
  }

  std::mt19937_64 random_;
  std::vector<stream_frame> frames_;
  std::string bytes_;
};

} // namespace

TEST_CASE("a stream of frames gets the same verdict whole and in pieces, and good bytes end before the refused frame") {
  std::size_t refused = 0, passed = 0;
  for (std::uint64_t seed = 1; seed <= 5000; ++seed) {
    INFO("seed " << seed);
    stream s{seed};
    auto want = s.expected();
    frame_guard whole{s.limits}, pieces{s.limits};

    auto at_once = s.feed(whole, false);
    auto bit_by_bit = s.feed(pieces, true);

    REQUIRE(at_once.error == want.error);
    REQUIRE(at_once.good == want.good);
    REQUIRE(bit_by_bit.error == want.error);
    // A header that came in pieces has passed in part, but never whole.
    REQUIRE(bit_by_bit.good >= want.good);
    REQUIRE(bit_by_bit.good < want.good + (want.error == errc::ok ? 1 : want.refused_header));
    REQUIRE(whole.messages() == want.messages);
    REQUIRE(pieces.messages() == want.messages);
    if (want.error == errc::ok)
      REQUIRE(pieces.open_since().has_value() == want.open);
    (want.error == errc::ok ? passed : refused) += 1;
  }

  // The streams are worth something only if there are both kinds.
  CHECK(refused > 1000);
  CHECK(passed > 500);
}
