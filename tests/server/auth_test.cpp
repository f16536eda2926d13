// `auth` over real sockets: the hook that decided about the handshake decides about fresh tokens,
// too.
#include <utility>

#include "support/raw_client.hpp"

#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;
using actors::claims;
using troupe::test::masked_text;
using troupe::test::raw_client;
using transport::upgrade_decision;

namespace {

/// In this test a token is the list of rooms that it opens, separated by commas. All tokens are
/// kim's.
actors::claims_ptr claims_of(std::string_view token, std::optional<protocol::wall_time> end = {}) {
  claims c;
  c.subject = "kim";
  c.expires_at = end;
  c.rooms.emplace();
  while (!token.empty()) {
    auto room = token.substr(0, token.find('.'));
    c.rooms->emplace_back(room);
    token.remove_prefix(std::min(room.size() + 1, token.size()));
  }
  return std::make_shared<const claims>(std::move(c));
}

server_options asking(transport::upgrade_authorizer hook) {
  server_options options;
  options.bind = "127.0.0.1";
  options.port = 0;
  options.node.loops = 2;
  options.log_level = protocol::log_level::error;
  options.authorize_upgrade = std::move(hook);
  options.node.verify_token = [](std::string_view token, protocol::wall_time) {
    return claims_of(token);
  };
  return options;
}

raw_client connect(server& node, const std::string& token) {
  auto upgrade = raw_client::upgrade_of("/?token=" + token);
  upgrade.insert(upgrade.find("Sec-"), "Sec-WebSocket-Protocol: troupe.v1.json\r\n");
  raw_client client{node.port(), upgrade};
  client.await("welcome");
  return client;
}

void say(raw_client& client, const std::string& json) { client.send(masked_text(json)); }

} // namespace

// Pins §4.31.
TEST_CASE("auth never widens what the hook of the handshake has narrowed") {
  server node{asking(
    [](const transport::http_request&) { return upgrade_decision::accept(claims_of("lobby")); })};
  node.start();
  auto client = connect(node, "lobby.secret");

  say(client, R"({"type":"auth","token":"lobby.secret","ref":1})");
  client.await(R"("type":"ack","ref":1)");
  say(client, R"({"type":"join","roomId":"secret","ref":2})");
  client.await(R"("code":"forbidden")");
  say(client, R"({"type":"join","roomId":"lobby","ref":3})");
  client.await(R"("joined","ref":3)");
}

// Pins §1.40, §4.35.
TEST_CASE("who has shown too many wrong tokens by auth has to wait at every way in") {
  auto options = asking({});
  options.node.verify_token = [](std::string_view token, protocol::wall_time) {
    return token == "lobby" ? claims_of(token) : nullptr;
  };
  options.authorize_upgrade =
    GENERATE(as<transport::upgrade_authorizer>{}, nullptr, [](const transport::http_request&) {
      return upgrade_decision::accept(claims_of("lobby"));
    });
  options.max_connections_per_ip = 100; // must exceed this test's connections from the loopback
  options.node.connections.max_errors = 0;
  auto has_hook = bool(options.authorize_upgrade);
  server node{options};
  node.start();
  auto client = connect(node, "lobby");

  for (int i = 0; i < 25; ++i)
    say(client, R"({"type":"auth","token":"guess"})");
  say(client, R"({"type":"auth","token":"lobby","ref":1})");

  client.await(R"("ref":1,"request":"auth","code":"overloaded")");
  raw_client other{node.port(), raw_client::upgrade_of("/?token=lobby")};
  // Without a hook, tokens of upgrades are not checked.
  other.await(has_hook ? "HTTP/1.1 429" : "HTTP/1.1 101");
}

// Pins §4.30, §4.31.
TEST_CASE("the hook narrows each fresh token as it did the first") {
  // Whatever the token says, it does not open the boss's room.
  auto hook = [](const transport::http_request& r) {
    auto token = r.query("token");
    if (auto at = token.find("boss"); at != std::string::npos)
      token.erase(at, 4);
    return upgrade_decision::accept(claims_of(token));
  };
  server node{asking(hook)};
  node.start();
  auto client = connect(node, "a");

  say(client, R"({"type":"auth","token":"b.boss","ref":1})");
  client.await(R"("ack","ref":1)");
  say(client, R"({"type":"join","roomId":"boss","ref":2})");
  client.await(R"("code":"forbidden")");
  say(client, R"({"type":"join","roomId":"b","ref":3})");
  client.await(R"("joined","ref":3)");
}

TEST_CASE(
  "the hook is told what the token of auth has proved, and nothing where none was verified") {
  std::vector<std::string> proved;
  std::mutex mutex;
  server node{asking([&](const transport::http_request& r) {
    std::lock_guard guard{mutex};
    proved.push_back(!r.claims ? "nothing" : r.claims->rooms->front());
    return upgrade_decision::accept(r.claims ? nullptr : claims_of("a"));
  })};
  node.start();
  auto client = connect(node, "a");

  say(client, R"({"type":"auth","token":"b.c","ref":1})");
  client.await(R"("ack","ref":1)");

  std::lock_guard guard{mutex};
  CHECK(proved == std::vector<std::string>{"nothing", "b"});
}

// Pins §4.35, §4.40.
TEST_CASE("a refused auth leaves the claims as they were") {
  std::atomic<bool> banned{false};
  server node{asking([&](const transport::http_request&) {
    return banned ? upgrade_decision::refuse(403, "Banned.")
                  : upgrade_decision::accept(claims_of("a"));
  })};
  node.start();
  auto client = connect(node, "a");
  say(client, R"({"type":"join","roomId":"a"})");
  client.await("joined");
  banned = true;

  say(client, R"({"type":"auth","token":"a.b","ref":1})");
  client.await(R"("code":"forbidden","message":"Banned.")");

  say(client, R"({"type":"message","text":"still here"})");
  client.await("still here");
}

TEST_CASE("an end that the hook sets holds after auth, too") {
  server node{asking([](const transport::http_request&) {
    auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    return upgrade_decision::accept(claims_of("a", now + 300ms));
  })};
  node.start();
  auto client = connect(node, "a");

  say(client, R"({"type":"auth","token":"a.b","ref":1})");
  client.await(R"("ack","ref":1)");

  client.await("token_expired");
}

TEST_CASE("claims of nobody in particular can be refreshed by such") {
  server node{asking([](const transport::http_request&) {
    auto c = *claims_of("a");
    c.subject.clear();
    return upgrade_decision::accept(std::make_shared<const claims>(std::move(c)));
  })};
  node.start();
  auto client = connect(node, "a");

  say(client, R"({"type":"auth","token":"a","ref":1})");

  client.await(R"("ack","ref":1)");
}

// Pins §4.36.
TEST_CASE(
  "auth is unsupported where nothing verifies tokens, hook or not, and answered where that fails") {
  bool fails = GENERATE(false, true);
  auto options = asking([](auto&) { return upgrade_decision::accept(claims_of("a")); });
  options.node.verify_token = nullptr;
  if (fails)
    options.node.verify_token = [](auto, auto) -> actors::claims_ptr {
      throw std::runtime_error{"no keys"};
    };
  server node{std::move(options)};
  node.start();
  auto client = connect(node, "a");

  say(client, R"({"type":"auth","token":"a","ref":1})");
  client.await(fails ? R"("code":"internal")" : R"("code":"unsupported")");
  say(client, R"({"type":"ping","ref":2})");
  client.await(R"("pong","ref":2)");
}
