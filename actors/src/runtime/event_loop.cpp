#include <utility>

#include <troupe/actors/event_loop.hpp>

#include <troupe/actors/make_room.hpp>
#include <troupe/actors/option_check.hpp>
#include <troupe/protocol/prepare_thread.hpp>

#include <boost/asio/steady_timer.hpp>

#include <time.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>

namespace troupe::actors {
namespace {

thread_local event_loop* current_loop = nullptr;

/// Throws `std::invalid_argument` for the first field that cannot work: see `option_check`.
const loop_options& checked(const loop_options& o) {
  option_check is{"loop_options"};
  is.within("handlers_per_turn", o.handlers_per_turn, 1, option_check::most_things);
  is.within("least_handlers", o.least_handlers, 0, option_check::most_things);
  is.within("resumes_per_turn", o.resumes_per_turn, 1, option_check::most_things);
  is.within("deadlines_per_turn", o.deadlines_per_turn, 1, option_check::most_things);
  is.within("messages_per_resume", o.messages_per_resume, 1, option_check::most_things);
  is.within("dispatches_per_handler", o.dispatches_per_handler, 0, option_check::most_things);
  is.within("gather_wait", o.gather_wait.count(), 0, 1'000'000, " us");
  is.time("long_turn", o.long_turn);
  is.not_null("clock", o.clock);
  is.not_null("log", o.log);
  is.not_null("counters", o.counters);
  return o;
}

/// A clock that is cheap to read and a few milliseconds behind: enough to find what runs for too
/// long.
steady_time coarse_now() noexcept {
  timespec t;
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return steady_time{std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec}};
}

} // namespace

