// What signals do to a server, even if its handlers hang.
#include <utility>

#include "server/stopping.hpp"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

void note_nothing(int) {}

/// A signal handler of the host process, in place while this object lives.
class host_handler {
public:
  explicit host_handler(int number) : number_(number) {
    struct sigaction own {};
    own.sa_handler = note_nothing;
    ::sigaction(number, &own, &before_);
  }
  host_handler(const host_handler&) = delete;
  host_handler& operator=(const host_handler&) = delete;
  ~host_handler() { ::sigaction(number_, &before_, nullptr); }
  [[nodiscard]] bool is_in_place() const {
    struct sigaction now {};
    ::sigaction(number_, nullptr, &now);
    return now.sa_handler == note_nothing;
  }

private:
  int number_;
  struct sigaction before_ {};
};

} // namespace

TEST_CASE("no thread that a server starts can be ended by SIGPIPE") {
  namespace fs = std::filesystem;
  auto threads = [] {
    std::set<std::string> found;
    for (auto& task : fs::directory_iterator{"/proc/self/task"})
      found.insert(task.path().filename());
    return found;
  };
  auto before = threads();
  auto options = fixture{}.options();
  options.log = nullptr; // the server's own log, which has a thread
  options.log_level = protocol::log_level::error;
  server node{options};
  node.start();

  std::size_t looked_at = 0;
  for (auto& task : threads()) {
    if (before.contains(task))
      continue;
    std::ifstream status{"/proc/self/task/" + task + "/status"};
    std::string line;
    while (std::getline(status, line) && !line.starts_with("SigBlk:")) {}
    CAPTURE(task, line);
    CHECK((std::stoull(line.substr(7), nullptr, 16) >> (SIGPIPE - 1) & 1) == 1);
    ++looked_at;
  }
  CHECK(looked_at >= 3); // the threads of a loop, of CAF and of the log
}

TEST_CASE("the host's own signal handlers are back after run") {
  host_handler term{SIGTERM}, interrupt{SIGINT}, hang_up{SIGHUP};
  fixture f;
  server first{f.options()}, second{f.options()};
  {
    running a{first}, b{second};
    CHECK(!term.is_in_place());
    first.stop();
    CHECK(a.ends());
    CHECK(!term.is_in_place()); // the second server still waits
    second.stop();
    CHECK(b.ends());
  }

  CHECK((term.is_in_place() && interrupt.is_in_place() && hang_up.is_in_place()));
}

