#include "endpoint/endpoint_connection.hpp"

#include <new>
#include <string>
#include <utility>

namespace troupe::actors {
namespace {

thread_local const credit* running_credit = nullptr;

/// Marks the credit of the message whose handler runs.
struct credit_scope {
  explicit credit_scope(const credit& token) noexcept
    : before(std::exchange(running_credit, &token)) {}
  credit_scope(const credit_scope&) = delete;
  credit_scope& operator=(const credit_scope&) = delete;
  ~credit_scope() { running_credit = before; }
  const credit* before;
};

} // namespace

const credit* current_credit() noexcept { return running_credit; }

endpoint_connection::endpoint_connection(caf::actor_config& cfg, compat::loop_context& home,
                                         node_context& shared, loop_unit& unit,
                                         std::shared_ptr<raw_state> state,
                                         std::shared_ptr<endpoint_state> at)
  : dispatched(cfg, home),
    shared_(shared),
    unit_(unit),
    state_(std::move(state)),
    endpoint_(std::move(at)),
    counted_(*unit.end),
    pulse_(*unit.loop),
    messages_(static_cast<double>(shared.options.connections.burst_messages)) {}

/// Runs one handler of the application; what it throws ends this connection alone.
template <class F>
void endpoint_connection::run(const char* hook, F&& handler) {
  unit_.loop->concerns(endpoint_->identity->name);
  try {
    handler();
  } catch (const std::exception& e) {
    fail(hook, e.what());
  } catch (...) {
    fail(hook, "an exception that is no std::exception");
  }
  unit_.loop->time_has_passed();
}

/// Closes the connection for the exception in flight, whose text is `what`.
void endpoint_connection::fail(const char* hook, std::string_view what) {
  report_hook(hook);
  close(protocol::errc::internal);
  auto open = connection_state::open; // it is `closed` already if `on_close` has thrown
  state_->state.compare_exchange_strong(open, connection_state::closing);
  has_failed_ = has_told_error_ = true;
  tell_error(what);
}

/// What the handler itself throws is only logged and counted.
void endpoint_connection::tell_error(std::string_view what) {
  auto& on_error = endpoint_->handlers.on_error;
  if (!on_error)
    return;
  try {
    on_error(raw_connection{state_}, what);
  } catch (...) {
    report_hook("on_error");
  }
}

/// Logs and counts the exception in flight, which `hook` has thrown.
void endpoint_connection::report_hook(const char* hook) noexcept {
  std::string whose;
  try {
    whose = endpoint_->identity->name + " in " + hook;
  } catch (const std::bad_alloc&) {
    // The log line goes without the hook's name.
  }
  protocol::report_exception(*shared_.options.log, *shared_.options.counters, "endpoint",
                             whose.empty() ? endpoint_->identity->name : whose);
}

endpoint_connection::behavior_type endpoint_connection::make_behavior() {
  pulse_.start(*this, shared_.options.heartbeat);
  if (state_->claims && state_->claims->expires_at) {
    expiry_ = std::make_unique<wall_deadline>(*unit_.wall, *state_->claims->expires_at,
                                              [this] { expire(); });
    expiry_->start();
  }
  if (endpoint_->handlers.on_open)
    run("on_open", [this] { endpoint_->handlers.on_open(raw_connection{state_}); });
  return {
    [this](inbound& m) { handle(m); },
    [this](join_answer& m) { handle(m); },
    [this](const session_closing& m) { begin_end(m.error); },
    [this](const session_closed& m) { end(m); },
    [this](heartbeat& beat) { handle(beat); },
    [this](const say_goodbye& m) {
      state_->state = connection_state::closing;
      auto why = m.restart ? protocol::errc::restart : protocol::errc::shutdown;
      compat::send(this, unit_.output_actor,
                   last_frame{{endpoint_->identity->key}, state_->key, {}, why});
    },
    [](const membership_lost&) {},
    [](const session_answer&) {},
    [](const hand_over&) { return session_answer{}; },
    [](const take_direct&) { return direct_reply{}; },
    [](const direct_answer&) {},
    [](const end_session&) {},
    [](const reserve_answer&) {},
    [this](const pong_received& m) {
      if (endpoint_->handlers.on_pong)
        run("on_pong", [&] { endpoint_->handlers.on_pong(raw_connection{state_}, m.payload); });
    },
  };
}

void endpoint_connection::handle(heartbeat&) {
  pulse_.check(state_->key, shared_.options.heartbeat);
}

void endpoint_connection::handle(inbound& message) {
  loop_counts::add(unit_.counts.messages_in, 1);
  if (!within_rate())
    return;
  credit_scope scope{message.token};
  if (endpoint_->handlers.on_message)
    run("on_message", [&] {
      endpoint_->handlers.on_message(raw_connection{state_}, message.bytes.view(), message.binary);
    });
}

/// Closes a client that sends too fast: without an envelope it could not be told that a message was
/// dropped.
bool endpoint_connection::within_rate() {
  auto& limits = shared_.options.connections;
  auto rate = limits.message_rate(true);
  if (rate <= 0)
    return true;
  messages_.refill(unit_.loop->now(), rate, static_cast<double>(limits.burst_messages));
  if (!is_flooded_ && messages_.take())
    return true;
  auto& counters = *shared_.options.counters;
  counters.count(protocol::counter::dropped, "rate_limited");
  if (!std::exchange(is_flooded_, true)) {
    counters.count(protocol::counter::protocol_errors, "flood");
    close(protocol::errc::flood);
  }
  return false;
}

/// Lets what is queued go first, then a close frame.
void endpoint_connection::close(protocol::errc why) {
  if (auto* peer = unit_.loop->sessions().find(state_->key)) {
    peer->close(why);
    unit_.loop->sessions().touch(state_->key);
  }
}

void endpoint_connection::expire() {
  state_->state = connection_state::closing;
  close(protocol::errc::token_expired);
}

/// A close has begun: the client is listed no more. Tells why the server closes, once.
void endpoint_connection::begin_end(std::string_view error) {
  auto open = connection_state::open;
  state_->state.compare_exchange_strong(open, connection_state::closing);
  leave_endpoint();
  if (!error.empty() && !std::exchange(has_told_error_, true))
    run("on_error", [&] { tell_error(error); });
}

void endpoint_connection::end(const session_closed& how) {
  has_ended_ = true;
  state_->state = connection_state::closed;
  begin_end(how.error);
  auto code = has_failed_ ? info(protocol::errc::internal).close_code : how.code;
  if (endpoint_->handlers.on_close)
    run("on_close",
        [&] { endpoint_->handlers.on_close(raw_connection{state_}, code, how.reason); });
  quit(caf::exit_reason::normal);
}

/// Idempotent.
void endpoint_connection::leave_endpoint() noexcept {
  if (std::exchange(has_left_, true))
    return;
  {
    std::lock_guard guard{endpoint_->mutex};
    endpoint_->open.erase(state_->key);
  }
  endpoint_->deflating -= is_deflated(state_->encoding) ? 1 : 0;
  forget_client();
}

/// Directly, as there may be no memory for a message; and by a message, as `subscribe` may still
/// wait in the dispatcher's mailbox.
void endpoint_connection::forget_client() noexcept {
  if (!endpoint_->identity)
    return;
  unit_.output->forget(endpoint_->identity->key, state_->key);
  try {
    compat::anon_send(unit_.output_actor,
                      member_frame{endpoint_->identity->key, state_->key, {}, true});
  } catch (const std::bad_alloc&) {
    // A client that has gone is dropped with the next broadcast.
  }
}

/// For a connection that ends by our own bug: tells its client and its handlers.
void endpoint_connection::say_farewell() {
  if (has_ended_)
    return;
  close(protocol::errc::internal);
  session_closed how;
  how.code = info(protocol::errc::internal).close_code;
  end(how);
}

void endpoint_connection::release_state() {
  pulse_.stop();
  expiry_.reset();
  leave_endpoint();
  state_.reset();
  endpoint_.reset();
  counted_.leave();
}

} // namespace troupe::actors
