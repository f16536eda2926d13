// troupe_load ws://127.0.0.1:8080 --members 1000 --rate 20 --pid $(pidof relay_node)
// Load for a Troupe node, or for any server that speaks one of the dialects.

#include "marker.hpp"
#include "report.hpp"

#include <CLI/CLI.hpp>

#include <sys/resource.h>

#include <charconv>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

namespace {

using namespace troupe::bench;

/// Fills in the parts of the URL. Errors: `CLI::ValidationError`.
void split_url(load_options& o) {
  std::string_view rest = o.url;
  if (rest.starts_with("wss://"))
    o.tls = true;
  else if (!rest.starts_with("ws://"))
    throw CLI::ValidationError{"URL", "expected ws://HOST:PORT or wss://HOST:PORT"};
  rest.remove_prefix(o.tls ? 6 : 5);
  if (auto slash = rest.find('/'); slash != std::string_view::npos) {
    o.path = rest.substr(slash);
    rest = rest.substr(0, slash);
  }
  auto colon = rest.rfind(':');
  o.host = rest.substr(0, colon);
  o.port = o.tls ? 443 : 80;
  if (colon == std::string_view::npos)
    return;
  auto port = rest.substr(colon + 1);
  if (auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), o.port);
      error != std::errc{} || end != port.data() + port.size())
    throw CLI::ValidationError{"URL", "expected a number from 0 to 65535 as the port"};
}

constexpr std::int64_t most_rooms = 1'000'000, most_clients = 1'000'000;
constexpr std::size_t most_publishers = (1 << 18) - 1; // fits a marker

bool has_words(dialect d) {
  return d == dialect::json || d == dialect::msgpack || d == dialect::mixed;
}

/// A whole number within bounds; a negative one is refused, not wrapped around.
CLI::Validator whole(std::int64_t least, std::int64_t most) {
  auto check = [least, most](std::string& text) {
    std::int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc{} && end == text.data() + text.size() && value >= least && value <= most)
      return std::string{};
    return "expected a number from " + std::to_string(least) + " to " + std::to_string(most) + ": "
         + text;
  };
  return CLI::Validator{check, "NUMBER"};
}

void allow_many_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void write_file(const std::string& name, const std::string& text) {
  std::ofstream file{name};
  file << text << '\n';
  if (!file.flush())
    throw std::runtime_error{name + ": cannot be written"};
}

} // namespace

