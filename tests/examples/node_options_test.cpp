#include "support/node_options.hpp"

#include "temporary_file.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace troupe;
using namespace troupe::examples;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

/// The table of a node's options, and the objects that they store into.
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
  CHECK(r.take("drain-delay", "250ms"));
  CHECK(r.take("drain-timeout", "1m"));
  CHECK(r.take("max-message-bytes", "1MiB"));
  CHECK(r.take("max-connections", "10"));
  CHECK(r.take("max-connections-per-ip", "0"));
  CHECK(r.take("max-pending", "50"));
  CHECK(r.take("max-pending-per-ip", "7"));
  CHECK(r.take("reserved-descriptors", "0"));
  CHECK(r.take("admission-rate", "0.5"));
  CHECK(r.take("tls-handshakes-per-ip", "2.5"));
  CHECK(r.take("message-rate", "20"));
  CHECK(r.take("max-rooms", "4"));
  CHECK(r.take("max-rooms-per-connection", "5"));
  CHECK(r.take("max-members", "6"));
  CHECK(r.take("announce", "off"));
  CHECK(r.take("list-members", "on"));
  CHECK(r.take("gather-beyond", "8"));
  CHECK(r.take("byte-rate", "2MiB"));
  CHECK(r.take("history", "off"));
  CHECK(r.take("history-messages", "7"));
  CHECK(r.take("history-bytes", "8KiB"));
  CHECK(r.take("history-age", "1500ms"));
  CHECK(r.take("linger", "1500ms"));
  CHECK(r.take("history-budget", "9MiB"));
  CHECK(r.take("output-budget", "4096MiB"));
  CHECK(r.take("inbound-budget", "11MiB"));

  auto& o = r.options;
  CHECK(o.port == 0);
  CHECK(o.bind == "::1");
  CHECK(o.node.loops == 3);
  CHECK(o.origins == std::vector<std::string>{"https://example.org"});
  CHECK(o.node.heartbeat.interval == 30s);
  CHECK(o.node.heartbeat.timeout == 500ms);
  CHECK(o.drain_delay == 250ms);
  CHECK(o.drain_timeout == 1min);
  CHECK(o.node.messages.max_message_bytes == 1024 * 1024);
  CHECK(o.max_connections == 10u);
  CHECK(o.max_connections_per_ip == 0u);
  CHECK(o.max_pending == 50u);
  CHECK(o.max_pending_per_ip == 7u);
  CHECK(o.reserved_descriptors == 0u);
  CHECK(o.admissions_per_second == 0.5);
  CHECK(o.tls_handshakes_per_ip == 2.5);
  CHECK(o.node.connections.messages_per_second == 20);
  CHECK(o.node.connections.burst_messages == 40);
  CHECK(o.node.rooms.max_rooms == 4);
  CHECK(o.node.connections.max_rooms == 5);
  CHECK(o.node.rooms.max_members == 6);
  CHECK_FALSE(o.node.announce);
  CHECK(o.node.list_members);
  CHECK(o.node.gather_beyond == 8);
  CHECK(o.node.connections.bytes_per_second == 2u << 20);
  CHECK_FALSE(o.node.rooms.history);
  CHECK(o.node.rooms.history_messages == 7);
  CHECK(o.node.rooms.history_bytes == 8 * 1024);
  CHECK(o.node.rooms.history_age == 2s);
  CHECK(o.node.rooms.linger == 1500ms);
  CHECK(o.node.history_budget_bytes == 9 << 20);
  CHECK(o.node.memory_budget_bytes == std::int64_t{4} << 30);
  CHECK(o.node.inbound_budget_bytes == 11 << 20);
}

TEST_CASE("0 lifts a budget, which is no default") {
  rig r;
  auto& node = r.options.node;
  for (auto* budget :
       {&node.history_budget_bytes, &node.memory_budget_bytes, &node.inbound_budget_bytes})
    CHECK_FALSE(*budget);

  for (auto* name : {"history-budget", "output-budget", "inbound-budget"})
    CHECK(r.take(name, "0"));

  for (auto* budget :
       {&node.history_budget_bytes, &node.memory_budget_bytes, &node.inbound_budget_bytes})
    CHECK(*budget == 0);
}

TEST_CASE("a burst is at least one message, whatever the rate") {
  rig r;

  CHECK(r.take("message-rate", "0.1"));

  CHECK(r.options.node.connections.burst_messages == 1);
}

