#include <troupe/actors/node.hpp>

#include "actor_owner.hpp"
#include "byte_bucket.hpp"
#include "connection.hpp"
#include "dispatcher_service.hpp"
#include "endpoint_hub.hpp"
#include "memory_limit.hpp"
#include "random_id.hpp"
#include "raw_link.hpp"
#include "registry_shard.hpp"
#include "shared.hpp"
#include "watchdog.hpp"

#include <troupe/actors/own_thread.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

namespace troupe::actors {
namespace {

/// Whether `pattern` is a room's name, or a prefix of some and `*`.
bool is_room_pattern(std::string_view pattern) {
  auto is_prefix = pattern.ends_with('*');
  std::string name{is_prefix ? pattern.substr(0, pattern.size() - 1) : pattern};
  if (name.find('*') != std::string::npos)
    return false;
  return protocol::is_room_name(is_prefix ? name + 'x' : name);
}

/// What may be on its way from outside to one room or endpoint.
credit_limits outside_limits(const room_limits& limits) {
  return {std::int64_t{1} << 40, limits.max_pending_bytes > 0 ? limits.max_pending_bytes : std::int64_t{1} << 50};
}

/// A raw endpoint has a bound if it was asked for one: what its clients send goes to its own handlers. Who has lifted the rate of messages
/// wants none of bytes, unless it is given.
std::size_t bytes_per_second(const node_options& o, bool is_raw) {
  constexpr std::size_t least = 1024 * 1024;
  auto unbounded = is_raw || o.connections.messages_per_second <= 0;
  return o.connections.bytes_per_second.value_or(unbounded ? 0 : std::max(least, o.messages.largest_message()));
}

connection_actor open_raw(node_shared& s, event_loop& home, session_key key, connection_info info) {
  auto raw = std::make_shared<raw_state>();
  raw->loop = home.entrance();
  raw->key = key;
  raw->meter = s.meter;
  raw->encoding = info.encoding;
  raw->request = std::move(info.request);
  raw->claims = std::move(info.claims);
  auto& unit = *s.units[home.index()];
  auto at = std::move(info.endpoint);
  try {
    unit.output->on_subscribe({at->identity, key, raw->encoding, {}, false});
    {
      std::lock_guard guard{at->mutex};
      at->open.emplace(key, raw);
    }
    auto link = compat::spawn_on<raw_link>(home, s, unit, raw, at);
    at->deflating += is_deflated(raw->encoding) ? 1 : 0;
    return link;
  } catch (...) {
    unit.output->forget(at->identity->key, key);
    std::lock_guard guard{at->mutex};
    at->open.erase(key);
    throw;
  }
}

connection_actor open_member(node_shared& s, event_loop& home, session_key key, connection_info info) {
  connection_core::config c;
  c.key = key;
  c.encoding = info.encoding;
  c.user_id = std::move(info.user_id);
  if (c.user_id.empty() && info.claims)
    c.user_id = info.claims->subject;
  if (c.user_id.empty())
    c.user_id = random_id();
  c.claims = std::move(info.claims);
  c.check_token = std::move(info.check_token);
  c.options = &s.options;
  c.meter = &s.output_meter;
  c.profiles = &s.profile_meter;
  return compat::spawn_on<connection>(home, s, *s.units[home.index()], std::move(c));
}

/// Once a turn and loop while the budget is exceeded, the session that has lagged longest goes. Returns whether one did.
bool keep_output_budget(node_shared& s, loop_unit& unit) {
  auto used = s.output_meter.used_bytes();
  auto over = s.over_budget.load(std::memory_order_relaxed);
  if (used > s.budget_bytes) {
    s.over_budget.store(true, std::memory_order_relaxed);
    if (auto* slowest = unit.loop->sessions().oldest_backlog()) {
      slowest->cut(protocol::errc::node_overloaded);
      return true;
    }
  } else if (over && used < s.budget_bytes / 10 * 9) {
    s.over_budget.store(false, std::memory_order_relaxed);
  }
  return false;
}

[[gnu::always_inline]] inline bool is_within_budgets(const node_shared& s, loop_unit& unit) {
  return (s.budget_bytes == 0
          || (s.output_meter.used_bytes() <= s.budget_bytes && !s.over_budget.load(std::memory_order_relaxed)))
         && !unit.histories->account().exceeded();
}

/// For the end of each turn that is not within the budgets. Returns whether anything went.
bool keep_budgets(node_shared& s, loop_unit& unit) {
  bool any = s.budget_bytes > 0 && keep_output_budget(s, unit);
  return keep_history_budget(*unit.histories, s.shelves) || any;
}

} // namespace

struct node::state {
  node_shared shared;
  std::shared_ptr<node_gate> entrance = std::make_shared<node_gate>(shared);
  std::vector<std::thread> threads;
  std::unique_ptr<watchdog> looks_on; ///< while they run
  bool stop_requested = false;
  bool stopped = false;
};

/// The account is its base, so that what each message touches is one allocation; the tokens in flight keep both.
/// As a job of its loop it does what must not fail: reads on, and tells the actor that its socket has ended.
struct connection_port::state final : credit_account, compat::loop_job {
  state(event_loop& home, loop_counts& counted, const std::atomic<bool>& may_read, const credit_limits& limits,
        std::size_t bytes_per_second)
    : credit_account(limits, [this] { run_soon(); }),
      entrance(home.entrance()),
      loop(home),
      counts(counted),
      reads(may_read),
      bytes(bytes_per_second) {}

