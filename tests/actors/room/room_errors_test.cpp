// What becomes of a room whose behaviour throws: it says so itself (`on_error`).

#include "room_stage.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace troupe::actors;
using namespace std::chrono_literals;
using troupe::protocol::errc;
using troupe::test::ref;
using stage = troupe::test::room_stage;
using names = std::vector<std::string>;

namespace {

/// Throws in the hook that `fails` names, and notes what it is told of that.
struct tolerant final : room_behavior {
  using hook = std::function<void(room_context&, const member*)>;

  void run(std::string_view here, room_context& room, const member* m) {
    if (fails != here)
      return;
    if (first)
      first(room, m);
    if (no_memory)
      throw std::bad_alloc{};
    throw std::runtime_error{"boom"};
  }
  void on_create(room_context& room) override { run("on_create", room, nullptr); }
  join_decision authorize_join(room_context& room, const member& m) override {
    return run("authorize_join", room, &m), join_decision::accept();
  }
  void on_join(room_context& room, const member& m) override { run("on_join", room, &m); }
  bool on_publish(room_context& room, const member& m, const application_message&) override {
    return run("on_publish", room, &m), true;
  }
  bool on_binary(room_context& room, const member& m, std::string_view) override {
    return run("on_binary", room, &m), true;
  }
  bool on_profile(room_context& room, const member& m,
                  const troupe::protocol::document_view&) override {
    return run("on_profile", room, &m), true;
  }
  void on_message(room_context& room, const member& m, const application_message&) override {
    if (message)
      message(room, &m);
    run("on_message", room, &m);
  }
  void on_leave(room_context& room, const member& m, leave_reason) override {
    run("on_leave", room, &m);
  }
  void on_close(room_context& room) override { run("on_close", room, nullptr); }
  bool on_error(room_context& room, const member* about, std::string_view what) override {
    told.push_back((about ? about->user_id + " " : "") + std::string{what});
    if (then)
      then(room, about);
    return goes_on;
  }

  std::string fails;
  hook first;   ///< what the failing hook does before it throws
  hook then;    ///< what `on_error` does
  hook message; ///< what `on_message` does
  bool no_memory = false;
  bool goes_on = true;
  names told;
};

/// A room with the members 1 and 2 whose behaviour throws in that hook from now on.
struct failing_room {
  explicit failing_room(std::string hook = {}) {
    auto made = std::make_unique<tolerant>();
    b = made.get();
    s = std::make_unique<stage>(std::move(made));
    s->join(1);
    s->join(2);
    b->fails = std::move(hook);
    s->out.lines.clear();
  }

  /// Says something as member 1 with the `ref` 9.
  void say(std::string type, std::string json, std::uint64_t id = 0) {
    auto in = s->input(1, std::move(type), std::move(json));
    in.ref = ref("9");
    in.id = id;
    s->core->input(in);
  }
  void publish(std::uint64_t id = 0) { say("message", R"({"type":"message","text":"hi"})", id); }
  void move() { say("move", R"({"type":"move"})"); }
  [[nodiscard]] bool is_up() {
    auto before = s->out.lines.size();
    b->fails.clear();
    publish();
    return s->out.said(R"("text":"hi")", before);
  }

  std::unique_ptr<stage> s;
  tolerant* b;
};

constexpr auto internal_error = R"({"type":"error","ref":9,"request":")";

} // namespace

