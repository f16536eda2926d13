#include "support/option_table.hpp"
#include "support/units.hpp"

#include "temporary_file.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <iostream>
#include <sstream>

using namespace troupe::examples;
using namespace troupe::test;
using strings = std::vector<std::string>;

namespace {

/// Captures what a stream prints while it lives.
class captured {
public:
  explicit captured(std::ostream& from) : from_(from), before_(from.rdbuf(text_.rdbuf())) {}
  ~captured() { from_.rdbuf(before_); }
  captured(const captured&) = delete;
  captured& operator=(const captured&) = delete;
  [[nodiscard]] std::string text() const { return text_.str(); }

private:
  std::ostringstream text_;
  std::ostream& from_;
  std::streambuf* before_;
};

/// A program with options for a number, a name and a list.
struct program {
  std::optional<int> run(strings arguments) {
    arguments.insert(arguments.begin(), "program");
    std::vector<const char*> argv;
    for (auto& a : arguments)
      argv.push_back(a.c_str());
    captured err{std::cerr}, out{std::cout};
    auto code =
      read_options(table, "program", "Does nothing.", static_cast<int>(argv.size()), argv.data());
    errors = err.text();
    output = out.text();
    return code;
  }

  std::uint64_t number = 1;
  std::string name = "default";
  bool fast = false;
  strings list{"default"};
  std::string errors, output;
  option_table table{
    {"number",
     "N",
     "A number",
     "a number from 0 to 10",
     [this](std::string_view text) {
       auto n = parse_count(text, 10);
       number = n.value_or(number);
       return n.has_value();
     },
     {},
     false,
     "1"},
    {"name", "NAME", "A name", "a name",
     [this](std::string_view text) { return !(name = text).empty(); }},
    {"item", "ITEM", "An item; may be repeated", "an item",
     [this](std::string_view text) { return list.emplace_back(text), !text.empty(); },
     [this] { list.clear(); }},
    {"fast",
     "on|off",
     "Whether it is fast",
     "on or off",
     [this](std::string_view text) {
       auto on = parse_switch(text);
       fast = on.value_or(fast);
       return on.has_value();
     },
     {},
     true},
  };
};

/// Whether `text` is one line, with its end of line.
bool is_line(const std::string& text) {
  return !text.empty() && text.find('\n') == text.size() - 1;
}

} // namespace

// -- what is taken --------------------------------------------------------------------------------

TEST_CASE("without arguments the defaults stand and the program runs") {
  program p;

  CHECK(p.run({}) == std::nullopt);
  CHECK(p.number == 1);
  CHECK(p.list == strings{"default"});
  CHECK(p.errors.empty());
  CHECK(p.output.empty());
}

TEST_CASE("options take their value behind a space or an equals sign") {
  program p;

  CHECK(p.run({"--number", "7", "--name=x y"}) == std::nullopt);
  CHECK(p.number == 7);
  CHECK(p.name == "x y");
}

TEST_CASE("an option that may be repeated takes all values in place of its defaults") {
  program p;

  CHECK(p.run({"--item", "a", "--number", "2", "--item=b"}) == std::nullopt);
  CHECK(p.list == strings{"a", "b"});
}

TEST_CASE("values are taken as they are written") {
  for (auto value : {"[a,b]", "a,b", "a b", "'a'", "\"a\"", "a=b", "#a", "{}", "%%", "-", "한글"}) {
    program p;
    INFO(value);
    CHECK(p.run({std::string{"--name="} + value}) == std::nullopt);
    CHECK(p.name == value);
    CHECK(p.run({std::string{"--item="} + value}) == std::nullopt);
    CHECK(p.list == strings{value});
  }
}

TEST_CASE("the file's values stand where the command line says nothing") {
  temporary_file file{"number = 5\nname = file\nitem = [\"x\", \"y\"]\n"};
  program p;

  CHECK(p.run({"--name", "line", "--config", file.path()}) == std::nullopt);
  CHECK(p.number == 5);
  CHECK(p.name == "line");
  CHECK(p.list == strings{"x", "y"});
}

TEST_CASE("a list on the command line replaces the file's") {
  temporary_file file{"item = [\"x\", \"y\"]\n"};
  program p;

  CHECK(p.run({"--config", file.path(), "--item", "z"}) == std::nullopt);
  CHECK(p.list == strings{"z"});
}

// -- help -----------------------------------------------------------------------------------------

TEST_CASE("help names every option, and the program ends well") {
  program p;

  CHECK(p.run({"--help"}) == 0);
  for (auto text : {"Does nothing.", "--number", "--name", "--item", "--config", "A number"})
    CHECK(p.output.find(text) != std::string::npos);
  CHECK(p.errors.empty());
}

