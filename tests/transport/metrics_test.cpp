#include <utility>

#include "metrics.hpp"

#include "manual_node.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace troupe;
using namespace troupe::test;
using protocol::counter;
using transport::metrics;

namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

std::string text_of(metrics& m) { return m.text({}); }

/// Counts as the layers below do.
void count(protocol::event_counters& to, counter what, std::string_view label = {}, std::uint64_t n = 1) {
  to.count(what, label, n);
}

} // namespace

TEST_CASE("a counter without a label is there from the start, at zero") {
  metrics m;
  auto text = text_of(m);

  for (auto name : {"ws_opened_total", "slow_consumer_total", "room_crashed_total"}) {
    INFO(text);
    CHECK(has_line(text, std::string{name} + " 0"));
    CHECK(has_line(text, std::string{"# TYPE "} + name + " counter"));
  }
}

TEST_CASE("every counter has its name and its label") {
  metrics m;
  count(m, counter::connections_opened);
  count(m, counter::connections_closed, "1013 slow_consumer");
  count(m, counter::connections_closed, "peer");
  count(m, counter::handshakes_rejected, "origin");
  count(m, counter::protocol_errors, "too_big");
  count(m, counter::slow_consumers);
  count(m, counter::dropped, "slow_consumer", 7);
  count(m, counter::joins_rejected, "room_full");
  count(m, counter::accept_errors, "EMFILE");
  count(m, counter::handler_errors, "session");
  count(m, counter::rooms_crashed);
  count(m, counter::long_turns, "room");
  count(m, counter::command_errors, "bad_request");

  auto text = text_of(m);

  for (auto line : {"ws_opened_total 1",
                    "ws_closed_total{code=\"1013\",reason=\"slow_consumer\"} 1",
                    "ws_closed_total{code=\"peer\"} 1",
                    "ws_handshake_rejected_total{reason=\"origin\"} 1",
                    "ws_protocol_error_total{kind=\"too_big\"} 1",
                    "slow_consumer_total 1",
                    "dropped_total{reason=\"slow_consumer\"} 7",
                    "room_join_rejected_total{reason=\"room_full\"} 1",
                    "accept_error_total{errno=\"EMFILE\"} 1",
                    "handler_error_total{where=\"session\"} 1",
                    "room_crashed_total 1",
                    "long_turn_total{handler=\"room\"} 1",
                    "command_error_total{code=\"bad_request\"} 1"}) {
    INFO(line << " in\n" << text);
    CHECK(has_line(text, line));
  }
}

TEST_CASE("counts add up per label") {
  metrics m;
  count(m, counter::dropped, "a", 2);
  count(m, counter::dropped, "b");
  count(m, counter::dropped, "a", 3);

  auto text = text_of(m);

  CHECK(has_line(text, "dropped_total{reason=\"a\"} 5"));
  CHECK(has_line(text, "dropped_total{reason=\"b\"} 1"));
}

TEST_CASE("gauges are as of the moment of asking") {
  metrics m;
  actors::node_stats first, second;
  first.connections = 5;
  first.output_bytes = 1234;
  first.budget_bytes = 5678;
  second.connections = 2;

  auto before = m.text(first);
  auto after = m.text(second);

  CHECK(has_line(before, "connections 5"));
  CHECK(has_line(before, "output_bytes 1234"));
  CHECK(has_line(before, "output_budget_bytes 5678"));
  CHECK(has_line(after, "connections 2"));
  CHECK_FALSE(has_line(after, "connections 5"));
}

/// Whatever clients say and name, the set of label values stays small and ours.
TEST_CASE("nothing that a client has said is a label") {
  metrics m;
  actors::node_options options;
  options.counters = &m;
  options.connections.max_errors = 0;
  manual_node world{options};
  client ann{world}, bob{world, protocol::encoding::plain_json}, cid{world, protocol::encoding::v1_msgpack};

  for (auto message : {R"({"type":"MARK","ref":"MARK","roomId":"MARK"})", R"({"type":"join","roomId":"MARK "})",
                       R"({"type":"join","roomId":"MARK","ref":"MARK"})", R"({"type":"MARK"})", R"(MARK)", R"({"MARK":1})",
                       R"({"type":"join","roomId":["MARK"]})", R"({"type":"message","roomId":"MARK","text":"MARK"})",
                       R"({"type":"message","roomId":"MARK2","text":1,"data":2})", R"({"type":"leave","roomId":"MARK3"})",
                       R"({"type":"direct","to":"MARK","text":"MARK"})", R"({"type":"auth","token":"MARK"})"}) {
    ann.say(message);
    bob.say(message);
    cid.session.say(message, true);
  }
  ann.session.say("MARK", true);
  world.settle();
  auto text = m.text(world.node.stats());

  INFO(text);
  CHECK(text.find("command_error_total{") != std::string::npos);
  CHECK(text.find("room_join_rejected_total{reason=\"bad_room\"}") != std::string::npos);
  CHECK(text.find("MARK") == std::string::npos);
}
