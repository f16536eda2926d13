// Runs a scripted life of a whole server over real sockets once for each allocation of its loop,
// and makes that one fail; those of OpenSSL and zlib, too.
#include "findings.hpp"
#include "foreign_allocators.hpp"
#include "served_life.hpp"
#include "support/replaced_allocator.hpp"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using namespace troupe;
using test::served_life;
using door = served_life::door;
using length = served_life::length;

namespace {

const bool is_prepared = [] {
  test::fail_openssl_too();
  std::signal(SIGPIPE, SIG_IGN); // the clients' OpenSSL may write to ended sockets
  return true;
}();

std::size_t number_of(const char* text) { return static_cast<std::size_t>(std::atol(text)); }

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t each = 7; ///< with a sanitizer a life takes that much longer
#else
constexpr std::size_t each = 1;
#endif

/// Picks one of `turns` turns by `TROUPE_SEED`, else by the date, so that successive days cover all
/// of them.
std::size_t turn_of(std::size_t turns) {
  using days = std::chrono::duration<std::size_t, std::ratio<86'400>>;
  auto* seed = std::getenv("TROUPE_SEED");
  auto today =
    std::chrono::duration_cast<days>(std::chrono::system_clock::now().time_since_epoch()).count();
  return (seed ? number_of(seed) : today) % turns;
}

/// Plays with every `step`-th allocation failing, beginning at today's turn; with all of them if
/// `TROUPE_LONG` is set, and only with the one that `TROUPE_FAULT_AT` names if that is set.
void sweep(door by, length how, std::size_t count, std::size_t step) {
  served_life life{by, how};
  std::string first;
  life.play_well(first);
  life.judge(first);
  REQUIRE(first == "");
  std::vector<std::string> found;
  auto* at = std::getenv("TROUPE_FAULT_AT");
  if (std::getenv("TROUPE_LONG"))
    step = 1;
  auto start = at ? number_of(at) : turn_of(step);
  auto n = start;
  for (bool any = true; any; n += step) {
    std::string wrong;
    any = life.play_failing(n, count, wrong);
    life.judge(wrong);
    if (!wrong.empty())
      found.push_back(std::to_string(n) + ": " + wrong);
    if (at)
      break;
  }
  WARN("places " << start << " to " << n << ", every " << step << " of them (TROUPE_SEED=" << start
                 << ")");
  INFO(test::one_line_each(found));
  CHECK(found.empty());
  CHECK(life.stop());
}

// Only the first clients of a process cause its one-time allocations, so each failing allocation
// needs its own process.
constexpr int nothing_failed = 100; ///< exit code of a process in which none failed

int play_cold(std::size_t nth) {
  auto* own = "/proc/self/exe";
  auto at = "TROUPE_FAULT_AT=" + std::to_string(nth);
  auto child = ::fork();
  if (child == 0) {
    ::putenv(at.data());
    ::execl(own, own, "first clients without memory", static_cast<char*>(nullptr));
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

} // namespace

TEST_CASE("first clients without memory", "[.]") {
  served_life life{door::tls, length::full, served_life::memory::cold};
  std::string wrong;
  auto any = life.play_failing(number_of(std::getenv("TROUPE_FAULT_AT")), 1, wrong);
  life.judge(wrong);
  if (!wrong.empty())
    std::fprintf(stderr, "%s: %s\n", std::getenv("TROUPE_FAULT_AT"), wrong.c_str());
  std::_Exit(!wrong.empty() ? 1 : any ? 0 : nothing_failed);
}

TEST_CASE("a server whose first clients have found no memory serves the next ones") {
  std::size_t step = std::getenv("TROUPE_LONG") ? 7 : 211;
  auto start = turn_of(step);
  int code = 0;
  for (auto n = start; code != nothing_failed; n += step) {
    code = play_cold(n);
    INFO("allocation " << n);
    CHECK((code == 0 || code == nothing_failed));
  }
  WARN("every " << step << " of the places (TROUPE_SEED=" << start << ")");
}

TEST_CASE("a server serves and nothing is left, whichever allocation of its loop has failed") {
  sweep(door::plain, length::full, 1, each);
}

TEST_CASE(
  "a server serves and nothing is left after several failed allocations of its loop in a row") {
  sweep(door::plain, length::full, 2, 23);
  sweep(door::plain, length::full, 3, 23);
}

TEST_CASE("a stop is asked for without memory, and happens") {
  server_options options;
  options.bind = "127.0.0.1";
  options.port = 0;
  options.log = &protocol::null_logger();
  server node{std::move(options)};
  node.start();

  test::arm(0);
  node.request_stop();
  test::disarm();

  CHECK_FALSE(test::has_failed());
  CHECK(node.run() == 0);
}

TEST_CASE("a server serves by TLS and nothing is left, whichever allocation of its loop or of "
          "OpenSSL has failed",
          "[tls]") {
  sweep(door::tls, length::brief, 1, each);
}

TEST_CASE(
  "a server serves all kinds of clients by TLS and nothing is left after failed allocations",
  "[tls]") {
  sweep(door::tls, length::full, 1, 97);
  sweep(door::tls, length::full, 2, 97);
  sweep(door::tls, length::full, 3, 97);
}
