#include "option_table.hpp"

#include "config_file.hpp"
#include "input_error.hpp"

#include <troupe/protocol/observe.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>

namespace troupe::examples {

namespace {

constexpr int bad_input = 2;

using values = std::vector<std::string>;

void apply(const program_option& option, const std::string& place, const values& given) {
  if (given.size() != 1 && !option.clear)
    throw input_error{place + ": expected one value"};
  if (option.clear)
    option.clear();
  for (auto& value : given)
    if (!option.take(value))
      throw input_error{place + ": expected " + option.expected + ", not \"" + printable(value)
                        + '"'};
}

void apply_file(const option_table& options, const std::string& path) {
  auto place = protocol::escape_for_log(path);
  for (auto& entry : read_config_file(path)) {
    auto option =
      std::find_if(options.begin(), options.end(), [&](auto& o) { return o.name == entry.key; });
    if (option == options.end())
      throw input_error{place + ": " + printable(entry.key) + ": no such option, see --help"};
    apply(*option, place + ": " + entry.key, entry.values);
  }
}

CLI::Option* add(CLI::App& app, const program_option& option) {
  if (option.flag)
    return app.add_flag("--" + option.name)->description(option.help);
  return app.add_option("--" + option.name)
    ->description(option.standard.empty() ? option.help
                                          : option.help + " (default: " + option.standard + ')')
    ->type_name(option.value)
    ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

/// The error for a missing value at the end of the command line. The parser's `message` starts with
/// the option.
input_error missing_value(const option_table& options, const std::string& message) {
  auto place = message.substr(0, message.find(':'));
  auto option =
    std::find_if(options.begin(), options.end(), [&](auto& o) { return "--" + o.name == place; });
  return input_error{place + ": expected "
                     + (option == options.end() ? "a value" : option->expected)};
}

/// Refuses the value of a flag: the parser would take it for one of its own words or for an unknown
/// argument.
void refuse_flag_values(const option_table& options, int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    std::string_view argument{argv[i]};
    auto name = argument.substr(0, argument.find('='));
    auto is_flag = std::any_of(options.begin(), options.end(),
                               [&](auto& o) { return o.flag && "--" + o.name == name; });
    auto has_value = name.size() < argument.size() || (i + 1 < argc && argv[i + 1][0] != '-');
    if (is_flag && has_value)
      throw input_error{std::string{name} + ": takes no value"};
  }
}

/// Parses the arguments. Returns whether the program should run: not if it was asked for help.
bool parse(CLI::App& app, const option_table& options, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return false;
  } catch (const CLI::ArgumentMismatch& e) {
    throw missing_value(options, printable(e.what()));
  } catch (const CLI::ParseError& e) {
    throw input_error{printable(e.what())};
  }
  if (auto rest = app.remaining(); !rest.empty())
    throw input_error{printable(rest.front()) + ": no such option, see --help"};
  return true;
}

bool read(CLI::App& app, const option_table& options, int argc, const char* const* argv) {
  std::string file;
  program_option config{
    "config", "FILE", "File with options, one `name = value` a line; the command line wins",
    "a file's name", [&](std::string_view path) { return !(file = path).empty(); }};
  auto* given_file = add(app, config);
  std::vector<CLI::Option*> given;
  for (auto& o : options)
    given.push_back(add(app, o));
  refuse_flag_values(options, argc, argv);
  if (!parse(app, options, argc, argv))
    return false;
  if (given_file->count() > 0)
    apply(config, "--config", given_file->results());
  if (!file.empty())
    apply_file(options, file);
  for (std::size_t i = 0; i < options.size(); ++i)
    if (given[i]->count() > 0)
      apply(options[i], "--" + options[i].name, given[i]->results());
  return true;
}

} // namespace

std::optional<int> read_options(const option_table& options, std::string_view program,
                                std::string_view about, int argc, const char* const* argv) {
  CLI::App app{std::string{about}, std::string{program}};
  app.allow_extras();
  try {
    if (read(app, options, argc, argv))
      return {};
    return 0;
  } catch (const input_error& e) {
    std::cerr << program << ": " << e.what() << std::endl;
    return bad_input;
  }
}

} // namespace troupe::examples
