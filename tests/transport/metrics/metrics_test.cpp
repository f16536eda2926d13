#include <utility>

#include "metrics/metrics.hpp"

#include "metrics/event_metrics.hpp"
#include "node/manual_node.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using protocol::counter;
using transport::loop_traffic;
using transport::metrics;
using transport::node_traffic;

namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);)
    all.push_back(line);
  return all;
}

/// The names of all series, with their labels.
std::set<std::string> series_of(const std::string& text) {
  std::set<std::string> all;
  for (auto& line : lines_of(text))
    if (!line.starts_with('#'))
      CHECK(all.insert(line.substr(0, line.rfind(' '))).second); // each comes once
  return all;
}

/// The types of all families, by name. Checks that each comes once, after its help.
std::map<std::string, std::string> types_of_families(const std::string& text) {
  std::map<std::string, std::string> all;
  std::string helped;
  for (auto& line : lines_of(text)) {
    std::istringstream words{line};
    std::string mark, what, name, type;
    words >> mark >> what >> name >> type;
    if (mark != "#")
      continue;
    CHECK_FALSE(type.empty());
    if (what == "HELP")
      helped = name;
    else
      CHECK((what == "TYPE" && helped == name && all.emplace(name, type).second));
  }
  return all;
}

/// The value of the first series whose name and labels start with `series`.
double value_of(const std::string& text, const std::string& series) {
  for (auto& line : lines_of(text))
    if (line.starts_with(series))
      return std::stod(line.substr(line.rfind(' ')));
  FAIL(series << " is not in\n" << text);
  return 0;
}

std::string text_of(metrics& m) { return m.text({}); }

