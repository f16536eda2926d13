#include "net/signal_watch.hpp"

#include <troupe/actors/own_thread.hpp>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <system_error>
#include <utility>

namespace troupe::transport {

/// A pipe that the handler writes signals to while somebody hears it. It is never closed: a handler
/// that still runs, which nobody can wait for, may use its descriptor.
struct signal_pipe {
  int out = -1;
  std::atomic<int> in{-1};
  std::atomic<bool> is_heard{false};
};

namespace {

constexpr std::array signals{SIGTERM, SIGINT, SIGHUP};
constexpr unsigned char the_end = 0; ///< no signal's number

std::array<signal_pipe, 16> pipes;
std::mutex install_mutex; ///< guards all below, and `is_heard`
std::size_t watches = 0;
std::array<struct sigaction, signals.size()> of_host;

extern "C" void pass_on(int number) {
  auto before = errno;
  auto byte = static_cast<unsigned char>(number);
  for (auto& pipe : pipes)
    if (pipe.is_heard.load())
      (void)!::write(pipe.in.load(), &byte, 1); // a full pipe has enough of them
  errno = before;
}

[[noreturn]] void fail(int error, const char* what) {
  throw std::system_error{error, std::system_category(), what};
}

void open_pipe(signal_pipe& pipe) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    fail(errno, "no pipe for signals");
  pipe.out = ends[0];
  pipe.in = ends[1];
}

signal_pipe& enter() {
  std::lock_guard guard{install_mutex};
  auto free = std::find_if(pipes.begin(), pipes.end(), [](auto& p) { return !p.is_heard.load(); });
  if (free == pipes.end())
    fail(EAGAIN, "too many servers wait for signals");
  if (free->out < 0)
    open_pipe(*free);
  for (unsigned char stale = 0; ::read(free->out, &stale, 1) == 1;) {}
  free->is_heard = true;
  if (watches++ > 0)
    return *free;
  struct sigaction ours {};
  ours.sa_handler = pass_on;
  ours.sa_flags = SA_RESTART;
  sigemptyset(&ours.sa_mask);
  for (std::size_t i = 0; i < signals.size(); ++i)
    ::sigaction(signals[i], &ours, &of_host[i]);
  return *free;
}

/// Restores the host's handlers unless another watch hears signals; returns whether it did.
bool restore() {
  std::lock_guard guard{install_mutex};
  if (--watches > 0)
    return false;
  for (std::size_t i = 0; i < signals.size(); ++i)
    ::sigaction(signals[i], &of_host[i], nullptr);
  return true;
}

void leave(signal_pipe& pipe) {
  std::lock_guard guard{install_mutex};
  pipe.is_heard = false;
}

/// The host may have blocked them on all of its threads.
void unblock() {
  sigset_t heard;
  sigemptyset(&heard);
  for (auto s : signals)
    sigaddset(&heard, s);
  ::pthread_sigmask(SIG_UNBLOCK, &heard, nullptr);
}

} // namespace

signal_watch::signal_watch(signal_callback on_signal)
  : on_signal_(std::move(on_signal)), pipe_(enter()) {
  try {
    thread_ = actors::start_thread("troupe signals", [this] { run(); });
  } catch (...) {
    restore();
    leave(pipe_);
    throw;
  }
}

/// The thread ends before the handlers are restored: a signal on it would otherwise run the host's
/// handler, or the system's default. A signal that comes in between is sent to the host again.
signal_watch::~signal_watch() {
  pollfd room{pipe_.in, POLLOUT, 0};
  while (::write(pipe_.in, &the_end, 1) < 0)
    ::poll(&room, 1, -1); // full of signals that are being heard
  thread_.join();
  bool is_hosts = restore();
  for (unsigned char late = the_end; ::read(pipe_.out, &late, 1) == 1;)
    if (is_hosts)
      ::kill(::getpid(), late);
  leave(pipe_);
}

void signal_watch::run() {
  unblock();
  int patience = -1;
  for (;;) {
    pollfd ready{pipe_.out, POLLIN, 0};
    auto n = ::poll(&ready, 1, patience);
    unsigned char number = the_end;
    if (n == 0)
      patience = on_signal_(0);
    else if (n < 0 || ::read(pipe_.out, &number, 1) != 1)
      continue;
    else if (number == the_end)
      return;
    else
      patience = on_signal_(number);
  }
}

} // namespace troupe::transport
