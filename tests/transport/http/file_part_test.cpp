#include "http/file_part.hpp"

#include "node/site.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <fstream>

using namespace troupe::transport;
using troupe::test::site;
namespace fs = std::filesystem;

namespace {

/// A site with a file of two windows and a bit, of which the first was read.
struct half_read : site {
  half_read() {
    add("file", std::string(2 * file_part::window_bytes + 10, 'a'));
    part = *ask("/file").value().file;
  }
  [[nodiscard]] bool reads_on() const {
    std::string window;
    return part.read(file_part::window_bytes, window) && window.size() == file_part::window_bytes;
  }
  [[nodiscard]] fs::path file() const { return folder() / "file"; }
  file_part part;
};

} // namespace

TEST_CASE("a file that stays as it is is read on") {
  half_read s;

  CHECK(s.reads_on());
  CHECK(s.part.window_at(2 * file_part::window_bytes).bytes == 10);
}

TEST_CASE("a file that shrinks, grows or goes is not read on") {
  half_read shrunk, grown, gone;

  fs::resize_file(shrunk.file(), file_part::window_bytes + 1);
  fs::resize_file(grown.file(), 3 * file_part::window_bytes);
  fs::remove(gone.file());

  CHECK_FALSE(shrunk.reads_on());
  CHECK_FALSE(grown.reads_on());
  CHECK_FALSE(gone.reads_on());
}

TEST_CASE("a file that is replaced by one like it is not read on") {
  half_read s;
  s.add("new", std::string(2 * file_part::window_bytes + 10, 'b'));
  fs::last_write_time(s.folder() / "new", fs::last_write_time(s.file()));

  fs::rename(s.folder() / "new", s.file());

  CHECK_FALSE(s.reads_on());
}

TEST_CASE("a file that is written over is not read on") {
  half_read s;
  fs::last_write_time(s.file(), fs::last_write_time(s.file()) - std::chrono::hours{1});
  s.part = *s.ask("/file").value().file;

  std::fstream{s.file(), std::ios::in | std::ios::out} << "b";

  CHECK_FALSE(s.reads_on());
}

TEST_CASE("a link that takes the place of a folder on the way is not followed") {
  half_read s;
  s.add("sub/file", std::string(2 * file_part::window_bytes, 'a'));
  s.part = *s.ask("/sub/file").value().file;
  CHECK(s.reads_on());

  fs::rename(s.folder() / "sub", s.top() / "sub");
  fs::create_directory_symlink(s.top() / "sub", s.folder() / "sub");

  CHECK_FALSE(s.reads_on());
  CHECK_FALSE(open_file::open(s.folder(), "sub/file"));
}

TEST_CASE("a pipe that takes a file's place is not waited for") {
  half_read s;
  fs::remove(s.file());
  REQUIRE(::mkfifo(s.file().c_str(), 0600) == 0);

  CHECK_FALSE(s.reads_on());
}
