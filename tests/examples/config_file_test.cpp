#include "support/config_file.hpp"
#include "support/input_error.hpp"

#include "temporary_file.hpp"

#include <catch2/catch.hpp>

using namespace troupe::examples;
using namespace troupe::test;
using strings = std::vector<std::string>;

namespace {

/// The file's entries, as `key=value,value`.
strings read(std::string_view content) {
  temporary_file file{content};
  strings out;
  for (auto& e : read_config_file(file.path())) {
    auto line = e.key + "=";
    for (auto& v : e.values)
      line += (line.back() == '=' ? "" : ",") + v;
    out.push_back(std::move(line));
  }
  return out;
}

/// The complaint about a file of that content, without the file's name.
std::string complaint(std::string_view content) {
  temporary_file file{content};
  try {
    (void)read_config_file(file.path());
  } catch (const input_error& e) {
    std::string what = e.what();
    CHECK(what.starts_with(file.path() + ": "));
    CHECK(what.find('\n') == std::string::npos);
    return what.substr(std::min(what.size(), file.path().size() + 2));
  }
  return {};
}

} // namespace

TEST_CASE("a file is keys with values, in order") {
  CHECK(read("port = 80\nbind = 127.0.0.1\n") == strings{"port=80", "bind=127.0.0.1"});
  CHECK(read("b=1\na=2") == strings{"b=1", "a=2"});
  CHECK(read("") == strings{});
}

TEST_CASE("space, comments and empty lines do not matter") {
  CHECK(read("\n  # a comment\n; another\n\n   port =   80   \r\nloops=2 # why\n")
        == strings{"port=80", "loops=2"});
}

TEST_CASE("values may be quoted, and lists are several values") {
  CHECK(read("bind = \"127.0.0.1\"\n") == strings{"bind=127.0.0.1"});
  CHECK(read("origin = [\"https://a.example\", \"https://b.example\"]\n")
        == strings{"origin=https://a.example,https://b.example"});
}

TEST_CASE("a key in a section carries its name") {
  CHECK(read("[node]\nport = 80\n") == strings{"node.port=80"});
}

TEST_CASE("a key that comes twice is refused by name") {
  CHECK(complaint("port = 1\nbind = x\nport = 2\n") == "port: expected once");
}

TEST_CASE("lines that are none, and lists that do not end, are refused by number") {
  CHECK(complaint("port = 80\n\nx\n") == "line 3: expected `name = value`");
  CHECK(complaint("port = 80\norigin = [\"a\",\n")
        == "line 2: expected `]` at the end of the list");
}

TEST_CASE("a file that is not there, or is a folder, is told by its name") {
  auto complaint_of = [](const std::string& path) -> std::string {
    try {
      (void)read_config_file(path);
    } catch (const input_error& e) {
      return e.what();
    }
    return {};
  };

  CHECK(complaint_of("/there/is/none")
        == "/there/is/none: No such file or directory, expected a readable file");
  CHECK(complaint_of("/tmp") == "/tmp: a directory, expected a file");
  CHECK(complaint_of("/bad\nname").find('\n') == std::string::npos);
}

TEST_CASE("no content of a file crashes the reader or makes it forge a line") {
  for (auto content :
       {"=",           "==",      "a=",         "=a",       "[",          "]",     "[]",
        "[[x]]",       "a=[",     "a=]",        "a=[]",     "\"",         "a=\"",  "a='",
        "a=\"\\",      "[a\nb=1", "a b c",      "a\x01=b",  "\xff\xfe=1", "a=1=2", "port",
        "port\n",      "a.b.c=1", "[a.b]\nc=1", "a=[1,,2]", "a=[[1]]",    "'''",   "\"\"\"\n",
        "a=\"\"\"x\n", "++=1",    "--=1",       "a={b=1}"}) {
    INFO(content);
    temporary_file file{content};
    try {
      (void)read_config_file(file.path());
    } catch (const input_error& e) {
      CHECK(std::string_view{e.what()}.find('\n') == std::string_view::npos);
    }
  }
}