/// Counts an event as the layers below do.
void count(protocol::event_counters& to, counter what, std::string_view label = {},
           std::uint64_t n = 1) {
  to.count(what, label, n);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in{path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// The labels with which a layer's source counts. The first group of `pattern` matches the label.
std::set<std::string> labels_in_source(const std::string& layer, const std::regex& pattern) {
  std::set<std::string> all;
  for (auto& entry : std::filesystem::recursive_directory_iterator{
         std::filesystem::path{TROUPE_SOURCE_DIR} / layer / "src"}) {
    if (!entry.is_regular_file() || entry.path().filename() == "event_metrics.cpp")
      continue; // folders, and the list itself
    auto text = read_file(entry.path());
    for (std::sregex_iterator i{text.begin(), text.end(), pattern}, end; i != end; ++i)
      all.insert((*i)[1]);
  }
  return all;
}

} // namespace

// -- the text -------------------------------------------------------------------------------------

TEST_CASE("each family of metrics has one help, one type and a name that says whose it is") {
  metrics m;
  auto text = text_of(m);

  CHECK(text.ends_with('\n'));
  auto types = types_of_families(text);
  CHECK(types.size() > 35);
  for (auto& [name, type] : types) {
    INFO(name << " is a " << type);
    CHECK((name.starts_with("troupe_") || name.starts_with("process_")));
    CHECK(name.ends_with("_total") == (type == "counter"));
    CHECK((type == "counter" || type == "gauge" || type == "histogram"));
    CHECK(name.ends_with("_seconds")
          == (type == "histogram" || name == "process_start_time_seconds"));
    CHECK(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos);
  }
  for (auto& series : series_of(text)) {
    auto name = series.substr(0, series.find('{'));
    for (std::string suffix : {"_bucket", "_sum", "_count"})
      if (name.ends_with(suffix))
        name.resize(name.size() - suffix.size());
    CHECK(types.contains(name));
  }
}

TEST_CASE("the media type is that of Prometheus's text format, version 0.0.4") {
  CHECK(metrics::content_type == std::string{"text/plain; version=0.0.4; charset=utf-8"});
}

TEST_CASE("label values are escaped as the text format asks") {
  metrics m;
  count(m, counter::auth_failures, "say \"no\"\\\nnow");

  CHECK(has_line(text_of(m), R"(troupe_auth_failed_total{reason="say \"no\"\\\nnow"} 1)"));
}

// -- counted events -------------------------------------------------------------------------------

TEST_CASE("every counter is there from the start, at zero") {
  metrics m;
  auto text = text_of(m);

  for (auto& metric : transport::event_metrics())
    CHECK(text.find('\n' + std::string{metric.name} + (metric.label ? "{" : " 0\n"))
          != std::string::npos);
  for (auto& line : lines_of(text))
    if (line.starts_with("troupe_") && line.find("_total") != std::string::npos)
      CHECK(line.ends_with(" 0"));
  for (auto series : {"troupe_ws_closed_total{code=\"none\",reason=\"peer\"}",
                      "troupe_ws_closed_total{code=\"1001\",reason=\"shutdown\"}",
                      "troupe_ws_handshake_rejected_total{reason=\"origin\"}",
                      "troupe_accept_error_total{errno=\"EMFILE\"}",
                      "troupe_auth_failed_total{reason=\"expired\"}",
                      "troupe_deliveries_total{codec=\"v1_msgpack\"}",
                      "troupe_sent_bytes_total{protocol=\"websocket\"}"})
    CHECK(has_line(text, std::string{series} + " 0"));
}

TEST_CASE("every counter has its name and its label") {
  metrics m;
  auto before = series_of(text_of(m));
  count(m, counter::connections_opened);
  count(m, counter::connections_closed, "1013 slow_consumer");
  count(m, counter::connections_closed, "none peer");
  count(m, counter::handshakes_rejected, "origin");
  count(m, counter::protocol_errors, "too_big");
  count(m, counter::slow_consumers);
  count(m, counter::dropped, "slow_consumer", 7);
  count(m, counter::joins_rejected, "room_full");
  count(m, counter::accept_errors, "EMFILE");
  count(m, counter::handler_errors, "session");
  count(m, counter::rooms_crashed);
  count(m, counter::long_turns, "troupe.room");
  count(m, counter::command_errors, "bad_request");
  count(m, counter::auth_failures, "expired");
  count(m, counter::tls_reload_errors);

  auto text = text_of(m);

  for (auto line :
       {"troupe_ws_opened_total 1",
        "troupe_ws_closed_total{code=\"1013\",reason=\"slow_consumer\"} 1",
        "troupe_ws_closed_total{code=\"none\",reason=\"peer\"} 1",
        "troupe_ws_handshake_rejected_total{reason=\"origin\"} 1",
        "troupe_ws_protocol_error_total{kind=\"too_big\"} 1", "troupe_slow_consumer_total 1",
        "troupe_dropped_total{reason=\"slow_consumer\"} 7",
        "troupe_room_join_rejected_total{reason=\"room_full\"} 1",
        "troupe_accept_error_total{errno=\"EMFILE\"} 1",
        "troupe_handler_error_total{where=\"session\"} 1", "troupe_room_crashed_total 1",
        "troupe_long_turn_total{handler=\"troupe.room\"} 1",
        "troupe_command_error_total{code=\"bad_request\"} 1",
        "troupe_auth_failed_total{reason=\"expired\"} 1", "troupe_tls_reload_error_total 1"}) {
    INFO(line << " in\n" << text);
    CHECK(has_line(text, line));
  }
  CHECK(series_of(text) == before); // all series were there before
}

TEST_CASE("counts add up per label") {
  metrics m;
  count(m, counter::dropped, "slow_consumer", 2);
  count(m, counter::dropped, "given_up");
  count(m, counter::dropped, "slow_consumer", 3);

  auto text = text_of(m);

  CHECK(has_line(text, "troupe_dropped_total{reason=\"slow_consumer\"} 5"));
  CHECK(has_line(text, "troupe_dropped_total{reason=\"given_up\"} 1"));
}

/// A counter that appears only with its first event hides that event from whoever watches it.
TEST_CASE("each label that the library counts by is there from the start") {
  metrics m;
  auto text = text_of(m);
  auto is_there = [&](const char* metric, const char* label, const std::set<std::string>& values,
                      std::size_t at_least) {
    CHECK(values.size() >= at_least);
    for (auto& v : values) {
      INFO(metric << ' ' << v);
      CHECK(has_line(text, std::string{metric} + '{' + label + "=\"" + v + "\"} 0"));
    }
  };

  std::regex rejected{
    R"x((?:handshakes_rejected,\s+|[^:]refuse\(\{?\s*\d+,\s+"[^"]*",\s+|refused_for_now\(\s*"[^"]*",\s+|too_many_connections\(\s*|broken_rule(?: \w+)?\{\d+,\s+"[^"]*",\s+|return refusal\{\s*)"(\w+)")x"};
  is_there("troupe_ws_handshake_rejected_total", "reason", labels_in_source("transport", rejected),
           19);
  for (std::string layer : {"actors", "transport"}) {
    std::regex failed{
      R"x((?:report_exception\([^;]*?,\s+|[^_]report\(\s*|guarded\([^;]*?,\s+|handler_errors,\s+)"(\w+)")x"};
    is_there("troupe_handler_error_total", "where", labels_in_source(layer, failed), 4);
    is_there("troupe_dropped_total", "reason",
             labels_in_source(layer, std::regex{R"x(counter::dropped,\s+"(\w+)")x"}), 0);
    is_there("troupe_ws_protocol_error_total", "kind",
             labels_in_source(layer, std::regex{R"x(protocol_errors,\s+"(\w+)")x"}), 0);
    is_there("troupe_auth_failed_total", "reason",
             labels_in_source(layer, std::regex{R"x(auth_failures,\s+"(\w+)")x"}), 0);
    is_there("troupe_long_turn_total", "handler",
             labels_in_source(layer, std::regex{R"x([^_]begin\("(\w+)")x"}), 0);
  }
  is_there(
    "troupe_long_turn_total", "handler",
    labels_in_source("actors", std::regex{R"x(name\(\) const override \{ return "([\w.]+)")x"}), 6);
}

/// Whatever names clients use, the set of label values stays small, and the library chooses it.
TEST_CASE("nothing that a client has said is a label") {
  metrics m;
  auto before = series_of(text_of(m));
  actors::node_options options;
  options.counters = &m;
  options.connections.max_errors = 0;
  manual_node world{options};
  client ann{world}, bob{world, protocol::encoding::plain_json},
    cid{world, protocol::encoding::v1_msgpack};

  for (auto message :
       {R"({"type":"MARK","ref":"MARK","roomId":"MARK"})", R"({"type":"join","roomId":"MARK "})",
        R"({"type":"join","roomId":"MARK","ref":"MARK"})", R"({"type":"MARK"})", R"(MARK)",
        R"({"MARK":1})", R"({"type":"join","roomId":["MARK"]})",
        R"({"type":"message","roomId":"MARK","text":"MARK"})",
        R"({"type":"message","roomId":"MARK2","text":1,"data":2})",
        R"({"type":"leave","roomId":"MARK3"})", R"({"type":"direct","to":"MARK","text":"MARK"})",
        R"({"type":"auth","token":"MARK"})"}) {
    ann.say(message);
    bob.say(message);
    cid.session.say(message, true);
  }
  ann.session.say("MARK", true);
  world.settle();
  auto text = m.text(world.node.stats());

  INFO(text);
  CHECK(value_of(text, "troupe_command_error_total{code=\"unknown_type\"}") > 0);
  CHECK(value_of(text, "troupe_room_join_rejected_total{reason=\"bad_room\"}") > 0);
  CHECK(text.find("MARK") == std::string::npos);
  CHECK(series_of(text) == before);
}

// -- numbers of loops, sockets and the process ----------------------------------------------------

TEST_CASE("gauges are as of the moment of asking") {
  metrics m;
  actors::node_stats first, second;
  first.connections = 5;
  first.output_bytes = 1234;
  first.budget_bytes = 5678;
  second.connections = 2;

  auto before = m.text(first);
  auto after = m.text(second);

  CHECK(has_line(before, "troupe_connections 5"));
  CHECK(has_line(before, "troupe_output_bytes 1234"));
  CHECK(has_line(before, "troupe_output_budget_bytes 5678"));
  CHECK(has_line(after, "troupe_connections 2"));
  CHECK_FALSE(has_line(after, "troupe_connections 5"));
}

TEST_CASE("large numbers are told in full") {
  metrics m;
  actors::node_stats now;
  now.messages_in = 123'456'789'012'345;

  CHECK(has_line(m.text(now), "troupe_messages_in_total 123456789012345"));
}

TEST_CASE("what is not given, given in vain, or said again has a counter each") {
  metrics m;
  actors::node_stats now;
  now.skipped = 1;
  now.replaced = 2;
  now.repeated = 3;

  auto text = m.text(now);

  CHECK(has_line(text, "troupe_skipped_total 1"));
  CHECK(has_line(text, "troupe_replaced_total 2"));
  CHECK(has_line(text, "troupe_repeated_total 3"));
}

TEST_CASE("messages of other actors are counted, handled and at most waiting") {
  metrics m;
  actors::node_stats now;
  now.room_messages = 7;
  now.most_room_messages = 5;

  auto text = m.text(now);

  CHECK(has_line(text, "troupe_room_messages_total 7"));
  CHECK(has_line(text, "troupe_room_messages_waiting_most 5"));
}

TEST_CASE("messages, publishes and deliveries move by what a room says, deliveries by codec") {
  metrics m;
  manual_node world;
  client ann{world}, bob{world, protocol::encoding::plain_json},
    cid{world, protocol::encoding::v1_msgpack}, dan{world};
  for (auto* c : {&ann, &dan})
    c->join("hall");
  bob.say(R"({"type":"join","roomId":"hall"})");
  cid.session.say("\x82\xa4type\xa4join\xa6roomId\xa4hall", true);
  world.settle();
  auto before = m.text(world.node.stats());

  ann.publish("hall", "one");
  ann.publish("hall", "two");
  world.settle();
  auto after = m.text(world.node.stats());

  auto grown_by = [&](const std::string& series) {
    return value_of(after, series) - value_of(before, series);
  };
  CHECK(grown_by("troupe_messages_in_total") == 2);
  CHECK(grown_by("troupe_publishes_total") == 2);
  CHECK(grown_by("troupe_deliveries_total{codec=\"v1_json\"}") == 4);
  CHECK(grown_by("troupe_deliveries_total{codec=\"v1_msgpack\"}") == 2);
  CHECK(grown_by("troupe_deliveries_total{codec=\"plain_json\"}") == 2);
  CHECK(grown_by("troupe_deliveries_total{codec=\"v1_json_deflated\"}") == 0);
  CHECK(grown_by("troupe_delivery_latency_seconds_count") > 0);
  CHECK(grown_by("troupe_turn_duration_seconds_count") > 0);
  CHECK(has_line(after, "troupe_members 4"));
  CHECK(has_line(after, "troupe_rooms 1"));
}

TEST_CASE("ticks of rooms are counted, with those that were skipped, their delays and durations") {
  metrics m;
  actors::node_stats now;
  now.ticks = 4;
  now.skipped_ticks = 3;
  actors::time_histogram delays, durations;
  delays.note(200us);
  durations.note(2ms);
  durations.note(2ms);
  delays.add_to(now.tick_delays);
  durations.add_to(now.tick_times);

  auto text = m.text(now);

  CHECK(has_line(text, "troupe_ticks_total 4"));
  CHECK(has_line(text, "troupe_ticks_skipped_total 3"));
  CHECK(has_line(text, R"(troupe_tick_delay_seconds_bucket{le="0.00025"} 1)"));
  CHECK(has_line(text, "troupe_tick_delay_seconds_count 1"));
  CHECK(has_line(text, "troupe_tick_duration_seconds_count 2"));
  CHECK(value_of(text, "troupe_tick_duration_seconds_sum") == Approx(0.004));
}

TEST_CASE("a histogram's buckets add up, in seconds") {
  metrics m;
  actors::node_stats now;
  actors::time_histogram times;
  for (auto took : {50us, 100us, 101us, 3ms + 0us, 20s + 0us})
    times.note(took);
  times.add_to(now.turns);

  auto text = m.text(now);

  for (auto line : {R"({le="0.0001"} 2)", R"({le="0.00025"} 3)", R"({le="0.0025"} 3)",
                    R"({le="0.005"} 4)", R"({le="5"} 4)", R"({le="+Inf"} 5)"})
    CHECK(has_line(text, std::string{"troupe_turn_duration_seconds_bucket"} + line));
  CHECK(has_line(text, "troupe_turn_duration_seconds_count 5"));
  CHECK(value_of(text, "troupe_turn_duration_seconds_sum") == Approx(20.003251));
}

TEST_CASE("what sockets read, write and do not take adds up over the loops") {
  metrics m;
  node_traffic traffic;
  for (int i = 0; i < 2; ++i) {
    auto& t = *traffic.emplace_back(std::make_unique<loop_traffic>());
    t.http.received.add(1);
    t.http.sent.add(20);
    t.websocket.received.add(300);
    t.websocket.sent.add(4000);
    t.queued[index_of(protocol::encoding::v1_msgpack)]
            [static_cast<std::size_t>(actors::output_kind::data)]
              .add(7);
    t.queued[index_of(protocol::encoding::plain_json_deflated)]
            [static_cast<std::size_t>(actors::output_kind::control)]
              .add(8);
  }

  auto text = m.text({}, traffic);

  for (auto line : {R"(troupe_received_bytes_total{protocol="http"} 2)",
                    R"(troupe_received_bytes_total{protocol="websocket"} 600)",
                    R"(troupe_sent_bytes_total{protocol="http"} 40)",
                    R"(troupe_sent_bytes_total{protocol="websocket"} 8000)",
                    R"(troupe_output_queued_bytes{kind="data",codec="v1_msgpack"} 14)",
                    R"(troupe_output_queued_bytes{kind="control",codec="plain_json_deflated"} 16)",
                    R"(troupe_output_queued_bytes{kind="data",codec="plain_json_deflated"} 0)"})
    CHECK(has_line(text, line));
}

TEST_CASE("the metrics say what the process takes and what it was built from") {
  metrics m;
  auto text = text_of(m);

  CHECK(value_of(text, "process_cpu_seconds_total ") > 0);
  CHECK(value_of(text, "process_resident_memory_bytes ") > 1'000'000);
  CHECK(value_of(text, "process_virtual_memory_bytes ")
        > value_of(text, "process_resident_memory_bytes "));
  CHECK(value_of(text, "process_max_fds ") >= value_of(text, "process_open_fds "));
  CHECK(value_of(text, "process_threads ") >= 1);
  CHECK(std::regex_search(
    text,
    std::regex{
      R"x(\ntroupe_build_info\{version="\d+\.\d+\.\d+",caf="\d+\.\d+\.\d+",compiler="[^"]+"\} 1\n)x"}));
}
