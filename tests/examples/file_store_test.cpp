#include "file/file_store.hpp"

#include "temporary_file.hpp"

#include <catch2/catch.hpp>

using namespace troupe::examples;
using namespace troupe::test;

namespace {

std::string repeated(std::string_view text, int n) {
  std::string out;
  for (; n > 0; --n)
    out += text;
  return out;
}

} // namespace

TEST_CASE("a plain name stays as it is, in any script") {
  for (auto name : {"photo.png", "한국어 그림.png", "été - 2.jpg", "전각\u3000공백.txt", "😀.gif"}) {
    INFO(name);
    CHECK(safe_file_name(name) == name);
  }
}

TEST_CASE("only the last part of a path is kept, without dots and spaces at its ends") {
  CHECK(safe_file_name("../../etc/passwd") == "passwd");
  CHECK(safe_file_name("C:\\files\\a.txt") == "a.txt");
  CHECK(safe_file_name(" ..hidden. ") == "hidden");
  for (auto nothing : {"", ".", "..", "a/", " . "})
    CHECK(safe_file_name(nothing) == "received-file.bin");
}

/// Pins that a name cannot show another extension than it has, nor steer the terminal it is printed on.
TEST_CASE("controls, bidi controls and broken UTF-8 become underscores") {
  for (auto bad : {"\x01", "\n", "\x1b", "\x7f", "\u0085", "\u009b", "\u061c", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066",
                   "\u2069"}) {
    INFO(bad);
    CHECK(safe_file_name("a" + std::string{bad} + "z.png") == "a_z.png");
  }
  for (auto broken : {"\xff", "\x9b", "\xc3", "\xed\xa0\x80", "\xea\xb9"}) {
    auto name = safe_file_name("a" + std::string{broken} + "z.png");
    INFO(name);
    CHECK(name.starts_with("a_"));
    CHECK(name.ends_with("z.png"));
  }
}

TEST_CASE("a long name is cut between characters and keeps its extension") {
  auto name = safe_file_name(repeated("김", 100) + ".png");

  CHECK(name.size() <= 100);
  CHECK(name == repeated("김", 32) + ".png");
}

TEST_CASE("a store whose folder is a file cannot be made") {
  temporary_file file{"x"};

  CHECK_THROWS_AS(file_store{file.path()}, std::filesystem::filesystem_error);
}
