#include <utility>

#include <troupe/actors/event_loop.hpp>

#include <time.h>

#include <string>

namespace troupe::actors {
namespace {

thread_local event_loop* current_loop = nullptr;

/// A clock that is cheap to read and a few milliseconds behind: enough to find what runs for too long.
steady_time coarse_now() noexcept {
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return steady_time{std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec}};
}

} // namespace

/// Marks the loop whose turn runs on this thread.
class event_loop::turn_scope {
public:
  explicit turn_scope(event_loop& loop) noexcept : loop_(loop), before_(std::exchange(current_loop, &loop)) { loop_.in_turn_ = true; }
  turn_scope(const turn_scope&) = delete;
  turn_scope& operator=(const turn_scope&) = delete;
  ~turn_scope() {
    loop_.in_turn_ = false;
    current_loop = before_;
  }

private:
  event_loop& loop_;
  event_loop* before_;
};

event_loop::event_loop(caf::actor_system& system, unsigned index, loop_options options)
  : compat::loop_context(system),
    index_(index),
    options_(options),
    timers_(options.clock->now()),
    sessions_(index) {}

event_loop::~event_loop() { entrance_->close(); }

event_loop* event_loop::current() noexcept { return current_loop; }

bool event_loop::is_current() const noexcept { return current_loop == this; }

void event_loop::submit(caf::resumable* job) {
  if (is_current()) {
    ready_.push(job);
    return;
  }
  compat::release_annotation(job);
  bool first;
  {
    std::lock_guard guard{remote_mutex_};
    first = remote_.empty();
    remote_.push_back(job);
  }
  if (first)
    boost::asio::post(context_, [this] { take_remote(); });
}

const char* event_loop::enter(const char* name) {
  if (dispatches_left_ == 0)
    return nullptr;
  --dispatches_left_;
  if (slept_.get()) {
    slept_ = false;
    last_mark_ = coarse_now(); // the handler that has ended the loop's sleep did not sleep itself
  } else {
    note_duration();
  }
  const char* before = running_.get();
  running_ = name;
  return before;
}

void event_loop::leave(const char* before) {
  note_duration();
  running_ = before;
}

void event_loop::take_remote() {
  {
    std::lock_guard guard{remote_mutex_};
    remote_batch_.swap(remote_);
  }
  for (auto* job : remote_batch_)
    ready_.push(job);
  remote_batch_.clear();
}

void event_loop::run() {
  while (!has_ended()) {
    run_turn();
    if (stopping_.load(std::memory_order_relaxed) && !stop_watch_.armed())
      arm(stop_watch_, first_reminder);
    if (!left_work_ && !has_ended()) // the last actor may have died in this turn
      block();
  }
  stop_watch_.cancel();
  run_turn();
  while (sessions_.size() > 0 && run_turn()) { // more sessions were told to end than one turn has handlers for
  }
  pending_.clear();
  pending_before_.clear();
  entrance_->close();
}

void event_loop::dismiss_strangers() {
  constexpr std::size_t most_names = 8;
  std::size_t strangers = 0;
  std::string names;
  tenants_.for_each([&](compat::tenant& actor) {
    std::string_view name = actor.tenant_name();
    if (name.starts_with("troupe."))
      return;
    if (strangers++ < most_names)
      names.append(names.empty() ? "" : ", ").append(name);
    actor.ask_to_leave();
  });
  if (strangers > 0)
    options_.log->write(protocol::log_level::warning, "event_loop",
                        "loop " + std::to_string(index_) + " cannot end yet: actors of the application's are pinned to it: " + names
                          + (strangers > most_names ? " and others, " + std::to_string(strangers) + " in all" : ""));
}

bool event_loop::has_ended() const noexcept {
  return stopping_.load(std::memory_order_acquire) && pinned_actors() == 0;
}

void event_loop::stop() {
  stopping_.store(true, std::memory_order_release);
  boost::asio::post(context_, [] {});
}

