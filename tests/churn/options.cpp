#include "options.hpp"

#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string_view>

namespace troupe::churn {

const char* const usage = "churn (--node PROGRAM [--loops N] | --port N [--pid N])"
                          " [--connections N] [--rooms N] [--seconds N] [--seed N]\n";

namespace {

std::uint64_t number(std::string_view name, const std::string& text) {
  std::size_t used = 0;
  std::uint64_t n = 0;
  try {
    n = std::stoull(text, &used);
  } catch (const std::exception&) {}
  if (used == 0 || used != text.size())
    throw std::invalid_argument{std::string{name} + " takes a number, not " + text};
  return n;
}

plant::kind fault_named(std::string_view text) {
  if (text == "drop")
    return plant::kind::drop;
  if (text == "double")
    return plant::kind::twice;
  if (text == "swap")
    return plant::kind::swap;
  throw std::invalid_argument{"--plant takes drop, double or swap, or plain-drop and so on"};
}

void set_fault(options& o, std::string_view text) {
  constexpr std::string_view prefix = "plain-";
  o.fault_in_plain = text.starts_with(prefix);
  o.fault = fault_named(o.fault_in_plain ? text.substr(prefix.size()) : text);
}

void set(options& o, const std::string& name, const std::string& value) {
  auto n = [&] { return number(name, value); };
  if (name == "--node")
    o.node = value;
  else if (name == "--port")
    o.port = static_cast<std::uint16_t>(n());
  else if (name == "--pid")
    o.pid = static_cast<pid_t>(n());
  else if (name == "--loops")
    o.loops = static_cast<unsigned>(n());
  else if (name == "--connections")
    o.connections = static_cast<unsigned>(n());
  else if (name == "--rooms")
    o.rooms = static_cast<unsigned>(n());
  else if (name == "--seconds")
    o.time = std::chrono::seconds{n()};
  else if (name == "--seed")
    o.seed = n();
  else if (name == "--plant") // spoils what clients receive, to prove that the test notices
    set_fault(o, value);
  else
    throw std::invalid_argument{"no such option: " + name};
}

} // namespace

options read_options(int argc, char** argv) {
  options o;
  o.seed = std::random_device{}();
  if (auto* longer = std::getenv("TROUPE_LONG"); longer && std::string_view{longer} == "1")
    o.time = std::chrono::seconds{300};
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc)
      throw std::invalid_argument{std::string{argv[i]} + " takes a value"};
    set(o, argv[i], argv[i + 1]);
  }
  if (o.node.empty() == (o.port == 0) || o.connections == 0 || o.rooms < 2)
    throw std::invalid_argument{
      "expected a node or a port, some connections, and two rooms or more"};
  return o;
}

} // namespace troupe::churn
