#include "server/token_refresh.hpp"

#include "auth/jwt_authorizer.hpp"
#include "transport/auth/token_maker.hpp"

#include <troupe/testing/manual_clock.hpp>

#include <catch2/catch.hpp>

#include <memory>
#include <stdexcept>

using namespace troupe;
using namespace troupe::transport;
using actors::claims;
using protocol::errc;

namespace {

http_request handshake(std::string target, http_headers headers = {}) {
  return {"GET", std::move(target), "/", std::move(headers), "", "192.0.2.1", {}};
}

std::shared_ptr<const claims> claims_of(std::string subject,
                                        std::optional<std::vector<std::string>> rooms = {},
                                        std::optional<wall_time> end = {}) {
  claims c;
  c.subject = std::move(subject);
  c.rooms = std::move(rooms);
  c.expires_at = end;
  return std::make_shared<const claims>(std::move(c));
}

/// A server's settings. `ann` is the only valid token.
struct asked {
  explicit asked(upgrade_authorizer hook) {
    settings.confirm = std::move(hook);
    settings.admissions = std::make_shared<admission>(admission::limits{});
    settings.sessions.node = &node;
    settings.sessions.log = &protocol::null_logger();
    settings.sessions.counters = &protocol::null_counters();
  }

  actors::token_decision decide(std::string_view token, http_request request = handshake("/")) {
    return (*refresh_check(settings, std::move(request)))(token, test::now);
  }

  caf::actor_system_config config;
  caf::actor_system system{one_worker(config)};
  actors::node node{system, options()};
  server_options configured;
  http_settings settings{configured};

private:
  static caf::actor_system_config& one_worker(caf::actor_system_config& c) {
    compat::set_worker_threads(c, 1);
    return c;
  }
  static actors::node_options options() {
    actors::node_options o;
    o.verify_token = [](std::string_view token, wall_time) -> actors::claims_ptr {
      return token == "ann" ? claims_of("ann", {}, test::now + std::chrono::hours{1}) : nullptr;
    };
    return o;
  }
};

} // namespace

// -- the request that the hook sees ---------------------------------------------------------------

TEST_CASE("a fresh token stands where the handshake carried the old one") {
  auto in_header =
    with_token(handshake("/", {{"Host", "x"}, {"authorization", "bearer old"}}), "new");
  auto in_query = with_token(handshake("/a?b=1&token=old&tokens=2&%74oken=old"), "new+=");
  auto in_list = with_token(
    handshake("/", {{"Sec-WebSocket-Protocol", "troupe.v1.json,troupe.bearer.old , chat"}}),
    "n.e.w");

  CHECK(in_header.headers == http_headers{{"Host", "x"}, {"authorization", "Bearer new"}});
  CHECK(in_query.target == "/a?b=1&token=new%2B=&tokens=2&%74oken=new%2B=");
  CHECK(in_query.query("token") == "new+=");
  CHECK(in_list.header("Sec-WebSocket-Protocol") == "troupe.v1.json, troupe.bearer.n.e.w, chat");
  CHECK(in_list.headers.size() == 1);
  CHECK(in_query.headers.empty());
}

TEST_CASE("a fresh token stands in an Authorization header if the handshake carried none") {
  auto request = with_token(handshake("/?tok=1", {{"Authorization", "Basic eDp5"}}), "new");

  CHECK(request.target == "/?tok=1");
  CHECK(request.headers
        == http_headers{{"Authorization", "Basic eDp5"}, {"Authorization", "Bearer new"}});
}

TEST_CASE("what could end a header or a list is no bearer token") {
  for (auto good : {"a.b-c_d", "x", "a+/=", "~"})
    CHECK(is_bearer_token(good));
  for (auto bad : {"", "a b", "a\r\nx: y", "a,b", "a\"", "a&b", "a%20", "\xc3\xa9"})
    CHECK_FALSE(is_bearer_token(bad));
}

// -- what it decides ------------------------------------------------------------------------------

TEST_CASE("what the hook says of a fresh token holds, not what the token says") {
  asked a{
    [](const http_request&) { return upgrade_decision::accept(claims_of("ann", {{"lobby"}})); }};

  auto decision = a.decide("ann");

  REQUIRE(decision.claims);
  CHECK(decision.claims->may_join("lobby"));
  CHECK_FALSE(decision.claims->may_join("secret"));
}

