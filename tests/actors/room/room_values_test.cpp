// Nested values, as a room says them.
#include "room_stage.hpp"

#include <troupe/protocol/frame.hpp>
#include <troupe/protocol/object_writer.hpp>
#include <troupe/protocol/stored_event.hpp>

#include <catch2/catch.hpp>

#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using protocol::codec;
using protocol::errc;
using protocol::list_writer;
using protocol::object_writer;
using troupe::test::encoding;
using stage = troupe::test::room_stage;

namespace {

using task = std::function<void(room_context&)>;

/// Runs what the test says, as a hook.
struct told final : room_behavior {
  explicit told(task& t) : work(t) {}
  void on_message(room_context& room, const member&, const application_message& m) override {
    seen = m.fields.object("at").list("xs").size();
    work(room);
  }
  void on_leave(room_context& room, const member&, leave_reason why) override {
    if (why == leave_reason::kicked)
      room.broadcast("kicked", {});
  }
  task& work;
  static inline std::size_t seen = 0;
};

/// A frame as JSON; empty if there is none.
std::string json_of(const protocol::shared_bytes& frame) {
  std::string out;
  if (frame)
    protocol::transcode(protocol::codec_of(frame), protocol::frame_payload(frame.view()),
                        codec::json, out);
  return out;
}

struct told_room {
  explicit told_room(room_core::config c = {}) : s{std::make_unique<told>(work), 10, c} {}

  void run(task t, std::string command = R"({"type":"do"})") {
    work = std::move(t);
    s.core->input(s.input(1, "do", std::move(command)));
  }
  [[nodiscard]] std::string said_in(encoding e) const {
    return json_of(s.out.last_frames[protocol::index_of(e)]);
  }

  task work;
  stage s;
};

/// Nested values, counting how often they are written.
struct state {
  int times = 0;
  void operator()(object_writer& out) {
    ++times;
    out.field("tick", 7);
    out.list("players", [](list_writer& l) {
      l.object([](object_writer& o) { o.values("at", {1, 2}); });
    });
  }
};

constexpr auto body = R"("tick":7,"players":[{"at":[1,2]}]})";
const std::string of_v1 = R"({"type":"state","roomId":"hall","seq":1,)" + std::string{body};
const std::string unnumbered = R"({"type":"state","roomId":"hall",)" + std::string{body};
const std::string of_plain = R"({"type":"state",)" + std::string{body};

broadcast_event not_stored() {
  broadcast_event e{"state"};
  e.stored = false;
  return e;
}

} // namespace

TEST_CASE("nested values reach each member in its codec, and are written once for each codec") {
  told_room r;
  r.s.join(1);
  r.s.join(2, encoding::v1_msgpack);
  r.s.join(3, encoding::plain_json);
  r.s.join(4, encoding::v1_msgpack_deflated);
  state fill;

  r.run([&](room_context& room) { room.broadcast("state", fill); });

  CHECK(fill.times == 2);
  CHECK(r.said_in(encoding::v1_json) == of_v1);
  CHECK(r.said_in(encoding::v1_msgpack) == of_v1);
  CHECK(r.said_in(encoding::v1_msgpack_deflated) == of_v1); // too small to be deflated
  CHECK(r.said_in(encoding::plain_json) == of_plain);
}

TEST_CASE("nested values are written in no codec that nobody speaks") {
  auto is_kept = GENERATE(false, true);
  told_room r{{.limits = {.history = is_kept}}};
  r.s.join(1, encoding::v1_msgpack);
  state fill, unheard;
  r.run([&](room_context& room) {
    room.broadcast("state", fill); // kept as it is said
    room.kick(stage::key(1));
    room.broadcast(not_stored(), unheard);
  });
  CHECK(fill.times == 1);
  CHECK(unheard.times == 0);

  state alone;
  r.s.join(1, encoding::plain_json);
  r.run([&](room_context& room) {
    auto hidden = broadcast_event{"state"};
    hidden.plain = false;
    room.broadcast(hidden, alone);
  });
  CHECK(alone.times == (is_kept ? 1 : 0)); // for the history only
}

