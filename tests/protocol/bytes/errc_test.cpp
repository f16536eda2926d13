#include <troupe/protocol/errc.hpp>

#include <catch2/catch.hpp>

#include <cctype>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

using namespace troupe::protocol;

namespace {

constexpr auto last = errc::no_such_room;

} // namespace

TEST_CASE("every code has a row of its own with a name and a sentence") {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    const auto& row = info(static_cast<errc>(i));

    CHECK(static_cast<int>(row.code) == i);
    CHECK(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
    CHECK(names.insert(row.name).second);
    CHECK(row.sentence.ends_with('.'));
    CHECK(std::isupper(static_cast<unsigned char>(row.sentence.front())));
  }
}

TEST_CASE("close codes are ones that a server may send") {
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    const auto code = info(static_cast<errc>(i)).close_code;

    CHECK((code == 0
           || (code >= 1001 && code <= 1013 && code != 1004 && code != 1005 && code != 1006)));
  }
}

TEST_CASE("a close reason fits into a control frame") {
  for (int i = 0; i <= static_cast<int>(last); ++i)
    CHECK(to_string(static_cast<errc>(i)).size() <= 123);
}

TEST_CASE("a code that nobody knows is an internal error") {
  CHECK(info(static_cast<errc>(200)).code == errc::internal);
}

// Pins §12.6.
TEST_CASE("the codes that travel keep their numbers") {
  CHECK(static_cast<int>(errc::malformed) == 1);
  CHECK(static_cast<int>(errc::internal) == 17);
  CHECK(static_cast<int>(errc::undecodable) == 18);
  CHECK(static_cast<int>(errc::waiting_limit) == 31);
  CHECK(static_cast<int>(errc::parts_limit) == 35);
  CHECK(static_cast<int>(errc::session_gone) == 36);
  CHECK(static_cast<int>(errc::replaced) == 37);
  CHECK(static_cast<int>(errc::user_away) == 38);
  CHECK(static_cast<int>(errc::disconnected) == 39);
  CHECK(static_cast<int>(errc::no_such_room) == 40);
}

// Pins §12.4, §12.6.
TEST_CASE("the table of codes is the one that is published") {
  std::ifstream file{TROUPE_SOURCE_DIR "/protocol/PROTOCOL.md"};
  std::stringstream published;
  published << file.rdbuf();

  for (int i = 0; i <= static_cast<int>(last); ++i) {
    const auto& row = info(static_cast<errc>(i));
    std::ostringstream expected;
    expected << "| `" << row.name << "` | " << i << " | " << row.sentence << " | "
             << (row.close_code == 0 ? "–" : std::to_string(row.close_code)) << " | "
             << (row.retryable ? "yes" : "no") << " | ";
    INFO(expected.str());
    CHECK(published.str().find(expected.str()) != std::string::npos);
  }
}
