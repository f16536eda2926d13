// Random writes, appends, values, partial sends, cuts and closes, compared with a plain model: a
// list of all frames in the order in which they were queued. One seed is one run.
#include <troupe/actors/outbox.hpp>

#include "fake_socket.hpp"

#include <troupe/protocol/frame.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using namespace troupe;
using actors::byte_range;
using actors::output_kind;
using protocol::shared_bytes;
using actors::outbox;
using namespace std::chrono_literals;

namespace {

/// What an outbox must send, as one list of frames.
class plain_model {
public:
  void say(std::string frame, output_kind kind) {
    if (!sealed_)
      frames_.push_back({std::move(frame), kind, 0});
  }

  /// One behind the others, instead of one of that name that waits if `sent` bytes have left.
  void put(std::string frame, int name, std::size_t sent) {
    drop_values(sent, name);
    frames_.push_back({std::move(frame), output_kind::data, name});
  }

  /// Drops those of that name that wait, or all; returns how many.
  std::size_t drop_values(std::size_t sent, int name = 0) {
    std::size_t begin = 0;
    auto before = frames_.size();
    std::vector<frame> kept;
    for (auto& f : frames_) {
      if (f.name == 0 || begin < sent || (name != 0 && f.name != name))
        kept.push_back(f);
      begin += f.bytes.size();
    }
    frames_ = std::move(kept);
    return before - frames_.size();
  }

  void close(const std::string& frame) {
    say(frame, output_kind::control);
    sealed_ = true;
  }

  /// Returns how many frames the cut drops if `sent` bytes have already left.
  std::size_t cut(std::size_t sent, const std::string& close_frame) {
    if (sealed_)
      return 0;
    std::vector<frame> kept;
    std::size_t begin = 0;
    for (auto& f : frames_) {
      if (f.kind == output_kind::control || begin < sent)
        kept.push_back(f);
      begin += f.bytes.size();
    }
    auto dropped = frames_.size() - kept.size();
    frames_ = std::move(kept);
    for (auto& f : frames_)
      f.name = 0; // what has begun is finished
    close(close_frame);
    return dropped;
  }

  [[nodiscard]] std::string all() const {
    std::string s;
    for (auto& f : frames_)
      s += f.bytes;
    return s;
  }

  /// How many frames that are values, or are not, have not left completely.
  [[nodiscard]] std::size_t queued(std::size_t sent, bool values) const {
    std::size_t n = 0, end = 0;
    for (auto& f : frames_)
      n += (end += f.bytes.size()) > sent && (f.name != 0) == values;
    return n;
  }

  [[nodiscard]] bool sealed() const { return sealed_; }

private:
  struct frame {
    std::string bytes;
    output_kind kind;
    int name = 0; ///< of a value
  };
  std::vector<frame> frames_;
  bool sealed_ = false;
};

class run {
public:
  explicit run(std::uint64_t seed) : random_(seed) { socket_.room = 0; }

  void play() {
    for (int i = 0; i < 40; ++i) {
      act();
      compare();
    }
    socket_.room.reset();
    check_status(box_.flush(now_, socket_));
    compare();
    REQUIRE(box_.empty());
  }

  std::size_t cuts = 0, received = 0, dropped = 0, replaced = 0, dropped_values = 0;

private:
  int draw(int low, int high) { return std::uniform_int_distribution<>{low, high}(random_); }