// Pins §12.17.
TEST_CASE("a command whose hook has thrown is answered by internal, and the room goes on") {
  failing_room r{"on_publish"};

  r.publish();

  CHECK(r.b->told == names{"u1 boom"});
  CHECK(
    r.s->out.said(std::string{internal_error} + R"(message","roomId":"hall","code":"internal")"));
  CHECK_FALSE(r.s->out.said(R"("text":"hi")"));
  CHECK_FALSE(r.s->out.said("ack"));
  CHECK(r.s->out.failed_hooks == 1);
  CHECK(r.s->out.failed_hook == "on_publish");
  CHECK(r.s->core->hook() == nullptr);
  CHECK(r.is_up());
}

TEST_CASE("what is binary, and a profile, come to nobody if their hooks throw") {
  auto hook = GENERATE(as<std::string>{}, "on_binary", "on_profile");
  failing_room r{hook};

  auto in = hook == "on_binary" ? r.s->input(1, "binary", "x") : r.s->profile(1, R"({"n":1})");
  if (hook == "on_binary")
    in.what = room_input::kind::binary;
  in.ref = ref("9");
  r.s->core->input(in);

  CHECK(r.b->told == names{"u1 boom"});
  CHECK(r.s->out.said(R"("code":"internal")"));
  CHECK_FALSE(r.s->out.said("all("));
  CHECK(r.is_up());
}

TEST_CASE("what a failed hook has said stays, in its place") {
  failing_room r{"on_message"};
  r.b->first = [](room_context& room, const member*) { room.broadcast("half", {}); };

  r.move();

  auto half = r.s->out.at(R"({"type":"half","roomId":"hall","seq":1})");
  auto error = r.s->out.at(R"("code":"internal")");
  CHECK(half < error);
  CHECK(error < r.s->out.lines.size());
  CHECK(r.s->core->seq() == 1);
  CHECK(r.is_up());
  CHECK(r.s->core->seq() == 2);
}

// Pins §12.17.
TEST_CASE("the id of a command whose hook has thrown is free") {
  failing_room r{"on_publish"};

  r.publish(77);
  r.b->fails.clear();
  r.publish(77);

  CHECK(r.s->out.said(R"("text":"hi")"));
  CHECK_FALSE(r.s->out.said("duplicate"));
}

TEST_CASE("on_error may refuse the command by a code of its own") {
  failing_room r{"on_publish"};
  r.b->then = [](room_context& room, const member*) { room.refuse(errc::overloaded, "later"); };

  r.publish();

  CHECK(r.s->out.said(R"("code":"overloaded","message":"later")"));
  CHECK_FALSE(r.s->out.said("internal"));
}

TEST_CASE("a hook that has refused its command before it throws has answered it") {
  failing_room r{"on_message"};
  r.b->first = [](room_context& room, const member*) { room.refuse(errc::forbidden, "no"); };

  r.move();

  CHECK(r.s->out.said(R"("code":"forbidden","message":"no")"));
  CHECK_FALSE(r.s->out.said("internal"));
  CHECK(r.is_up());
}

TEST_CASE("on_error may throw out whom the failed hook was about") {
  failing_room r{"on_publish"};
  r.b->then = [](room_context& room, const member* m) { room.kick(m->key, "you break it"); };

  r.publish();

  CHECK(r.s->out.said("you break it"));
  CHECK_FALSE(r.s->out.said("internal")); // its connection answers
  CHECK(r.s->out.said("connection told"));
}

TEST_CASE("a join whose authorize_join has thrown is refused, and one whose on_join has stays") {
  auto hook = GENERATE(as<std::string>{}, "authorize_join", "on_join");
  failing_room r{hook};

  auto reply = r.s->join(3);

  CHECK(r.b->told == names{"u3 boom"});
  CHECK(reply.code == (hook == "on_join" ? errc::ok : errc::internal));
  CHECK(bool(reply.room) == (hook == "on_join"));
  CHECK(r.s->out.said("subscribe 3") == (hook == "on_join"));
  CHECK(r.is_up());
}

TEST_CASE(
  "a decision that cannot be is an error of authorize_join, and does not reach the client") {
  struct wrong final : room_behavior {
    join_decision authorize_join(room_context&, const member&) override {
      return {errc::restart, "no"};
    }
    bool on_error(room_context&, const member*, std::string_view) override { return true; }
  };
  stage s{std::make_unique<wrong>()};

  CHECK(s.join(1).code == errc::internal);
}

TEST_CASE("a room goes on whose on_leave has thrown, and ends once it is empty") {
  failing_room r{"on_leave"};

  r.s->leave(1);
  auto early = r.s->out.said("empty");
  r.s->leave(2);

  CHECK(r.b->told == names{"u1 boom", "u2 boom"});
  CHECK(r.s->out.said("all(1)")); // who stays hears of it
  CHECK_FALSE(early);
  CHECK(r.s->out.said("empty"));
}

TEST_CASE("an on_leave within kick fails for the hook that has kicked, which is told once") {
  failing_room r{"on_leave"};
  auto kick_all = [](room_context& room, const member*) {
    for (auto who : {1U, 2U})
      room.kick(stage::key(who));
  };
  r.b->message = kick_all;

  r.move();
  CHECK(r.b->told == names{"u1 boom"});
  CHECK(r.s->out.failed_hook == "on_leave");
  CHECK_FALSE(r.s->out.said("empty"));

  r.b->message = [&](room_context& room, const member*) {
    CHECK_THROWS_AS(room.kick(stage::key(2)), std::runtime_error);
  };
  auto in = r.s->input(2, "move", R"({"type":"move"})");
  r.s->core->input(in);
  CHECK(r.b->told.size() == 1); // it has caught the other one
  CHECK(r.s->out.said("empty"));
}

TEST_CASE("a request's handler that throws ends nothing but itself") {
  failing_room r;
  auto asks = [](room_context& room, const member* m) {
    for (int i = 0; i < 2; ++i)
      room.ask(m->key, {}, 1s,
               [](room_context&, const request_result&) { throw std::runtime_error{"no answer"}; });
  };
  r.b->message = asks;
  r.move();

  auto in = r.s->reply(1, "1", "true");
  in.ref = ref("9");
  r.s->core->input(in);
  r.s->out.time += 2s;
  r.s->core->end_requests();

  CHECK(r.b->told == names{"u1 no answer", "u1 no answer"});
  CHECK(r.s->out.said(R"("request":"$reply","roomId":"hall","code":"internal")"));
  r.b->message = nullptr;
  CHECK(r.is_up());
}

TEST_CASE("a room ends without asking where it has not begun, where it ends, and without memory") {
  auto made = std::make_unique<tolerant>();
  made->fails = "on_create";
  CHECK_THROWS_AS(stage{std::move(made)}, std::runtime_error);

  for (auto hook : {"on_leave", "on_close"}) {
    CAPTURE(hook);
    failing_room r{hook};
    CHECK_THROWS_AS(r.s->core->close(room_end::ended), std::runtime_error);
    CHECK(r.b->told.empty());
  }

  failing_room r{"on_message"};
  r.b->no_memory = true;
  CHECK_THROWS_AS(r.move(), std::bad_alloc);
  CHECK(r.b->told.empty());
  REQUIRE(r.s->core->hook());
  CHECK(std::string{r.s->core->hook()} == "on_message");
}

TEST_CASE("a room that is not to go on has crashed in the hook that has failed") {
  failing_room r{"on_message"};
  r.b->goes_on = false;

  CHECK_THROWS_WITH(r.move(), "boom");

  CHECK(r.b->told == names{"u1 boom"});
  CHECK(r.s->out.failed_hooks == 0); // the crash tells of it
  REQUIRE(r.s->core->hook());
  CHECK(std::string{r.s->core->hook()} == "on_message");
}

TEST_CASE("an on_error that throws itself ends the room, and both exceptions are told") {
  failing_room r{"on_message"};
  r.b->then = [](room_context&, const member*) { throw std::runtime_error{"and again"}; };

  CHECK_THROWS_WITH(r.move(), "and again");

  CHECK(r.s->out.failed_hooks == 1);
  CHECK(r.s->out.failed_hook == "on_message");
  REQUIRE(r.s->core->hook());
  CHECK(std::string{r.s->core->hook()} == "on_error");
}