TEST_CASE("the options of an event hold for nested values, too") {
  told_room r;
  r.s.join(1);
  r.s.join(2);
  state fill;
  r.run([&](room_context& room) {
    room.broadcast_except(stage::key(2), "state", fill);
    auto event = not_stored();
    room.broadcast(event, fill);
    event.is_volatile = true;
    room.broadcast_except(stage::key(1), event, fill);
    event.is_latest = true;
    event.key = "k";
    event.stored = true; // it is passing all the same
    room.broadcast(event, fill);
  });

  auto& lines = r.s.out.lines;
  CHECK(Contains("but 2").match(lines[lines.size() - 4]));
  CHECK(Contains(of_v1).match(lines[lines.size() - 4]));
  CHECK(Contains("but 1").match(lines[lines.size() - 2]));
  CHECK(r.said_in(encoding::v1_json) == unnumbered);
  REQUIRE(r.s.out.for_behind.size() >= 4);
  auto* fates = &r.s.out.for_behind[r.s.out.for_behind.size() - 4];
  CHECK(fates[0] == if_behind::queue);
  CHECK(fates[1] == if_behind::queue);
  CHECK(fates[2] == if_behind::skip);
  CHECK(fates[3] > if_behind::skip); // named by its key
  CHECK(r.s.core->seq() == 1);
  REQUIRE(r.s.core->stored().entries().size() == 1);
  CHECK(json_of(r.s.core->stored().entries().front().event) == of_v1);
  CHECK(r.s.core->stored().entries().front().excluded == stage::client(2));
}

TEST_CASE("nested values for one member are written in its codec") {
  told_room r;
  r.s.join(1);
  r.s.join(2, encoding::v1_msgpack);
  r.s.join(3, encoding::plain_json);
  state fill, unheard;
  auto send = [&](std::uint32_t to) {
    r.run([&](room_context& room) { room.send_to(stage::key(to), "state", fill); });
    return json_of(r.s.out.last_frame);
  };

  CHECK(send(1) == unnumbered);
  CHECK(send(2) == unnumbered);
  CHECK(send(3) == of_plain);
  CHECK(fill.times == 3);
  r.run([&](room_context& room) {
    auto hidden = broadcast_event{"state"};
    hidden.plain = false;
    room.send_to(stage::key(3), hidden, unheard);
    room.send_to(stage::key(9), "state", unheard);
  });
  CHECK(unheard.times == 0);
}

TEST_CASE("if what writes the values throws, nobody gets anything, and the room may go on") {
  told_room r;
  r.s.join(1);
  r.s.join(2, encoding::v1_msgpack);
  auto before = r.s.out.lines.size();
  int runs = 0;
  auto fails_second = [&](object_writer& out) {
    out.field("a", 1);
    if (++runs % 2 == 0)
      throw std::runtime_error{"enough"};
  };
  auto breaks_rules = [](object_writer& out) { out.field("seq", 1); };
  auto finds_no_memory = [](object_writer&) { throw std::bad_alloc{}; };

  r.run([&](room_context& room) {
    CHECK_THROWS_WITH(room.broadcast("state", fails_second), "enough");
    CHECK_THROWS_WITH(room.broadcast("state", breaks_rules), Contains("the server sets"));
    CHECK_THROWS_AS(room.broadcast_except({}, "state", finds_no_memory), std::bad_alloc);
    CHECK_THROWS_AS(room.send_to(stage::key(1), "state", breaks_rules), std::invalid_argument);
  });
  CHECK(runs == 2);
  CHECK(r.s.out.lines.size() == before);
  CHECK(r.s.core->seq() == 0);

  state fill;
  r.run([&](room_context& room) { room.broadcast("state", fill); });
  CHECK(r.said_in(encoding::v1_json) == of_v1);
}

