#include "config_file.hpp"

#include "input_error.hpp"

#include <troupe/protocol/observe.hpp>

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace troupe::examples {

namespace {

std::string text_of(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    throw input_error{printable(path) + ": a directory, expected a file"};
  if (std::filesystem::is_other(path, ignored))
    throw input_error{printable(path) + ": not a regular file, expected one"};
  std::ifstream file{path, std::ios::binary};
  if (!file)
    throw input_error{printable(path) + ": " + std::strerror(errno) + ", expected a readable file"};
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

/// Refuses what the parser accepts by mistake: lines of one or two characters, and a list without
/// end. `place`: the file's name as it is told.
void refuse_unreadable(const std::string& place, const std::string& text) {
  std::istringstream lines{text};
  std::string line;
  int open_list = 0;
  for (int number = 1; std::getline(lines, line); ++number) {
    line = CLI::detail::trim_copy(line.substr(0, line.find('#')));
    if (line.empty() || line.front() == ';')
      continue;
    if (open_list == 0 && line.size() < 3)
      throw input_error{place + ": line " + std::to_string(number) + ": expected `name = value`"};
    if (open_list == 0 && CLI::detail::trim_copy(line.substr(line.find('=') + 1)).starts_with('['))
      open_list = number;
    if (line.ends_with(']'))
      open_list = 0;
  }
  if (open_list > 0)
    throw input_error{place + ": line " + std::to_string(open_list)
                      + ": expected `]` at the end of the list"};
}

bool is_section_mark(const CLI::ConfigItem& item) { return item.name == "++" || item.name == "--"; }

} // namespace

std::vector<config_entry> read_config_file(const std::string& path) {
  auto text = text_of(path);
  auto place = protocol::escape_for_log(path);
  refuse_unreadable(place, text);
  std::istringstream input{text};
  std::vector<config_entry> entries;
  std::set<std::string> seen;
  for (auto& item : CLI::ConfigTOML{}.from_config(input)) {
    if (is_section_mark(item))
      continue;
    auto key = item.fullname();
    if (!seen.insert(key).second)
      throw input_error{place + ": " + printable(key) + ": expected once"};
    entries.push_back({std::move(key), std::move(item.inputs)});
  }
  return entries;
}

} // namespace troupe::examples
