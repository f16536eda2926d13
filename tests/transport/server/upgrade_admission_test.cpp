// How a well-formed upgrade is answered, and in which order it is checked.
#include <utility>

#include "server/upgrade_admission.hpp"

#include "node/manual_node.hpp"
#include "upgrade_request.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <optional>
#include <string>

using namespace troupe;
using namespace troupe::transport;
using namespace std::chrono_literals;
using boost::beast::http::field;

namespace {

constexpr std::int64_t budget = 100'000;

http_request_message request_for(std::string_view target) {
  auto r = test::good_request(target);
  r.set(field::origin, "https://good.example");
  return r;
}

/// The settings of a server, in which a test can make anything wrong.
struct rig {
  rig() {
    settings.websocket_routes.emplace("/", websocket_route{});
    configured.origins = {"https://good.example"};
    settings.authorize = [this](const http_request&) { return decision; };
    settings.sessions.node = &world.node;
    settings.sessions.log = &protocol::null_logger();
    settings.sessions.counters = &protocol::null_counters();
    admission::limits limits;
    limits.max_connections = 1;
    settings.admissions = std::make_shared<admission>(limits);
  }

  auto admit(const http_request_message& request) {
    return admit_upgrade(settings, request, boost::asio::ip::make_address("192.0.2.1"),
                         world.clock.now());
  }

  /// Makes the node overloaded by two clients that do not read. The first one is cut.
  void overload() {
    for (auto [who, room] :
         {std::pair{&speaker, "a"}, {&speaker, "b"}, {&first, "a"}, {&second, "b"}})
      who->join(room);
    world.settle();
    first.session.set_window(0);
    second.session.set_window(0);
    speak("a", 6);
    while (!world.node.overloaded())
      speak("b", 1);
  }
  void speak(const std::string& room, int times) {
    for (; times > 0; --times)
      speaker.publish(room, std::string(860, 'x'));
    world.settle();
    (void)speaker.texts();
    world.pass(10ms);
  }
  void read_on() {
    second.session.set_window(std::nullopt);
    world.settle();
  }

  test::manual_node world{test::bounded_by(budget)};
  actors::outbox::bounds large{16 << 20, 100'000};
  test::client speaker{world}, first{world, protocol::encoding::v1_json, 0, large},
    second{world, protocol::encoding::v1_json, 0, large};
  upgrade_decision decision;
  server_options configured;
  http_settings settings{configured};
};

bool has(const http_headers& headers, const std::string& name, const std::string& value) {
  for (auto& h : headers)
    if (h.first == name && h.second == value)
      return true;
  return false;
}

} // namespace

// Pins §1.25, §1.38, §1.39, §1.45.
TEST_CASE("of several reasons against an upgrade the first of the table is told") {
  rig d;
  auto place = std::make_optional(d.admit(request_for("/")));
  auto here = boost::asio::ip::make_address("192.0.2.1");
  for (int i = 0; i < 25; ++i)
    d.settings.admissions->note_refused_token(here, d.world.clock.now());
  d.decision = upgrade_decision::refuse(402, "Pay first");
  d.settings.closing = true;
  d.overload();
  auto foreign = request_for("/nowhere");
  foreign.set(field::origin, "https://evil.example");
  auto expect = [&](const http_request_message& request, unsigned status, std::string_view label) {
    auto answer = d.admit(request);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().status == status);
    CHECK(answer.error().label == label);
    return answer.error().headers;
  };
  REQUIRE(*place);

  expect(foreign, 403, "origin");
  expect(request_for("/nowhere"), 404, "path");
  CHECK(has(expect(request_for("/"), 503, "draining"), "Retry-After", "5"));
  d.settings.closing = false;
  CHECK(has(expect(request_for("/"), 503, "overloaded"), "Retry-After", "5"));
  d.read_on();
  CHECK_FALSE(expect(request_for("/"), 429, "auth").empty());
  d.world.pass(10s);
  expect(request_for("/"), 402, "auth");
  d.decision = upgrade_decision::refuse(403, "No", nullptr);
  expect(request_for("/"), 403, "auth");
  d.decision = {};
  CHECK(has(expect(request_for("/"), 503, "connections"), "Retry-After", "5"));
  place.reset();
  CHECK(d.admit(request_for("/")));
}
