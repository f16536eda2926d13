#include "bot/bot_session.hpp"

#include <utility>

namespace troupe::actors {
namespace {

constexpr std::uint16_t normal = 1000; ///< closed so, a session is not kept

protocol::shared_bytes join_command(protocol::codec codec, std::string_view room) {
  const protocol::field fields[] = {{"type", "join"}, {"roomId", room}};
  return protocol::shared_bytes::copy_of(protocol::encode_map(codec, fields));
}

} // namespace

bot_session::bot_session(caf::actor_config& cfg, compat::loop_context& home, node_context& shared,
                         loop_unit& unit, std::string room, caf::actor who, claims_ptr claims,
                         const bot_options& options, std::shared_ptr<const bot::state> handle)
  : dispatched(cfg, home),
    shared_(shared),
    unit_(unit),
    room_(std::move(room)),
    who_(std::move(who)),
    claims_(std::move(claims)),
    handle_(std::move(handle)),
    output_(*unit.loop, who_, room_, options, *shared.options.counters,
            [way = entrance_] { way->enter([](bot_session& s) { s.wake(); }); }) {
  handle_->entrance = entrance_;
}

bot_session::behavior_type bot_session::make_behavior() {
  set_exception_handler([this](std::exception_ptr& thrown) -> caf::error {
    try {
      std::rethrow_exception(thrown);
    } catch (...) {
      protocol::report_exception(*shared_.options.log, *shared_.options.counters, "bot", room_);
    }
    return caf::sec::runtime_error;
  });
  self_ = caf::strong_actor_ptr{ctrl()};
  watch(who_, [this](const caf::error&) { leave(); });
  open();
  return {[this](bot_input& in) { handle(in); }};
}

/// The room's loop is its own: what it says and hears stays on one thread.
void bot_session::open() {
  connection_info info{handle_->encoding, handle_->user_id, std::move(claims_)};
  info.is_bot = true;
  if (!unit_.end->lets_in())
    return output_.end();
  port_ = node::open(shared_, *unit_.loop, output_, std::move(info));
  auto codec = protocol::codec_of(handle_->encoding);
  port_.deliver(join_command(codec, room_), codec == protocol::codec::msgpack);
}

void bot_session::handle(bot_input& in) {
  if (output_.has_ended())
    return;
  if (waiting_.empty() && port_.may_read())
    deliver(in);
  else
    waiting_.push_back(std::move(in));
}

void bot_session::deliver(bot_input& in) {
  port_.deliver(std::move(in.bytes), in.binary);
  in.token = {};
}

// -- what comes from elsewhere --------------------------------------------------------------------

/// Thread: any.
void bot_session::wake() noexcept {
  if (waker_.is_queued.exchange(true, std::memory_order_acq_rel))
    return;
  waker_.kept = caf::strong_actor_ptr{ctrl()};
  unit_.loop->submit(waker_);
}

/// At once if it is idle; else its messages come first.
void bot_session::on_wake() noexcept {
  auto self = std::exchange(waker_.kept, nullptr);
  waker_.is_queued.store(false, std::memory_order_release);
  if (is_alive() && !dispatched::enter([this] { go_on(); }))
    wake();
}

void bot_session::go_on() {
  if (output_.has_ended())
    return leave();
  output_.give_values();
  while (!waiting_.empty() && port_.may_read()) {
    deliver(waiting_.front());
    waiting_.pop_front();
  }
}

/// Ends. What the actor has said before takes effect first, unless it is no member any more.
void bot_session::leave() {
  if (!output_.has_left())
    for (; !waiting_.empty(); waiting_.pop_front())
      deliver(waiting_.front());
  port_.closing({}, normal);
  quit(caf::exit_reason::normal);
}

void bot_session::say_farewell() { output_.say_last(); }

void bot_session::release_state() {
  entrance_->close();
  unwatch(who_);
  port_.closed(normal);
  port_ = {};
  waiting_.clear();
  output_.end();
  self_ = nullptr;
}

} // namespace troupe::actors
