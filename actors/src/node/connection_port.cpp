// The link between a session and its actor.
#include <utility>

#include "connection/connection.hpp"
#include "context/actor_owner.hpp"
#include "endpoint/endpoint_hub.hpp"
#include "endpoint/endpoint_connection.hpp"
#include "model/byte_bucket.hpp"
#include "model/random_id.hpp"
#include "node/node_state.hpp"

#include <algorithm>
#include <mutex>
#include <stdexcept>

namespace troupe::actors {
namespace {

/// Replaces 0 (no limit) by a limit that is never reached.
credit_limits lifted(credit_limits limits) {
  return {limits.messages > 0 ? limits.messages : std::int64_t{1} << 40,
          limits.bytes > 0 ? limits.bytes : std::int64_t{1} << 50};
}

/// The byte rate of a connection; 0: no limit. A raw endpoint has a limit only if one is given: its
/// own handlers get what its clients send. Options without a message rate have no byte rate either,
/// unless one is given.
std::size_t bytes_per_second(const node_options& o, bool is_raw) {
  constexpr std::size_t least = 1024 * 1024;
  auto unbounded = is_raw || o.connections.message_rate(is_raw) <= 0;
  return o.connections.bytes_per_second.value_or(
    unbounded ? 0 : std::max(least, o.messages.largest_message()));
}

connection_actor open_raw(node_context& s, event_loop& home, session_key key,
                          connection_info info) {
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
    compat::dispatch(unit.output_actor, subscribe{at->identity, key, raw->encoding, {}, false});
    {
      std::lock_guard guard{at->mutex};
      at->open.emplace(key, raw);
    }
    auto link = compat::spawn_on<endpoint_connection>(home, s, unit, raw, at);
    at->deflating += is_deflated(raw->encoding) ? 1 : 0;
    return link;
  } catch (...) {
    unit.output->forget(at->identity->key, key); // a `subscribe` behind this finds no session
    std::lock_guard guard{at->mutex};
    at->open.erase(key);
    throw;
  }
}

connection_actor open_member(node_context& s, event_loop& home, session_key key,
                             connection_info info) {
  connection_core::config c;
  c.key = key;
  c.encoding = info.encoding;
  c.user_id = std::move(info.user_id);
  if (c.user_id.empty() && info.claims)
    c.user_id = info.claims->subject;
  c.is_known = !c.user_id.empty();
  if (!c.is_known)
    c.user_id = random_id();
  c.address = info.address;
  c.may_resume = info.may_resume;
  c.is_bot = info.is_bot;
  c.loops = s.units.size();
  c.claims = std::move(info.claims);
  c.check_token = std::move(info.check_token);
  c.options = &s.options;
  c.meter = &s.output_meter;
  c.profiles = &s.profile_meter;
  c.directs = &s.directs;
  c.hash = s.key;
  c.replay_limits.bytes = std::max(
    c.replay_limits.bytes, static_cast<std::int64_t>(4 * s.options.messages.largest_message()));
  auto& unit = *s.units[home.index()];
  if (unit.sessions->is_on() && !is_plain(c.encoding) && !c.is_bot)
    c.secret = random_session_secret();
  auto secret = c.secret;
  auto handle = compat::spawn_on<connection>(home, s, unit, std::move(c));
  if (!secret)
    return handle;
  try {
    unit.sessions->open({key, *secret}, handle);
  } catch (...) {
    compat::kill(handle);
    throw;
  }
  return handle;
}

} // namespace

/// The account is its base, so that what each message touches is one allocation; credits in flight
/// keep it alive. As a job of its loop it does what must not fail: it resumes reading, and tells
/// the actor that its socket has ended.
struct connection_port::state final : credit_account, compat::loop_job {
  state(event_loop& home, loop_counts& counted, const std::atomic<bool>& may_read,
        const credit_limits& limits, std::size_t bytes_per_second)
    : credit_account(limits, [this] { run_soon(); }),
      entrance(home.entrance()),
      loop(home),
      counts(counted),
      reads(may_read),
      bytes(bytes_per_second) {}

  /// Thread: any, even after the loop's end: another loop's batch may hold the last credit.
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

  /// Tells the actor that its socket has ended; tries again later if there is no memory now.
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

  /// Resumes reading. Made when the byte bucket is first empty: most buckets never are.
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
  event_loop& loop;               ///< valid behind the gate only
  loop_counts& counts;            ///< likewise
  const std::atomic<bool>& reads; ///< likewise
  session_key key;
  connection_actor handle;
  byte_bucket bytes;
  std::unique_ptr<refill> refilled;
  std::shared_ptr<credit_account> kept; ///< keeps it alive while it is queued
  std::atomic<bool> is_queued{false};
  std::uint16_t close_code = 1006; ///< once `open` is false
  bool open = true;
  bool is_closing = false; ///< the actor has been told so
  bool raw = false;
};

connection_port node::open(event_loop& home, sink& output, connection_info info) {
  return open(state_->shared, home, output, std::move(info));
}

connection_port node::open(node_context& s, event_loop& home, sink& output, connection_info info) {
  auto& unit = *s.units[home.index()];
  if (!unit.end->lets_in())
    throw std::runtime_error{"the node has ended its connections"};
  auto p = std::make_shared<connection_port::state>(
    home, unit.counts, s.reads, lifted(s.options.connections.credits),
    bytes_per_second(s.options, info.endpoint != nullptr || info.is_bot));
  p->key = home.open_session(output);
  loop_counts::add(unit.counts.connections, 1);
  connection_port port{p}; // its destructor closes the session if something fails
  p->raw = info.endpoint != nullptr;
  p->handle = p->raw ? open_raw(s, home, p->key, std::move(info))
                     : open_member(s, home, p->key, std::move(info));
  home.sessions().bind(p->key, std::make_unique<actor_owner>(p->handle, p.get()));
  return port;
}

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

void connection_port::deliver(protocol::shared_bytes message, bool binary,
                              std::uint64_t deflated_bytes) {
  if (!state_->open)
    return;
  auto token = state_->take(message.size());
  state_->bytes.take(std::max<std::size_t>(message.size(), deflated_bytes), state_->loop.now());
  compat::dispatch(state_->handle, inbound{std::move(message), binary, std::move(token)});
}

credit connection_port::expect_message() {
  return state_ && state_->open ? state_->take(0) : credit{};
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

void connection_port::ponged(std::string payload) {
  compat::anon_send(state_->handle, pong_received{std::move(payload)});
}

void connection_port::closing(std::string_view error, std::uint16_t code) noexcept {
  if (!state_ || !state_->open || std::exchange(state_->is_closing, true))
    return;
  try {
    compat::anon_send(state_->handle, session_closing{code, std::string{error}});
  } catch (...) {
    // Without memory for that, the actor hears of it by `closed`.
  }
}

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

} // namespace troupe::actors
