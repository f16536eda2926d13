#include <troupe/transport/line_writer.hpp>

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

using troupe::transport::line_writer;
using namespace std::chrono_literals;

namespace {

/// Both ends of a pipe or of a pair of sockets. A test may close each.
struct channel {
  explicit channel(bool is_socket = false) {
    REQUIRE((is_socket ? ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) : ::pipe(ends.data()))
            == 0);
  }
  channel(const channel&) = delete;
  channel& operator=(const channel&) = delete;
  ~channel() {
    close_reader();
    if (ends[1] >= 0)
      ::close(ends[1]);
  }
  void close_reader() {
    if (ends[0] >= 0)
      ::close(std::exchange(ends[0], -1));
  }

  /// Reads until `text` has come, or nothing has come for five seconds.
  std::string read_until(const std::string& text) const {
    std::string all;
    std::array<char, 65536> some;
    pollfd p{ends[0], POLLIN, 0};
    while (all.find(text) == std::string::npos && ::poll(&p, 1, 5000) > 0) {
      auto n = ::read(ends[0], some.data(), some.size());
      if (n <= 0)
        break;
      all.append(some.data(), static_cast<std::size_t>(n));
    }
    return all;
  }

  [[nodiscard]] int writer() const { return ends[1]; }
  std::array<int, 2> ends{-1, -1};
};

template <class F>
std::chrono::milliseconds time_of(F f) {
  auto began = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now()
                                                               - began);
}

/// Writes more than any pipe holds.
void fill(line_writer& out, int lines = 2000) {
  for (int i = 0; i < lines; ++i)
    out.write(std::to_string(i) + ' ' + std::string(1000, 'x'));
}

template <class F>
bool holds_soon(F f) {
  for (int i = 0; i < 500 && !f(); ++i)
    ::poll(nullptr, 0, 10);
  return f();
}

} // namespace

TEST_CASE("lines come whole and in order, to a pipe and to a socket") {
  channel c{GENERATE(false, true)};
  line_writer out{c.writer()};

  out.write("one");
  out.write("two");

  CHECK(c.read_until("two\n") == "one\ntwo\n");
}

TEST_CASE("what is queued is written before the writer ends") {
  channel c;
  {
    line_writer out{c.writer()};
    for (int i = 0; i < 20; ++i)
      out.write("line");
    out.write("last");
  }

  CHECK(c.read_until("last\n").size() == 20 * 5 + 5);
}

TEST_CASE("a reader that has gone is no signal: its lines are lost and counted") {
  channel c{GENERATE(false, true)};
  line_writer out{c.writer()};
  c.close_reader();

  out.write("nobody hears this");

  CHECK(holds_soon([&] { return out.lost_lines() == 1; }));
}

TEST_CASE("a reader that stalls keeps nobody who says a line, nor the end of the writer") {
  channel c{GENERATE(false, true)};
  auto out = std::make_unique<line_writer>(c.writer(), 100);

  auto said = time_of([&] { fill(*out); });
  auto lost = out->lost_lines();
  auto ended = time_of([&] { out.reset(); });

  CHECK(said < 2s);
  CHECK(lost > 1000);
  CHECK(ended < 2s);
}

TEST_CASE("a reader that stalled and reads again is told how many lines it has missed, and gets "
          "the latest") {
  channel c;
  line_writer out{c.writer(), 100};
  fill(out);

  auto all = c.read_until("1999 x");

  CHECK(all.find(" lines were lost here\n") != std::string::npos);
  out.write("after");
  CHECK(c.read_until("after\n").ends_with("after\n"));
}

TEST_CASE("a full disk loses lines, not the writer") {
  auto full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  REQUIRE(full >= 0);
  {
    line_writer out{full};
    out.write("x");
    CHECK(holds_soon([&] { return out.lost_lines() == 1; }));
  }
  ::close(full);
}

TEST_CASE("a descriptor that was closed stays so, whatever gets its number") {
  channel c;
  auto number = ::dup(c.writer());
  ::close(number);
  line_writer out{number};
  REQUIRE(::dup2(c.writer(), number) == number);

  out.write("not for you");

  CHECK(holds_soon([&] { return out.lost_lines() == 1; }));
  ::close(number);
}

TEST_CASE("what is put in the descriptor's place is written to, unless it is a socket") {
  auto is_socket = GENERATE(false, true);
  channel first, second{is_socket};
  auto number = ::dup(first.writer());
  line_writer out{number};
  out.write("one");
  REQUIRE(first.read_until("one\n") == "one\n");

  REQUIRE(::dup2(second.writer(), number) == number);
  out.write("two");

  if (is_socket)
    CHECK(holds_soon([&] { return out.lost_lines() == 1; }));
  else
    CHECK(second.read_until("two\n") == "two\n");
  ::close(number);
}

TEST_CASE("the descriptor's flags stay as they are") {
  channel c;
  auto before = ::fcntl(c.writer(), F_GETFL);
  {
    line_writer out{c.writer()};
    out.write("x");
    (void)c.read_until("x\n");
    CHECK(::fcntl(c.writer(), F_GETFL) == before);
  }
  CHECK(::fcntl(c.writer(), F_GETFL) == before);
}

TEST_CASE("many bytes wait no more than many lines do") {
  channel c;
  line_writer out{c.writer()};

  for (int i = 0; i < 100; ++i)
    out.write(std::string(1024 * 1024, 'x'));

  CHECK(out.lost_lines() > 80);
}
