#include <troupe/actors/endpoint.hpp>

#include "endpoint/endpoint_connection.hpp"

#include <troupe/protocol/frame.hpp>

namespace troupe::actors {

using protocol::opcode;
using protocol::shared_bytes;

namespace {

/// The connection's loop if the calling code runs there.
event_loop* loop_here(const raw_state* s) noexcept {
  auto* here = s ? event_loop::current() : nullptr;
  return here && here->entrance() == s->loop ? here : nullptr;
}

/// One call's share of the bytes on the way to its connection's loop, held until the call has
/// arrived or never will. A call that is alone fits, whatever its size. A thread may send faster
/// than a loop with a healthy reader, so the bound is far above that of an outbox.
class way_share {
public:
  way_share(std::shared_ptr<raw_state> s, std::size_t bytes) noexcept
    : state_(std::move(s)), bytes_(bytes + of_a_job) {
    auto before = state_->on_the_way.fetch_add(bytes_, std::memory_order_relaxed);
    fits_ = before == 0 || before + bytes_ <= most;
  }
  way_share(way_share&& other) noexcept = default;
  way_share& operator=(way_share&&) = delete;
  ~way_share() {
    if (state_)
      state_->on_the_way.fetch_sub(bytes_, std::memory_order_relaxed);
  }
  [[nodiscard]] bool fits() const noexcept { return fits_; }

private:
  static constexpr std::size_t most = std::size_t{64} * 1024 * 1024;
  static constexpr std::size_t of_a_job = 256;
  std::shared_ptr<raw_state> state_;
  std::size_t bytes_;
  bool fits_;
};

template <class F>
void post_to(const std::shared_ptr<raw_state>& s, F run) {
  s->loop->enter(
    [&](event_loop& loop) { loop.post([&loop, run = std::move(run)]() mutable { run(loop); }); });
}

/// Sets `has_been`; the first time, runs `f(sink, table)` on the connection's loop: inline on that
/// thread, else soon.
template <class F>
void once(const std::shared_ptr<raw_state>& s, std::atomic<bool>& has_been, F f) {
  if (has_been.exchange(true))
    return;
  auto open = connection_state::open;
  s->state.compare_exchange_strong(open, connection_state::closing);
  auto run = [s, f](event_loop& loop) {
    if (auto* peer = loop.sessions().find(s->key))
      f(*peer, loop.sessions());
  };
  if (auto* here = loop_here(s.get()))
    return run(*here);
  try {
    post_to(s, run);
  } catch (...) {
    has_been = false; // the next call tries it again
    throw;
  }
}

/// Cuts a connection to whose loop too much is on the way; drops the rest.
void cut(const std::shared_ptr<raw_state>& s) {
  once(s, s->is_beyond, [key = s->key](sink& peer, session_table& table) {
    peer.cut(protocol::errc::slow_consumer);
    table.touch(key);
  });
}

/// Runs `f(sink, table)` on the connection's loop if it is still open there: inline on that thread,
/// else soon. `bytes`: the size of what `f` holds. Precondition: `s` is not null.
template <class F>
void with_peer(const std::shared_ptr<raw_state>& s, std::size_t bytes, F f) {
  auto run = [s, f = std::move(f)](event_loop& loop) {
    if (auto* peer = loop.sessions().find(s->key))
      f(*peer, loop.sessions());
  };
  if (auto* here = loop_here(s.get()))
    return run(*here);
  way_share share{s, bytes};
  if (!share.fits() || s->is_beyond.load(std::memory_order_relaxed))
    return cut(s);
  post_to(s, [run = std::move(run), share = std::move(share)](event_loop& loop) { run(loop); });
}

constexpr bool may_be_sent(std::uint16_t code) {
  return code == 1000 || (code >= 3000 && code <= 4999);
}

} // namespace

// -- raw_connection -------------------------------------------------------------------------------

void raw_connection::send(std::string_view text) const {
  if (state_)
    send_frame(protocol::make_frame(opcode::text, text, state_->meter.get()));
}

void raw_connection::send_binary(std::string_view bytes) const {
  if (state_)
    send_frame(protocol::make_frame(opcode::binary, bytes, state_->meter.get()));
}

void raw_connection::send(const shared_message& message) const {
  if (state_ && message.state_) // one that was moved from has no bytes
    append(message.frame(is_deflated(state_->encoding)));
}

void raw_connection::send_frame(const shared_bytes& frame) const {
  append(is_deflated(state_->encoding) ? protocol::deflated_frame(frame, state_->meter.get())
                                       : frame);
}

void raw_connection::append(const shared_bytes& frame) const {
  with_peer(state_, frame.size(), [key = state_->key, frame](sink&, session_table& table) {
    table.append(key, frame, output_kind::data);
  });
}

void raw_connection::ping(std::string_view payload) const {
  if (!state_)
    return;
  with_peer(state_, payload.size(),
            [key = state_->key, text = std::string{payload}](sink& peer, session_table& table) {
              peer.ping(text);
              table.touch(key);
            });
}

void raw_connection::close(std::uint16_t code, std::string_view reason) const {
  if (!state_)
    return;
  auto open = connection_state::open;
  state_->state.compare_exchange_strong(open, connection_state::closing);
  with_peer(state_, reason.size(),
            [key = state_->key, code = may_be_sent(code) ? code : std::uint16_t{1000},
             text = std::string{reason}](sink& peer, session_table& table) {
              peer.close_with(code, text);
              table.touch(key);
            });
}

void raw_connection::terminate() const {
  if (state_)
    once(state_, state_->is_terminated,
         [](sink& peer, session_table&) { peer.terminate(protocol::errc::ok); });
}

connection_state raw_connection::state() const noexcept {
  return state_ ? state_->state.load() : connection_state::closed;
}

std::size_t raw_connection::buffered_bytes() const {
  auto* here = loop_here(state_.get());
  auto* peer = here ? here->sessions().find(state_->key) : nullptr;
  return peer ? peer->queued_bytes() : 0;
}

const handshake& raw_connection::request() const noexcept {
  static const handshake none;
  return state_ && state_->request ? *state_->request : none;
}

const claims_ptr& raw_connection::claims() const noexcept {
  static const claims_ptr none;
  return state_ ? state_->claims : none;
}

std::any& raw_connection::user_data() const noexcept {
  thread_local std::any of_nobody;
  if (state_)
    return state_->user_data;
  of_nobody.reset();
  return of_nobody;
}

// -- endpoint -------------------------------------------------------------------------------------

publish_result endpoint::broadcast(std::string_view text) const {
  return say(nullptr, opcode::text, text);
}

publish_result endpoint::broadcast_binary(std::string_view bytes) const {
  return say(nullptr, opcode::binary, bytes);
}

publish_result endpoint::broadcast_except(const raw_connection& who, std::string_view text) const {
  return say(&who, opcode::text, text);
}

publish_result endpoint::broadcast_binary_except(const raw_connection& who,
                                                 std::string_view bytes) const {
  return say(&who, opcode::binary, bytes);
}

/// A broadcast out of a handler holds the credit of the message being handled; one from outside
/// holds credit of the endpoint.
publish_result endpoint::say(const raw_connection* except, opcode op,
                             std::string_view payload) const {
  if (!state_)
    return publish_result::gone;
  auto frame = protocol::make_frame(op, payload, state_->meter.get());
  endpoint_broadcast out;
  std::lock_guard guard{state_->mutex};
  if (state_->has_ended)
    return publish_result::gone;
  if (auto* token = current_credit(); token && *token)
    out.source = *token;
  else if (state_->account->positive())
    out.source = state_->account->take(frame.size());
  else
    return publish_result::overloaded;
  out.frame = std::move(frame);
  if (except && except->state_)
    out.except = except->state_->key;
  compat::anon_send(state_->hub, std::move(out));
  return publish_result::accepted;
}

std::vector<raw_connection> endpoint::clients() const {
  if (!state_)
    return {};
  std::lock_guard guard{state_->mutex};
  std::vector<raw_connection> all;
  all.reserve(state_->open.size());
  for (auto& [key, s] : state_->open)
    all.emplace_back(s);
  return all;
}

std::size_t endpoint::client_count() const {
  if (!state_)
    return 0;
  std::lock_guard guard{state_->mutex};
  return state_->open.size();
}

const endpoint_handlers& endpoint::handlers() const noexcept {
  static const endpoint_handlers none;
  return state_ ? state_->handlers : none;
}

} // namespace troupe::actors