  /// Any thread, also after the loop's end: the last token may go with a batch of another loop's.
  void run_soon() noexcept {
    entrance->enter([this](event_loop& home) {
      if (is_queued.exchange(true, std::memory_order_acq_rel))
        return;
      kept = shared_from_this();
      home.submit(*this);
    });
  }

  void run(std::size_t) override {
    auto self = std::exchange(kept, nullptr);
    is_queued.store(false, std::memory_order_release);
    if (!open)
      tell_end({close_code, {}, {}});
    else if (auto* peer = loop.sessions().find(key))
      peer->resume_reading();
  }

  void drop() noexcept override { kept = nullptr; }

  /// The actor hears of it; later if there is no memory now.
  void tell_end(session_closed how) noexcept {
    if (!handle)
      return;
    try {
      compat::anon_send(handle, std::move(how));
      handle = nullptr;
    } catch (...) {
      run_soon();
    }
  }

  /// Made while the bucket of bytes is empty: most never are.
  struct refill final : timer_wheel::entry {
    explicit refill(state& s) : of(s) {}
    void on_deadline() override {
      if (auto* peer = of.loop.sessions().find(of.key))
        peer->resume_reading();
    }
    state& of;
  };

  void read_on_once_refilled() {
    if (!refilled)
      refilled = std::make_unique<refill>(*this);
    loop.timers().arm(*refilled, bytes.refilled_at());
  }

