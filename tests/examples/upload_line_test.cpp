#include "file/upload_line.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace troupe::examples;

namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

upload file_of(std::string address, std::uint64_t client, std::size_t bytes = 1,
               std::string name = {}) {
  return {std::move(address), client, std::move(name), std::string(bytes, 'x'), {}};
}

/// Offers such files until the line refuses one; returns how many it took.
std::size_t taken(upload_line& line, const std::string& address, std::uint64_t client,
                  std::size_t bytes = 1) {
  std::size_t n = 0;
  for (auto u = file_of(address, client, bytes); line.offer(u); u = file_of(address, client, bytes))
    ++n;
  return n;
}

/// Takes all files off the line; returns their names in that order.
std::vector<std::string> order(upload_line& line) {
  std::vector<std::string> names;
  while (auto u = line.next()) {
    names.push_back(u->name);
    line.finished(*u);
  }
  return names;
}

} // namespace

TEST_CASE("neither a client nor an address has all places, and whoever comes finds some") {
  upload_line line{{16, 64 * mebibyte}};

  CHECK(taken(line, "a", 1) == 8);
  CHECK(taken(line, "a", 2) == 3);
  CHECK(taken(line, "a", 3) == 0);
  CHECK(taken(line, "b", 5) > 0);
  CHECK(taken(line, "c", 6) > 0);
  CHECK(line.files() <= 16);
}

TEST_CASE("bytes are shared out as places are") {
  upload_line line{{16, 64 * mebibyte}};

  CHECK(taken(line, "a", 1, 16 * mebibyte) == 2);
  CHECK(taken(line, "a", 2, 16 * mebibyte) == 1);
  CHECK(taken(line, "a", 3, 1 * mebibyte) == 0);
  CHECK(taken(line, "b", 4, 16 * mebibyte) == 1);
  CHECK(line.bytes() == 64 * mebibyte);
  CHECK(taken(line, "c", 5, 1) == 0);
}

TEST_CASE("an empty line takes any file, and no other beside one that is too large") {
  upload_line line{{16, 1000}};
  auto large = file_of("a", 1, 5000);

  CHECK(line.offer(large));
  CHECK(taken(line, "b", 2) == 0);

  auto writing = line.next();
  CHECK(taken(line, "b", 2) == 0);
  line.finished(*writing);
  CHECK(line.empty());
  CHECK(taken(line, "b", 2) > 0);
}

TEST_CASE("a file that is refused stays whole") {
  upload_line line{{1, 1000}};
  auto first = file_of("a", 1), second = file_of("b", 2, 5, "second");
  REQUIRE(line.offer(first));

  CHECK_FALSE(line.offer(second));

  CHECK(second.bytes == "xxxxx");
  CHECK(second.name == "second");
}

TEST_CASE("places come back once a file is written, not before") {
  upload_line line{{16, 64 * mebibyte}};
  CHECK(taken(line, "a", 1) == 8);

  auto writing = line.next();
  CHECK(taken(line, "a", 1) == 0);
  line.finished(*writing);
  CHECK(taken(line, "a", 1) == 1);

  (void)order(line);
  CHECK(line.empty());
  CHECK(line.bytes() == 0);
}

TEST_CASE("addresses take turns, and so do the clients of one") {
  upload_line line{{16, 64 * mebibyte}};
  for (auto& [address, client, name] : {std::tuple{"a", 1, "a1.1"},
                                        {"a", 1, "a1.2"},
                                        {"a", 1, "a1.3"},
                                        {"a", 2, "a2.1"},
                                        {"a", 2, "a2.2"},
                                        {"b", 3, "b.1"},
                                        {"b", 3, "b.2"}}) {
    auto u = file_of(address, static_cast<std::uint64_t>(client), 1, name);
    REQUIRE(line.offer(u));
  }

  CHECK(order(line)
        == std::vector<std::string>{"a1.1", "b.1", "a2.1", "b.2", "a1.2", "a2.2", "a1.3"});
}

// Pins that a flood from one address delays a file from another address by one file at most.
TEST_CASE("who sends one file at a time waits for no more than one of a flood") {
  upload_line line{{16, 64 * mebibyte}};
  for (int i = 0; i < 100; ++i) {
    (void)taken(line, "flood", 1);
    auto victim = file_of("victim", 2, 1, "victim");
    REQUIRE(line.offer(victim));
    int before = 0;
    for (;;) {
      auto u = line.next();
      line.finished(*u);
      if (u->name == "victim")
        break;
      ++before;
    }
    CHECK(before <= 1);
  }
}
