// Messages that the server accepts cut no reader that stalls for less than the bound, however much
// they grow in the reader's codec.
#include "manual_node.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

actors::node_options unhurried() {
  actors::node_options o;
  o.connections.messages_per_second = 0;
  o.connections.bytes_per_second = 0;
  o.announce = false;
  return o;
}

std::string big_endian(std::uint32_t n) {
  return {static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
          static_cast<char>(n)};
}

/// A `message` in MessagePack. `data` is already encoded.
std::string message_of(const std::string& data) {
  return std::string{"\x84\xa4type\xa7message\xa6roomId\xa1r\xa4"} + "echo\xc2\xa4" + "data" + data;
}

/// Values that are small in MessagePack and large in JSON.
const std::pair<const char*, std::string> growing[] = {
  {"false", "\xdd" + big_endian(64'000) + std::string(64'000, '\xc2')},
  {"control characters", "\xdb" + big_endian(64'000) + std::string(64'000, '\x01')},
  {"bytes", "\xc6" + big_endian(64'000) + std::string(64'000, '\xff')},
};

struct hall {
  explicit hall(actors::node_options o = unhurried()) : world(std::move(o)) {}

  void open(encoding speaks) {
    speaker.emplace(world, speaks);
    reader.emplace(world);
    reader->join("r");
    speaker->session.say(speaks == encoding::v1_msgpack ? "\x82\xa4type\xa4join\xa6roomId\xa1r"
                                                        : R"({"type":"join","roomId":"r"})",
                         speaks == encoding::v1_msgpack);
    world.settle();
    (void)reader->texts();
    reader->session.set_window(0);
  }

  /// Sends `message` that many times, then lets the reader read. Returns how many it has heard.
  std::size_t heard_of(const std::string& message, int times) {
    for (int i = 0; i < times; ++i) {
      speaker->session.say(message, true);
      world.settle();
      (void)speaker->session.take_frames();
    }
    reader->session.set_window(std::nullopt);
    return reader->heard("message", "seq").size();
  }

  manual_node world;
  std::optional<client> speaker, reader;
};

} // namespace

// Pins §16.4.
TEST_CASE("as many largest messages as the bound names wait for a stalled reader, whatever they "
          "become in its codec") {
  for (auto& [name, data] : growing) {
    INFO(name);
    hall h;
    h.open(encoding::v1_msgpack);
    auto message = message_of(data);

    CHECK(h.heard_of(message, 16) == 16); // 16 messages of 64 KiB are within the bound of 1 MiB
    CHECK(h.reader->close_code() == 0);
  }
}

// Pins §13.8, §16.4.
TEST_CASE("beyond the bound a stalled reader is cut, by what the commands weigh") {
  hall h;
  h.open(encoding::v1_msgpack);

  CHECK(h.heard_of(message_of(growing[0].second), 18) < 18);
  CHECK(h.reader->close_code() == 1013);
}

// Pins §16.4.
TEST_CASE("what a behaviour says of a command weighs as the command, but no less than a seventh") {
  struct speaking final : actors::room_behavior {
    speaking() {
      on("say", [](actors::room_context& room, const actors::member& from,
                   const actors::application_message& m) {
        room.broadcast_except(from.key, "said", {{"text", m.fields.string("text").value_or("")}});
      });
      on("flood", [](actors::room_context& room, const actors::member& from,
                     const actors::application_message&) {
        room.broadcast_except(from.key, "said", {{"text", std::string(140'000, 'x')}});
      });
    }
  };
  auto say = std::string{"\x83\xa4type\xa3say\xa6roomId\xa1r\xa4text\xdb"} + big_endian(64'000)
           + std::string(64'000, '\x01');
  auto flood = std::string{"\x82\xa4type\xa5"
                           "flood\xa6roomId\xa1r"};
  for (auto [message, times, is_cut] :
       {std::tuple{say, 16, false}, {say, 18, true}, {flood, 50, false}, {flood, 55, true}}) {
    hall h;
    h.world.node.rooms("r", [](auto) { return std::make_unique<speaking>(); });
    h.open(encoding::v1_msgpack);

    (void)h.heard_of(message, times);

    INFO(times);
    CHECK((h.reader->close_code() == 1013) == is_cut);
  }
}

TEST_CASE("the node's budget counts the true bytes") {
  auto options = unhurried();
  options.rooms.history = false;
  hall h{options};
  h.open(encoding::v1_msgpack);

  for (int i = 0; i < 5; ++i) {
    h.speaker->session.say(message_of(growing[0].second), true);
    h.world.settle();
  }

  CHECK(h.world.node.stats().output_bytes > 5 * 6 * 64'000);
}
