#include "connection/connection.hpp"

#include "messages/seat_wishes.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

namespace troupe::actors {
namespace {

/// Whether a session outlives a connection that ends so: its client may come back to it. `code`: of
/// the client's close frame; `error`: why the server closes, empty if the client does.
bool is_loss(std::uint16_t code, std::string_view error) {
  constexpr std::uint16_t normal = 1000, none_given = 1005;
  if (error.empty())
    return code != normal && code != none_given;
  auto* why = protocol::info_named(error);
  return why && why->retryable;
}

} // namespace

connection::connection(caf::actor_config& cfg, compat::loop_context& home, node_context& shared,
                       loop_unit& unit, connection_core::config config)
  : dispatched(cfg, home),
    shared_(shared),
    unit_(unit),
    key_(config.key),
    opened_(config.secret ? shared.opened.fetch_add(1, std::memory_order_relaxed) : 0),
    counted_(*unit.end),
    pulse_(*unit.loop),
    core_(std::in_place, std::move(config), *this) {}

connection::behavior_type connection::make_behavior() {
  set_exception_handler([this](std::exception_ptr& thrown) -> caf::error {
    try {
      std::rethrow_exception(thrown);
    } catch (...) {
      protocol::report_exception(*shared_.options.log, *shared_.options.counters, "connection");
    }
    return caf::sec::runtime_error;
  });
  pulse_.start(*this, shared_.options.heartbeat);
  core_->open();
  return {
    [this](inbound& message) { handle(message); },
    [this](join_answer& answer) { handle(answer); },
    [this](const session_closing& how) {
      note_end(how.code, how.error);
      end_input();
    },
    [this](const session_closed& how) {
      has_closed_ = true;
      note_end(how.code, how.error);
      end_input();
    },
    [this](heartbeat& beat) { handle(beat); },
    [this](const say_goodbye& m) { core_->say_goodbye(m.restart); },
    [this](const membership_lost& m) { core_->on_membership_lost(m); },
    [](const pong_received&) {},
    [this](const session_answer& answer) {
      core_->on_session(answer);
      end_if_finished();
    },
    [this](const hand_over& asked) { return give(asked); },
    [this](const take_direct& m) { return direct_reply{core_->on_direct(m.what)}; },
    [this](const direct_answer& m) {
      core_->on_direct_answer(m.ticket, m.code);
      end_if_finished();
    },
    [this](const end_session&) { core_->end(protocol::errc::disconnected); },
    [this](const reserve_answer& m) { core_->on_reserved(m); },
  };
}

void connection::handle(inbound& message) {
  loop_counts::add(unit_.counts.messages_in, 1);
  core_->on_message(std::move(message));
}

void connection::handle(join_answer& answer) {
  core_->on_joined(answer);
  end_if_finished();
}

void connection::handle(heartbeat&) { pulse_.check(key_, shared_.options.heartbeat); }

/// What has begun the end says whether the session is kept.
void connection::note_end(std::uint16_t code, std::string_view error) {
  if (!keeps_session_)
    keeps_session_ = is_loss(code, error);
  if (!*keeps_session_)
    core_->end_session();
}

void connection::end_input() {
  core_->end_input();
  end_if_finished();
}

/// Leaves the rooms once all that the client said has taken effect, and ends once its socket has.
void connection::end_if_finished() {
  give_if_ready();
  if (!core_->finished())
    return;
  core_->leave_all(leave_reason::disconnected, keeps_session_.value_or(false));
  if (!has_closed_)
    return;
  if (auto record = core_->take_record())
    unit_.sessions->keep(key_, std::move(record));
  quit(caf::exit_reason::normal);
}

// -- its session ----------------------------------------------------------------------------------

caf::result<session_answer> connection::give(const hand_over& asked) {
  compat::owed_answer<session_answer> answer{*this};
  wanted_.emplace_back(asked, answer);
  if (core_->is_moving())
    core_->await_hand_over(asked.user_id);
  end_if_finished();
  return compat::owed_answer<session_answer>::to_come();
}

/// One move of a session at a time: it is given away once it is here.
void connection::give_if_ready() {
  if (core_->is_moving())
    return;
  for (; !wanted_.empty(); wanted_.erase(wanted_.begin()))
    wanted_.front().second.give(*this, core_->hand_over(wanted_.front().first.user_id));
}

void connection::release_state() {
  pulse_.stop();
  expiry_.reset();
  lobby_.reset();
  wanted_.clear();
  listing_ = {};
  core_.reset();
  unit_.sessions->close(key_);
  counted_.leave();
}

/// A connection that ends with its session open has failed, by a bug of ours or for want of memory:
/// 1011. Its rooms go on. Whoever waits for its session looks where that is now.
void connection::say_farewell() {
  close(protocol::errc::internal);
  core_->leave_all(leave_reason::disconnected);
  for (; !wanted_.empty(); wanted_.erase(wanted_.begin()))
    wanted_.front().second.refuse(*this, caf::sec::request_receiver_down);
}

// -- connection_output ----------------------------------------------------------------------------

void connection::expire_at(std::optional<wall_time> when) {
  expiry_ = when ? std::make_unique<wall_deadline>(
              *unit_.wall, *when, [this] { core_->end(protocol::errc::token_expired); })
                 : nullptr;
  if (expiry_)
    expiry_->start();
}

std::size_t connection::queued_bytes() const {
  auto* output = unit_.loop->sessions().find(key_);
  return output ? output->queued_bytes() : 0;
}

void connection::reply(const protocol::shared_bytes& frame) {
  unit_.loop->sessions().append(key_, frame, output_kind::control);
}

void connection::tell(const protocol::shared_bytes& frame) {
  unit_.loop->sessions().append(key_, frame, output_kind::data);
}

void connection::reply_behind_rooms(protocol::shared_bytes frame) {
  compat::dispatch(unit_.output_actor, member_frame{{}, key_, std::move(frame)});
}

void connection::close(protocol::errc why) {
  if (auto* peer = unit_.loop->sessions().find(key_)) {
    peer->close(why);
    unit_.loop->sessions().touch(key_);
  }
}

void connection::end_behind_rooms(std::vector<room_key> rooms, protocol::shared_bytes frame,
                                  protocol::errc why) {
  compat::send(this, unit_.output_actor, last_frame{std::move(rooms), key_, std::move(frame), why});
}

void connection::await_handled(const room_actor& room, std::uint32_t ticket) {
  auto handled = [this, ticket](bool in_full) {
    core_->on_handled(ticket, in_full);
    end_if_finished();
  };
  compat::request(this, room, caf::infinite, troupe::actors::await_handled{key_})
    .then(handled, [handled](const caf::error&) { handled(false); });
}

void connection::enter(const std::string& room, room_entry entry) {
  if (auto* join = std::get_if<join_request>(&entry))
    join->from = ctrl();
  compat::dispatch(shared_.home_of(room).registry, room_call{room, std::move(entry)});
}

void connection::publish(const room_actor& room, room_input input) {
  compat::dispatch(room, std::move(input));
}

void connection::leave(const room_actor& room, leave_request request) {
  compat::dispatch(room, std::move(request));
}

void connection::ask(const room_actor& room, presence_request request) {
  compat::send(this, room, std::move(request));
}

void connection::ask(const room_actor& room, history_request request) {
  compat::send(this, room, std::move(request));
}

void connection::renew(const room_actor& room, claims_renewed message) {
  compat::send(this, room, std::move(message));
}

void connection::claim(session_claim claim) {
  claim.from = ctrl();
  claim.opened = opened_;
  auto& directory = shared_.units[claim.name.key.loop]->directory;
  compat::send(this, directory, std::move(claim));
}

void connection::await_lobby(std::chrono::milliseconds time) {
  lobby_ = std::make_unique<lobby_timer>(*this);
  unit_.loop->arm(*lobby_, time);
}

/// At once if the connection is idle; else a command may just be there.
void connection::lobby_timer::on_deadline() {
  if (!owner.dispatched::enter([this] { owner.core_->on_lobby_due(); }))
    owner.unit_.loop->arm(*this, timer_wheel::tick);
}

void connection::say_direct(direct_ptr what, std::uint32_t ticket, credit token) {
  auto tell = [self = caf::actor_cast<connection_actor>(this), ticket, token = std::move(token),
               home = unit_.loop->entrance(), key = key_](protocol::errc code) {
    try {
      compat::anon_send(self, direct_answer{ticket, code});
    } catch (...) {
      home->enter([key](event_loop& loop) { loop.give_up(key); });
    }
  };
  auto fate = std::make_shared<direct_fate>(std::move(tell));
  for (auto& unit : shared_.units)
    compat::send(this, unit->directory, direct_call{what, fate});
}

/// The answer holds the credit of the command until it is here.
protocol::errc connection::reserve(reservation_request wanted, std::string ref, credit token) {
  auto rule = std::find_if(shared_.rules.begin(), shared_.rules.end(),
                           [&](auto& r) { return r.pattern == wanted.pattern; });
  if (rule == shared_.rules.end() || rule->options.reservable != reserve_policy::clients)
    return protocol::errc::forbidden;
  waiting_place place{rule->waiting};
  if (!place)
    return protocol::errc::overloaded;
  auto tell = [self = caf::actor_cast<connection_actor>(this), ref = std::move(ref),
               token = std::move(token), home = unit_.loop->entrance(),
               key = key_](const reservation_result& result) {
    try {
      compat::anon_send(self, reserve_answer{ref, result});
    } catch (...) {
      home->enter([key](event_loop& loop) { loop.give_up(key); });
    }
  };
  send_question<reserve_call>(
    rule->matchmaker,
    std::make_shared<seat_question>(std::move(wanted), std::move(tell), std::move(place),
                                    *shared_.options.log, *shared_.options.counters));
  return protocol::errc::ok;
}

void connection::list_as(std::string_view user) {
  listing_ = {};
  if (!user.empty())
    listing_ = {*unit_.users, user, caf::actor_cast<connection_actor>(this)};
}

void connection::forget_name(session_key key) {
  compat::send(this, shared_.units[key.loop]->directory, troupe::actors::forget_name{key});
}

void connection::drop(room_key room) {
  auto dropped = [this] {
    core_->on_dropped();
    end_if_finished();
  };
  compat::request(this, unit_.output_actor, caf::infinite, drop_membership{room, key_})
    .then(dropped, [dropped](const caf::error&) { dropped(); });
}

void connection::release(std::vector<room_key> rooms) {
  loop_counts::add(unit_.counts.resumes, 1);
  compat::send(this, unit_.output_actor, release_session{key_, std::move(rooms)});
}

} // namespace troupe::actors