TEST_CASE("help tells what stands where an option is not given") {
  program p;

  CHECK(p.run({"--help"}) == 0);
  CHECK(p.output.find("A number (default: 1)") != std::string::npos);
  CHECK(p.output.find("A name (default") == std::string::npos);
}

// -- what is refused ------------------------------------------------------------------------------

TEST_CASE("a bad value is told in one line: which option, what was expected, what came") {
  program p;

  CHECK(p.run({"--number", "11"}) == 2);
  CHECK(p.errors == "program: --number: expected a number from 0 to 10, not \"11\"\n");
}

TEST_CASE(
  "whatever is wrong on the command line ends the program with 2 and one line that names it") {
  struct wrong {
    strings arguments;
    const char* named;
  };
  for (auto& w :
       {wrong{{"--nmber", "1"}, "--nmber"}, wrong{{"stray"}, "stray"},
        wrong{{"--number"}, "--number"}, wrong{{"--number", "1", "--number", "2"}, "--number"},
        wrong{{"--number="}, "--number"}, wrong{{"--name", ""}, "--name"}, wrong{{"-n", "1"}, "-n"},
        wrong{{"--config"}, "--config"}, wrong{{"--config", "/there/is/none"}, "/there/is/none"},
        wrong{{"--config="}, "--config"}, wrong{{"--number", "1", "2"}, "2"},
        wrong{{"--number", "-5"}, "-5"}, wrong{{"--", "x"}, "--"}}) {
    program p;
    INFO(w.named);
    CHECK(p.run(w.arguments) == 2);
    INFO(p.errors);
    CHECK(is_line(p.errors));
    CHECK(p.errors.starts_with("program: "));
    CHECK(p.errors.find(w.named) != std::string::npos);
    CHECK(p.output.empty());
  }
}

TEST_CASE("a flag takes no value on the command line, but one in the file") {
  for (auto& arguments :
       {strings{"--fast", "on"}, strings{"--fast=on"}, strings{"--fast=false"},
        strings{"--fast", "banana"}, strings{"--number", "2", "--fast=", "--name", "x"}}) {
    program p;
    CHECK(p.run(arguments) == 2);
    CHECK(p.errors == "program: --fast: takes no value\n");
  }
  program by_line, by_file;
  temporary_file file{"fast = on\n"};

  CHECK(by_line.run({"--fast", "--number", "3"}) == std::nullopt);
  CHECK(by_line.fast);
  CHECK(by_file.run({"--config", file.path()}) == std::nullopt);
  CHECK(by_file.fast);
}

TEST_CASE("what is wrong in the file names the file and the key") {
  for (auto content : {"number = 11\n", "nmber = 1\n", "number = [1, 2]\n", "number =\n",
                       "config = other\n", "[s]\nnumber = 1\n"}) {
    temporary_file file{content};
    program p;
    INFO(content);
    CHECK(p.run({"--config", file.path()}) == 2);
    INFO(p.errors);
    CHECK(is_line(p.errors));
    CHECK(p.errors.starts_with("program: " + file.path() + ": "));
  }
}

TEST_CASE("the name of a file cannot forge a line either") {
  for (auto content : {"number = 11\n", "nmber = 1\n", "x\n", "number = 1\nnumber = 2\n"}) {
    temporary_file file{content};
    auto evil = file.path() + "\n\x1b[31m";
    std::filesystem::copy_file(file.path(), evil);
    program p;
    auto code = p.run({"--config", evil});
    std::filesystem::remove(evil);
    INFO(p.errors);
    CHECK(code == 2);
    CHECK(is_line(p.errors));
    CHECK(p.errors.find('\x1b') == std::string::npos);
    CHECK(p.errors.find("\\x0A\\x1B[31m: ") != std::string::npos);
  }
}

TEST_CASE("the file is read before the command line wins, so that its mistakes are told") {
  temporary_file file{"number = 11\n"};
  program p;

  CHECK(p.run({"--config", file.path(), "--number", "3"}) == 2);
}

TEST_CASE("no argument can forge a line or flood the terminal") {
  for (auto& text : {std::string{"a\nb"}, std::string{"\x1b[31mred"}, std::string(10'000, 'x'),
                     std::string{"\xff\xfe"}}) {
    for (auto& arguments :
         {strings{"--number", text}, strings{"--number=" + text}, strings{text},
          strings{"--" + text}, strings{"--" + text + "=1"}, strings{"--config", text}}) {
      program p;
      CHECK(p.run(arguments) == 2);
      INFO(p.errors);
      CHECK(is_line(p.errors));
      CHECK(p.errors.find('\x1b') == std::string::npos);
      CHECK(p.errors.size() < 300);
    }
  }
}