  std::shared_ptr<gate<event_loop>> entrance;
  event_loop& loop;    ///< behind the gate
  loop_counts& counts; ///< likewise
  const std::atomic<bool>& reads; ///< likewise
  session_key key;
  connection_actor handle;
  byte_bucket bytes;
  std::unique_ptr<refill> refilled;
  std::shared_ptr<credit_account> kept; ///< itself, while it is queued
  std::atomic<bool> is_queued{false};
  std::uint16_t close_code = 1006; ///< once it is not open
  bool open = true;
  bool raw = false;
};

struct room_handle::state {
  std::string name;
  std::shared_ptr<node_gate> node;
  loop_unit* home; ///< behind the gate
  std::shared_ptr<credit_account> account;
};

// -- node -----------------------------------------------------------------------------------------------------------------

node::node(caf::actor_system& system, node_options options) : state_(std::make_unique<state>()) {
  auto& s = state_->shared;
  s.options = std::move(options);
  s.key = s.options.hash_seed ? hash_key::from(*s.options.hash_seed) : hash_key::random();
  auto usable = usable_memory_bytes();
  // Small memory and large messages must not close who is on the way to a whole one.
  auto parts = std::max(usable / 16, static_cast<std::int64_t>(4 * s.options.messages.largest_message()));
  s.budget_bytes = s.options.memory_budget_bytes.value_or(usable / 4);
  s.histories.budget_bytes = s.options.history_budget_bytes.value_or(usable / 8);
  s.inbound_budget_bytes = s.options.inbound_budget_bytes.value_or(parts);
  loop_options lo;
  lo.clock = s.options.clock;
  lo.log = s.options.log;
  lo.counters = s.options.counters;
  for (unsigned i = 0; i < std::max(1u, s.options.loops); ++i) {
    auto& unit = *s.units.emplace_back(std::make_unique<loop_unit>());
    unit.loop = std::make_unique<event_loop>(system, i, lo);
    unit.wall = std::make_unique<wall_watch>(*unit.loop);
    unit.histories = std::make_unique<history_shelf>(*unit.loop, s.histories);
    s.shelves.push_back(unit.histories.get());
    unit.end = std::make_unique<loop_end>(s, unit);
    s.end.add(*unit.end);
  }
  for (auto& u : s.units)
    set_up(*u);
}

void node::set_up(loop_unit& unit) {
  auto& s = state_->shared;
  auto gone = [](const room_identity& room, session_key who) {
    compat::anon_send(room.handle, leave_request{who, leave_reason::disconnected, false, nullptr, {}});
  };
  unit.output = std::make_unique<dispatcher>(unit.loop->sessions(), &s.output_meter, unit.counts, gone);
  unit.output_actor = compat::spawn_on<dispatcher_service>(*unit.loop, s, *unit.output);
  unit.registry = compat::spawn_on<registry_shard>(*unit.loop, s, unit);
  unit.loop->add_flusher([&unit] { return unit.output->flush(); });
  unit.loop->set_flush_gauge([output = unit.output.get()] { return output->has_full_turn(); });
  unit.loop->add_flusher([&s, &unit] { return !is_within_budgets(s, unit) && keep_budgets(s, unit); });
}

node::~node() {
  if (!is_current()) {
    stop(*state_);
    return;
  }
  state_->shared.options.log->write(protocol::log_level::warning, "node",
                                    "it was destroyed on one of its own loops: it ends on a thread of its own");
  end_elsewhere([rest = std::shared_ptr<state>{std::move(state_)}] { stop(*rest); });
}

void node::must_be_new(const char* what) const {
  if (!state_->threads.empty() || state_->stop_requested || state_->stopped)
    throw std::logic_error{std::string{what} + " is for set-up: call it before the start"};
}

void node::rooms(std::string pattern, behavior_factory factory, room_options options) {
  must_be_new("rooms");
  auto& rules = state_->shared.rules;
  auto fail = [&](const char* why) { throw std::invalid_argument{"rooms(\"" + pattern + "\"): " + why}; };
  if (!is_room_pattern(pattern))
    fail("a pattern is a room's name, or a prefix and * at its end");
  if (!factory)
    fail("the factory is empty");
  if (std::any_of(rules.begin(), rules.end(), [&](auto& rule) { return rule.pattern == pattern; }))
    fail("these rooms have a behaviour already");
  auto checked = [make = std::move(factory), pattern](std::string_view name) {
    auto made = make(name);
    if (!made)
      throw std::logic_error{"the factory of rooms(\"" + pattern + "\") has returned null"};
    return made;
  };
  rules.push_back({std::move(pattern), std::move(checked), options});
}

endpoint node::make_endpoint(std::string path, endpoint_handlers handlers) {
  must_be_new("make_endpoint");
  auto& s = state_->shared;
  auto e = std::make_shared<endpoint_state>();
  e->handlers = std::move(handlers);
  e->account = std::make_shared<credit_account>(outside_limits(s.options.rooms));
  e->meter = s.meter;
  auto identity = std::make_shared<room_identity>();
  identity->key = room_key{s.room_serial.fetch_add(1, std::memory_order_relaxed) + 1};
  e->hub = compat::spawn_on<endpoint_hub>(*s.home_of(path).loop, s, identity->key, e);
  identity->name = std::move(path);
  identity->handle = e->hub;
  e->identity = std::move(identity);
  s.endpoints.push_back(e);
  return endpoint{std::move(e)};
}

const node_options& node::options() const noexcept { return state_->shared.options; }
unsigned node::loops() const noexcept { return static_cast<unsigned>(state_->shared.units.size()); }
unsigned node::loop_of(std::string_view room) const noexcept { return state_->shared.home_of(room).loop->index(); }
event_loop& node::loop(unsigned index) noexcept { return *state_->shared.units[index]->loop; }

void node::start() {
  if (!state_->threads.empty() || state_->stopped || state_->stop_requested)
    throw std::logic_error{"a node starts once, and not after its stop"};
  for (auto& unit : state_->shared.units)
    state_->threads.push_back(start_thread("troupe loop", [loop = unit->loop.get()] { loop->run(); }));
  std::vector<event_loop*> loops;
  for (auto& unit : state_->shared.units)
    loops.push_back(unit->loop.get());
  state_->looks_on = std::make_unique<watchdog>(std::move(loops), *state_->shared.options.log);
}

bool node::is_current() const noexcept {
  auto* here = event_loop::current();
  return here && here->index() < loops() && state_->shared.units[here->index()]->loop.get() == here;
}

void node::request_stop() { request_stop(*state_); }

void node::request_stop(state& self) {
  if (std::exchange(self.stop_requested, true))
    return;
  self.entrance->close();
  for (auto& e : self.shared.endpoints) {
    std::lock_guard guard{e->mutex};
    e->hub = nullptr;
  }
  self.shared.end.begin();
}

void node::stop() {
  if (is_current())
    throw std::logic_error{"a node that is stopped on one of its own loops would wait for itself"};
  stop(*state_);
}

void node::stop(state& self) {
  if (std::exchange(self.stopped, true))
    return;
  request_stop(self);
  for (auto& unit : self.shared.units)
    unit->loop->stop();
  if (self.threads.empty())
    drive_until_done(self);
  for (auto& t : self.threads)
    t.join();
  self.threads.clear();
  self.looks_on.reset();
  for (auto& unit : self.shared.units) {
    unit->loop->entrance()->close();
    unit->registry = nullptr;
    unit->output_actor = nullptr;
  }
  for (auto& e : self.shared.endpoints) {
    std::lock_guard guard{e->mutex};
    e->identity = nullptr;
  }
}

/// For loops that no thread runs.
void node::drive_until_done(state& self) {
  auto all = [&self](auto f) {
    bool any = false;
    for (auto& unit : self.shared.units)
      any |= f(*unit->loop);
    return any;
  };
  auto turn = [](event_loop& loop) { return loop.run_turn(); };
  auto reminder = std::chrono::steady_clock::now() + std::chrono::seconds{1};
  while (all([&](event_loop& loop) { return turn(loop), loop.pinned_actors() > 0; })) {
    std::this_thread::yield();
    if (std::chrono::steady_clock::now() < reminder)
      continue;
    reminder += std::chrono::seconds{10};
    (void)all([](event_loop& loop) { return loop.dismiss_strangers(), false; });
  }
  (void)all([](event_loop& loop) { return loop.entrance()->close(), false; }); // or who posts for ever keeps them busy
  while (all(turn)) {
  }
}

connection_port node::open(event_loop& home, sink& output, connection_info info) {
  auto& s = state_->shared;
  auto& unit = *s.units[home.index()];
  if (!unit.end->lets_in())
    throw std::runtime_error{"the node has ended its connections"};
  auto p = std::make_shared<connection_port::state>(home, unit.counts, s.reads, s.options.connections.credits,
                                                    bytes_per_second(s.options, info.endpoint != nullptr));
  p->key = home.sessions().open(output);
  loop_counts::add(unit.counts.connections, 1);
  connection_port port{p}; // closes it if something fails
  p->raw = info.endpoint != nullptr;
  p->handle = p->raw ? open_raw(s, home, p->key, std::move(info)) : open_member(s, home, p->key, std::move(info));
  home.sessions().bind(p->key, std::make_unique<actor_owner>(p->handle, p.get()));
  return port;
}

room_handle node::room(std::string_view name) {
  room_handle h;
  if (protocol::is_room_name(name))
    state_->entrance->enter([&](node_shared& s) {
      h.state_ = std::make_shared<const room_handle::state>(
        room_handle::state{std::string{name}, state_->entrance, &s.home_of(name), s.outside_account(name)});
    });
  return h;
}

void node::observe(std::string_view room, caf::actor who, observer_options options) {
  if (!who)
    throw std::invalid_argument{"observe: the actor is null"};
  auto asked = protocol::is_room_name(room) && state_->entrance->enter([&](node_shared& s) {
    compat::anon_send(s.home_of(room).registry, room_call{std::string{room}, observe_request{0, who, options}});
  });
  if (!asked)
    compat::anon_send(who, room_event{room_event::kind::refused, {}, std::string{room}, {}, 0, {}});
}

void node::unobserve(std::string_view room, caf::actor who) {
  state_->entrance->enter([&](node_shared& s) {
    compat::anon_send(s.home_of(room).registry, room_call{std::string{room}, unobserve_request{std::move(who)}});
  });
}

bool node::overloaded() const noexcept { return state_->shared.over_budget.load(std::memory_order_relaxed); }
protocol::memory_meter& node::inbound_meter() noexcept { return state_->shared.inbound_meter; }
protocol::memory_meter& node::output_meter() noexcept { return state_->shared.output_meter; }

std::size_t node::connections_on(unsigned loop) const noexcept {
  return state_->shared.units[loop]->counts.connections.load(std::memory_order_relaxed);
}

node_stats node::stats() const {
  node_stats sum;
  for (auto& unit : state_->shared.units) {
    auto get = [](auto& n) { return n.load(std::memory_order_relaxed); };
    sum.rooms += get(unit->counts.rooms);
    sum.members += get(unit->counts.members);
    sum.messages_in += get(unit->counts.messages_in);
    sum.publishes += get(unit->counts.publishes);
    sum.deliveries += get(unit->counts.deliveries);
    sum.connections += get(unit->counts.connections);
  }
  sum.output_bytes = state_->shared.output_meter.used_bytes();
  sum.budget_bytes = state_->shared.budget_bytes;
  sum.profile_bytes = state_->shared.profile_meter.used_bytes();
  sum.inbound_bytes = state_->shared.inbound_meter.used_bytes();
  sum.inbound_budget_bytes = state_->shared.inbound_budget_bytes;
  sum.history_bytes = state_->shared.histories.meter.used_bytes();
  sum.history_budget_bytes = state_->shared.histories.budget_bytes;
  return sum;
}

// -- draining -------------------------------------------------------------------------------------------------------------

namespace {

/// Waits until what a loop's clients have said has taken effect: all of its credit has come back.
class settling final : public timer_wheel::entry {
public:
  explicit settling(loop_unit& unit) : unit_(unit) {}

