#include "room/room.hpp"

#include "model/random_id.hpp"
#include "runtime/owed_answer.hpp"

#include <new>
#include <utility>

namespace troupe::actors {
namespace {

/// The behaviour of rooms that have none of their own: it relays.
class relay final : public room_behavior {};

/// When a room that could not be told that something is due is told again.
constexpr std::chrono::milliseconds retry_time{1};

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
  auto of_behavior = set_up();
  behavior_type all{
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
    [this](const outside_task& m) {
      unit_.loop->concerns(room_name_);
      core_->outside(m);
    },
    [this](const interface_ref& wanted) { return as(wanted); },
    [this](const end_room& m) {
      core_->close(m.reason);
      put_back_joins(false);
      end_mail();
      quit(caf::exit_reason::normal);
    },
  };
  if (mail_)
    all.unbox() =
      caf::message_handler{all.unbox().as_behavior_impl()}.or_else(std::move(of_behavior));
  return all;
}

/// This room, as an actor of that interface.
caf::result<caf::strong_actor_ptr> room::as(const interface_ref& wanted) {
  if (core_->ending())
    return caf::make_error(caf::sec::request_receiver_down);
  if (!mail_ || !mail_->speaks(*wanted.type))
    return caf::make_error(caf::sec::unexpected_message,
                           room_name_ + " is a room of another interface");
  return caf::strong_actor_ptr{ctrl()};
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
  if (!reply.is_put_off)
    join_decided(request, std::move(reply));
  return true;
}

/// Puts a join that was put off back into the cell: the shard passes it on to the room's successor.
void room::put_back(std::unique_ptr<join_request> join, std::size_t place) noexcept {
  auto who = join->who;
  try {
    auto at = cell_->entries.begin() + static_cast<std::ptrdiff_t>(place);
    cell_->entries.emplace(at, std::move(*join));
  } catch (...) {
    give_up(who);
  }
}

/// The same for all of them, before those that have come later. The one over which the room has
/// crashed goes first, as one that the room was handling.
void room::put_back_joins(bool has_crashed) noexcept {
  while (auto join = core_->take_put_off())
    put_back(std::move(join), cell_->handling ? 1 : 0);
  auto join = core_->take_half_decided();
  if (!join)
    return;
  auto before = cell_->entries.size();
  put_back(std::move(join), 0);
  cell_->handling = has_crashed && cell_->entries.size() > before;
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
  std::exception_ptr thrown;
  try {
    core_->finish_inputs(asked.who);
  } catch (...) {
    thrown = std::current_exception(); // of the behaviour: the room ends, behind the answer
  }
  auto goes_on = !thrown && !core_->ending();
  if (goes_on && core_->owes_answer(asked.who))
    await_answers(asked.who, answer);
  else
    tell_handled(asked.who, answer, goes_on);
  if (thrown)
    std::rethrow_exception(std::move(thrown));
  return compat::owed_answer<bool>::to_come();
}

void room::await_answers(session_key who, const compat::owed_answer<bool>& asker) noexcept {
  try {
    waiting_.emplace_back(who, asker);
  } catch (...) {
    give_up(who);
  }
}

void room::tell_handled(session_key who, const compat::owed_answer<bool>& asker,
                        bool goes_on) noexcept {
  try {
    asker.give(*this, goes_on);
  } catch (...) {
    give_up(who);
  }
}

/// There is no memory to answer a connection. Call it in a handler of the exception.
void room::give_up(session_key who) noexcept {
  protocol::report_exception(*shared_.options.log, *shared_.options.counters, "room", room_name_);
  shared_.units[who.loop]->loop->give_up(who);
}

void room::crash(std::exception_ptr thrown) noexcept {
  try {
    std::rethrow_exception(std::move(thrown));
  } catch (...) {
    say_crash();
  }
  if (core_) {
    core_->crash();
    put_back_joins(true);
  }
  end_mail();
}

/// It is about to end: it would wait for answers otherwise.
void room::end_mail() noexcept {
  if (mail_)
    forget_answers();
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

/// Returns the handlers of the messages that its behaviour takes from other actors, if it does.
caf::behavior room::set_up() {
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
    c.delivery = rule->options.delivery;
    c.command_ids = rule->options.command_ids;
    c.tick = rule->options.tick;
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
  auto* part = dynamic_cast<room_part*>(behavior.get());
  core_.emplace(std::move(c), std::move(behavior), *this);
  caf::behavior of_behavior;
  if (part) {
    mail_ = std::make_unique<room_mail>(*this, *unit_.loop, unit_.counts, room_name_,
                                        part->interface_type(), shared_.options.rooms.max_requests);
    of_behavior = part->attach(*mail_);
  }
  core_->create();
  if (rule && rule->options.tick.rate > 0)
    start_ticks(rule->options.tick.rate);
  return of_behavior;
}

void room::start_ticks(unsigned rate) {
  auto& among = unit_.ticking->of(rate);
  tick_ = std::make_unique<tick_entry>(*this, among);
  core_->start_ticks(among.next_start());
  among.wait_until(*tick_, core_->next_tick());
}

void room::say_farewell() {
  if (core_)
    core_->tell_observers_end();
  if (mail_)
    mail_->refuse_all();
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

/// As `on_work_due`, for what is due at an exact time.
void room::on_timers_due() {
  auto run = [this] { do_work(room_work::run_timers); };
  if (dispatched::enter(run))
    return;
  unit_.loop->deadlines().arm(timers_, unit_.loop->now() + retry_time);
  compat::anon_send(room_actor{this}, work_due{room_work::run_timers});
  timers_.cancel();
}

/// Likewise. The next tick is waited for once this one has run.
void room::on_tick_due() {
  auto run = [this] { do_work(room_work::tick); };
  if (dispatched::enter(run))
    return;
  tick_->among.wait_until(*tick_, unit_.loop->now() + retry_time);
  compat::anon_send(room_actor{this}, work_due{room_work::tick});
  tick_->stop();
}

/// What it says to other loops goes there in one message each, also if a hook throws.
void room::run_tick() {
  unit_.loop->concerns(room_name_);
  struct collecting {
    explicit collecting(tick_collector& c) : all(c) { all.is_on = true; }
    collecting(const collecting&) = delete;
    collecting& operator=(const collecting&) = delete;
    ~collecting() { all.is_on = false; }
    tick_collector& all;
  };
  try {
    collecting scope{collected_};
    core_->tick();
  } catch (...) {
    send_collected();
    throw;
  }
  send_collected();
  if (!core_->ending())
    tick_->among.wait_until(*tick_, core_->next_tick());
}

void room::send_collected() {
  if (collected_.empty())
    return;
  collected_.take([this](std::uint32_t loop, auto message) {
    compat::anon_send(shared_.units[loop]->output_actor, std::move(message));
  });
}

void room::do_work(room_work what) {
  switch (what) {
    case room_work::tell_changes: return core_->tell_changes();
    case room_work::end_seats: return core_->end_seats();
    case room_work::end_requests: return core_->end_requests();
    case room_work::tell_pressure: return core_->tell_pressure();
    case room_work::run_timers: unit_.loop->concerns(room_name_); return core_->run_timers();
    case room_work::tick: return run_tick();
    case room_work::take_answers: return core_->take_answers();
    case room_work::keep_listing: return core_->keep_listing();
  }
}

room::work_timer& room::timer_of(room_work what) noexcept {
  switch (what) {
    case room_work::end_seats: return seats_;
    case room_work::end_requests: return requests_;
    case room_work::tell_pressure: return pressure_;
    case room_work::tell_changes:
    case room_work::run_timers: // an entry of its own, as the next
    case room_work::tick: break;
    case room_work::take_answers: return answers_;
    case room_work::keep_listing: return listing_;
  }
  return changes_;
}

void room::release_state() {
  timers_.cancel();
  tick_.reset();
  if (mail_)
    mail_->clear();
  matchmaker_ = nullptr;
  listing_.cancel();
  changes_.cancel();
  seats_.cancel();
  requests_.cancel();
  pressure_.cancel();
  answers_.cancel();
  for (auto& [who, asker] : waiting_)
    tell_handled(who, asker, false); // that the room has ended
  waiting_.clear();
  core_.reset();
  if (inbox_)
    inbox_->detach();
  inbox_.reset();
  targets_.clear();
}

// -- room_output ----------------------------------------------------------------------------------

void room::to_dispatcher(std::uint32_t loop, subscribe message) {
  if (collects_for(loop))
    return collected_.add(loop, std::move(message));
  compat::dispatch(shared_.units[loop]->output_actor, std::move(message));
}

void room::to_dispatcher(std::uint32_t loop, member_frame message) {
  if (collects_for(loop))
    return collected_.add(loop, std::move(message));
  compat::dispatch(shared_.units[loop]->output_actor, std::move(message));
}

void room::to_dispatchers(const std::vector<std::uint32_t>& loops, fan_out message) {
  if (collected_.is_on) {
    for (auto loop : loops)
      if (collects_for(loop))
        collected_.add(loop, message);
      else
        compat::dispatch(shared_.units[loop]->output_actor, fan_out{message});
    return;
  }
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
  send_collected();
  compat::send(this, shared_.units[who.loop]->output_actor,
               last_frame{{}, who, {}, protocol::errc::slow_consumer});
}

void room::member_kicked(const caf::strong_actor_ptr& connection) {
  send_collected();
  compat::send(this, caf::actor_cast<connection_actor>(connection),
               membership_lost{key_, protocol::errc::not_joined});
}

void room::observer_joined(const caf::actor& who) { await_end(who); }

void room::observer_left(const caf::actor& who) {
  if (!mail_ || !mail_->watches(who))
    unwatch(who);
}

/// For the room itself, its behaviour, or both.
void room::await_end(const caf::actor& who) {
  unwatch(who);
  watch(who, [this, who](const caf::error& why) { on_end(who, why); });
}

void room::on_end(const caf::actor& who, const caf::error& why) {
  core_->unobserve(who);
  if (mail_)
    mail_->on_down(who.id(), why);
}

void room::to_observer(const caf::actor& who, room_event event) {
  compat::anon_send(who, std::move(event));
}

void room::room_ended(const std::vector<std::uint32_t>& loops, room_end reason) {
  send_collected();
  for (auto loop : loops)
    compat::send(this, shared_.units[loop]->output_actor, room_closed{key_, reason});
}

std::shared_ptr<answer_inbox> room::inbox() {
  if (!inbox_)
    inbox_ = std::make_shared<room_inbox>(static_cast<room_inbox::owner&>(*this), *unit_.loop);
  return inbox_;
}

void room::join_decided(const join_request& request, join_reply reply) {
  auto room = reply.room ? room_actor{this} : room_actor{};
  auto connection = caf::actor_cast<connection_actor>(request.from);
  compat::dispatch(connection, join_answer{request.ticket, std::move(reply), std::move(room)});
}

void room::all_answered(session_key who) {
  send_collected();
  std::erase_if(waiting_, [&](auto& w) {
    auto is_answered = w.first == who;
    if (is_answered)
      tell_handled(who, w.second, true);
    return is_answered;
  });
}

void room::report_empty(std::chrono::milliseconds linger) {
  auto handled = cell_->handled + (cell_->handling ? 1 : 0);
  compat::send(this, unit_.registry, room_empty{room_name_, key_, handled, linger});
}

std::size_t room::queued_bytes(session_key who) const {
  auto* output = unit_.loop->sessions().find(who);
  return output ? output->queued_bytes() : 0;
}

void room::read_queue(session_key who, std::shared_ptr<queue_reading> to) {
  auto* there = shared_.units[who.loop]->loop.get();
  there->post([there, who, to = std::move(to)] {
    auto* output = there->sessions().find(who);
    to->note(output ? output->queued_bytes() : 0);
  });
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
