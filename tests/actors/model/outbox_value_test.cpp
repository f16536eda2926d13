#include "outbox_rig.hpp"

#include <troupe/protocol/frame.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using actors::if_behind;
using actors::value_fate;

namespace {

constexpr auto x = if_behind{100}, y = if_behind{200};

/// An outbox whose socket has taken 3 bytes of a first frame and takes no more.
struct behind : outbox_rig {
  explicit behind(outbox::bounds b = {}) : outbox_rig(b) {
    socket.room = 3;
    write(first);
  }
  value_fate put(const shared_bytes& frame, if_behind name) {
    return box.put_value(frame, whole(frame), name, now);
  }
  value_fate put(char fill, if_behind name, std::size_t size = 10) {
    return put(frame_of(size, fill), name);
  }
  /// What leaves behind the first frame.
  std::string rest() { return drain().substr(first.size()); }

  shared_bytes first = frame_of(10, '1');
};

std::string texts(std::string_view fills, std::size_t size = 10) {
  std::string all;
  for (auto fill : fills)
    all += frame_of(size, fill).view();
  return all;
}

} // namespace

// Pins §4.126.
TEST_CASE("a value gives way to a newer one of its name, which goes last") {
  behind b;

  CHECK(b.put('a', x) == value_fate::queued);
  CHECK(b.put('b', y) == value_fate::queued);
  b.append(frame_of(10, '2'));
  CHECK(b.put('c', x) == value_fate::replaced);
  b.append(frame_of(10, '3'));

  CHECK(b.rest() == texts("b2c3"));
  CHECK(b.box.queued_values() == 0);
  CHECK(b.box.queued_value_weight() == 0);
  CHECK(b.box.queued_bytes() == 0);
}

TEST_CASE("a value of which a part has left is finished, and the newer one comes behind it") {
  behind b;
  b.put('a', x);
  b.socket.room = b.first.size() - 3 + 5;
  b.flush();

  CHECK(b.put('b', x) == value_fate::queued);
  CHECK(b.put('c', x) == value_fate::replaced);
  CHECK(b.box.drop_values() == 1);
  CHECK(b.put('d', x) == value_fate::queued);

  CHECK(b.rest() == texts("ad"));
}

TEST_CASE("two adjacent frames that are one value go and give way together") {
  behind b;
  auto pair = [](char fill) { return batch_of({frame_of(4, fill), frame_of(6, fill)}); };

  b.put(pair('a'), x);
  b.put(pair('b'), x);

  CHECK(b.box.queued_values() == 1);
  CHECK(b.rest() == text(pair('b')));
}