TEST_CASE("an event whose fields are written has none of its own, and an application's type") {
  told_room r;
  r.s.join(1);
  state fill;
  r.run([&](room_context& room) {
    broadcast_event with{"state", {{"a", 1}}}, v1_with{"state", {}, {{"a", 1}}};
    CHECK_THROWS_WITH(room.broadcast(with, fill), Contains("has none of its own"));
    CHECK_THROWS_AS(room.broadcast(v1_with, fill), std::invalid_argument);
    CHECK_THROWS_AS(room.send_to(stage::key(1), with, fill), std::invalid_argument);
    for (auto type : {"", "joined", "$state", "a\n"}) {
      CHECK_THROWS_AS(room.broadcast(type, fill), std::invalid_argument);
      CHECK_THROWS_AS(room.broadcast_except({}, type, fill), std::invalid_argument);
      CHECK_THROWS_AS(room.send_to(stage::key(1), type, fill), std::invalid_argument);
    }
  });
  CHECK(fill.times == 0);
}

TEST_CASE("what a fill function says itself goes first, and the order is that of the numbers") {
  told_room r;
  r.s.join(1);
  r.run([&](room_context& room) {
    room.broadcast("outer", [&](object_writer& out) {
      out.field("a", 1);
      room.broadcast("inner", [](object_writer& o) { o.field("b", 2); });
      out.field("c", 3);
    });
  });

  auto& out = r.s.out;
  CHECK(out.at(R"({"type":"inner","roomId":"hall","seq":1,"b":2})")
        < out.at(R"({"type":"outer","roomId":"hall","seq":2,"a":1,"c":3})"));
  CHECK(out.said(R"("c":3)"));
}

TEST_CASE("a fill function that kicks the last member of its codec leaves a whole history") {
  told_room r;
  r.s.join(1, encoding::v1_msgpack);
  r.run([&](room_context& room) {
    room.broadcast("state", [&](object_writer& out) {
      out.field("tick", 7);
      room.kick(stage::key(1));
    });
  });

  auto& kept = r.s.core->stored().entries();
  REQUIRE(kept.size() == 2); // with what `on_leave` has said
  CHECK(json_of(kept[1].event) == R"({"type":"state","roomId":"hall","seq":2,"tick":7})");
  CHECK(r.s.core->seq() == 2);
}

TEST_CASE("a member is asked with nested values, and its nested answer is read") {
  for (auto e : {encoding::v1_json, encoding::v1_msgpack}) {
    told_room r;
    r.s.join(1);
    r.s.join(2, e);
    std::string heard;
    auto then = [&](room_context&, const request_result& result) {
      for (auto& x : result.data.value().list())
        heard += std::to_string(x.object().list("n").size());
    };
    r.run([&](room_context& room) {
      room.ask(
        stage::key(2),
        [](object_writer& out) {
          out.field("type", "free"); // no message of its own
          out.object("deep", [](object_writer& o) { o.field("x", 1); });
        },
        5s, then);
    });
    auto request = json_of(r.s.out.last_frame);
    CHECK(Contains(R"("data":{"type":"free","deep":{"x":1}}})").match(request));

    auto id = protocol::document_view{codec::json, request}.string("requestId").value();
    auto reply = r.s.reply(2, id, R"([{"n":[1,2]},{"n":[]}])");
    r.s.core->input(reply);
    CHECK(heard == "20");
  }
}

TEST_CASE("what writes a question may throw, or kick whom it asks") {
  told_room r;
  r.s.join(1);
  r.s.join(2);
  std::vector<errc> heard;
  auto then = [&](room_context&, const request_result& result) { heard.push_back(result.code); };
  r.run([&](room_context& room) {
    auto fails = [](object_writer& out) { out.field("$bin", 1); };
    CHECK_THROWS_AS(room.ask(stage::key(2), fails, 5s, then), std::invalid_argument);
    room.ask(
      stage::key(2), [&](object_writer&) { room.kick(stage::key(2)); }, 5s, then);
  });
  CHECK_FALSE(r.s.out.said("$request"));
  r.s.core->end_requests();
  CHECK(heard == std::vector{errc::not_joined});
}

TEST_CASE("a behaviour reads nested values of a message") {
  told_room r;
  r.s.join(1);

  r.run([](room_context&) {}, R"({"type":"do","at":{"xs":[1,[2],3]}})");

  CHECK(told::seen == 3);
}
