// One message that many raw connections share.
#include "manual_node.hpp"

#include <troupe/actors/shared_message.hpp>

#include <catch2/catch.hpp>

#include <memory>

using namespace troupe;
using namespace troupe::test;

namespace {

constexpr std::size_t image_bytes = 1024 * 1024;

/// An endpoint that sends `message` to each client that connects.
struct greeting {
  explicit greeting(actors::shared_message message)
    : place(world.node.make_endpoint(
      "/", on_open([message](const actors::raw_connection& c) { c.send(message); }))) {}

  static actors::endpoint_handlers on_open(std::function<void(const actors::raw_connection&)> f) {
    actors::endpoint_handlers on;
    on.on_open = std::move(f);
    return on;
  }

  testing::memory_session& connect(encoding e = encoding::plain_json) {
    actors::connection_info info{e};
    info.endpoint = place.state();
    actors::outbox::bounds bounds;
    bounds.max_bytes = 4 * image_bytes;
    auto& s = *clients.emplace_back(
      std::make_unique<testing::memory_session>(world.node, world.node.loop(0), info, bounds));
    s.set_window(0);
    world.settle();
    return s;
  }

  manual_node world;
  actors::endpoint place;
  std::vector<std::unique_ptr<testing::memory_session>> clients;
};

std::string noise(std::size_t bytes) {
  std::string text;
  for (std::uint32_t x = 1; text.size() < bytes; x = x * 1664525 + 1013904223)
    text += static_cast<char>(x >> 24);
  return text;
}

} // namespace

TEST_CASE("a shared message arrives whole, as what it is") {
  auto image = noise(image_bytes);
  greeting binary{actors::shared_message::binary(image)},
    text{actors::shared_message::text("안녕")};
  auto& a = binary.connect();
  auto& b = text.connect();

  a.set_window({});
  b.set_window({});
  binary.world.settle();
  text.world.settle();

  auto seen = a.take_frames();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].opcode == 2);
  CHECK(seen[0].payload == image);
  seen = b.take_frames();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].opcode == 1);
  CHECK(seen[0].payload == "안녕");
}

// Pins that clients which do not read share the bytes that they are sent, deflated or not.
TEST_CASE("many who do not read hold one copy of a shared message") {
  greeting g{actors::shared_message::binary(std::string(image_bytes, 'x'))};
  auto before = g.world.node.stats().output_bytes;

  for (int i = 0; i < 50; ++i) {
    CHECK(g.connect(encoding::plain_json).queued_bytes() > image_bytes);
    CHECK(g.connect(encoding::plain_json_deflated).queued_bytes() > 0);
  }

  CHECK(g.world.node.stats().output_bytes - before < static_cast<std::int64_t>(image_bytes / 10));
}

TEST_CASE("a shared message may outlive the node that it was sent by") {
  auto message = actors::shared_message::binary("x");
  {
    greeting g{message};
    g.connect();
  }

  greeting other{message};
  auto& client = other.connect();
  client.set_window({});
  other.world.settle();
  CHECK(client.take_frames().size() == 1);
}
