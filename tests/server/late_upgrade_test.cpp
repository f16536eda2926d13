// Upgrades about which the application decides later.
#include <utility>

#include "server/stopping.hpp"

#include <troupe/actors/claims.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using transport::http_request;
using transport::upgrade_decision;
using transport::upgrade_reply;

namespace {

/// Keeps the replies that the hook was given. Thread: any.
class desk {
public:
  void keep(upgrade_reply reply) {
    std::lock_guard guard{mutex_};
    kept_.push_back(std::move(reply));
  }
  /// Waits for the next one and takes it.
  [[nodiscard]] upgrade_reply take() {
    REQUIRE(comes([this] { return size() > 0; }));
    std::lock_guard guard{mutex_};
    auto first = std::move(kept_.front());
    kept_.erase(kept_.begin());
    return first;
  }
  [[nodiscard]] std::size_t size() const {
    std::lock_guard guard{mutex_};
    return kept_.size();
  }

private:
  mutable std::mutex mutex_;
  std::vector<upgrade_reply> kept_;
};

struct slow_door {
  explicit slow_door(unsigned loops = 1) : options(f.options(loops)) {
    options.authorize_upgrade_later = [this](const http_request&, upgrade_reply reply) {
      waiting.keep(std::move(reply));
    };
  }
  server& open() {
    s.emplace(std::move(options));
    s->start();
    return *s;
  }
  /// A client that asks for an upgrade, and has said something behind it already.
  [[nodiscard]] raw_client knock(const std::string& more = {}) const {
    return {s->port(),
            raw_client::upgrade_of("/", "Sec-WebSocket-Protocol: troupe.v1.json\r\n" + more)
              + masked_text(R"({"type":"ping"})")};
  }
  [[nodiscard]] std::string metrics() const { return asking(*s, "/metrics").read_all(); }

  fixture f;
  desk waiting;
  server_options options;
  std::optional<server> s; // its end comes first
};

/// {"alg":"HS256"} and {"sub":"kim"}, signed with 32 times k.
const std::string token_of_kim = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJraW0ifQ."
                                 "UlndUSJaL4TTYs9DvZkkNy8-oal3YG406vAjJPA1O0g";

actors::claims_ptr claims_of(std::string user) {
  auto c = std::make_shared<actors::claims>();
  c->subject = std::move(user);
  return c;
}

} // namespace

// Pins §1.90.
TEST_CASE("an upgrade is answered when its decision comes, from any thread") {
  slow_door d{2};
  auto& s = d.open();
  auto ann = d.knock();
  auto reply = d.waiting.take();
  CHECK(asking(s, "/healthz").read_all().starts_with("HTTP/1.1 200")); // others go on
  CHECK(s.node().stats().connections == 0);

  std::thread{[&] { reply.send(upgrade_decision::accept(claims_of("ann"))); }}.join();
  ann.await("pong"); // what came behind the request takes effect
  ann.send(masked_text(R"({"type":"join","roomId":"r"})"));
  ann.await(R"("userId":"ann")");
}

// Pins §1.90.
TEST_CASE("a refusal that comes later is told as one that comes at once") {
  slow_door d;
  (void)d.open();
  auto ann = d.knock();
  d.waiting.take().send(upgrade_decision::refuse(403, "Not today.", "moon"));
  auto answer = ann.read_all();
  CHECK(answer.starts_with("HTTP/1.1 403"));
  CHECK(answer.find("\r\n\r\nNot today.") != std::string::npos);
  CHECK(d.metrics().find(R"(auth_failed_total{reason="moon"} 1)") != std::string::npos);
}

TEST_CASE("what is decided within the hook itself counts, and only the first decision") {
  slow_door d;
  d.options.authorize_upgrade_later = [](const http_request&, upgrade_reply reply) {
    reply.send(upgrade_decision::accept());
    reply.send(upgrade_decision::refuse(403, "no"));
  };
  (void)d.open();
  auto ann = d.knock();
  ann.await("HTTP/1.1 101");
}