TEST_CASE("the hook is asked with the handshake and the fresh token, once the token is taken") {
  int times = 0;
  http_request seen;
  asked a{[&](const http_request& r) {
    ++times;
    seen = r;
    return upgrade_decision::accept();
  }};
  auto request = handshake("/x?token=old", {{"Origin", "https://a.example"}});

  CHECK_FALSE(a.decide("eve", request).claims);
  CHECK(times == 0);
  auto decision = a.decide("ann", request);

  CHECK(times == 1);
  CHECK(decision.claims->subject == "ann");
  CHECK(seen.target == "/x?token=ann");
  CHECK(seen.method == "GET");
  CHECK(seen.remote_address == "192.0.2.1");
  CHECK(seen.header("origin") == "https://a.example");
}

// Pins §4.35.
TEST_CASE("a hook that refuses a fresh token says how") {
  auto outcome = [](unsigned status) {
    asked a{[=](const http_request&) { return upgrade_decision::refuse(status, "Not any more."); }};
    auto decision = a.decide("ann");
    CHECK_FALSE(decision.claims);
    return std::pair{decision.code, decision.detail};
  };

  CHECK(outcome(401) == std::pair{errc::unauthorized, std::string{}});
  CHECK(outcome(403) == std::pair{errc::forbidden, std::string{"Not any more."}});
  CHECK(outcome(402) == std::pair{errc::forbidden, std::string{"Not any more."}});
  CHECK(outcome(503) == std::pair{errc::overloaded, std::string{"Not any more."}});
}

// Pins §4.35.
TEST_CASE(
  "wrong tokens count with those of the address's other ways in, and too many are overloaded") {
  auto hook = GENERATE(as<upgrade_authorizer>{}, nullptr,
                       [](const http_request&) { return upgrade_decision::accept(); });
  asked a{hook};
  auto client = boost::asio::ip::make_address("192.0.2.1");
  auto now = [&] { return a.node.options().clock->now(); };
  for (int i = 0; i < 19; ++i)
    CHECK(a.decide(i % 2 ? "eve" : "no token at all").code == errc::unauthorized);
  CHECK(a.decide("").code == errc::unauthorized); // no token was shown
  CHECK(a.settings.admissions->seconds_to_next_try(client, now()) == 0);
  CHECK(a.decide("ann").claims);

  a.settings.admissions->note_refused_token(client, now()); // as if by an upgrade
  a.settings.admissions->note_refused_token(client, now()); // one per second is forgotten

  CHECK(a.settings.admissions->seconds_to_next_try(client, now()) > 0);
  auto decision = a.decide("ann");
  CHECK_FALSE(decision.claims);
  CHECK(decision.code == errc::overloaded);
  auto other = handshake("/");
  other.remote_address = "192.0.2.2";
  CHECK(a.decide("ann", other).claims);
}

TEST_CASE("a hook's refusal that is no wrong secret does not count") {
  asked a{[](const http_request&) {
    auto no = upgrade_decision::refuse(401, "Log in again.");
    no.counts_as_guess = false;
    return no;
  }};
  for (int i = 0; i < 50; ++i)
    CHECK(a.decide("ann").code == errc::unauthorized);
}

// Pins §4.35.
TEST_CASE("a hook that throws refuses a fresh token") {
  asked a{
    [](const http_request&) -> upgrade_decision { throw std::runtime_error{"the hook's own"}; }};

  auto decision = a.decide("ann");

  CHECK_FALSE(decision.claims);
  CHECK(decision.code == errc::internal);
  CHECK(decision.detail.empty());
}

TEST_CASE("a hook's claims without an end have that of the token, at the handshake and at auth") {
  auto end = test::now + std::chrono::hours{1};
  auto proved = claims_of("ann", {}, end);
  auto said = [&](std::optional<wall_time> its_own) {
    return confirmed(
             [=](const http_request&) {
               return upgrade_decision::accept(claims_of("ann", {}, its_own));
             },
             handshake("/"), proved)
      .claims->expires_at;
  };

  CHECK(said({}) == end);
  CHECK(said(test::now) == test::now);
  CHECK(confirmed({}, handshake("/"), proved).claims == proved);
}
