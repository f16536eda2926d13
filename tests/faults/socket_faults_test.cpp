// A scripted life of a whole server over real sockets, once for each allocation of its loop, which fails: OpenSSL's and zlib's, too.
#include "failing_allocator.hpp"
#include "findings.hpp"
#include "served_life.hpp"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using namespace troupe;
using test::served_life;

namespace {

const bool is_prepared = [] {
  test::fail_openssl_too();
  std::signal(SIGPIPE, SIG_IGN); // the clients' OpenSSL writes to sockets that have ended
  return true;
}();

std::size_t number_of(const char* text) { return static_cast<std::size_t>(std::atol(text)); }

/// Every `step`-th place, from the one that `TROUPE_SEED` shifts, or the one that is asked for (`TROUPE_FAULT_AT`); all with
/// `TROUPE_LONG`.
void sweep(bool tls, std::size_t count, std::size_t step) {
  served_life life{tls};
  std::string first;
  life.play_well(first);
  life.judge(first);
  REQUIRE(first == "");
  std::vector<std::string> found;
  auto* at = std::getenv("TROUPE_FAULT_AT");
  if (std::getenv("TROUPE_LONG"))
    step = 1;
  auto* seed = std::getenv("TROUPE_SEED");
  std::size_t n = at ? number_of(at) : seed ? number_of(seed) % step : 0;
  for (bool any = true; any; n += step) {
    std::string wrong;
    any = life.play_failing(n, count, wrong);
    life.judge(wrong);
    if (!wrong.empty())
      found.push_back(std::to_string(n) + ": " + wrong);
    if (at)
      break;
  }
  WARN("up to place " << n << ", every " << step << " of them");
  INFO(test::one_line_each(found));
  CHECK(found.empty());
  CHECK(life.stop());
}

// What a process makes once is made by the first clients only, so each place needs a process of its own.
constexpr int nothing_failed = 100; ///< the exit code of one that has got beyond the last place

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
  served_life life{true, served_life::memory::cold};
  std::string wrong;
  auto any = life.play_failing(number_of(std::getenv("TROUPE_FAULT_AT")), 1, wrong);
  life.judge(wrong);
  if (!wrong.empty())
    std::fprintf(stderr, "%s: %s\n", std::getenv("TROUPE_FAULT_AT"), wrong.c_str());
  std::_Exit(!wrong.empty() ? 1 : any ? 0 : nothing_failed);
}

TEST_CASE("a server whose first clients have found no memory serves the next ones") {
  std::size_t step = std::getenv("TROUPE_LONG") ? 7 : 211;
  int code = 0;
  for (std::size_t n = 0; code != nothing_failed; n += step) {
    code = play_cold(n);
    INFO("allocation " << n);
    CHECK((code == 0 || code == nothing_failed));
  }
}

TEST_CASE("a server serves and nothing is left, whichever allocation of its loop has failed") { sweep(false, 1, 7); }

TEST_CASE("a server serves and nothing is left after several failed allocations of its loop in a row") {
  sweep(false, 2, 23);
  sweep(false, 3, 23);
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

TEST_CASE("a server serves by TLS and nothing is left, whichever allocation of its loop or of OpenSSL has failed") { sweep(true, 1, 41); }

TEST_CASE("a server serves by TLS and nothing is left after several failed allocations in a row") {
  sweep(true, 2, 97);
  sweep(true, 3, 97);
}