  std::string a_frame() {
    auto size = static_cast<std::size_t>(draw(0, 9)   ? draw(0, 40)
                                         : draw(0, 9) ? draw(100, 400)
                                                      : 66'000);
    std::string payload(size, static_cast<char>('a' + serial_++ % 26));
    return std::string{protocol::make_frame(protocol::opcode::text, payload).view()};
  }

  void act() {
    now_ += std::chrono::milliseconds{draw(0, 5)};
    auto what = draw(0, 99);
    if (what < 40)
      write();
    else if (what < 55)
      append(output_kind::data);
    else if (what < 70)
      append(output_kind::control);
    else if (what < 84)
      flush();
    else if (what < 91)
      put();
    else if (what < 92)
      drop_values();
    else if (what < 97)
      cut();
    else
      close();
  }

  void open_socket() {
    if (draw(0, 3) == 0)
      socket_.room.reset();
    else
      socket_.room = static_cast<std::size_t>(draw(0, 1) ? draw(0, 12) : draw(0, 200));
  }

  /// Writes a batch that holds some frames for others, too.
  void write() {
    open_socket();
    std::string batch;
    std::vector<byte_range> parts;
    std::uint32_t wanted = 0;
    auto count = draw(0, 20) ? draw(1, 5) : draw(60, 150);
    for (int i = 0; i < count; ++i) {
      auto frame = a_frame();
      auto begin = static_cast<std::uint32_t>(batch.size());
      batch += frame;
      if (i + 1 < count && draw(0, 3) == 0)
        continue;
      auto end = static_cast<std::uint32_t>(batch.size());
      if (!parts.empty() && parts.back().end == begin)
        parts.back().end = end;
      else
        parts.push_back({begin, end});
      ++wanted;
      model_.say(frame, output_kind::data);
    }
    auto bytes = shared_bytes::copy_of(batch);
    if (draw(0, 1))
      bytes.make_lighter(static_cast<std::size_t>(draw(1, 7)) * batch.size() / 7);
    check_status(box_.write(
      bytes, parts, wanted, [this] { return now_; }, socket_));
  }

  /// Appends one or two frames of a larger buffer.
  void append(output_kind kind) {
    auto before = a_frame(), first = a_frame(), second = draw(0, 1) ? a_frame() : std::string{};
    auto bytes = shared_bytes::copy_of(before + first + second + before);
    byte_range part{static_cast<std::uint32_t>(before.size()),
                    static_cast<std::uint32_t>(before.size() + first.size() + second.size())};
    box_.append(bytes, part, second.empty() ? 1 : 2, kind, now_);
    model_.say(first, kind);
    if (!second.empty())
      model_.say(second, kind);
  }

  void put() {
    auto frame = a_frame();
    auto name = draw(1, 2);
    auto before = draw(0, 1) ? std::string{large_.view()} : std::string{};
    auto bytes = shared_bytes::copy_of(before + frame);
    byte_range part{static_cast<std::uint32_t>(before.size()),
                    static_cast<std::uint32_t>(before.size() + frame.size())};
    auto sent = socket_.received.size(), had = model_.queued(sent, true);
    auto fate =
      box_.put_value(bytes, part, actors::if_behind{static_cast<std::uint64_t>(name) + 1}, now_);
    REQUIRE((fate == actors::value_fate::dropped) == model_.sealed());
    if (fate == actors::value_fate::dropped)
      return;
    model_.put(frame, name, sent);
    auto is_more = model_.queued(sent, true) > had;
    REQUIRE(is_more == (fate == actors::value_fate::queued));
    replaced += is_more ? 0 : 1;
  }

  void drop_values() {
    auto wanted = model_.drop_values(socket_.received.size());
    REQUIRE(box_.drop_values() == wanted);
    dropped_values += wanted;
  }

  void flush() {
    open_socket();
    check_status(box_.flush(now_, socket_));
  }

  void cut() {
    ++cuts;
    auto gone = box_.cut(close_, now_);
    auto wanted = model_.cut(socket_.received.size(), std::string{close_.view()});
    REQUIRE(gone == wanted);
    dropped += wanted;
  }

  void close() {
    box_.close(close_, now_);
    model_.close(std::string{close_.view()});
  }

  /// Checks that `done` is returned exactly if nothing is queued.
  void check_status(outbox::status s) { REQUIRE((s == outbox::status::done) == box_.empty()); }

  void compare() {
    auto all = model_.all();
    auto sent = socket_.received.size();
    REQUIRE(sent <= all.size());
    REQUIRE(all.compare(compared_, sent - compared_, socket_.received, compared_, sent - compared_)
            == 0);
    REQUIRE(box_.queued_bytes() == all.size() - sent);
    REQUIRE(box_.queued_weight() <= box_.queued_bytes());
    REQUIRE((!box_.empty() || box_.queued_weight() == 0));
    REQUIRE(box_.empty() == (all.size() == sent));
    REQUIRE((box_.queued_frames() == 0) == (model_.queued(sent, false) == 0));
    REQUIRE(box_.queued_values() == model_.queued(sent, true));
    REQUIRE((box_.queued_value_weight() == 0) == (box_.queued_values() == 0));
    REQUIRE(box_.sealed() == model_.sealed());
    compared_ = received = sent;
  }

  std::mt19937_64 random_;
  outbox box_{{4 << 20, 1024}};
  plain_model model_;
  test::fake_socket socket_;
  actors::steady_time now_{1h};
  shared_bytes large_ = protocol::make_frame(protocol::opcode::text, std::string(9'000, 'x'));
  shared_bytes close_ = protocol::make_close_frame(1013, "slow_consumer");
  std::size_t compared_ = 0;
  unsigned serial_ = 0;
};

} // namespace

TEST_CASE("whatever a socket takes, what leaves an outbox is whole frames in order, less what a "
          "cut has dropped and values that gave way") {
  std::size_t cuts = 0, received = 0, dropped = 0, replaced = 0, dropped_values = 0;
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    INFO("seed " << seed);
    run r{seed};
    r.play();
    cuts += r.cuts;
    received += r.received;
    dropped += r.dropped;
    replaced += r.replaced;
    dropped_values += r.dropped_values;
  }

  // The test proves something only if these things happened.
  CHECK(cuts > 500);
  CHECK(received > 1'000'000);
  CHECK(dropped > 500);
  CHECK(replaced > 200);
  CHECK(dropped_values > 100);
}
