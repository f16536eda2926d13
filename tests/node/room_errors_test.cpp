// A whole node with a room whose behaviour throws and goes on: what its clients, its log and its
// counters say.
#include <utility>

#include <troupe/node.hpp>
#include <troupe/testing/stage.hpp>

#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe;
using actors::application_message;
using actors::member;
using actors::room_behavior;
using actors::room_context;
using testing::stage;
using strings = std::vector<std::string>;

namespace {

struct recorder final : protocol::logger, protocol::event_counters {
  void write(protocol::log_level, std::string_view where, std::string_view what) noexcept override {
    lines.push_back(std::string{where} + ": " + std::string{what});
  }
  void count(protocol::counter what, std::string_view label, std::uint64_t n) noexcept override {
    counts[{what, std::string{label}}] += n;
  }
  strings lines;
  std::map<std::pair<protocol::counter, std::string>, std::uint64_t> counts;
};

/// Throws at `boom`; the room goes on.
struct clumsy final : room_behavior {
  clumsy() {
    on("boom", [](room_context& room, const member&, const application_message&) {
      room.broadcast("half", {});
      throw std::runtime_error{"boom"};
    });
  }
  actors::join_decision authorize_join(room_context&, const member& m) override {
    if (m.user_id == "bad")
      throw std::runtime_error{"no such user"};
    return actors::join_decision::accept();
  }
  bool on_error(room_context&, const member*, std::string_view) override { return true; }
};

} // namespace

// Pins §12.17, §4.22.
TEST_CASE("a room that goes on is noticed by whoever caused the error, the log and the counters") {
  recorder seen;
  actors::node_options options;
  options.log = &seen;
  options.counters = &seen;
  stage s{options};
  s.node().rooms("hall", [](auto) { return std::make_unique<clumsy>(); });
  auto& ann = s.connect("ann");
  auto& ben = s.connect("ben");
  auto& bad = s.connect("bad");
  for (auto* c : {&ann, &ben})
    c->join("hall").expect("joined");
  (void)ann.take_all();

  ann.say(R"({"type":"boom","ref":1})");
  auto half = ann.expect("half");
  auto error = ann.expect("error");
  auto refusal = bad.join("hall").expect("error");

  CHECK(error.text("code") == "internal");
  CHECK(error.number("ref") == 1);
  CHECK(refusal.text("code") == "internal");
  ben.expect("half");
  ben.expect_nothing();
  ben.publish("hall", "still here").expect("message");
  CHECK(ann.expect("message").number("seq") == half.number("seq") + 1);
  CHECK_FALSE(ann.has_ended());
  bad.join("hall").expect("error"); // its connection goes on, too

  CHECK(seen.lines
        == strings{"room: hall in on_message: boom", "room: hall in authorize_join: no such user",
                   "room: hall in authorize_join: no such user"});
  CHECK(seen.counts[{protocol::counter::rooms_crashed, ""}] == 0);
  CHECK(seen.counts[{protocol::counter::handler_errors, "room"}] == 3);
}
