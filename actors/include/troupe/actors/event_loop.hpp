#pragma once

#include <troupe/actors/clock.hpp>
#include <troupe/actors/deadline_queue.hpp>
#include <troupe/actors/gate.hpp>
#include <troupe/actors/gather_pace.hpp>
#include <troupe/actors/loop_job.hpp>
#include <troupe/actors/dispatched.hpp>
#include <troupe/actors/poller.hpp>
#include <troupe/actors/session_table.hpp>
#include <troupe/actors/time_histogram.hpp>
#include <troupe/actors/timer_wheel.hpp>
#include <troupe/actors/watched.hpp>
#include <troupe/protocol/observe.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace troupe::actors {

/// Bounds of one turn, and where a loop reports. Output leaves at a turn's end: with few handlers a
/// turn it leaves while other clients still send; with many the batches are larger. A node's loops
/// use these values, but for `clock`, `log` and `counters`.
struct loop_options {
  std::size_t handlers_per_turn = 32;
  std::size_t least_handlers = 8; ///< a turn whose flush is full ends early, after this many
  std::size_t resumes_per_turn = 256;
  /// Precise deadlines (`event_loop::deadlines`) that a turn runs before it flushes.
  std::size_t deadlines_per_turn = 64;
#ifdef __SANITIZE_THREAD__
  std::size_t messages_per_resume = 1; ///< so that TSan sees more hand-overs
#else
  std::size_t messages_per_resume = 16;
#endif
  /// Messages handled inline within one handler or resume: 16 publishes, or 9 joins.
  std::size_t dispatches_per_handler = 48;
  /// How long a turn that has many sends to make may wait for more input first, so that more
  /// messages share each send; the wait ends when something comes. A turn waits if it has handled 4
  /// or more since it last polled, nothing is left to handle, the last flush has left nothing, the
  /// next one needs 64 sends or more (members of several rooms not counted), and recent waits have
  /// brought something (`gather_pace`). 0: never; at most 1 s. (The system may make 60 µs of 10.)
  std::chrono::microseconds gather_wait{10};
  std::chrono::milliseconds long_turn{100};
  const loop_clock* clock = &system_clock();
  protocol::logger* log = &protocol::null_logger();
  protocol::event_counters* counters = &protocol::null_counters();
};

/// Work that a loop does when it has time: see `event_loop::defer`.
class deferred_work {
public:
  virtual ~deferred_work() = default;
  virtual void run_deferred() = 0;
};

/// One thread's worth of server: sockets, timers and the actors pinned to it, all run by one
/// thread, so that they share no lock.
///
/// A turn runs ready handlers and ready actors, then the flushers, then the deferred work of the
/// turn before; the loop blocks before the next one unless something was left. Handlers come in
/// turn from posts, from the poller and from Asio. An exception out of one is logged and counted,
/// and ends nothing else. In a test nobody calls `run`: the test calls `run_turn` and owns the
/// clock.
///
/// Listening sockets and connections use the poller. Asio runs the operations that Beast and the
/// TLS engine compose; the loop asks it only while it has something to wait for.
///
/// Invariants: a loop outlives every actor pinned to it; `submit` and `post` may be called from any
/// thread, all else on the loop's.
class event_loop final : public compat::loop_context {
public:
  /// Work at the end of a turn; returns whether it left some for the next one.
  using flusher = std::function<bool()>;

  event_loop(caf::actor_system& system, unsigned index, loop_options options = {});
  ~event_loop() override;

  // -- what lives on it ---------------------------------------------------------------------------