TEST_CASE("a signal stops all servers that wait for one, though all threads of the host block it") {
  fixture f;
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  server first{f.options()}, second{f.options()};
  running a{first}, b{second};

  ::kill(::getpid(), SIGTERM);

  CHECK(a.ends());
  CHECK(b.ends());
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("SIGHUP does nothing to a server without TLS, which serves on") {
  fixture f;
  server s{f.options()};
  s.get("/served", [](auto&) { return text("served"); });
  running r{s};
  raw_client member{s.port()};

  ::kill(::getpid(), SIGHUP);
  auto ended = r.code.wait_for(100ms) == std::future_status::ready; // an end would come at once
  CHECK(asking(s, "/served").read_all().ends_with("served"));
  member.send(masked_text(R"({"type":"join","roomId":"r"})"));
  member.await("joined");
  auto metrics = asking(s, "/metrics").read_all();
  ::kill(::getpid(), SIGTERM);

  CHECK(!ended);
  CHECK(r.ends());
  CHECK(metrics.find("troupe_tls_reload_error_total 0") != std::string::npos);
  CHECK(!f.log.has("certificate"));
}

namespace {

/// A server in a process of its own, whose handlers hang. Its log comes through a pipe.
class hanging_process {
public:
  explicit hanging_process(std::chrono::milliseconds drain_timeout) {
    REQUIRE(::pipe(out_.data()) == 0);
    pid_ = ::fork();
    if (pid_ == 0)
      hang(drain_timeout);
    ::close(out_[1]);
    await("port ");
    auto digits = all_.substr(all_.rfind("port ") + 5);
    port_ = static_cast<std::uint16_t>(std::stoi(digits));
  }
  hanging_process(const hanging_process&) = delete;
  hanging_process& operator=(const hanging_process&) = delete;
  ~hanging_process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      (void)wait();
    }
    ::close(out_[0]);
  }

  /// Reads its log until `text` has come. Returns false after five seconds without output.
  bool await(std::string_view text) {
    std::array<char, 4096> some;
    pollfd p{out_[0], POLLIN, 0};
    while (all_.find(text) == std::string::npos && ::poll(&p, 1, 5000) > 0) {
      auto n = ::read(out_[0], some.data(), some.size());
      if (n <= 0)
        break;
      all_.append(some.data(), static_cast<std::size_t>(n));
    }
    return all_.find(text) != std::string::npos;
  }
  void signal(int number) const { ::kill(pid_, number); }
  [[nodiscard]] std::optional<int> exit_code_within(std::chrono::milliseconds time) {
    for (auto until = steady_clock::now() + time; steady_clock::now() < until;
         ::poll(nullptr, 0, 5))
      if (int status = 0; ::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
    return {};
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

private:
  [[noreturn]] void hang(std::chrono::milliseconds drain_timeout) {
    ::dup2(out_[1], STDERR_FILENO);
    server_options o;
    o.bind = "127.0.0.1";
    o.port = 0;
    o.node.loops = 2;
    o.drain_timeout = drain_timeout;
    server s{o};
    s.get("/hang/for/ever", [](auto&) -> transport::http_response {
      for (;;)
        ::pause();
    });
    s.get("/stop", [&s](auto&) { return s.request_stop(), text("it stops"); });
    ::_exit(s.run());
  }
  int wait() const {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return status;
  }

  std::array<int, 2> out_{-1, -1};
  pid_t pid_ = -1;
  std::uint16_t port_ = 0;
  std::string all_;
};

} // namespace

TEST_CASE("a second signal ends the process although handlers hang on all loops, and they have "
          "been named before") {
  auto number = GENERATE(SIGTERM, SIGINT);
  hanging_process p{60s};
  raw_client first{p.port(), "GET /hang/for/ever HTTP/1.1\r\nHost: x\r\n\r\n"};
  CHECK(p.await("http (GET /hang/for/ever) has been running for"));
  raw_client second{p.port(), "GET /hang/for/ever HTTP/1.1\r\nHost: x\r\n\r\n"};

  p.signal(number);
  CHECK(!p.exit_code_within(300ms));
  p.signal(number);

  CHECK(p.exit_code_within(1s) == 1);
}

// Pins §15.13, §15.14.
TEST_CASE("a signal that comes twice within milliseconds is one, and a later one is the second") {
  hanging_process p{60s};
  raw_client client{p.port(), "GET /hang/for/ever HTTP/1.1\r\nHost: x\r\n\r\n"};
  CHECK(p.await("has been running for"));

  p.signal(SIGTERM);
  ::poll(nullptr, 0, 5); // the system makes one of two that are pending
  p.signal(SIGTERM);
  CHECK(!p.exit_code_within(300ms));
  p.signal(SIGTERM);

  CHECK(p.exit_code_within(1s) == 1);
}

TEST_CASE("after one signal the process ends two seconds behind the drain's time at the latest") {
  hanging_process p{200ms};
  raw_client client{p.port(), "GET /hang/for/ever HTTP/1.1\r\nHost: x\r\n\r\n"};
  CHECK(p.await("has been running for"));

  p.signal(SIGTERM);

  CHECK(p.exit_code_within(5s) == 1);
}

TEST_CASE("request_stop ends it no later, whatever a handler does") {
  hanging_process p{200ms};
  raw_client asking{p.port(), "GET /stop HTTP/1.1\r\n"}; // on the first loop, which accepts
  raw_client hanging{p.port(), "GET /hang/for/ever HTTP/1.1\r\nHost: x\r\n\r\n"}; // on the other
  CHECK(p.await("has been running for"));
  asking.send("Host: x\r\nConnection: close\r\n\r\n");
  CHECK(asking.read_all().find("it stops") != std::string::npos);

  CHECK(p.exit_code_within(5s) == 1);
  CHECK(p.await("it has not stopped in time"));
}
