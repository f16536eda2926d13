#include "file/file_store.hpp"

#include "temporary_file.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <set>

using namespace troupe::examples;
using namespace troupe::test;

namespace {

std::string repeated(std::string_view text, int n) {
  std::string out;
  for (; n > 0; --n)
    out += text;
  return out;
}

namespace fs = std::filesystem;

/// A folder that its destructor removes.
struct temporary_folder {
  temporary_folder() {
    std::string name = (fs::temp_directory_path() / "troupe-store-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() { fs::remove_all(path); }

  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> all;
    for (auto& entry : fs::directory_iterator{path})
      all.insert(entry.path().filename().string());
    return all;
  }
  void make(const std::string& name) const { std::ofstream{path / name}; }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in{path / name, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }

  fs::path path;
};

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

/// Pins that a name cannot display a false extension, nor control the terminal that prints it.
TEST_CASE("controls, bidi controls and broken UTF-8 become underscores") {
  for (auto bad : {"\x01", "\n", "\x1b", "\x7f", "\u0085", "\u009b", "\u061c", "\u200e", "\u200f",
                   "\u202a", "\u202e", "\u2066", "\u2069", "\u2028", "\u2029"}) {
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

TEST_CASE("files of one name are numbered without gaps, and none is overwritten") {
  temporary_folder folder;
  file_store store{folder.path};

  for (int i = 1; i <= 40; ++i)
    CHECK(store.save("a.txt", std::to_string(i))
          == (i == 1 ? "a.txt" : "a-" + std::to_string(i) + ".txt"));

  CHECK(folder.names().size() == 40);
  CHECK(folder.read("a.txt") == "1");
  CHECK(folder.read("a-40.txt") == "40");
}

// Pins that nobody can use up a name for everybody, for ever.
TEST_CASE("a name that many files have can be had again, and soon") {
  temporary_folder folder;
  file_store store{folder.path};
  folder.make("a.txt");
  for (int i = 2; i <= 12'000; ++i)
    folder.make("a-" + std::to_string(i) + ".txt");

  CHECK(store.save("a.txt", "x") == "a-12001.txt");
  CHECK(store.save("a.txt", "x") == "a-12002.txt");
}

TEST_CASE("numbers with gaps are no trouble, whatever lies there") {
  temporary_folder folder;
  file_store store{folder.path};
  for (auto name : {"a.txt", "a-2.txt", "a-3.txt", "a-5.txt", "a-9.txt", "a-17.txt"})
    folder.make(name);
  fs::create_symlink("nowhere", folder.path / "a-4.txt");
  fs::create_directory(folder.path / "a-6.txt");
  auto before = folder.names();

  for (int i = 0; i < 10; ++i)
    CHECK(before.insert(store.save("a.txt", "x")).second);

  CHECK(folder.names() == before);
}

// Pins that a draft of a crashed process does not stay, and does not block a process with the same
// id, as in a container.
TEST_CASE(
  "drafts that a crash has left are removed at the start, those that somebody writes are not") {
  temporary_folder folder;
  for (auto name : {".upload-1-1", ".upload-", ".upload-2f3a", "kept.txt", ".other"})
    folder.make(name);
  folder.make(".upload-live");
  auto writing = ::open((folder.path / ".upload-live").c_str(), O_WRONLY);
  REQUIRE(::flock(writing, LOCK_EX | LOCK_NB) == 0);

  file_store store{folder.path};

  CHECK(folder.names() == std::set<std::string>{".upload-live", "kept.txt", ".other"});
  ::close(writing);
  CHECK(store.save("b.txt", "x") == "b.txt");
  CHECK(folder.names().size() == 4);
}

TEST_CASE("a file that cannot be written leaves nothing") {
  temporary_folder folder;
  file_store store{folder.path};
  folder.make("x");
  fs::remove_all(folder.path);

  CHECK_THROWS_AS(store.save("a.txt", "x"), std::system_error);
}