// Pins §1.91.
TEST_CASE("a decision that does not come in time is 504, and what comes then is void") {
  slow_door d;
  d.options.handler_deadline = 100ms;
  (void)d.open();
  auto ann = d.knock();
  auto reply = d.waiting.take();
  CHECK(ann.read_all().starts_with("HTTP/1.1 504"));
  reply.send(upgrade_decision::accept());
  CHECK(d.metrics().find(R"(handler_error_total{where="authorize_upgrade"} 1)")
        != std::string::npos);
  CHECK(d.s->node().stats().connections == 0);
}

// Pins §1.92.
TEST_CASE("a decision that nobody can give any more is 500 at once, as is a hook that throws") {
  slow_door d;
  std::atomic<bool> throws{false};
  d.options.handler_deadline = 1h;
  d.options.authorize_upgrade_later = [&](const http_request&, upgrade_reply) {
    if (throws)
      throw std::runtime_error{"boom"};
  };
  (void)d.open();
  CHECK(d.knock().read_all().starts_with("HTTP/1.1 500"));
  CHECK(d.f.log.has("its reply was dropped without a decision"));
  throws = true;
  CHECK(d.knock().read_all().starts_with("HTTP/1.1 500"));
  CHECK(d.f.log.has("boom"));
}

TEST_CASE("a hook that throws after its decision is logged, and the decision holds") {
  slow_door d;
  d.options.authorize_upgrade_later = [](const http_request&, upgrade_reply reply) {
    reply.send(upgrade_decision::accept());
    throw std::runtime_error{"and then failed"};
  };
  (void)d.open();
  auto ann = d.knock();
  ann.await("HTTP/1.1 101");
  CHECK(d.f.log.has("and then failed"));
}

TEST_CASE("wrong tokens count also if they are refused later") {
  slow_door d;
  d.options.max_connections_per_ip = 100;
  std::atomic<int> asked{0};
  std::mutex mutex;
  std::vector<std::jthread> deciders;
  d.options.authorize_upgrade_later = [&](const http_request&, upgrade_reply reply) {
    ++asked;
    std::lock_guard guard{mutex};
    deciders.emplace_back([reply = std::move(reply)]() mutable {
      reply.send(upgrade_decision::refuse(401, "Unauthorized"));
    });
  };
  (void)d.open();
  std::string answer;
  auto refused = 0;
  while (
    refused < 100
    && (answer = d.knock("Authorization: Bearer x\r\n").read_all()).starts_with("HTTP/1.1 401"))
    ++refused;
  CHECK(answer.starts_with("HTTP/1.1 429"));
  CHECK(refused >= 20);
  CHECK(asked == refused); // the last time nobody is asked
}

TEST_CASE("a place is looked for once the decision is there") {
  slow_door d;
  d.options.max_connections = 1;
  (void)d.open();
  auto ann = d.knock();
  auto first = d.waiting.take();
  auto bob = d.knock();
  auto second = d.waiting.take();
  first.send(upgrade_decision::accept());
  ann.await("pong");
  second.send(upgrade_decision::accept());
  CHECK(bob.read_all().starts_with("HTTP/1.1 503"));
  CHECK(d.s->node().stats().connections == 1);
}

TEST_CASE("of those that wait for their decisions, too many of an address give way") {
  slow_door d;
  d.options.max_pending_per_ip = 2;
  (void)d.open();
  auto ann = d.knock();
  auto first = d.waiting.take();
  auto bob = d.knock();
  auto second = d.waiting.take();
  auto cid = d.knock();
  auto third = d.waiting.take();
  CHECK(ann.read_all().empty()); // the one that has waited longest
  first.send(upgrade_decision::accept());
  third.send(upgrade_decision::accept());
  cid.await("HTTP/1.1 101");
  CHECK(d.s->node().stats().connections == 1);
}

