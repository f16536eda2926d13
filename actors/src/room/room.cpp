#include "room/room.hpp"

#include "model/random_id.hpp"
#include "runtime/owed_answer.hpp"

#include <new>
#include <utility>

namespace troupe::actors {
namespace {

/// The behaviour of rooms that have none of their own: it relays.
class relay final : public room_behavior {};

} // namespace

room::room(caf::actor_config& cfg, compat::loop_context& home, node_context& shared,
           loop_unit& unit, std::string name, room_key key, std::shared_ptr<room_cell> cell)
  : dispatched(cfg, home),
    shared_(shared),
    unit_(unit),
    room_name_(std::move(name)),
    key_(key),
    cell_(std::move(cell)) {}

room::behavior_type room::make_behavior() {
  set_exception_handler([this](std::exception_ptr& thrown) -> caf::error {
    crash(thrown);
    return caf::sec::runtime_error;
  });
  set_up();
  return {
    [this](entry_waits& m) { handle(m); },
    [this](leave_request& request) { handle(request); },
    [this](room_input& in) { handle(in); },
    [this](const claims_renewed& m) { core_->renew(m); },
    [this](const presence_request& m) {
      unit_.loop->concerns(room_name_);
      core_->list(m);
    },
    [this](const work_due& m) { do_work(m.what); },
    [this](const history_request& m) {
      unit_.loop->concerns(room_name_);
      core_->recall(m);
    },
    [this](const replay_wanted& m) {
      unit_.loop->concerns(room_name_);
      core_->continue_replay(m.who);
    },
    [this](const await_handled& m) { return handled(m); },
    [this](const outside_event& event) { core_->outside(event); },
    [this](const outside_request& m) {
      unit_.loop->concerns(room_name_);
      core_->outside(m);
    },
    [this](const end_room& m) {
      core_->close(m.reason);
      quit(caf::exit_reason::normal);
    },
  };
}

/// Handles the first entry in the cell. A room that is ending leaves it there for its successor.
void room::handle(entry_waits&) {
  unit_.loop->concerns(room_name_);
  if (core_->ending())
    return;
  cell_->handling = true;
  // The entry stays in the cell meanwhile: if this throws, the shard refuses it.
  bool is_done = std::visit([this](auto& e) { return enter(e); }, cell_->entries.front());
  cell_->handling = false;
  if (!is_done)
    return;
  cell_->entries.pop_front();
  ++cell_->handled;
}

/// Returns whether the request was handled; if not, the successor handles it.
bool room::enter(join_request& request) {
  auto reply = core_->join(request);
  // A room that is not ending has this code from its behaviour.
  if (reply.code == protocol::errc::room_closed && core_->ending())
    return false;
  auto room = reply.room ? room_actor{this} : room_actor{};
  auto connection = caf::actor_cast<connection_actor>(request.from);
  compat::dispatch(connection, join_answer{request.ticket, std::move(reply), std::move(room)});
  return true;
}

bool room::enter(hold_request& request) {
  auto is_renewed = core_->holds_seat_of(request.user_id);
  auto code = core_->hold(request);
  auto now = std::make_shared<const room_report>(core_->report());
  compat::anon_send(matchmaker_,
                    hold_answer{request.ticket, request.listing, room_name_, request.user_id, code,
                                request.made, is_renewed, std::move(now)});
  return true;
}

/// An asker that cannot be answered loses its connection; nobody else is affected.
caf::result<bool> room::handled(const await_handled& asked) {
  compat::owed_answer<bool> answer{*this};
  try {
    answer.give(*this, !core_->ending());
  } catch (...) {
    protocol::report_exception(*shared_.options.log, *shared_.options.counters, "room", room_name_);
    shared_.units[asked.who.loop]->loop->give_up(asked.who);
  }
  return compat::owed_answer<bool>::to_come();
}

void room::crash(std::exception_ptr thrown) noexcept {
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (...) {
    say_crash();
  }
  if (core_)
    core_->crash();
}

/// Logs the exception in flight with the room's name, or without it if there is no memory.
void room::say_crash() noexcept {
  try {
    auto what = protocol::exception_text();
    auto* hook = core_ ? core_->hook() : "its making";
    shared_.options.log->write(protocol::log_level::error, "room",
                               room_name_ + " has crashed"
                                 + (hook ? std::string{" in "} + hook : "") + ": " + what);
  } catch (const std::bad_alloc&) {
    shared_.options.log->write(protocol::log_level::error, "room", "a room has crashed: no memory");
  }
}

void room::set_up() {
  auto identity = std::make_shared<room_identity>();
  identity->key = key_;
  identity->name = room_name_;
  identity->handle = room_actor{this};
  auto* rule = shared_.rule_for(room_name_);
  room_core::config c;
  c.identity = std::move(identity);
  c.epoch = random_id();
  c.limits = shared_.options.rooms;
  c.announce = shared_.options.announce;
  c.list_members = shared_.options.list_members;
  c.gather_beyond = shared_.options.gather_beyond;
  if (rule) {
    c.announce = rule->options.announce.value_or(c.announce);
    c.list_members = rule->options.list_members.value_or(c.list_members);
    c.gather_beyond = rule->options.gather_beyond.value_or(c.gather_beyond);
    c.limits.max_members = rule->options.max_members.value_or(c.limits.max_members);
    c.limits.history = rule->options.history.value_or(c.limits.history);
    c.limits.linger = rule->options.linger.value_or(c.limits.linger);
    c.keep_when_empty = rule->options.keep_when_empty;
    c.keep_seat = rule->options.keep_seat;
    matchmaker_ = rule->matchmaker;
    c.is_listed = bool(matchmaker_);
  }
  c.metadata = std::exchange(cell_->wanted, nullptr);
  c.resume_window = shared_.options.sessions.resume_window;
  c.key = shared_.key;
  c.meter = &shared_.output_meter;
  c.histories = unit_.histories.get();
  c.counts = &unit_.counts;
  c.counters = shared_.options.counters;
  auto behavior = rule && rule->make ? rule->make(room_name_) : std::make_unique<relay>();
  core_.emplace(std::move(c), std::move(behavior), *this);
  core_->create();
}

void room::say_farewell() {
  if (core_)
    core_->tell_observers_end();
}

/// At once if the room is idle, else behind what waits for it.
void room::on_work_due(work_timer& timer) {
  unit_.loop->concerns(room_name_);
  if (dispatched::enter([this, what = timer.what] { do_work(what); }))
    return;
  unit_.loop->arm(timer, timer_wheel::tick); // again, if there is no memory for the message
  compat::anon_send(room_actor{this}, work_due{timer.what});
  timer.cancel();
}

void room::do_work(room_work what) {
  switch (what) {
    case room_work::tell_changes: return core_->tell_changes();
    case room_work::end_seats: return core_->end_seats();
    case room_work::end_requests: return core_->end_requests();
    case room_work::tell_pressure: return core_->tell_pressure();
    case room_work::keep_listing: return core_->keep_listing();
  }
}

room::work_timer& room::timer_of(room_work what) noexcept {
  switch (what) {
    case room_work::end_seats: return seats_;
    case room_work::end_requests: return requests_;
    case room_work::tell_pressure: return pressure_;
    case room_work::keep_listing: return listing_;
    case room_work::tell_changes: break;
  }
  return changes_;
}

void room::release_state() {
  matchmaker_ = nullptr;
  listing_.cancel();
  changes_.cancel();
  seats_.cancel();
  requests_.cancel();
  pressure_.cancel();
  core_.reset();
  targets_.clear();
}

// -- room_output ----------------------------------------------------------------------------------

void room::to_dispatcher(std::uint32_t loop, subscribe message) {
  compat::dispatch(shared_.units[loop]->output_actor, std::move(message));
}

void room::to_dispatcher(std::uint32_t loop, member_frame message) {
  compat::dispatch(shared_.units[loop]->output_actor, std::move(message));
}

void room::to_dispatchers(const std::vector<std::uint32_t>& loops, fan_out message) {
  if (loops.size() == 1) {
    compat::dispatch(shared_.units[loops.front()]->output_actor, std::move(message));
    return;
  }
  targets_.clear();
  for (auto loop : loops)
    targets_.push_back(shared_.units[loop]->output_actor);
  compat::fan_out(this, targets_, std::move(message));
}

void room::cut(session_key who) {
  compat::send(this, shared_.units[who.loop]->output_actor,
               last_frame{{}, who, {}, protocol::errc::slow_consumer});
}

void room::member_kicked(const caf::strong_actor_ptr& connection) {
  compat::send(this, caf::actor_cast<connection_actor>(connection),
               membership_lost{key_, protocol::errc::not_joined});
}

void room::observer_joined(const caf::actor& who) {
  watch(who, [this, who](const caf::error&) { core_->unobserve(who); });
}

void room::observer_left(const caf::actor& who) { unwatch(who); }

void room::to_observer(const caf::actor& who, room_event event) {
  compat::anon_send(who, std::move(event));
}

void room::room_ended(const std::vector<std::uint32_t>& loops, room_end reason) {
  for (auto loop : loops)
    compat::send(this, shared_.units[loop]->output_actor, room_closed{key_, reason});
}

void room::report_empty(std::chrono::milliseconds linger) {
  auto handled = cell_->handled + (cell_->handling ? 1 : 0);
  compat::send(this, unit_.registry, room_empty{room_name_, key_, handled, linger});
}

void room::request_end(room_end reason) {
  compat::send(this, unit_.registry, end_request{room_name_, key_, reason});
}

void room::tell_matchmaker(room_report report) {
  compat::anon_send(matchmaker_, std::move(report));
}

void room::report_hook_failure(const char* hook) noexcept {
  std::string whose;
  try {
    whose = room_name_ + (hook ? std::string{" in "} + hook : "");
  } catch (const std::bad_alloc&) {
    // The line goes without the hook.
  }
  protocol::report_exception(*shared_.options.log, *shared_.options.counters, "room",
                             whose.empty() ? room_name_ : whose);
}

} // namespace troupe::actors
