#include "support/node_options.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace troupe;
using namespace troupe::examples;
using namespace std::chrono_literals;

namespace {

/// The options of a node with what they store into.
struct rig {
  bool take(const std::string& name, std::string_view value) {
    auto option = std::find_if(table.begin(), table.end(), [&](auto& o) { return o.name == name; });
    REQUIRE(option != table.end());
    return option->take(value);
  }

  server_options options;
  token_options tokens;
  option_table table = node_options(options, tokens);
};

} // namespace

TEST_CASE("each option of a node stores what it says") {
  rig r;

  CHECK(r.take("port", "0"));
  CHECK(r.take("bind", "::1"));
  CHECK(r.take("loops", "3"));
  CHECK(r.take("origin", "https://example.org"));
  CHECK(r.take("ping-interval", "30"));
  CHECK(r.take("ping-timeout", "500ms"));
  CHECK(r.take("drain-timeout", "1m"));
  CHECK(r.take("max-message-bytes", "1MiB"));
  CHECK(r.take("max-connections", "10"));
  CHECK(r.take("max-connections-per-ip", "0"));
  CHECK(r.take("admission-rate", "0.5"));
  CHECK(r.take("message-rate", "20"));
  CHECK(r.take("max-rooms", "4"));
  CHECK(r.take("max-rooms-per-connection", "5"));
  CHECK(r.take("max-members", "6"));
  CHECK(r.take("announce", "off"));

  auto& o = r.options;
  CHECK(o.port == 0);
  CHECK(o.bind == "::1");
  CHECK(o.node.loops == 3);
  CHECK(o.origins == std::vector<std::string>{"https://example.org"});
  CHECK(o.node.heartbeat.interval == 30s);
  CHECK(o.node.heartbeat.timeout == 500ms);
  CHECK(o.drain_timeout == 1min);
  CHECK(o.node.messages.max_message_bytes == 1024 * 1024);
  CHECK(o.max_connections == 10u);
  CHECK(o.max_connections_per_ip == 0u);
  CHECK(o.admissions_per_second == 0.5);
  CHECK(o.node.connections.messages_per_second == 20);
  CHECK(o.node.connections.burst_messages == 40);
  CHECK(o.node.rooms.max_rooms == 4);
  CHECK(o.node.connections.max_rooms == 5);
  CHECK(o.node.rooms.max_members == 6);
  CHECK_FALSE(o.node.announce);
}

TEST_CASE("a burst is at least one message, whatever the rate") {
  rig r;

  CHECK(r.take("message-rate", "0.1"));

  CHECK(r.options.node.connections.burst_messages == 1);
}

TEST_CASE("what an option does not take leaves the default alone") {
  for (auto [name, value] : {std::pair{"port", "65536"}, {"port", "-1"}, {"bind", "localhost"}, {"bind", ""}, {"bind", "[::1]"},
                             {"loops", "257"}, {"origin", "example.org"}, {"origin", "https://"}, {"origin", "://x"},
                             {"origin", "https://example.org/"}, {"origin", ""}, {"ping-interval", "2h"},
                             {"max-message-bytes", "2GiB"}, {"max-connections", "2147483648"}, {"admission-rate", "-1"},
                             {"admission-rate", "1e10"}, {"message-rate", "fast"}, {"announce", "yes"}, {"max-members", ""}}) {
    rig r, untouched;
    INFO(name << " " << value);
    CHECK_FALSE(r.take(name, value));
    CHECK(r.options.port == untouched.options.port);
    CHECK(r.options.bind == untouched.options.bind);
    CHECK(r.options.node.loops == untouched.options.node.loops);
    CHECK(r.options.origins.empty());
    CHECK(r.options.node.heartbeat.interval == untouched.options.node.heartbeat.interval);
    CHECK(r.options.node.messages.max_message_bytes == untouched.options.node.messages.max_message_bytes);
    CHECK(r.options.max_connections == untouched.options.max_connections);
    CHECK(r.options.admissions_per_second == untouched.options.admissions_per_second);
    CHECK(r.options.node.connections.messages_per_second == untouched.options.node.connections.messages_per_second);
    CHECK(r.options.node.announce);
  }
}

TEST_CASE("every option says what it is, and no two have one name") {
  rig r;
  std::vector<std::string> names;
  for (auto& o : r.table) {
    CHECK_FALSE(o.help.empty());
    CHECK_FALSE(o.expected.empty());
    CHECK_FALSE(o.value.empty());
    names.push_back(o.name);
  }
  std::sort(names.begin(), names.end());

  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}