/// Marks the loop whose turn runs on this thread.
class event_loop::turn_scope {
public:
  explicit turn_scope(event_loop& loop) noexcept
    : loop_(loop), before_(std::exchange(current_loop, &loop)) {
    loop_.in_turn_ = true;
  }
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
    options_(checked(options)),
    timers_(options_.clock->now()),
    sessions_(index) {
  // Makes Asio's reactor, which takes descriptors and memory, now and not with the first TLS
  // client.
  boost::asio::steady_timer{context_};
}

event_loop::~event_loop() {
  entrance_->close();
  drop_jobs();
  poller_.let_go();
  drop_jobs();
  if (poller_seen_)
    poller_seen_->release();
}

void event_loop::drop_jobs() noexcept {
  auto drop = [](compat::job_queue& jobs, compat::job_queue& remote) {
    bool any = false;
    for (jobs.take(remote); !jobs.empty(); any = true)
      jobs.pop().drop();
    return any;
  };
  while (drop(ready_, remote_) || drop(posted_, remote_posted_)) { // a dropped job may queue others
  }
}

event_loop* event_loop::current() noexcept { return current_loop; }

bool event_loop::is_current() const noexcept { return current_loop == this; }

// -- jobs -----------------------------------------------------------------------------------------

void event_loop::submit(compat::loop_job& job) noexcept {
  if (is_current()) {
    ready_.push(job);
    return;
  }
  std::lock_guard guard{remote_mutex_};
  remote_.push(job);
  wake();
}

void event_loop::post_job(compat::loop_job& job) noexcept {
  if (is_current()) {
    posted_.push(job);
    return;
  }
  std::lock_guard guard{remote_mutex_};
  remote_posted_.push(job);
  wake();
}

/// Precondition: `remote_mutex_` is held.
void event_loop::wake() noexcept {
  if (!is_called_.exchange(true))
    poller_.wake();
}

void event_loop::take_remote() noexcept {
  if (!is_called_.load(std::memory_order_relaxed))
    return;
  auto next = [this]() -> session_key {
    std::lock_guard guard{remote_mutex_};
    if (given_up_.empty())
      return {};
    auto who = given_up_.back();
    given_up_.pop_back();
    return who;
  };
  bool any;
  {
    std::lock_guard guard{remote_mutex_};
    ready_.take(remote_);
    posted_.take(remote_posted_);
    is_called_ = false;
    any = !given_up_.empty();
  }
  while (any)
    if (auto who = next())
      end_given_up(who);
    else
      any = false;
}

session_key event_loop::open_session(sink& output) {
  {
    std::lock_guard guard{remote_mutex_};
    // beside those that have closed since they were listed
    make_room(given_up_, sessions_.size() + 1);
  }
  return sessions_.open(output);
}

/// Lists a session once. The list has room for all open sessions; `who` may have closed, and is
/// dropped and counted if such ones fill it.
void event_loop::give_up(session_key who) noexcept {
  std::lock_guard guard{remote_mutex_};
  if (std::find(given_up_.begin(), given_up_.end(), who) != given_up_.end())
    return;
  if (given_up_.size() == given_up_.capacity()) {
    options_.counters->count(protocol::counter::dropped, "given_up");
    return;
  }
  given_up_.push_back(who);
  wake();
}

void event_loop::end_given_up(session_key who) noexcept {
  if (auto* owner = sessions_.owner(who)) {
    owner->give_up();
  } else if (auto* output = sessions_.find(who)) {
    output->close(protocol::errc::internal, {});
    sessions_.touch(who);
  }
}

const char* event_loop::enter(const char* name) {
  if (!may_dispatch())
    return nullptr;
  if (slept_.get()) {
    slept_ = false;
    last_mark_ = coarse_now(); // the loop slept, not the handler that ended its sleep
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

void event_loop::run() {
  try {
    protocol::prepare_thread();
  } catch (...) {
    report("prepare_thread"); // the first message tries it again
  }
  while (!has_ended()) {
    run_turn();
    watch_stop();
    if (!left_work_ && !has_ended()) // the last actor may have died in this turn
      block();
  }
  stop_watch_.cancel();
  run_turn();
  // more sessions may have been told to end than one turn has handlers for
  while (sessions_.size() > 0 && run_turn()) {}
  deferred_.clear();
  deferred_before_.clear();
  entrance_->close();
}

/// Once it is told to stop, looks after those that keep it from ending.
void event_loop::watch_stop() {
  if (stopping_.load(std::memory_order_relaxed) && !stop_watch_.armed())
    arm(stop_watch_, first_reminder);
}

bool event_loop::poll(std::chrono::nanoseconds max_wait) {
  if (is_current())
    throw std::logic_error{"poll in a turn of its own loop would wait for itself"};
  constexpr std::chrono::milliseconds least_time{4}; // so that a busy loop gets on, too
  constexpr std::chrono::hours most_time{24};        // of which the clock has room
  max_wait = std::min<std::chrono::nanoseconds>(max_wait, most_time);
  auto longest = std::max<std::chrono::nanoseconds>(max_wait, least_time);
  auto end = std::chrono::steady_clock::now() + longest;
  auto did_something = run_turns(longest);
  auto is_interrupted = is_interrupted_.exchange(false);
  if (!did_something && !is_interrupted && max_wait.count() > 0 && !has_ended()) {
    block(options_.clock->now() + max_wait);
    run_turns(
      std::max<std::chrono::nanoseconds>(end - std::chrono::steady_clock::now(), least_time));
  }
  if (turn_is_over_)
    read_clock();
  forget_turn();
  begin("code between polls");
  last_mark_ = coarse_now();
  return !has_ended();
}

/// Runs turns while they do something, for that time; returns whether any did.
bool event_loop::run_turns(std::chrono::nanoseconds longest) {
  auto until = std::chrono::steady_clock::now() + longest;
  auto any = false, goes_on = true;
  while (goes_on) {
    goes_on = run_turn();
    any |= goes_on;
    watch_stop();
    goes_on = goes_on && std::chrono::steady_clock::now() < until;
  }
  return any;
}

void event_loop::interrupt() noexcept {
  is_interrupted_ = true;
  std::lock_guard guard{remote_mutex_};
  wake();
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
    options_.log->write(
      protocol::log_level::warning, "event_loop",
      "loop " + std::to_string(index_)
        + " cannot end yet: actors of the application's are pinned to it: " + names
        + (strangers > most_names ? " and others, " + std::to_string(strangers) + " in all" : ""));
}

bool event_loop::has_ended() const noexcept {
  return stopping_.load(std::memory_order_acquire) && pinned_actors() == 0;
}

void event_loop::stop() {
  stopping_.store(true, std::memory_order_release);
  std::lock_guard guard{remote_mutex_};
  wake();
}

steady_time event_loop::read_clock() const {
  now_ = options_.clock->now();
  if (!turn_began_ || turn_is_over_)
    note_turn();
  return *now_;
}

/// A turn does not read the clock for itself: it begins and ends at the times that others read. If
/// the first reading is late, after a handler that has not read the clock, the coarse clock counts.
void event_loop::note_turn() const {
  constexpr std::chrono::milliseconds coarse{10};
  if (std::exchange(turn_is_over_, false)) {
    turn_times_.note(*now_ - *turn_began_);
    after_flush_(*now_);
    turn_began_ = now_;
  } else {
    auto is_late = options_.clock == &system_clock() && *now_ - woke_at_ > coarse;
    turn_began_ = is_late ? woke_at_ : *now_;
  }
}

/// Forgets what the clock said: the loop sleeps now, or has slept.
void event_loop::forget_turn() noexcept {
  now_.reset();
  turn_began_.reset();
  woke_at_ = steady_time::max();
}

bool event_loop::run_turn(std::size_t max_handlers) {
  turn_scope scope{*this};
  compat::drop_quiet_logger();
  resumes_left_ = options_.resumes_per_turn;
  last_mark_ = coarse_now();
  if (!turn_began_)
    woke_at_ = last_mark_.get();
  bool busy = run_ready();
  busy |= run_handlers(max_handlers);
  try {
    begin("timer");
    timers_.advance(now());
    note_duration();
  } catch (...) {
    report("timer");
  }
  busy |= run_deadlines();
  busy |= run_ready();
  bool more = flush();
  more |= has_work();
  bool deferred = !deferred_before_.empty();
  more |= run_deferred_before();
  if (busy || more)
    turn_is_over_ = true;
  else
    forget_turn();
  left_work_ |= more;
  deferred_before_.swap(deferred_);
  return busy || more || deferred || !deferred_before_.empty() || !posted_.empty();
}

/// Runs the deferred work of the turn before, and flushes its output. Returns whether there is more
/// to do.
bool event_loop::run_deferred_before() {
  auto any = !deferred_before_.empty();
  run_deferred(deferred_before_);
  return any && (flush() || has_work());
}

void event_loop::run_deferred(std::vector<std::shared_ptr<deferred_work>>& work) {
  begin("handler");
  for (auto& w : work) {
    try {
      w->run_deferred();
    } catch (...) {
      report("handler");
    }
  }
  work.clear();
}

/// A turn that has handled some messages may wait for more, so that one flush sends all of them.
bool event_loop::run_handlers(std::size_t max) {
  constexpr std::size_t some = 4; // a look at the poller costs a tenth of a message
  std::size_t handled = 0, since_look = 0;
  left_work_ = true;
  asio_is_done_ = false;
  if (!std::exchange(has_waited_, false))
    look({});
  while (handled < max) {
    if (!run_handler()) {
      left_work_ = since_look >= some && is_worth_waiting() && has_gathered();
      if (!left_work_)
        break;
      since_look = 0;
      continue;
    }
    ++handled;
    ++since_look;
    note_duration();
    run_ready();
    if (handled >= options_.least_handlers && gauge_.is_full())
      break;
  }
  return handled > 0;
}

/// Polls, unless there are undelivered events. Returns whether there are events, or a call of
/// another thread, whose wake-up does not come again.
bool event_loop::look(std::chrono::nanoseconds wait) {
  if (!poller_.has_ready())
    poller_.wait(wait);
  return poller_.has_ready() || is_called_.load(std::memory_order_relaxed);
}

/// A hundred sends take half a millisecond, in which the first receivers answer. A turn that
/// follows at once finds only some of the answers, and needs as many sends for fewer messages. A
/// short wait gathers the rest.
bool event_loop::is_worth_waiting() {
  return options_.gather_wait.count() > 0 && poller_.is_exact() && !flush_left_ && gauge_.is_large()
      && pace_.allows();
}

/// Waits for `gather_wait`; returns whether that has brought something.
bool event_loop::has_gathered() {
  auto has_gained = look(options_.gather_wait);
  pace_.note(has_gained);
  return has_gained;
}

/// Runs one handler of the next source that has one: none of the three starves the others.
bool event_loop::run_handler() {
  begin("handler");
  dispatches_left_ = options_.dispatches_per_handler;
  for (unsigned tried = 0; tried < 3; ++tried) {
    source_ = (source_ + 1) % 3;
    try {
      if (source_ == 0 ? run_posted() : source_ == 1 ? run_socket() : run_asio())
        return true;
    } catch (...) {
      report("handler");
      return true;
    }
  }
  return false;
}

bool event_loop::run_posted() {
  take_remote();
  if (posted_.empty())
    return false;
  posted_.pop().run(1);
  return true;
}

bool event_loop::run_socket() {
  if (!poller_.has_ready())
    return false;
  poller_.tell_next();
  return true;
}

/// Polls Asio until it has nothing, once a turn: each poll costs a system call while an operation
/// of Asio's is pending.
bool event_loop::run_asio() {
  if (asio_is_done_)
    return false;
  if (context_.stopped())
    context_.restart();
  asio_is_done_ = context_.poll_one() == 0;
  return !asio_is_done_;
}

bool event_loop::run_ready() {
  bool any = false;
  while (!ready_.empty() && resumes_left_ > 0) {
    auto& job = ready_.pop();
    --resumes_left_;
    dispatches_left_ = options_.dispatches_per_handler;
    any = true;
    begin("actor");
    try {
      job.run(options_.messages_per_resume);
    } catch (...) {
      report(running_.get());
    }
    note_duration();
  }
  return any;
}

/// Runs what is due, each at the time that it is then. What is left, or has become due meanwhile,
/// has the next turn, behind the flush and the sockets. Returns whether anything was due.
bool event_loop::run_deadlines() {
  auto left = deadlines_.empty() ? 0 : options_.deadlines_per_turn;
  bool any = false, is_due = true;
  while (is_due && left-- > 0) {
    begin("timer");
    dispatches_left_ = options_.dispatches_per_handler;
    try {
      is_due = deadlines_.fire_next(now());
    } catch (...) {
      report("timer");
    }
    any |= is_due;
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
  flush_left_ = more;
  return more;
}

std::optional<steady_time> event_loop::next_wake_up() const {
  auto coarse = timers_.next_wake_up();
  auto exact = deadlines_.next();
  return exact && coarse ? std::min(exact, coarse) : exact ? exact : coarse;
}

/// Waits for a socket, a post or the next deadline, unless deferred work has left something to do.
/// At the latest until `latest`.
void event_loop::block(std::optional<steady_time> latest) {
  turn_scope scope{*this};
  if (run_deferred_before() || has_work() || !deferred_.empty() || !posted_.empty())
    return;
  auto until = next_wake_up();
  if (latest)
    until = std::min(until.value_or(*latest), *latest);
  begin("handler");
  if (turn_is_over_)
    read_clock();
  dispatches_left_ = options_.dispatches_per_handler;
  asio_is_done_ = false;
  try {
    if (!awaits_poller_ && run_asio())
      return; // which may have left something to do
    if (awaits_poller_ || !context_.stopped())
      block_in_asio(until);
    else
      block_in_poller(until);
  } catch (...) {
    report("handler");
    std::this_thread::sleep_for(failed_wait); // what fails now would fail again at once
  }
  slept_ = false;
}

void event_loop::block_in_poller(std::optional<steady_time> until) {
  if (poller_seen_)
    poller_seen_->release();
  poller_seen_.reset();
  slept_ = true;
  has_waited_ =
    poller_.wait(until ? std::optional<std::chrono::nanoseconds>{*until - now()} : std::nullopt);
  forget_turn(); // the next turn begins when the poller wakes
}

/// While Asio has something to wait for, the loop blocks in Asio, which watches the poller as one
/// more descriptor.
void event_loop::block_in_asio(std::optional<steady_time> until) {
  if (!poller_seen_)
    poller_seen_.emplace(context_, poller_.descriptor());
  if (!awaits_poller_)
    poller_seen_->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                             [this](const boost::system::error_code&) { awaits_poller_ = false; });
  awaits_poller_ = true;
  if (auto exact = deadlines_.next(); exact && exact == until)
    poller_.wake_after(*exact - now()); // Asio waits for whole milliseconds
  forget_turn();                        // the handler that ends the sleep runs in there
  slept_ = true;
  if (until)
    context_.run_one_until(*until);
  else
    context_.run_one();
}

/// Counts and logs the exception in flight.
void event_loop::report(const char* what) noexcept {
  protocol::report_exception(*options_.log, *options_.counters, what);
}

void event_loop::begin(const char* what) noexcept {
  running_ = what;
  now_.reset();
}

/// Reports what has run since the last mark if it took too long; time spent blocked does not count.
void event_loop::note_duration() noexcept {
  auto at = coarse_now();
  auto took = at - last_mark_.get();
  last_mark_ = at;
  if (took > steady_time::duration::zero())
    now_.reset();
  if (took < options_.long_turn)
    return;
  options_.counters->count(protocol::counter::long_turns, running_.get());
  try {
    report_long(std::chrono::duration_cast<std::chrono::milliseconds>(took));
  } catch (...) {
    report(running_.get());
  }
}

void event_loop::report_long(std::chrono::milliseconds took) {
  options_.log->write(protocol::log_level::warning, "event_loop",
                      now_running().text() + " ran for " + std::to_string(took.count()) + " ms");
}

} // namespace troupe::actors
