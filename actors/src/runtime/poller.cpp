#include <troupe/actors/poller.hpp>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace troupe::actors {
namespace {

std::system_error failure(const char* what) { return {errno, std::system_category(), what}; }

} // namespace

poller::poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0)
    throw failure("epoll_create1");
  bell_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_event event{EPOLLIN | EPOLLET, {}}; // never read: each write is an edge
  event.data.fd = bell_;
  if (bell_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, bell_, &event) < 0) {
    auto why = failure("eventfd");
    ::close(bell_);
    ::close(epoll_);
    throw why;
  }
}

poller::~poller() {
  if (alarm_ >= 0)
    ::close(alarm_);
  ::close(bell_);
  ::close(epoll_);
}

void poller::add(int descriptor, pollable& who, interest in) {
  auto place = static_cast<std::size_t>(descriptor);
  if (place >= all_.size())
    all_.resize(std::max(place + 1, 2 * all_.size()));
  control(EPOLL_CTL_ADD, descriptor, in);
  all_[place] = &who;
}

void poller::change(int descriptor, interest in) { control(EPOLL_CTL_MOD, descriptor, in); }

void poller::control(int operation, int descriptor, interest in) {
  epoll_event event{EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET, {}};
  if (in == interest::input_and_output)
    event.events |= EPOLLOUT;
  event.data.fd = descriptor;
  if (::epoll_ctl(epoll_, operation, descriptor, &event) < 0)
    throw failure("epoll_ctl");
}

void poller::remove(int descriptor, pollable& who) noexcept {
  epoll_event ignored{}; // old kernels refuse null
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, &ignored);
  all_[static_cast<std::size_t>(descriptor)] = nullptr;
  retell(who, nullptr);
}

void poller::hand_over(int descriptor, pollable& from, pollable& to) noexcept {
  all_[static_cast<std::size_t>(descriptor)] = &to;
  retell(from, &to);
}

/// Delivers the events of `from` that were taken from the kernel to `to`; to nobody if that is
/// null.
void poller::retell(const pollable& from, pollable* to) noexcept {
  for (auto i = next_; i < count_; ++i)
    if (ready_[i].who == &from)
      ready_[i].who = to;
}

void poller::let_go() noexcept {
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (auto* one = std::exchange(all_[i], nullptr))
      one->on_end();
}

bool poller::wait(std::optional<std::chrono::nanoseconds> timeout) noexcept {
  std::array<epoll_event, most> events;
  auto n = wait_for(events.data(), timeout);
  next_ = count_ = 0;
  for (int i = 0; i < n; ++i)
    if (auto& e = events[static_cast<std::size_t>(i)]; e.data.fd != bell_)
      ready_[count_++] = {all_[static_cast<std::size_t>(e.data.fd)], e.events};
  return n >= 0;
}

int poller::wait_for(epoll_event* events,
                     std::optional<std::chrono::nanoseconds> timeout) noexcept {
  using namespace std::chrono;
  if (!timeout)
    return ::epoll_wait(epoll_, events, most, -1);
  if (*timeout <= 0ns)
    return ::epoll_wait(epoll_, events, most, 0);
  if (is_exact_) {
    auto whole = duration_cast<seconds>(*timeout);
    timespec t{whole.count(), static_cast<long>((*timeout - whole).count())};
    auto n = ::epoll_pwait2(epoll_, events, most, &t, nullptr);
    if (n >= 0 || errno == EINTR)
      return n;
    is_exact_ = false; // Linux before 5.11, or a filter of system calls that does not know this one
  }
  wake_after(*timeout);
  return ::epoll_wait(
    epoll_, events, most,
    static_cast<int>(std::min<std::int64_t>(ceil<milliseconds>(*timeout).count(), 60'000)));
}

void poller::tell_next() {
  auto [who, events] = ready_[next_++];
  if (who)
    who->on_ready(events);
}

void poller::wake_after(std::chrono::nanoseconds time) noexcept {
  using namespace std::chrono;
  if (alarm_ < 0) {
    alarm_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    epoll_event event{EPOLLIN | EPOLLET, {}}; // never read, as the bell
    event.data.fd = bell_;                    // nobody is told
    if (alarm_ >= 0 && ::epoll_ctl(epoll_, EPOLL_CTL_ADD, alarm_, &event) < 0) {
      ::close(alarm_);
      alarm_ = -1;
    }
    if (alarm_ < 0)
      return;
  }
  auto left = std::max(time, nanoseconds{1}); // 0 would disarm it
  auto whole = duration_cast<seconds>(left);
  itimerspec t{{}, {whole.count(), static_cast<long>((left - whole).count())}};
  ::timerfd_settime(alarm_, 0, &t, nullptr);
}

void poller::wake() noexcept {
  std::uint64_t one = 1;
  [[maybe_unused]] auto n = ::write(bell_, &one, sizeof one); // full after 2^64 writes
}

} // namespace troupe::actors