  [[nodiscard]] unsigned index() const noexcept { return index_; }
  /// Takes no lock: objects made with it are opened, used and closed on the loop's thread alone.
  [[nodiscard]] boost::asio::io_context& context() noexcept { return context_; }
  [[nodiscard]] poller& sockets() noexcept { return poller_; }
  [[nodiscard]] timer_wheel& timers() noexcept { return timers_; }
  /// For what is due at an exact time; `timers` costs less.
  [[nodiscard]] deadline_queue& deadlines() noexcept { return deadlines_; }
  [[nodiscard]] session_table& sessions() noexcept { return sessions_; }
  /// The time at which the handler, resume or flush under way first asked for it; it is read again
  /// if an actor run inline or the application took long. Outside a turn, the clock's time.
  [[nodiscard]] steady_time now() const {
    if (!in_turn_)
      return options_.clock->now();
    return now_ ? *now_ : read_clock();
  }
  /// Call it after code of the application, which may have taken long: `now` then reads the clock
  /// again.
  void time_has_passed() noexcept { now_.reset(); }
  [[nodiscard]] wall_time wall_now() const { return options_.clock->wall_now(); }
  [[nodiscard]] const loop_options& options() const noexcept { return options_; }

  /// Arms `e` to fire `after` from now.
  void arm(timer_wheel::entry& e, steady_time::duration after) { timers_.arm(e, now() + after); }

  /// Adds work for the end of each turn; flushers run in the order added. Call it before the loop
  /// runs, or on its thread.
  void add_flusher(flusher work) { flushers_.push_back(std::move(work)); }

  /// What the loop asks about the flush to come. Neither function throws.
  struct flush_gauge {
    /// Asked after each handler from `least_handlers` on; if true, the turn takes no more.
    std::function<bool()> is_full = [] { return false; };
    /// Asked when nothing is left to handle; if true, the turn may wait for more.
    std::function<bool()> is_large = [] { return false; };
  };
  /// Call it before the loop runs.
  void set_flush_gauge(flush_gauge gauge) { gauge_ = std::move(gauge); }

  /// Calls `work` after the flush of each turn that did something, with the first time that is read
  /// from then on. `work` must not throw. Call it before the loop runs.
  void set_after_flush(std::function<void(steady_time)> work) { after_flush_ = std::move(work); }

  /// How long turns took, of those that did something. A turn counts from its first reading of the
  /// clock to the first one after its flush, which comes before the loop sleeps. Thread: any.
  [[nodiscard]] const time_histogram& turn_times() const noexcept { return turn_times_; }

  // -- running ------------------------------------------------------------------------------------

  /// Runs turns until `stop`; returns once the last pinned actor is gone.
  void run();

  /// A piece of `run`, for who drives the loop from a loop of its own: runs turns as long as they
  /// find something to do, but no longer than `max_wait`, or 4 ms if that is less. If there was
  /// nothing to do at first, waits until there is, at most for `max_wait` (negative: not at all).
  /// Returns false once `stop` was called and no pinned actor is left.
  ///
  /// What the thread does between two calls belongs to no turn. If that takes long, the watchdog of
  /// a node tells it as "code between polls". Throws `std::logic_error` in a turn of this loop.
  /// Thread: always the same.
  bool poll(std::chrono::nanoseconds max_wait);

  /// Ends the wait of the `poll` under way, or the next one does not wait. Allocates nothing.
  /// Thread: any.
  void interrupt() noexcept;

  /// Runs one turn of at most `max_handlers` without blocking; returns whether it did anything or
  /// left work.
  bool run_turn(std::size_t max_handlers);
  bool run_turn() { return run_turn(options_.handlers_per_turn); }

  /// Lets `run` return once no pinned actor is left. Thread: any.
  void stop();

  /// Drops all queued jobs. Call it before the destruction of a loop that nobody runs any more,
  /// while what its actors use is alive.
  void drop_jobs() noexcept;

  /// Logs the names of application actors that are still pinned here, and asks them to exit. `run`
  /// does so a second after `stop`, and every ten seconds from then on.
  void dismiss_strangers();

  /// Runs `work` on the loop's thread, soon. Thread: any. May allocate: use a `loop_job` for what
  /// must not fail.
  template <class F>
  void post(F&& work) {
    post_job(*new posted<std::decay_t<F>>{std::forward<F>(work)});
  }
  /// The same with a job, which is in no queue yet and lives until it has run. Allocates nothing.
  /// Thread: any.
  void post_job(compat::loop_job& job) noexcept;

