#include "node_process.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace troupe::churn {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr int start_limit_ms = 20'000;
constexpr timeval http_limit{10, 0};

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error{errno, std::generic_category(), what};
}

/// Reads a descriptor until its end or until `mark` has come.
std::string read_to(int fd, std::string_view mark) {
  std::string all;
  std::array<char, 16 * 1024> buffer;
  while (mark.empty() || all.find(mark) == std::string::npos) {
    auto n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0)
      throw_errno("read");
    if (n == 0)
      break;
    all.append(buffer.data(), static_cast<std::size_t>(n));
  }
  return all;
}

std::string http_get(std::uint16_t port, const std::string& path) {
  auto fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    throw_errno("socket");
  struct closer {
    int fd;
    ~closer() { ::close(fd); }
  } at_end{fd};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &http_limit, sizeof http_limit);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    throw_errno("connect");
  auto request = "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL)
      != static_cast<ssize_t>(request.size()))
    throw_errno("send");
  return read_to(fd, {});
}

} // namespace

node_process::node_process(const std::string& program, const std::vector<std::string>& arguments) {
  std::array<int, 2> pipe;
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0)
    throw_errno("pipe");
  output_ = pipe[0];
  start(program, arguments, pipe[1]);
  ::close(pipe[1]);
  port_ = read_port(output_);
}

node_process::~node_process() {
  if (output_ < 0)
    return;
  stop(0s);
  ::close(output_);
}

void node_process::start(const std::string& program, const std::vector<std::string>& arguments,
                         int out) {
  std::vector<char*> words{const_cast<char*>(program.c_str())};
  for (auto& a : arguments)
    words.push_back(const_cast<char*>(a.c_str()));
  words.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0)
    throw_errno("fork");
  if (pid_ > 0)
    return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::dup2(out, STDOUT_FILENO);
  ::execv(words[0], words.data());
  ::_exit(127);
}

std::uint16_t node_process::read_port(int in) const {
  constexpr std::string_view before = " is listening on http://127.0.0.1:";
  pollfd ready{in, POLLIN, 0};
  if (::poll(&ready, 1, start_limit_ms) != 1)
    throw std::runtime_error{"the node does not say that it listens"};
  auto said = read_to(in, "\n");
  auto at = said.find(before);
  if (at == std::string::npos)
    throw std::runtime_error{"the node does not listen; it said: " + said};
  return static_cast<std::uint16_t>(std::stoul(said.substr(at + before.size())));
}

int node_process::stop(std::chrono::seconds limit) {
  if (output_ < 0 || pid_ <= 0)
    return 0;
  ::kill(pid_, limit > 0s ? SIGTERM : SIGKILL);
  int status = 0;
  auto deadline = clock::now() + limit;
  while (limit > 0s && ::waitpid(pid_, &status, WNOHANG) == 0) {
    if (clock::now() >= deadline)
      return stop(0s), -1;
    std::this_thread::sleep_for(10ms);
  }
  if (limit == 0s)
    ::waitpid(pid_, &status, 0);
  pid_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

node_process::samples node_process::metrics() const {
  std::istringstream answer{http_get(port_, "/metrics")};
  samples all;
  for (std::string line; std::getline(answer, line);) {
    auto name_end = line.find_first_of("{ ");
    auto value = line.rfind(' ');
    if (line.empty() || line[0] == '#' || name_end == std::string::npos
        || line.find(':') < name_end)
      continue;
    try {
      all[line.substr(0, name_end)] += std::stod(line.substr(value));
    } catch (const std::exception&) {
      continue; // a line of the HTTP header
    }
  }
  if (!all.contains("troupe_connections"))
    throw std::runtime_error{"/metrics says nothing of troupe_connections"};
  return all;
}

bool node_process::until(std::chrono::seconds limit,
                         const std::function<bool(const samples&)>& holds) const {
  auto deadline = clock::now() + limit;
  while (!holds(metrics())) {
    if (clock::now() >= deadline)
      return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

// -- /proc ----------------------------------------------------------------------------------------

std::size_t node_process::descriptors() const {
  auto all = std::filesystem::directory_iterator{"/proc/" + std::to_string(pid_) + "/fd"};
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::uint64_t node_process::resident_kib() const {
  std::ifstream status{"/proc/" + std::to_string(pid_) + "/status"};
  constexpr std::string_view name = "VmRSS:";
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name))
      return std::stoull(line.substr(name.size()));
  throw std::runtime_error{"no VmRSS of the node"};
}

} // namespace troupe::churn
