#include "outbox_rig.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;

TEST_CASE("a cut drops data that has not begun and keeps control output") {
  outbox_rig r;
  r.socket.room = 0;
  auto pong = frame_of(3, 'p');
  r.append(frame_of(10));
  r.append(pong, output_kind::control);
  r.append(frame_of(10));

  auto dropped = r.cut();

  CHECK(dropped == 2);
  CHECK(r.drain() == text(pong) + text(r.close_frame));
}

TEST_CASE("a cut finishes the half-written frame and no other of its batch") {
  auto a = frame_of(10, 'a'), b = frame_of(20, 'b'), c = frame_of(30, 'c');
  auto batch = batch_of({a, b, c});
  for (std::size_t room = 0; room < batch.size(); ++room) {
    outbox_rig r;
    r.socket.room = room;
    r.write(batch, {whole(batch)}, 3);

    auto dropped = r.cut();
    auto all = r.drain();

    std::size_t begun = (room > 0) + (room > a.size()) + (room > a.size() + b.size());
    auto wanted =
      (begun > 0 ? text(a) : "") + (begun > 1 ? text(b) : "") + (begun > 2 ? text(c) : "");
    INFO("cut after " << room << " bytes");
    REQUIRE(all == wanted + text(r.close_frame));
    REQUIRE(dropped == 3 - begun);
  }
}

/// Pins that the count of dropped frames neither wraps below zero nor counts what has left.
TEST_CASE("a cut inside the last frame, behind a hole, has dropped nothing") {
  outbox_rig r;
  r.socket.room = 0;
  auto a = frame_of(10, 'a'), b = frame_of(10, 'b'), c = frame_of(10, 'c');
  auto size = static_cast<std::uint32_t>(a.size());
  r.write(batch_of({a, b, c}), {{0, size}, {2 * size, 3 * size}}, 2);
  r.socket.room = size + 1;
  r.flush();

  auto dropped = r.cut();

  CHECK(dropped == 0);
  CHECK(r.drain() == text(a) + text(c) + text(r.close_frame));
}

TEST_CASE("half-written control output is finished, too") {
  outbox_rig r;
  r.socket.room = 3;
  auto control = frame_of(10, 'c');
  r.append(control, output_kind::control);
  r.flush();

  auto dropped = r.cut();

  CHECK(dropped == 0);
  CHECK(r.drain() == text(control) + text(r.close_frame));
}

TEST_CASE("nothing leaves after a close frame") {
  outbox_rig r;
  r.box.close(r.close_frame, r.now);

  r.write(frame_of(1));
  r.append(frame_of(1), output_kind::control);
  r.box.close(r.close_frame, r.now);
  auto dropped = r.cut();

  CHECK(dropped == 0);
  CHECK(r.drain() == text(r.close_frame));
  CHECK(r.box.sealed());
}

TEST_CASE("a close frame waits behind what is queued") {
  outbox_rig r;
  auto data = frame_of(10);
  r.append(data);

  r.box.close(r.close_frame, r.now);

  CHECK(r.drain() == text(data) + text(r.close_frame));
}

/// Pins that a fan-out to a closing session does not report `done`. The session would then end the
/// socket while the close frame is still queued.
TEST_CASE("a write to a sealed outbox that still holds output is not done") {
  outbox_rig r;
  r.socket.room = 0;
  r.append(frame_of(10));
  r.box.close(r.close_frame, r.now);

  auto status = r.write(frame_of(1));

  CHECK_FALSE(r.box.empty());
  CHECK(status == outbox::status::blocked);
}