  /// Runs `work` once, before the loop blocks and no later than at the end of the next turn; keeps
  /// it until then. For work that finds more to do the later it runs. An exception is logged and
  /// counted; work that a stopped loop has not run is dropped. May allocate.
  void defer(std::shared_ptr<deferred_work> work) { deferred_.push_back(std::move(work)); }

  /// Runs `job` soon, after those that wait already. Allocates nothing. Thread: any.
  void submit(compat::loop_job& job) noexcept override;

  /// Opens a session; if it throws, for want of memory, nothing is left behind. Thread: the loop's.
  [[nodiscard]] session_key open_session(sink& output);

  /// Ends a session of `open_session` with `internal` (1011), soon: there is no memory to tell its
  /// connection what it waits for. Allocates nothing. Thread: any.
  void give_up(session_key who) noexcept;

  /// The gate to this loop for handles on other threads; it closes before the loop ends.
  [[nodiscard]] const std::shared_ptr<gate<event_loop>>& entrance() const noexcept {
    return entrance_;
  }

  /// The loop whose turn the calling code runs in; null elsewhere.
  [[nodiscard]] static event_loop* current() noexcept;

  /// Whether the calling code runs in a turn of this loop.
  [[nodiscard]] bool is_current() const noexcept override;

  // -- what runs ----------------------------------------------------------------------------------

  /// Names the subject of the handler under way (a room, a request), for reports of long runs;
  /// keeps the first 96 bytes. `name`, if not null, names the handler itself, and lives for ever.
  /// Loop's thread. Cost: a copy.
  void concerns(std::string_view what, const char* name = nullptr) noexcept {
    if (name)
      running_ = name;
    subject_.set(what);
    subject_of_ = running_.get();
  }

  struct activity {
    const char* name;
    std::string subject; ///< may be empty
    steady_time since;   ///< by a clock that is a few milliseconds behind
    bool is_exact;       ///< false: the loop may have slept since
    [[nodiscard]] std::string text() const {
      return subject.empty() ? name : std::string{name} + " (" + subject + ')';
    }
  };
  /// What runs now. Thread: any; a read during a change may see parts of both.
  [[nodiscard]] activity now_running() const {
    const char* name = running_.get();
    return {name, subject_of_.get() == name ? subject_.get() : std::string{}, last_mark_.get(),
            !slept_.get()};
  }

  // -- kept by the actors pinned to it ------------------------------------------------------------

  void actor_started(compat::tenant& actor) noexcept override {
    tenants_.add(actor);
    actors_.fetch_add(1, std::memory_order_relaxed);
  }
  void actor_stopped(compat::tenant& actor) noexcept override {
    tenants_.remove(actor);
    actors_.fetch_sub(1, std::memory_order_relaxed);
  }
  void running(const char* name) noexcept override { running_ = name; }
  /// Lets a deadline dispatch as many messages as a handler, whatever earlier ones have dispatched.
  void begin_deadline() noexcept { dispatches_left_ = options_.dispatches_per_handler; }
  [[nodiscard]] bool may_dispatch() noexcept override {
    if (dispatches_left_ == 0)
      return false;
    --dispatches_left_;
    return true;
  }
  const char* enter(const char* name) override;
  void leave(const char* before) override;
  void report(const char* what) noexcept override;
  [[nodiscard]] std::size_t pinned_actors() const noexcept {
    return actors_.load(std::memory_order_relaxed);
  }

private:
  [[nodiscard]] bool has_ended() const noexcept;
  steady_time read_clock() const;
  void note_turn() const;
  void forget_turn() noexcept;
  [[nodiscard]] bool has_work() const noexcept {
    return !ready_.empty() || sessions_.has_touched();
  }
  bool run_ready();
  bool run_deadlines();
  [[nodiscard]] std::optional<steady_time> next_wake_up() const;
  bool run_handlers(std::size_t max);
  bool flush();
  void run_deferred(std::vector<std::shared_ptr<deferred_work>>& work);
  bool run_deferred_before();
  void block(std::optional<steady_time> latest = {});
  bool run_turns(std::chrono::nanoseconds longest);
  void watch_stop();
  void block_in_asio(std::optional<steady_time> until);
  void block_in_poller(std::optional<steady_time> until);
  bool run_handler();
  bool look(std::chrono::nanoseconds wait);
  [[nodiscard]] bool is_worth_waiting();
  [[nodiscard]] bool has_gathered();
  bool run_posted();
  bool run_socket();
  bool run_asio();
  void wake() noexcept;
  void end_given_up(session_key who) noexcept;
  void take_remote() noexcept;
  void begin(const char* what) noexcept;
  void note_duration() noexcept;
  void report_long(std::chrono::milliseconds took);