TEST_CASE("what an option does not take leaves the default alone") {
  for (auto [name, value] : {std::pair{"port", "65536"},
                             {"port", "-1"},
                             {"bind", "localhost"},
                             {"bind", ""},
                             {"bind", "[::1]"},
                             {"loops", "257"},
                             {"origin", "example.org"},
                             {"origin", "https://"},
                             {"origin", "://x"},
                             {"origin", "https://example.org/"},
                             {"origin", ""},
                             {"ping-interval", "2h"},
                             {"max-message-bytes", "2GiB"},
                             {"max-message-bytes", "513MiB"},
                             {"max-connections", "2147483648"},
                             {"admission-rate", "-1"},
                             {"admission-rate", "1e10"},
                             {"message-rate", "fast"},
                             {"byte-rate", "2GB"},
                             {"history", "none"},
                             {"history-age", "-1"},
                             {"linger", "2h 1s"},
                             {"history-budget", "1e9"},
                             {"announce", "yes"},
                             {"max-members", ""}}) {
    rig r, untouched;
    INFO(name << " " << value);
    CHECK_FALSE(r.take(name, value));
    CHECK(r.options.port == untouched.options.port);
    CHECK(r.options.bind == untouched.options.bind);
    CHECK(r.options.node.loops == untouched.options.node.loops);
    CHECK(r.options.origins.empty());
    CHECK(r.options.node.heartbeat.interval == untouched.options.node.heartbeat.interval);
    CHECK(r.options.node.messages.max_message_bytes
          == untouched.options.node.messages.max_message_bytes);
    CHECK(r.options.max_connections == untouched.options.max_connections);
    CHECK(r.options.admissions_per_second == untouched.options.admissions_per_second);
    CHECK(r.options.node.connections.messages_per_second
          == untouched.options.node.connections.messages_per_second);
    CHECK(r.options.node.announce);
    CHECK_FALSE(r.options.node.connections.bytes_per_second);
    CHECK(r.options.node.rooms.history);
    CHECK(r.options.node.rooms.history_age == untouched.options.node.rooms.history_age);
    CHECK(r.options.node.rooms.linger == untouched.options.node.rooms.linger);
    CHECK_FALSE(r.options.node.history_budget_bytes);
  }
}

TEST_CASE("a trusted network has as many bits as its addresses at most") {
  rig r;

  for (auto good : {"10.0.0.0/8", "10.0.0.0/0", "10.0.0.1/32", "10.0.0.1", "fd00::/8", "::/0",
                    "::1/128", "::1"})
    CHECK(r.take("trusted-proxy", good));
  for (auto bad : {"10.0.0.0/33", "10.0.0.0/40", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8",
                   "::/129", "/8", "", "lan/8"}) {
    INFO(bad);
    CHECK_FALSE(r.take("trusted-proxy", bad));
  }
  CHECK(r.options.trusted_proxies.size() == 8);
}

