#include "options.hpp"

#include <charconv>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace troupe::roaming {

const char* const usage =
  "roaming_client [--host ADDRESS] --port N --rooms A,B,… [--rooms-each N] [--clients N]"
  " [--seconds N] [--seed N] [--messages PER_SECOND] [--leaves PER_SECOND] [--patience-ms N]"
  " [--away-ms N] [--long-away-ms N]\n";

namespace {

template <class Number>
Number number(const std::string& name, std::string_view text) {
  Number n{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size() || n < 0)
    throw std::invalid_argument{name + " takes a number, not " + std::string{text}};
  return n;
}

std::vector<std::string> names(const std::string& list) {
  std::vector<std::string> all;
  std::istringstream in{list};
  for (std::string name; std::getline(in, name, ',');)
    all.push_back(name);
  return all;
}

void set(options& o, const std::string& name, const std::string& value) {
  auto whole = [&] { return number<std::uint32_t>(name, value); };
  auto ms = [&] { return std::chrono::milliseconds{whole()}; };
  if (name == "--host")
    o.host = value;
  else if (name == "--port")
    o.port = number<std::uint16_t>(name, value);
  else if (name == "--rooms")
    o.rooms = names(value);
  else if (name == "--rooms-each")
    o.rooms_each = whole();
  else if (name == "--clients")
    o.clients = whole();
  else if (name == "--seconds")
    o.time = std::chrono::seconds{whole()};
  else if (name == "--seed")
    o.seed = whole();
  else if (name == "--messages")
    o.messages = number<double>(name, value);
  else if (name == "--leaves")
    o.leaves = number<double>(name, value);
  else if (name == "--patience-ms")
    o.patience = ms();
  else if (name == "--away-ms")
    o.away = ms();
  else if (name == "--long-away-ms")
    o.long_away = ms();
  else
    throw std::invalid_argument{"no such option: " + name};
}

} // namespace

options read_options(int argc, char** argv) {
  options o;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc)
      throw std::invalid_argument{std::string{argv[i]} + " takes a value"};
    set(o, argv[i], argv[i + 1]);
  }
  if (o.port == 0 || o.rooms.empty() || o.clients == 0 || o.rooms_each == 0)
    throw std::invalid_argument{"expected a port, some rooms and some clients"};
  return o;
}

} // namespace troupe::roaming
