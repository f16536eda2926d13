#include "text/set_up_file.hpp"

#include "examples/temporary_file.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

using namespace troupe;
using namespace troupe::transport;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kib = 1024;

/// Why a file is refused; empty: it is not.
std::string problem_of(const std::string& file, std::size_t most = kib) {
  auto text = read_set_up_file(file, most);
  return text ? std::string{} : text.error().why;
}

} // namespace

TEST_CASE("a file of the set-up is read whole, up to its bound") {
  const std::string all(kib, '\0');
  const test::temporary_file full{all}, empty{""}, over{all + "x"};

  CHECK(*read_set_up_file(full.path(), kib) == all);
  CHECK(read_set_up_file(empty.path(), kib)->empty());
  CHECK(problem_of(over.path()) == "larger than 1 KiB");
  CHECK(problem_of(over.path(), 1024 * kib).empty());
}

TEST_CASE("a file of the set-up that is no regular one is neither read nor waited for") {
  const test::temporary_file file{"x"};
  const auto pipe = file.path() + ".pipe", link = file.path() + ".link";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  REQUIRE(::symlink("/dev/zero", link.c_str()) == 0);

  CHECK(problem_of(pipe) == "Not a regular file");
  CHECK(problem_of(link) == "Not a regular file");
  CHECK(problem_of("/dev/zero") == "Not a regular file");
  CHECK(problem_of(fs::temp_directory_path().string()) == "Is a directory");
  CHECK(problem_of(file.path() + ".none") == "No such file or directory");
  CHECK(problem_of("") == "No such file or directory");

  fs::remove(pipe);
  fs::remove(link);
}

TEST_CASE("a file of the kernel's that tells no size is read no further than its bound") {
  CHECK(problem_of("/proc/self/maps") == "larger than 1 KiB");
}
