// Each event in a whole server moves its own counter in /metrics, and no other of the same kind.
#include <utility>

#include "server/stopping.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <stdexcept>
#include <string>
#include <thread>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

/// The sum of all series whose name and labels start with `series`.
double sum_of(const std::string& text, const std::string& series) {
  double sum = 0;
  for (auto at = text.find('\n' + series); at != std::string::npos;
       at = text.find('\n' + series, at + 1)) {
    auto end = text.find('\n', at + 1);
    sum += std::stod(text.substr(text.rfind(' ', end), end));
  }
  return sum;
}

double sum_of(const server& s, const std::string& series) {
  return sum_of(asking(s, "/metrics").read_all(), series);
}

bool becomes(const server& s, const std::string& series, double n) {
  return comes([&] { return sum_of(s, series) == n; });
}

} // namespace

TEST_CASE("a room that throws counts as crashed, an HTTP handler that throws as its error") {
  fixture f;
  server s{f.options()};
  set_up_callers(s, [] { throw std::runtime_error{"no"}; });
  s.start();

  auto member = call_from(s, "room");
  member.front().await("room_closed");
  auto visitor = call_from(s, "http");
  CHECK(visitor.front().read_all().starts_with("HTTP/1.1 500"));

  CHECK(becomes(s, "troupe_room_crashed_total ", 1));
  CHECK(becomes(s, "troupe_handler_error_total{where=\"http\"}", 1));
  CHECK(sum_of(s, "troupe_handler_error_total{where=\"timer\"}") == 0);
}

TEST_CASE("an end of the application's making, with or without a close frame, counts as its own") {
  fixture f;
  server s{f.options()};
  endpoint_handlers on;
  on.on_message = [](const raw_connection& c, std::string_view m, bool) {
    if (m == "close")
      c.close(4001, "enough");
    else
      c.terminate();
  };
  (void)s.endpoint("/raw", std::move(on));
  s.start();
  for (std::string how : {"close", "terminate"}) {
    raw_client client{s.port(), raw_client::upgrade_of("/raw")};
    client.await("\r\n\r\n");
    client.send(masked_text(how));
    if (how == "close") {
      client.await("enough");
      client.send({"\x88\x82\0\0\0\0\x0f\xa1", 8});
    }
    (void)client.read_all();
  }

  CHECK(becomes(s, "troupe_ws_closed_total{code=\"none\",reason=\"application\"}", 2));
  CHECK(sum_of(s, "troupe_ws_closed_total") == 2);
}

TEST_CASE("a peer that says goodbye and one that vanishes count as ended by the peer") {
  fixture f;
  server s{f.options()};
  s.start();
  {
    raw_client polite{s.port()}, gone{s.port()};
    polite.send({"\x88\x82\0\0\0\0\x03\xe8", 8});
    (void)polite.read_all();
  }

  CHECK(becomes(s, "troupe_ws_closed_total{code=\"none\",reason=\"peer\"}", 2));
  CHECK(sum_of(s, "troupe_ws_opened_total") == 2);
}

TEST_CASE("a handler that takes long counts, and its turn with it") {
  fixture f;
  server s{f.options()};
  set_up_callers(s, [] { std::this_thread::sleep_for(150ms); });
  s.start();
  auto long_turns = [&] {
    auto text = asking(s, "/metrics").read_all();
    return sum_of(text, "troupe_turn_duration_seconds_count")
         - sum_of(text, "troupe_turn_duration_seconds_bucket{le=\"0.1\"}");
  };
  CHECK(long_turns() == 0);

  auto member = call_from(s, "raw");

  CHECK(comes([&] { return sum_of(s, "troupe_long_turn_total") == 1; }));
  CHECK(long_turns() >= 1);
  CHECK(sum_of(s, "troupe_turn_duration_seconds_sum") > 0.1);
}

TEST_CASE("bytes of HTTP are those of requests and answers") {
  fixture f;
  server s{f.options()};
  s.get("/text", [](auto&) { return text(std::string(10'000, 't')); });
  s.route_later("POST", "/post",
                [](auto&, transport::http_reply reply) { reply.send(text("kept")); });
  s.start();
  std::string get = "GET /text HTTP/1.1\r\nHost: x\r\n\r\n";
  std::string post =
    "POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 3000\r\nConnection: close\r\n\r\n"
    + std::string(3000, 'p');
  auto received = sum_of(s, "troupe_received_bytes_total{protocol=\"http\"}");
  auto sent = sum_of(s, "troupe_sent_bytes_total{protocol=\"http\"}");
  auto scrape = sum_of(s, "troupe_received_bytes_total{protocol=\"http\"}") - received;
  auto scraped = sum_of(s, "troupe_sent_bytes_total{protocol=\"http\"}") - sent;
  auto answers = raw_client{s.port(), get + post}.read_all(); // two requests, one after the other

  // Each scrape counts its own request and the answers before it, so `scrape` holds two requests
  // and `scraped` two answers.
  CHECK(sum_of(s, "troupe_received_bytes_total{protocol=\"http\"}") - received
        == 2 * scrape + static_cast<double>(get.size() + post.size()));
  auto now = sum_of(s, "troupe_sent_bytes_total{protocol=\"http\"}") - sent;
  // Numbers in the answers may grow by a digit.
  CHECK(std::abs(now - static_cast<double>(answers.size()) - 2 * scraped) < 500);
}
