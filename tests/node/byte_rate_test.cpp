// The bound on a sender's bytes per second. Beyond it the sender is not read, but loses nothing.
#include "manual_node.hpp"

#include "support/sink_of_nothing.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

actors::node_options at_rate(std::optional<std::size_t> bytes_per_second) {
  actors::node_options o;
  o.connections.messages_per_second = 1e6;
  o.connections.burst_messages = 1'000'000;
  o.connections.bytes_per_second = bytes_per_second;
  o.announce = false;
  return o;
}

std::string message(std::size_t bytes) {
  std::string start = R"({"type":"message","roomId":"r","text":")", end = "\"}";
  return start + std::string(bytes - start.size() - end.size(), 'x') + end;
}

struct sender : client {
  explicit sender(manual_node& world) : client(world) {
    join("r");
    world.settle();
    (void)texts();
  }
  /// How many of its messages came back since the last look.
  std::size_t heard_own() { return heard("message", "seq").size(); }
};

} // namespace

// Pins §16.3, §16.26.
TEST_CASE("a client that sends more than its bytes of a second is read later, and nothing of it is "
          "lost or refused") {
  manual_node world{at_rate(100'000)};
  sender ann{world};

  for (int i = 0; i < 40; ++i)
    ann.say(message(10'000));
  world.settle();
  auto at_once = ann.heard_own();
  world.pass(1s);
  auto after_a_second = ann.heard_own();
  world.pass(2s);

  CHECK(at_once == 10);
  CHECK(after_a_second >= 9);
  CHECK(after_a_second <= 11);
  CHECK(ann.heard_own() == 40 - at_once - after_a_second);
  CHECK(ann.session.unread() == 0);
  CHECK(ann.close_code() == 0);
}

// Pins §16.3.
TEST_CASE("a message that shrinks as it is inflated counts with its size before") {
  manual_node world{at_rate(10'000)};
  test::sink_of_nothing nowhere;
  auto port = world.node.open(world.node.loop(0), nowhere, {encoding::v1_json, "ann"});
  auto ping = protocol::shared_bytes::copy_of(R"({"type":"ping"})");

  port.deliver(ping, false, 4'000);
  auto once = port.may_read();
  port.deliver(ping, false, 60'000);
  auto twice = port.may_read();

  CHECK(once);
  CHECK_FALSE(twice);
}

// Pins §16.3.
TEST_CASE("one message may be larger than what a second allows") {
  manual_node world{at_rate(10'000)};
  sender ann{world};

  ann.say(message(60'000));
  ann.say(message(100));
  world.settle();
  auto first = ann.heard_own();
  world.pass(4900ms);
  auto meanwhile = ann.heard_own();
  world.pass(200ms);

  CHECK(first == 1);
  CHECK(meanwhile == 0);
  CHECK(ann.heard_own() == 1);
}

// Pins §16.3.
TEST_CASE("the default is the larger of 1 MiB and one largest message a second") {
  for (auto [largest, bytes] :
       {std::pair{std::size_t{64 * 1024}, 1u << 20}, {std::size_t{3} << 20, 3u << 20}}) {
    auto options = at_rate({});
    options.messages.max_message_bytes = largest;
    manual_node world{options};
    sender ann{world};
    for (int i = 0; i < 100; ++i) {
      ann.say(message(60'000));
      world.settle();
    }

    auto read = ann.heard_own() * 60'000;
    CHECK(read >= bytes - 60'000);
    CHECK(read <= bytes + 60'000);
  }
}

// Pins §16.2, §16.3.
TEST_CASE("0 lifts the bound, and so does a lifted rate of messages unless bytes are bounded by "
          "themselves") {
  auto lifted = at_rate(0), no_rate = at_rate({}), no_burst = at_rate({}),
       bytes_alone = at_rate(1'000'000);
  no_rate.connections.messages_per_second = bytes_alone.connections.messages_per_second = 0;
  no_burst.connections.burst_messages = 0;
  for (auto& [options, all] :
       {std::pair{lifted, true}, {no_rate, true}, {no_burst, true}, {bytes_alone, false}}) {
    manual_node world{options};
    sender ann{world};
    for (int i = 0; i < 100; ++i) {
      ann.say(message(60'000));
      world.settle();
    }

    CHECK((ann.heard_own() == 100) == all);
  }
}

/// Pins that the heartbeat does not end a client that the server itself does not read.
// Pins §4.57, §14.4.
TEST_CASE("while a client is not read for its bytes its clocks stand still") {
  auto options = at_rate(1000);
  options.heartbeat = {100ms, 100ms};
  manual_node world{options};
  sender ann{world};
  ann.say(message(10'000));
  ann.say(message(100));

  world.pass(5s);
  auto ended = ann.session.ended();
  world.pass(6s);

  CHECK_FALSE(ended);
  CHECK(ann.heard_own() == 2);
}

TEST_CASE("a client that ends while it is not read leaves nothing behind") {
  manual_node world{at_rate(1000)};
  {
    sender ann{world};
    ann.say(message(10'000));
    ann.say(message(100));
    world.settle();
    ann.session.disconnect();
  }

  world.pass(20s);

  CHECK(world.node.stats().connections == 0);
  CHECK(world.node.stats().rooms == 0);
}

TEST_CASE("who is out of bytes keeps nobody else from being read") {
  manual_node world{at_rate(1000)};
  sender ann{world}, bob{world};
  ann.say(message(50'000));
  ann.say(message(100));
  world.settle();
  (void)bob.texts();

  bob.say(message(100));
  world.settle();

  CHECK(bob.heard_own() == 1);
}

TEST_CASE("a raw endpoint has the bound only if it was set") {
  for (bool is_set : {false, true}) {
    manual_node world{at_rate(is_set ? std::optional<std::size_t>{100'000} : std::nullopt)};
    std::size_t heard = 0;
    actors::endpoint_handlers handlers;
    handlers.on_message = [&](const actors::raw_connection&, std::string_view, bool) { ++heard; };
    auto at = world.node.make_endpoint("/raw", std::move(handlers));
    testing::memory_session peer{
      world.node, world.node.loop(0), {encoding::plain_json, {}, {}, at.state()}};

    for (int i = 0; i < 40; ++i)
      peer.say(std::string(60'000, 'x'), true);
    world.settle();
    auto at_once = heard;
    world.pass(60s);

    CHECK(at_once == (is_set ? 2 : 40));
    CHECK(heard == 40);
  }
}

/// Pins that a reader which can take all that one client may send in its own codec is not overrun
/// by messages in the other codec.
// Pins §4.55.
TEST_CASE("a message that grows in the codec of another member counts as what it has become") {
  // An array of 10,000 values: 10 KB here, 60 KB in JSON.
  auto count = std::string{"\xdd\x00\x00\x27\x10", 5};
  auto grows = std::string{"\x83\xa4type\xa7message\xa6roomId\xa1r\xa4"
                           "data"}
             + count + std::string(10'000, '\xc2');
  for (bool has_reader : {false, true}) {
    manual_node world{at_rate(100'000)};
    client ann{world, encoding::v1_msgpack}, reader{world};
    ann.session.say("\x82\xa4type\xa4join\xa6roomId\xa1r", true);
    if (has_reader)
      reader.join("r");
    world.settle();
    (void)ann.session.take_frames();
    for (int i = 0; i < 10; ++i) {
      ann.session.say(grows, true);
      world.settle();
    }
    auto at_once = 10 - ann.session.unread();
    world.pass(10s);

    CHECK(at_once == (has_reader ? 2 : 10));
    CHECK(ann.session.unread() == 0);
    CHECK(reader.heard("message", "seq").size() == (has_reader ? 10 : 0));
  }
}
