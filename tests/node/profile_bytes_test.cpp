// The profiles in clients' joins are bounded, and counted as long as they are kept.
#include "manual_node.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

void join(client& c, const std::string& room, std::size_t profile_bytes) {
  c.say(R"({"type":"join","roomId":")" + room + R"(","profile":{"x":")"
        + std::string(profile_bytes - 8, 'p') + "\"}}");
}

std::int64_t kept(manual_node& world) {
  world.settle();
  return world.node.stats().profile_bytes;
}

} // namespace

// Pins §4.23.
TEST_CASE("a profile counts while its membership lasts, however that ends") {
  actors::node_options options;
  options.rooms.max_members = 1;
  options.sessions.resume_window =
    std::chrono::milliseconds{0}; // a kept session keeps its profiles
  manual_node world{options};
  auto ann = std::make_unique<client>(world);
  client bob{world};

  for (auto room : {"a", "b", "c"})
    join(*ann, room, 1000);
  auto in_three = kept(world);
  join(*ann, "a", 500); // a second join: its profile is dropped
  auto again = kept(world);
  ann->say(R"({"type":"leave","roomId":"b"})");
  auto in_two = kept(world);
  join(bob, "a", 1000); // the room is full
  auto refused = kept(world);
  ann->session.disconnect();
  ann.reset();

  CHECK(in_three == 3000);
  CHECK(again == 3000);
  CHECK(in_two == 2000);
  CHECK(refused == 2000);
  CHECK(bob.heard("error", "code") == std::vector<std::string>{"room_full"});
  CHECK(kept(world) == 0);
}

TEST_CASE("a profile goes with a room that ends") {
  struct ending final : actors::room_behavior {
    ending() {
      on("end", [](actors::room_context& room, const actors::member&,
                   const actors::application_message&) { room.end(); });
    }
  };
  manual_node world;
  world.node.rooms("r", [](auto) { return std::make_unique<ending>(); });
  client ann{world};
  join(ann, "r", 1000);
  auto before = kept(world);

  ann.say(R"({"type":"end","roomId":"r"})");

  CHECK(before == 1000);
  CHECK(kept(world) == 0);
}

// Pins §16.28.
TEST_CASE("a profile that replaces another counts as the larger of both, until its member goes") {
  manual_node world;
  client ann{world};
  auto change = [&](std::size_t bytes) {
    ann.say(R"({"type":"$profile","profile":{"x":")" + std::string(bytes - 8, 'p') + "\"}}");
    return kept(world);
  };
  join(ann, "r", 1000);

  CHECK(change(3000) == 3000);
  CHECK(change(500) == 3000); // the room might have refused it
  CHECK(change(4097) == 3000);
  CHECK(ann.heard("error", "code") == std::vector<std::string>{"bad_request"});
  ann.say(R"({"type":"leave"})");
  CHECK(kept(world) == 0);
}

// Pins §16.28.
TEST_CASE("a profile of more than 4 KiB is refused, and nothing of it is kept") {
  manual_node world;
  client ann{world};

  join(ann, "r", 4097);
  auto refused = kept(world);
  auto answers = ann.heard("error", "code");
  join(ann, "r", 4096);

  CHECK(refused == 0);
  CHECK(answers == std::vector<std::string>{"bad_request"});
  CHECK(kept(world) == 4096);
}