TEST_CASE("a client that goes while it waits hurts nobody") {
  slow_door d;
  (void)d.open();
  {
    auto ann = d.knock();
    d.waiting.take().send(upgrade_decision::accept());
  }
  std::optional<raw_client> bob{d.knock()};
  auto reply = d.waiting.take();
  bob.reset();
  reply.send(upgrade_decision::accept());
  CHECK(comes([&] { return d.s->node().stats().connections == 0; }));
  auto cid = d.knock();
  d.waiting.take().send(upgrade_decision::accept());
  cid.await("HTTP/1.1 101");
}

TEST_CASE(
  "a server that stops refuses those whose decision comes then, and ends without the rest") {
  slow_door d;
  d.options.drain_timeout = 1s;
  auto& s = d.open();
  auto ann = d.knock(), bob = d.knock();
  auto first = d.waiting.take(), second = d.waiting.take();
  s.request_stop();
  REQUIRE(comes([&] {
    try {
      raw_client another{s.port(), ""};
      return false;
    } catch (const std::runtime_error&) {
      return true; // nobody listens any more
    }
  }));
  first.send(upgrade_decision::accept());
  second.send(upgrade_decision::accept());
  auto a = ann.read_all(), b = bob.read_all();
  CHECK(a.starts_with("HTTP/1.1 503"));
  CHECK(b.starts_with("HTTP/1.1 503"));
  s.stop();
}

TEST_CASE("a decision after the end of its server is void, as is one that is dropped then") {
  slow_door d;
  d.options.drain_timeout = 100ms;
  (void)d.open();
  auto ann = d.knock(), bob = d.knock();
  std::optional<upgrade_reply> first{d.waiting.take()}, second{d.waiting.take()};
  d.s.reset();
  first->send(upgrade_decision::accept());
  first.reset();
  second.reset();
  CHECK(ann.read_all().empty());
}

TEST_CASE("what a token has proved is there when the hook is asked, and bounds what it gives") {
  slow_door d;
  std::promise<std::string> subject;
  transport::jwt_options jwt;
  jwt.profile = transport::jwt_profile::lenient;
  jwt.keys.push_back({.material = std::string(32, 'k')});
  d.options.jwt = jwt;
  d.options.authorize_upgrade_later = [&](const http_request& r, upgrade_reply reply) {
    subject.set_value(r.claims ? r.claims->subject : "none");
    reply.send(upgrade_decision::accept());
  };
  (void)d.open();
  CHECK(d.knock().read_all().starts_with("HTTP/1.1 401")); // no token: the hook is not asked
  auto kim = d.knock("Authorization: Bearer " + token_of_kim + "\r\n");
  kim.await("pong");
  CHECK(subject.get_future().get() == "kim");
  kim.send(masked_text(R"({"type":"auth","token":")" + token_of_kim + R"(","ref":1})"));
  kim.await(R"("code":"unsupported")");
}

TEST_CASE("a request that is no upgrade is decided later, too") {
  slow_door d;
  server s{std::move(d.options)};
  std::vector<int> statuses;
  auto hear = [&](const upgrade_decision& decision) {
    statuses.push_back(static_cast<int>(decision.status));
  };
  http_request request{.method = "GET", .target = "/"};
  request.remote_address = "192.0.2.1";
  s.authorize_later(request, hear);
  CHECK(statuses.empty());
  d.waiting.take().send(upgrade_decision::accept());
  s.authorize_later(request, hear);
  d.waiting.take().send(upgrade_decision::refuse(403, "no"));
  s.authorize_later(request, hear);
  { auto dropped = d.waiting.take(); }
  CHECK(statuses == std::vector{0, 403, 500});

  CHECK_THROWS_AS(s.authorize_later(request, {}), std::invalid_argument);
  CHECK_THROWS_WITH((void)s.authorize(request), Catch::Contains("authorize_later"));
  server at_once{fixture{}.options()};
  at_once.authorize_later(request, hear);
  CHECK(statuses.back() == 0);
}

TEST_CASE("a server has one hook that decides about upgrades") {
  slow_door d;
  d.options.authorize_upgrade = [](auto&) { return upgrade_decision::accept(); };
  CHECK_THROWS_WITH(server{d.options}, Catch::Contains("authorize_upgrade_later"));
}