// Pins §4.127.
TEST_CASE("values have a quarter of the bound to themselves, beyond which they are dropped") {
  SECTION("in number") {
    behind b{{1'000, 16}};
    for (std::uint64_t name = 10; name < 14; ++name)
      CHECK(b.put('a', if_behind{name}) == value_fate::queued);

    CHECK(b.put('b', if_behind{14}) == value_fate::dropped);
    CHECK(b.put('c', if_behind{12}) == value_fate::replaced);

    CHECK(b.rest() == texts("aaac"));
  }
  SECTION("in bytes") {
    behind b{{400, 1'000}};
    CHECK(b.put('a', x, 48) == value_fate::queued);
    CHECK(b.put('b', y, 48) == value_fate::queued);

    CHECK(b.put('c', if_behind{300}, 1) == value_fate::dropped);
    CHECK(b.put('d', y, 49) == value_fate::dropped);
    CHECK(b.put('e', y, 48) == value_fate::replaced);

    CHECK(b.rest() == texts("ae", 48));
  }
  SECTION("by weight") {
    behind b{{400, 1'000}};
    auto light = frame_of(700, 'a');
    light.make_lighter(50);
    CHECK(b.put(light, x) == value_fate::queued);
    CHECK(b.put('b', y, 48) == value_fate::queued);
    CHECK(b.box.queued_value_weight() == 100);
  }
  SECTION("but a single one") {
    behind b{{400, 1'000}};
    CHECK(b.put('a', x, 5'000) == value_fate::queued);
    CHECK(b.put('b', x, 6'000) == value_fate::replaced);
    CHECK(b.put('c', y) == value_fate::dropped);
    CHECK(b.rest() == texts("b", 6'000));
  }
}

// Pins §4.122.
TEST_CASE("nobody is over the bound, half full, or a backlog for its values") {
  behind b{{100, 40}};
  b.put('a', x, 5'000);
  CHECK_FALSE(b.box.over_bound());
  CHECK_FALSE(b.box.half_full());
  CHECK(b.box.oldest_data() == start);
  CHECK(b.box.queued_bytes(output_kind::data) > 5'000);
  CHECK(b.box.queued_frames() == 1);

  b.socket.room = b.first.size() - 3;
  b.flush();
  CHECK_FALSE(b.box.oldest_data());
  b.now += 1s;
  b.append(frame_of(200, '2'));

  CHECK_FALSE(b.box.over_bound()); // a single entry beside values
  CHECK(b.box.oldest_data() == b.now);
  b.append(frame_of(200, '3'));
  CHECK(b.box.over_bound());
}

TEST_CASE("a value in the place of another one is no progress, even if it is all that waits") {
  outbox_rig r;
  auto put = [&](char fill) {
    auto frame = frame_of(10, fill);
    return r.box.put_value(frame, whole(frame), x, r.now);
  };
  CHECK(put('a') == value_fate::queued); // what is sent waits elsewhere, such as in TLS
  r.now += 1s;

  CHECK(put('b') == value_fate::replaced);

  CHECK(r.box.last_progress() == start);
  CHECK(r.drain() == texts("b"));
}

TEST_CASE("a cut finishes a value of which a part has left, and drops the others") {
  behind b;
  b.put('a', x);
  b.put('b', y);
  b.socket.room = b.first.size() - 3 + 1;
  b.flush();

  CHECK(b.cut() == 1);

  CHECK(b.put('c', x) == value_fate::dropped);
  CHECK(b.box.queued_values() == 0);
  CHECK(b.rest() == texts("a") + text(b.close_frame));
}

TEST_CASE("values leave before the close frame behind them, and none is taken after it") {
  behind b;
  b.put('a', x);
  b.box.close(b.close_frame, b.now);

  CHECK(b.put('b', x) == value_fate::dropped);
  CHECK(b.rest() == texts("a") + text(b.close_frame));
}

TEST_CASE("values that are dropped leave all else as it was") {
  behind b;
  b.put('a', x);
  b.append(frame_of(10, '2'));
  b.put('b', y);
  b.append(frame_of(10, '3'), output_kind::control);

  CHECK(b.box.drop_values() == 2);
  CHECK(b.box.drop_values() == 0);

  CHECK(b.box.queued_values() == 0);
  CHECK(b.rest() == texts("23"));
}

TEST_CASE("a value is kept without the rest of its batch, unless that is little") {
  for (int frames : {2, 3, 1'000}) {
    behind b;
    std::string one{frame_of(100, 'a').view()}, all;
    for (int i = 0; i < frames; ++i)
      all += one;
    protocol::memory_meter meter;
    auto batch = shared_bytes::copy_of(all, &meter);
    batch.make_lighter(all.size() / 2);
    auto size = static_cast<std::uint32_t>(one.size());

    b.box.put_value(batch, {size, 2 * size}, x, b.now);
    batch = {};

    CHECK((meter.used_bytes() == 0) == (frames > 2));
    CHECK((b.copies.used_bytes() > 0) == (frames > 2));
    CHECK(b.box.queued_value_weight() == size / 2);
    CHECK(b.rest() == one);
    CHECK(meter.used_bytes() + b.copies.used_bytes() == 0);
  }
}

TEST_CASE("all that clears an outbox clears its values") {
  behind b;
  b.put('a', x);
  b.box.clear();
  CHECK(b.box.queued_values() == 0);
  CHECK(b.put('b', x) == value_fate::queued);
  b.socket.take();
  CHECK(b.drain() == texts("b"));
}
