// Who pays for what a room says.
#include "room/room_core.hpp"

#include "room_stage.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

using namespace troupe::actors;
using troupe::protocol::encoding;
using troupe::protocol::errc;
using stage = troupe::test::room_stage;

// Pins §16.10.
TEST_CASE("output of a hook without a client's credit is charged to the room, which ends at eight "
          "times its bound") {
  struct talker final : room_behavior {
    void on_leave(room_context& room, const member&, leave_reason) override {
      std::string text(200'000, 'x');
      for (int i = 0; i < 60; ++i)
        room.broadcast("noise", {{"text", text}});
      pressure = room.pressure();
    }
    double pressure = 0;
  };
  stage s{std::make_unique<talker>()};
  s.join(1);
  s.join(3);
  s.core->leave({s.key(3), leave_reason::left, false, nullptr, {}});

  CHECK(s.out.last_own);
  REQUIRE(s.out.ends.size() == 1);
  CHECK(s.out.ends.front() == room_end::overloaded);
}

TEST_CASE("output under a client's credit carries that credit and charges nothing else") {
  stage s;
  s.join(1);
  auto account = std::make_shared<credit_account>(credit_limits{});
  auto in = s.input(1, "message", "{}");
  in.token = account->take(10);
  s.core->input(in);
  CHECK(s.out.last_source);
  CHECK_FALSE(s.out.last_own);
}

/// Answers each message by a frame for its sender alone; notes the room's pressure at each join.
struct answering final : room_behavior {
  explicit answering(double& p) : pressure(p) {}
  void on_message(room_context& room, const member& from, const application_message&) override {
    room.send_to(from.key, "answer", {{"text", std::string(1000, 'x')}});
  }
  void on_join(room_context& room, const member& m) override {
    room.send_to(m.key, "hello", {{"text", std::string(100'000, 'x')}});
    pressure = room.pressure();
  }
  double& pressure;
};

TEST_CASE("a frame for one member is charged to the command that caused it, else to the room") {
  double pressure = 0;
  stage s{std::make_unique<answering>(pressure)};
  s.join(1); // without credit, as a join of the lobby

  CHECK(s.out.last_own);
  CHECK(pressure > 0.09);

  auto account = std::make_shared<credit_account>(credit_limits{});
  auto in = s.input(1, "ask", R"({"type":"ask"})");
  in.token = account->take(10);
  s.core->input(in);
  CHECK(s.out.last_source);
  CHECK_FALSE(s.out.last_own);
}

TEST_CASE("frames for single members end a room that is eight times behind") {
  double pressure = 0;
  stage s{std::make_unique<answering>(pressure), 200};
  for (std::uint32_t i = 1; i < 100; ++i)
    s.join(i);
  CHECK(s.out.ends == std::vector<room_end>{room_end::overloaded});
}

TEST_CASE("a notice of leaving is charged to the leave, one of a lost connection to nobody") {
  stage s;
  s.join(1);
  s.join(2);
  s.join(3);
  auto account = std::make_shared<credit_account>(credit_limits{});

  s.core->leave({s.key(1), leave_reason::left, true, nullptr, account->take(10)});
  CHECK(s.out.last_source);
  CHECK_FALSE(s.out.last_own);

  s.core->leave({s.key(2), leave_reason::disconnected, false, nullptr, {}});
  CHECK(s.out.said("userLeft"));
  CHECK_FALSE(s.out.last_source);
  CHECK_FALSE(s.out.last_own);
}

namespace {

/// Answers a command of about 10,000 bytes by as many bytes as the command asks for: to all, to all
/// but the sender, or to the sender.
struct growing final : room_behavior {
  growing() {
    auto text_of = [](const application_message& m) {
      return std::string(static_cast<std::size_t>(m.fields.number("bytes").value_or(0)), 'x');
    };
    on("all", [=](room_context& room, const member&, const application_message& m) {
      room.broadcast("said", {{"text", text_of(m)}});
    });
    on("one", [=](room_context& room, const member& from, const application_message& m) {
      for (int i = 0; i < 3; ++i)
        room.send_to(from.key, "said", {{"text", text_of(m)}});
    });
  }
};

} // namespace

// Pins §4.55.
TEST_CASE("what a command becomes beyond its own size is charged to its sender, whoever says it") {
  for (auto [type, bytes, times] :
       {std::tuple{"all", 60'000, 1}, {"all", 15'000, 0}, {"one", 60'000, 1}, {"one", 15'000, 0}}) {
    INFO(type << " " << bytes);
    stage s{std::make_unique<growing>()};
    s.join(1);
    auto account = std::make_shared<credit_account>(credit_limits{});
    auto in = s.input(1, type,
                      R"({"type":"all","bytes":)" + std::to_string(bytes) + R"(,"x":")"
                        + std::string(10'000, 'x') + "\"}");
    in.token = account->take(in.bytes.size());
    auto size = in.bytes.size();

    s.core->input(in);
    auto charged = account->take_charged();

    CHECK(charged >= (times > 0 ? 60'000 - size : 0));
    CHECK(charged <= (times > 0 ? 60'200 - size : 0));
  }
}

TEST_CASE("binary that grows by more than twice is charged to its sender, too") {
  stage s;
  s.join(1);
  auto account = std::make_shared<credit_account>(credit_limits{});
  auto in = s.input(1, "binary", "short");
  in.what = room_input::kind::binary;
  std::string body(9000, 'b');
  in.body = body;
  in.token = account->take(in.bytes.size());

  s.core->input(in);

  CHECK(account->take_charged() > 9000);
}