bool event_loop::run_turn(std::size_t max_handlers) {
  turn_scope scope{*this};
  compat::drop_quiet_logger();
  resumes_left_ = options_.resumes_per_turn;
  last_mark_ = coarse_now();
  bool busy = run_ready();
  busy |= run_handlers(max_handlers);
  try {
    begin("timer");
    timers_.advance(now());
    note_duration();
  } catch (...) {
    report("timer");
  }
  busy |= run_ready();
  bool more = flush();
  more |= has_work();
  left_work_ |= more;
  run_pending(pending_before_);
  pending_before_.swap(pending_);
  return busy || more || !pending_before_.empty();
}

void event_loop::run_pending(std::vector<std::shared_ptr<pending_work>>& work) {
  begin("handler");
  for (auto& w : work) {
    try {
      w->run_pending();
    } catch (...) {
      report("handler");
    }
  }
  work.clear();
}

bool event_loop::run_handlers(std::size_t max) {
  bool any = false;
  left_work_ = true;
  for (std::size_t i = 0; i < max; ++i) {
    begin("handler");
    dispatches_left_ = options_.dispatches_per_handler;
    try {
      if (context_.poll_one() == 0) {
        left_work_ = false;
        break;
      }
    } catch (...) {
      report("handler");
    }
    any = true;
    note_duration();
    run_ready();
    if (i + 1 >= options_.least_handlers && flush_is_full_())
      break;
  }
  return any;
}

bool event_loop::run_ready() {
  bool any = false;
  while (!ready_.empty() && resumes_left_ > 0) {
    auto* job = ready_.pop();
    --resumes_left_;
    dispatches_left_ = options_.dispatches_per_handler;
    any = true;
    begin("actor");
    try {
      run_job(job, options_.messages_per_resume);
    } catch (...) {
      report(running_.get());
    }
    note_duration();
  }
  return any;
}

bool event_loop::flush() {
  bool more = false;
  begin("flush");
  for (auto& work : flushers_) {
    try {
      more |= work();
    } catch (...) {
      more = true;
      report("flush");
    }
  }
  try {
    sessions_.flush_touched();
  } catch (...) {
    more = true;
    report("flush");
  }
  note_duration();
  return more;
}

/// Waits for a socket, a post or the next deadline, unless pending work has left something to do.
void event_loop::block() {
  turn_scope scope{*this};
  run_pending(pending_before_);
  if (has_work() || !pending_.empty())
    return;
  arm_wake_up();
  dispatches_left_ = options_.dispatches_per_handler;
  begin("handler");
  slept_ = true;
  try {
    context_.run_one();
  } catch (...) {
    report("handler");
  }
  slept_ = false;
}

void event_loop::arm_wake_up() {
  auto at = timers_.next_wake_up();
  if (at == wake_up_at_ && (!at || *at > now()))
    return;
  wake_up_at_ = at;
  if (!at) {
    wake_up_.cancel();
    return;
  }
  wake_up_.expires_at(*at);
  wake_up_.async_wait([this, armed_for = *at](const boost::system::error_code& ec) {
    if (!ec && wake_up_at_ == armed_for)
      wake_up_at_.reset();
  });
}

/// Counts and logs the exception in flight.
void event_loop::report(const char* what) noexcept { protocol::report_exception(*options_.log, *options_.counters, what); }

void event_loop::begin(const char* what) noexcept {
  running_ = what;
  now_.reset();
}

/// Reports what has run since the last mark if it took too long; blocking is not counted.
void event_loop::note_duration() {
  auto at = coarse_now();
  auto took = at - last_mark_.get();
  last_mark_ = at;
  if (took > steady_time::duration::zero())
    now_.reset();
  if (took < options_.long_turn)
    return;
  options_.counters->count(protocol::counter::long_turns, running_.get());
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  options_.log->write(protocol::log_level::warning, "event_loop",
                      now_running().text() + " ran for " + std::to_string(ms) + " ms");
}

} // namespace troupe::actors