  class turn_scope;

  template <class F>
  struct posted final : compat::loop_job {
    explicit posted(F&& f) : work(std::move(f)) {}
    explicit posted(const F& f) : work(f) {}
    void run(std::size_t) override {
      std::unique_ptr<posted> self{this};
      work();
    }
    void drop() noexcept override { delete this; }
    F work;
  };

  struct stop_watch final : timer_wheel::entry {
    explicit stop_watch(event_loop& l) : loop(l) {}
    void on_deadline() override {
      loop.dismiss_strangers();
      loop.arm(*this, between_reminders);
    }
    event_loop& loop;
  };
  static constexpr std::chrono::milliseconds failed_wait{1};
  static constexpr std::chrono::seconds first_reminder{1};
  static constexpr std::chrono::seconds between_reminders{10};

  const std::shared_ptr<gate<event_loop>> entrance_ = std::make_shared<gate<event_loop>>(*this);
  const unsigned index_;
  const loop_options options_;
  timer_wheel timers_;
  deadline_queue deadlines_;
  session_table sessions_;
  poller poller_;
  /// Declared after what its last handlers may use when they are destroyed with it.
  boost::asio::io_context context_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  /// The poller as a descriptor of Asio's, while the loop blocks there.
  std::optional<boost::asio::posix::stream_descriptor> poller_seen_;
  bool awaits_poller_ = false; ///< whether Asio does
  unsigned source_ = 0;        ///< of handlers: the one whose turn it is
  bool asio_is_done_ = false;  ///< in this turn
  bool has_waited_ = false;    ///< for the poller, since the last turn
  std::vector<flusher> flushers_;
  std::vector<std::shared_ptr<deferred_work>> deferred_;        ///< of the turn under way
  std::vector<std::shared_ptr<deferred_work>> deferred_before_; ///< of the one before
  flush_gauge gauge_;
  gather_pace pace_;
  bool flush_left_ = false; ///< whether the last flush left something
  std::function<void(steady_time)> after_flush_ = [](steady_time) {};
  compat::job_queue ready_;
  compat::job_queue posted_;
  std::size_t resumes_left_ = 0;
  std::size_t dispatches_left_ = 0;
  /// The last turn reached one of its bounds, or its flush gave more to do.
  bool left_work_ = false;
  bool in_turn_ = false;
  mutable std::optional<steady_time> now_; ///< of what runs
  /// Absent: nothing has asked for the time yet.
  mutable std::optional<steady_time> turn_began_;
  /// By the coarse clock; `max`: not known.
  steady_time woke_at_ = steady_time::max();
  mutable bool turn_is_over_ = false; ///< the next reading of the clock is the turn's end
  mutable time_histogram turn_times_;
  watched_value<steady_time> last_mark_;
  watched_value<bool> slept_ = false; ///< since the last mark, perhaps
  watched_value<const char*> running_ = "handler";
  watched_value<const char*> subject_of_; ///< the `running_` that `subject_` belongs to
  watched_text subject_;
  stop_watch stop_watch_{*this};
  compat::tenant_list tenants_;
  std::atomic<std::size_t> actors_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> is_interrupted_{false}; ///< since the last poll has looked
  std::mutex remote_mutex_;
  compat::job_queue remote_;           ///< guarded by remote_mutex_
  compat::job_queue remote_posted_;    ///< guarded by remote_mutex_
  std::vector<session_key> given_up_;  ///< with room for all sessions; guarded by remote_mutex_
  std::atomic<bool> is_called_{false}; ///< some of these wait; set under remote_mutex_
};

} // namespace troupe::actors