  void on_deadline() override {
    bool is_settled = true;
    auto& sessions = unit_.loop->sessions();
    sessions.for_each([&](session_key key, sink&) {
      auto* owner = static_cast<actor_owner*>(sessions.owner(key));
      is_settled &= !owner || owner->is_settled();
    });
    if (is_settled)
      unit_.has_settled = true;
    else
      unit_.loop->arm(*this, between_looks);
  }

private:
  static constexpr std::chrono::milliseconds between_looks{10};
  loop_unit& unit_;
};

/// Says goodbye to a loop's connections, some every 50 ms.
class drainer final : public timer_wheel::entry {
public:
  static constexpr std::chrono::milliseconds step{50};

  drainer(loop_unit& unit, bool restart, std::chrono::milliseconds spread) : unit_(unit), restart_(restart) {
    unit_.loop->sessions().for_each([this](session_key key, sink&) { left_.push_back(key); });
    auto steps = static_cast<std::size_t>(std::max<std::int64_t>(1, spread / step));
    per_step_ = std::max<std::size_t>(100, left_.size() / steps + 1);
  }

  void on_deadline() override {
    auto few = static_cast<std::ptrdiff_t>(std::min(per_step_, left_.size()));
    unit_.loop->arm(*this, step); // before what may fail for want of memory
    compat::anon_send(unit_.output_actor, drain_sessions{{left_.rbegin(), left_.rbegin() + few}, restart_});
    left_.erase(left_.end() - few, left_.end());
    if (left_.empty())
      cancel();
  }

private:
  loop_unit& unit_;
  bool restart_;
  std::vector<session_key> left_;
  std::size_t per_step_;
};

} // namespace

void node::stop_reading() {
  state_->shared.reads = false;
  for (auto& unit : state_->shared.units)
    unit->loop->post([u = unit.get()] {
      auto s = std::make_shared<settling>(*u);
      u->settling = s;
      s->on_deadline();
    });
}

bool node::has_settled() const noexcept {
  auto& units = state_->shared.units;
  return std::all_of(units.begin(), units.end(), [](auto& unit) { return unit->has_settled.load(); });
}

void node::end_rooms() {
  state_->entrance->close();
  for (auto& unit : state_->shared.units)
    compat::anon_send(unit->registry, stop_shard{});
}

void node::drain(drain_kind kind, std::chrono::milliseconds spread) {
  for (auto& unit : state_->shared.units)
    unit->loop->post([u = unit.get(), kind, spread] {
      auto d = std::make_shared<drainer>(*u, kind == drain_kind::restart, spread);
      u->drain = d;
      d->on_deadline();
    });
}

// -- connection_port ------------------------------------------------------------------------------------------------------

connection_port::connection_port() noexcept = default;
connection_port::connection_port(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}
connection_port::connection_port(connection_port&&) noexcept = default;

connection_port& connection_port::operator=(connection_port&& other) noexcept {
  if (this != &other) {
    closed();
    state_ = std::move(other.state_);
  }
  return *this;
}

connection_port::~connection_port() { closed(); }

session_key connection_port::key() const noexcept { return state_ ? state_->key : session_key{}; }

void connection_port::deliver(protocol::shared_bytes message, bool binary) {
  if (!state_->open)
    return;
  auto token = state_->take(message.size());
  state_->bytes.take(message.size(), state_->loop.now());
  compat::dispatch(state_->handle, inbound{std::move(message), binary, std::move(token)});
}

bool connection_port::may_read() {
  if (!state_->reads.load(std::memory_order_relaxed))
    return false;
  if (auto grown = state_->take_charged(); grown > 0)
    state_->bytes.take(grown, state_->loop.now());
  if (state_->bytes.is_empty(state_->loop.now())) {
    state_->read_on_once_refilled();
    return false;
  }
  return state_->positive() || !state_->pause();
}

std::int64_t connection_port::held_messages() const { return state_ ? state_->held_messages() : 0; }

bool connection_port::wants_pongs() const noexcept { return state_ && state_->raw; }

void connection_port::ponged(std::string payload) { compat::anon_send(state_->handle, pong_received{std::move(payload)}); }

void connection_port::closed(std::uint16_t code, std::string reason, std::string error) noexcept {
  if (!state_ || !std::exchange(state_->open, false))
    return;
  state_->refilled.reset();
  if (!state_->entrance->is_open()) { // a session that has outlived its loop
    state_->handle = nullptr;
    return;
  }
  state_->loop.sessions().close(state_->key);
  loop_counts::add(state_->counts.connections, static_cast<std::uint64_t>(-1));
  state_->close_code = code;
  state_->tell_end({code, std::move(reason), std::move(error)});
}

// -- room_handle ----------------------------------------------------------------------------------------------------------

publish_result room_handle::publish(const broadcast_event& event) const {
  if (!state_ || !state_->node->is_open())
    return publish_result::gone;
  if (!state_->account->positive())
    return publish_result::overloaded;
  auto owned = std::make_shared<const owned_event>(event);
  auto token = state_->account->take(owned->bytes());
  auto sent = state_->node->enter([&](node_shared&) {
    compat::anon_send(state_->home->registry, outside_event{state_->name, std::move(owned), std::move(token)});
  });
  return sent ? publish_result::accepted : publish_result::gone;
}

publish_result room_handle::end() const {
  auto sent = state_ && state_->node->enter([&](node_shared&) {
    compat::anon_send(state_->home->registry, end_request{state_->name, {}, room_end::ended});
  });
  return sent ? publish_result::accepted : publish_result::gone;
}

} // namespace troupe::actors
