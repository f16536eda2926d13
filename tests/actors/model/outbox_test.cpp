#include "outbox_rig.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

// -- what is kept ---------------------------------------------------------------------------------

namespace {

/// A batch of 100 frames of 1,000 bytes. Only its receivers keep it.
struct large_batch {
  protocol::memory_meter meter;
  std::string one = text(frame_of(1000));
  shared_bytes bytes = shared_bytes::make(100 * one.size(), &meter, [this](char* out) {
    for (int i = 0; i < 100; ++i)
      out = std::copy(one.begin(), one.end(), out);
  });
  [[nodiscard]] byte_range frames(std::uint32_t first, std::uint32_t count) const {
    auto size = static_cast<std::uint32_t>(one.size());
    return {first * size, (first + count) * size};
  }
};

} // namespace

TEST_CASE("a small part of a large batch is kept without the rest of it") {
  large_batch batch;
  batch.bytes.make_lighter(50'000);
  outbox_rig r;
  r.socket.room = 0;

  r.write(batch.bytes, {batch.frames(7, 2)}, 2);
  auto weight = batch.bytes.weight(batch.frames(7, 2).begin, batch.frames(7, 2).end);
  batch.bytes = {};

  CHECK(batch.meter.used_bytes() == 0);
  CHECK(r.copies.used_bytes() < 2100);
  CHECK(r.box.queued_weight() == weight);
  CHECK(r.drain() == batch.one + batch.one);
  CHECK(r.copies.used_bytes() == 0);
}

TEST_CASE("a large part of a batch is kept where it lies, and shared") {
  large_batch batch;
  outbox_rig r;
  r.socket.room = 0;

  r.write(batch.bytes, {batch.frames(0, 50)}, 50);

  CHECK(r.copies.used_bytes() == 0);
  CHECK_FALSE(batch.bytes.unique());
}

TEST_CASE("what is left of a large batch is kept without it, and a cut finds its half frame") {
  large_batch batch;
  outbox_rig r;
  r.socket.room = 96 * batch.one.size() + 100;

  r.write(batch.bytes, {whole(batch.bytes)}, 100);
  batch.bytes = {};
  auto sent = r.socket.take();
  CHECK(batch.meter.used_bytes() == 0);
  CHECK(r.box.queued_frames() == 4);
  CHECK(r.cut() == 3);

  CHECK(sent + r.drain() == [&] {
    std::string all;
    for (int i = 0; i < 97; ++i)
      all += batch.one;
    return all + text(r.close_frame);
  }());
}

// -- writing --------------------------------------------------------------------------------------

TEST_CASE(
  "a write that the socket takes whole leaves nothing queued and never looks at the clock") {
  outbox_rig r;
  auto frame = frame_of(100);

  auto status = r.write(frame);

  CHECK(status == outbox::status::done);
  CHECK(r.socket.received == frame.view());
  CHECK(r.box.empty());
  CHECK(r.clock_looks == 0);
}

TEST_CASE("what the socket does not take leaves later, byte for byte") {
  outbox_rig r;
  r.socket.room = 7;
  auto frame = frame_of(100);

  auto status = r.write(frame);
  auto queued = r.box.queued_bytes();
  auto rest = r.drain();

  CHECK(status == outbox::status::blocked);
  CHECK(queued == frame.size() - 7);
  CHECK(rest == frame.view());
  CHECK(r.box.empty());
}

TEST_CASE("a write behind queued output does not overtake it") {
  outbox_rig r;
  auto first = frame_of(10, 'a');
  auto second = frame_of(10, 'b');
  r.append(first);

  auto status = r.write(second);
  auto sends = r.socket.sends;
  auto all = r.drain();

  CHECK(status == outbox::status::blocked);
  CHECK(sends == 0);
  CHECK(all == text(first) + text(second));
}

TEST_CASE("pieces of many buffers leave in one send, large ones from where they lie") {
  outbox_rig r;
  std::vector<shared_bytes> frames;
  for (int i = 0; i < 200; ++i)
    frames.push_back(frame_of(i == 50 ? 5000 : 20, static_cast<char>('a' + i % 26)));

  auto status = r.write_all(frames);

  CHECK(status == outbox::status::done);
  CHECK(r.socket.sends == 1);
  CHECK(r.socket.most_parts == 3);
  CHECK(r.socket.received == text_of(frames));
  CHECK(r.box.empty());
}

TEST_CASE("pieces that one send cannot take leave in the next ones") {
  outbox_rig r;
  std::vector<shared_bytes> frames;
  for (int i = 0; i < 200; ++i)
    frames.push_back(frame_of(i % 2 ? 900 : 3000, static_cast<char>('a' + i % 26)));

  CHECK(r.write_all(frames) == outbox::status::done);
  CHECK(r.socket.sends > 1);
  CHECK(r.socket.received == text_of(frames));
}

TEST_CASE("a socket that stops anywhere among pieces is continued there, and keeps their buffers") {
  std::vector<shared_bytes> frames{frame_of(10, 'a'), frame_of(2000, 'b'), frame_of(30, 'c'),
                                   frame_of(1, 'd')};
  auto all = text_of(frames);
  for (std::size_t room = 0; room <= all.size(); ++room) {
    outbox_rig r;
    r.socket.room = room;

    r.write_all(frames);
    auto queued = r.box.queued_bytes();

    CHECK(queued == all.size() - room);
    CHECK(r.drain() == all);
  }
}

TEST_CASE("only the named parts of a batch are sent") {
  outbox_rig r;
  auto a = frame_of(10, 'a'), b = frame_of(10, 'b'), c = frame_of(10, 'c');
  auto batch = batch_of({a, b, c});
  auto size = static_cast<std::uint32_t>(a.size());

  r.write(batch, {{0, size}, {2 * size, 3 * size}}, 2);

  CHECK(r.socket.received == text(a) + text(c));
}

TEST_CASE("a socket that stops inside the second part is continued there") {
  auto a = frame_of(10, 'a'), b = frame_of(10, 'b'), c = frame_of(10, 'c');
  auto batch = batch_of({a, b, c});
  auto size = static_cast<std::uint32_t>(a.size());
  for (std::size_t room = 0; room <= 2 * size; ++room) {
    outbox_rig r;
    r.socket.room = room;

    r.write(batch, {{0, size}, {2 * size, 3 * size}}, 2);

    CHECK(r.drain() == text(a) + text(c));
  }
}

TEST_CASE("more parts than one send takes still leave in order") {
  outbox_rig r;
  std::string all, wanted;
  std::vector<byte_range> parts;
  for (char c = 'a'; parts.size() < 150; c = c == 'z' ? 'a' : static_cast<char>(c + 1)) {
    auto frame = text(frame_of(parts.size(), c));
    wanted += frame;
    parts.push_back({static_cast<std::uint32_t>(all.size()),
                     static_cast<std::uint32_t>(all.size() + frame.size())});
    all += frame + "hole";
  }

  auto status = r.write(shared_bytes::copy_of(all), parts, 150);

  CHECK(status == outbox::status::done);
  CHECK(r.box.empty());
  CHECK(r.socket.received == wanted);
  CHECK(r.socket.most_parts <= 64);
}

TEST_CASE("a socket that is gone is told as such") {
  outbox_rig empty, queued;
  queued.append(frame_of(10));
  empty.socket.broken = queued.socket.broken = true;

  CHECK(empty.write(frame_of(10)) == outbox::status::broken);
  CHECK(queued.flush() == outbox::status::broken);
}

TEST_CASE("an empty part is not queued") {
  outbox_rig r;

  r.box.append(frame_of(10), {5, 5}, 0, output_kind::data, r.now);

  CHECK(r.box.empty());
}

// -- times ----------------------------------------------------------------------------------------

TEST_CASE("progress is when the queue became non-empty, then when bytes left") {
  outbox_rig r;
  r.socket.room = 0;
  r.write(frame_of(10));
  auto queued = r.box.last_progress();
  r.now += 3s;
  r.write(frame_of(10));
  auto behind = r.box.last_progress();
  r.now += 3s;
  r.flush();
  auto nothing_left = r.box.last_progress();
  r.socket.room = 1;
  r.flush();

  CHECK(queued == start);
  CHECK(behind == start);
  CHECK(nothing_left == start);
  CHECK(r.box.last_progress() == start + 6s);
}

TEST_CASE("a backlog is as old as its oldest data frame; control output has no age") {
  outbox_rig r;
  r.socket.room = 0;
  r.append(frame_of(1), output_kind::control);
  auto only_control = r.box.oldest_data();
  r.now += 1s;
  r.append(frame_of(1));
  r.now += 1s;
  r.append(frame_of(1));
  auto both = r.box.oldest_data();
  r.drain();

  CHECK(only_control == std::nullopt);
  CHECK(both == start + 1s);
  CHECK(r.box.oldest_data() == std::nullopt);
}

// -- the bound ------------------------------------------------------------------------------------

// Pins §16.4.
TEST_CASE("an empty outbox takes one message of any size; the next one is over the bound") {
  outbox_rig r{{1000, 10}};
  r.socket.room = 5;

  r.write(frame_of(100'000));
  auto with_one = r.box.over_bound();
  r.write(frame_of(1));

  CHECK_FALSE(with_one);
  CHECK(r.box.over_bound());
}

TEST_CASE("bytes up to the bound are within it") {
  outbox_rig r{{1000, 10}};
  r.append(frame_of(498)); // headers of 4 bytes
  r.append(frame_of(494));
  auto at_the_bound = r.box.over_bound();
  auto bytes = r.box.queued_bytes();
  r.append(frame_of(0));

  CHECK(bytes == 1000);
  CHECK_FALSE(at_the_bound);
  CHECK(r.box.over_bound());
}

// Pins §16.4.
TEST_CASE("the number of frames is bounded, too") {
  outbox_rig r{{1000, 3}};
  for (int i = 0; i < 3; ++i)
    r.append(frame_of(1));
  auto at_the_bound = r.box.over_bound();
  r.append(frame_of(1), output_kind::control);

  CHECK_FALSE(at_the_bound);
  CHECK(r.box.over_bound());
}

// Pins §16.34.
TEST_CASE("an outbox is half full beyond half of either bound, and no more once that has left") {
  outbox_rig bytes{{1000, 100}}, frames{{100'000, 4}};
  bytes.append(frame_of(496)); // a header of 4 bytes
  frames.append(frame_of(1));
  frames.append(frame_of(1));
  auto at_the_half = bytes.box.half_full() || frames.box.half_full();
  bytes.append(frame_of(0));
  frames.append(frame_of(1));

  CHECK_FALSE(at_the_half);
  CHECK(bytes.box.half_full());
  CHECK(frames.box.half_full());
  bytes.drain();
  frames.cut();
  CHECK_FALSE(bytes.box.half_full());
  CHECK_FALSE(frames.box.half_full());
}

/// Pins that a reader reaches its bound no sooner because its codec makes seven times the bytes of
/// the command.
TEST_CASE("the bound counts weights, and what has left in part weighs its share") {
  outbox_rig r{{1000, 100}};
  r.socket.room = 0;
  for (int i = 0; i < 10; ++i) {
    auto frame = frame_of(696); // a header of 4 bytes
    frame.make_lighter(100);
    r.write(frame);
  }
  auto bytes = r.box.queued_bytes();
  auto weight = r.box.queued_weight();
  auto at_the_bound = r.box.over_bound();
  r.append(frame_of(0));
  auto beyond = r.box.over_bound();
  r.socket.room = 350;
  r.flush();

  CHECK(bytes == 7000);
  CHECK(weight == 1000);
  CHECK_FALSE(at_the_bound);
  CHECK(beyond);
  CHECK(r.box.queued_weight() == 952);
  CHECK_FALSE(r.box.over_bound());
  r.drain();
  CHECK(r.box.queued_weight() == 0);
}

TEST_CASE("a part of a light batch weighs its share of it") {
  outbox_rig r{{1000, 100}};
  r.socket.room = 0;
  auto batch = batch_of({frame_of(98), frame_of(98), frame_of(98)}); // 100 bytes each
  batch.make_lighter(30);

  r.write(batch, {{0, 100}, {200, 300}}, 2);

  CHECK(r.box.queued_bytes() == 200);
  CHECK(r.box.queued_weight() == 20);
  r.cut();
  CHECK(r.box.queued_weight() == r.close_frame.size());
}

TEST_CASE("an outbox that was cut is over no bound") {
  outbox_rig r{{100, 3}};
  for (int i = 0; i < 10; ++i)
    r.append(frame_of(100), output_kind::control);

  r.cut();

  CHECK_FALSE(r.box.over_bound());
}

/// Pins that frames behind a hole in a batch are counted with the part that holds them, not with
/// the part before the hole.
TEST_CASE("while anything is queued the number of queued frames is not zero") {
  outbox_rig r;
  r.socket.room = 0;
  auto a = frame_of(10, 'a'), b = frame_of(10, 'b'), c = frame_of(10, 'c');
  auto size = static_cast<std::uint32_t>(a.size());
  r.write(batch_of({a, b, c}), {{0, size}, {2 * size, 3 * size}}, 2);

  r.socket.room = size;
  r.flush();

  CHECK_FALSE(r.box.empty());
  CHECK(r.box.queued_frames() == 1);
}

TEST_CASE("an output has room for 1 MiB and 1,024 frames unless it is told otherwise") {
  CHECK(outbox::bounds{}.max_bytes == 1024 * 1024);
  CHECK(outbox::bounds{}.max_frames == 1024);
}