namespace {

/// The complaint that `f` throws; empty: none.
template <class F>
std::string complaint_of(F f) {
  try {
    f();
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return {};
}

} // namespace

/// Pins that a node which was told what tokens must be does not serve without checking tokens.
TEST_CASE("what concerns tokens is refused without a key") {
  for (auto [name, value] : {std::pair{"jwt-issuer", "us"},
                             {"jwt-audience", "chat"},
                             {"jwt-profile", "strict"},
                             {"max-connections-per-user", "5"},
                             {"jwt-profile", "lenient"}}) {
    rig r;
    CHECK(r.take(name, value));
    CHECK(complaint_of([&] { r.tokens.apply_to(r.options); })
          == "--" + std::string{name} + ": expected with --jwt-secret-file or --jwt-key-file");
    CHECK_FALSE(r.options.jwt);
  }
  rig none, with_key;
  temporary_file secret{"a secret that is long enough for hs256!!"};
  CHECK(with_key.take("jwt-issuer", "us"));
  CHECK(with_key.take("jwt-secret-file", secret.path()));
  with_key.tokens.apply_to(with_key.options);
  none.tokens.apply_to(none.options);

  CHECK(with_key.options.jwt);
  CHECK_FALSE(none.options.jwt);
}

TEST_CASE("options that do nothing alone are refused alone") {
  rig proxy, tls, handshakes, good;
  temporary_file certificate{"x"};
  CHECK(proxy.take("proxy-protocol", "on"));
  CHECK(tls.take("tls-cert", certificate.path()));
  CHECK(handshakes.take("tls-handshakes-per-ip", "5"));
  CHECK(good.take("tls-handshakes-per-ip", "5"));
  CHECK(good.take("tls-cert", certificate.path()));
  CHECK(good.take("tls-key", certificate.path()));
  CHECK(good.take("proxy-protocol", "on"));
  CHECK(good.take("trusted-proxy", "127.0.0.1"));

  CHECK(complaint_of([&] { check_together(proxy.options); })
        == "--proxy-protocol: expected with --trusted-proxy");
  CHECK(complaint_of([&] { check_together(tls.options); })
        == "--tls-cert and --tls-key: expected both or neither");
  CHECK(complaint_of([&] { check_together(handshakes.options); })
        == "--tls-handshakes-per-ip: expected with --tls-cert and --tls-key");
  CHECK(complaint_of([&] { check_together(good.options); }).empty());
}

TEST_CASE("what the library says of an option names that of the command line") {
  CHECK(with_option_names("server_options.tls_key is \"k\": expected a key")
        == "--tls-key is \"k\": expected a key");
  CHECK(with_option_names("server_options.tls_certificates is \"c\": expected")
        == "--tls-cert is \"c\": expected");
  CHECK(with_option_names("server_options.reserved_descriptors is 9: expected")
        == "--reserved-descriptors is 9: expected");
  CHECK(with_option_names("server_options.jwt: the key a: expected one")
        == "the key a: expected one");
  CHECK(with_option_names("server_options.max_connections is -1: expected")
        == "--max-connections is -1: expected");
  CHECK(with_option_names("server_options.max_connections_per_ip is 1: expected")
        == "--max-connections-per-ip is 1: expected");
  // no option sets this field
  CHECK(with_option_names("node_options.lobby is x: expected")
        == "node_options.lobby is x: expected");
  CHECK(with_option_names("key.pem: expected a key") == "key.pem: expected a key");
}

/// Pins that a mistake which shows only together with other values is reported by the option's own
/// name.
TEST_CASE("what a server refuses of options that were taken names the option") {
  using given = std::vector<std::pair<std::string, std::string>>;
  for (auto& [option, all] :
       {std::pair{"cors-origin", given{{"cors-origin", "*"}, {"cors-origin", "https://a.example"}}},
        {"cors-origin",
         given{{"cors-origin", "https://a.example"}, {"cors-origin", "https://a.example"}}},
        {"origin", given{{"origin", "https://a.example"}, {"origin", "https://a.example"}}},
        {"trusted-proxy", given{{"trusted-proxy", "10.0.0.1"}, {"trusted-proxy", "10.0.0.1"}}},
        {"admin-bind", given{{"port", "8080"}, {"admin-bind", "127.0.0.1:8080"}}},
        {"reserved-descriptors", given{{"reserved-descriptors", "2147483647"}}}}) {
    rig r;
    r.options.log = &protocol::null_logger();
    for (auto& [name, value] : all)
      CHECK(r.take(name, value));
    std::string said;
    try {
      server{r.options};
    } catch (const std::invalid_argument& e) {
      said = with_option_names(e.what());
    }
    CHECK(said.starts_with("--" + std::string{option} + " is "));
  }
}

TEST_CASE("the probes' address is given with its port, in brackets or not") {
  rig r;

  for (auto good : {"127.0.0.1:9090", "[::1]:0", "::1:9090", "0.0.0.0:65535"})
    CHECK(r.take("admin-bind", good));
  for (auto bad : {":9090", "9090", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "localhost:9090",
                   "127.0.0.1:9x", "", "[::1]"}) {
    INFO(bad);
    CHECK_FALSE(r.take("admin-bind", bad));
  }
  CHECK(r.options.admin_bind == "0.0.0.0:65535");
}

TEST_CASE("options with a default show it") {
  rig r;
  auto shown = [&](std::string_view name) {
    return std::find_if(r.table.begin(), r.table.end(), [&](auto& o) { return o.name == name; })
      ->standard;
  };

  CHECK(shown("port") == "8080");
  CHECK(shown("drain-delay") == "0s");
  CHECK(shown("drain-timeout") == "10s");
  CHECK(shown("keep-alive") == "75s");
  CHECK(shown("max-message-bytes") == "64KiB");
  CHECK(shown("jwt-profile") == "lenient");
  CHECK(shown("announce") == "on");
  CHECK(shown("bind").empty());
}

TEST_CASE("every number, size and time says what 0 means") {
  rig r;
  int looked_at = 0;
  for (auto& o : r.table) {
    if (o.value != "N" && o.value != "SIZE" && o.value != "TIME")
      continue;
    INFO(o.name << ": " << o.help);
    CHECK(o.help.find("; 0") != std::string::npos);
    ++looked_at;
  }
  CHECK(looked_at > 20);
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