int main(int argc, char** argv) {
  load_options o;
  double warm_up = 1, duration = 5, patience = 10;
  CLI::App app{"Load for a Troupe node, or for any server that speaks one of the dialects."};
  const std::map<std::string, dialect> names{std::begin(dialects), std::end(dialects)};
  std::string speech = to_string(o.speech);
  app
    .add_option("url", o.url, "ws://HOST:PORT or wss://HOST:PORT (the certificate is not checked)")
    ->required();
  app.add_option("--rooms", o.rooms, "Rooms; 0: nobody joins")
    ->check(whole(0, most_rooms))
    ->capture_default_str();
  app.add_option("--room-prefix", o.room_prefix, "Of the rooms' names")->capture_default_str();
  app
    .add_option("--members", o.members,
                "Clients of each room; with --joins a room has that many times more members")
    ->check(whole(1, most_clients))
    ->capture_default_str();
  app.add_option("--joins", o.joins, "Rooms of each client: its own and those that follow")
    ->check(whole(1, most_rooms))
    ->capture_default_str();
  app.add_flag(
    "--mix", o.mix,
    "Clients as many as --members, each in --joins rooms, of sizes from about 2 to all clients");
  app.add_option("--also", o.also, "A room of another load that all join, too");
  app
    .add_option("--first-publisher", o.first_publisher,
                "Number of the first publisher: loads that share a room need numbers of their own")
    ->check(whole(1, most_publishers))
    ->capture_default_str();
  app.add_option("--word", o.word, "Type of what is published (json and msgpack)")
    ->capture_default_str();
  app
    .add_option("--publishers", o.publishers, "Members of each room that publish; 0: an idle load")
    ->check(whole(0, most_clients))
    ->capture_default_str();
  app.add_option("--bytes", o.bytes, "Bytes of each text, at least 16")
    ->check(CLI::Range(marker::size, std::size_t{1} << 24))
    ->capture_default_str();
  app.add_option("--rate", o.rate, "Open loop: messages a second of each publisher")
    ->check(CLI::NonNegativeNumber);
  app
    .add_option("--in-flight", o.in_flight, "Closed loop: messages of each publisher on their way")
    ->check(whole(1, most_clients))
    ->capture_default_str();
  app.add_flag("!--no-echo", o.echo, "Publishers do not get their own messages (needs --rate)");
  app.add_option("--dialect", speech, "How clients talk to the server")
    ->check(CLI::IsMember(&names))
    ->capture_default_str();
  app.add_flag("--deflate", o.deflate, "Offer permessage-deflate");
  app.add_flag("--spin", o.spin,
               "Never sleep under load: the server's sends then wake nobody, as with clients on "
               "other machines");
  app.add_option("--ramp", o.ramp, "New connections a second; 0: as fast as they are taken")
    ->check(CLI::NonNegativeNumber);
  app.add_option("--opening", o.opening, "Connections that are opened at the same time")
    ->check(whole(1, most_clients))
    ->capture_default_str();
  app
    .add_option("--sources", o.sources,
                "Loopback addresses to connect from: 127.0.0.1, 127.0.0.2, ...")
    ->check(whole(1, 250));
  app.add_flag("--reconnect", o.reconnect,
               "Cut all connections once and open them again, before the load");
  app
    .add_option("--churn", o.churn, "Joins and leaves a second, by 50 connections that come on top")
    ->check(CLI::NonNegativeNumber);
  app.add_option("--stall", o.stall, "Part of the members that never read, such as 10%")
    ->transform(
      CLI::Validator{[](std::string& text) {
                       double part = 0;
                       if (!text.ends_with('%'))
                         return std::string{};
                       if (!CLI::detail::lexical_cast(text.substr(0, text.size() - 1), part))
                         return "expected a number before the %: " + text;
                       text = std::to_string(part / 100);
                       return std::string{};
                     },
                     "PART"})
    ->check(CLI::Range(0.0, 1.0));
  app.add_option("--warm-up", warm_up, "Seconds of load before the measured ones")
    ->check(CLI::NonNegativeNumber)
    ->capture_default_str();
  app.add_option("--duration", duration, "Seconds that are measured")
    ->check(CLI::PositiveNumber)
    ->capture_default_str();
  app.add_option("--patience", patience, "Seconds without progress before giving up")
    ->check(CLI::PositiveNumber)
    ->capture_default_str();
  app.add_option("--pid", o.pid, "Process of the server: its CPU time and memory are reported");
  app.add_option("--json", o.json, "File for all results");
  app.add_flag("--quiet", o.quiet, "No progress");
  try {
    app.parse(argc, argv);
    split_url(o);
    o.speech = names.at(speech);
    bool has_rooms = o.speech != dialect::echo && o.speech != dialect::broadcast;
    if (!has_rooms)
      o.rooms = 0;
    if (o.rooms == 0 && o.churn > 0)
      throw CLI::ValidationError{"--churn", "needs --rooms to join and leave"};
    if (!o.echo && o.rate <= 0)
      throw CLI::ValidationError{"--no-echo",
                                 "needs --rate: a closed loop waits for its own messages"};
    if (!o.mix && o.joins > std::max<std::size_t>(1, o.rooms))
      throw CLI::ValidationError{"--joins", "expected at most as many as there are rooms"};
    if (o.mix && (o.rooms == 0 || o.members < 2 || o.joins < 2))
      throw CLI::ValidationError{"--mix", "needs rooms, two members and two --joins at least"};
    if (o.mix && o.publishers > 2)
      throw CLI::ValidationError{"--mix", "has rooms of two, so --publishers is at most 2"};
    if (o.mix && app.count("--rooms") > 0)
      throw CLI::ValidationError{"--mix", "makes its own rooms: --rooms says nothing"};
    if (o.joins > 1 && o.speech == dialect::plain)
      throw CLI::ValidationError{"--joins", "clients of the plain dialect are in one room"};
    if (!o.also.empty() && o.rooms == 0)
      throw CLI::ValidationError{"--also", "needs --rooms"};
    if (o.also.starts_with(o.room_prefix))
      throw CLI::ValidationError{"--also", "begins as this load's own rooms do: see --room-prefix"};
    if (app.count("--word") > 0 && !has_words(o.speech))
      throw CLI::ValidationError{"--word", "belongs to the dialects json, msgpack and mixed"};
    if (o.first_publisher + o.publishers * std::max<std::size_t>(1, o.rooms) > most_publishers)
      throw CLI::ValidationError{"--publishers", "there are more than marks have numbers for"};
    if (o.publishers > o.members)
      throw CLI::ValidationError{"--publishers", "expected at most as many as there are members"};
    if (has_rooms && o.rooms == 0 && o.publishers > 0)
      throw CLI::ValidationError{"--rooms", "0 needs --publishers 0"};
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  o.warm_up = std::chrono::duration<double>{warm_up};
  o.duration = std::chrono::duration<double>{duration};
  o.patience = std::chrono::duration<double>{patience};
  allow_many_descriptors();
  try {
    load clients{o};
    auto result = clients.run();
    print_table(std::cout, o, result);
    if (!o.json.empty())
      write_file(o.json, to_json(o, result));
    return result.lost + result.doubled + result.disordered + result.cut == 0 ? 0 : 3;
  } catch (const std::runtime_error& e) {
    std::cerr << "troupe_load: " << e.what() << '\n';
    return 1;
  }
}
