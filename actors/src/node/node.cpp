// A node's set-up and its statistics.
#include <troupe/actors/node.hpp>

#include "context/memory_limit.hpp"
#include "endpoint/endpoint_hub.hpp"
#include "matchmaking/matchmaker.hpp"
#include "messages/check_options.hpp"
#include "model/random_id.hpp"
#include "node/directory_service.hpp"
#include "node/dispatcher_service.hpp"
#include "node/node_state.hpp"
#include "node/registry_shard.hpp"

#include <troupe/actors/own_thread.hpp>
#include <troupe/protocol/prepare_thread.hpp>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace troupe::actors {
namespace {

/// Whether `pattern` is a room's name, or a prefix of one followed by `*`.
bool is_room_pattern(std::string_view pattern) {
  auto is_prefix = pattern.ends_with('*');
  std::string name{is_prefix ? pattern.substr(0, pattern.size() - 1) : pattern};
  if (name.find('*') != std::string::npos)
    return false;
  return protocol::is_room_name(is_prefix ? name + 'x' : name);
}

/// Whether `pattern` matches every name that `other` matches.
bool covers(std::string_view pattern, std::string_view other) {
  if (!pattern.ends_with('*'))
    return other == pattern;
  return other.starts_with(pattern.substr(0, pattern.size() - 1));
}

unsigned loops_of(const node_options& options) {
  constexpr unsigned most = 1024;
  if (options.loops > 0)
    return options.loops;
  return std::clamp(std::thread::hardware_concurrency(), 1u, most);
}

/// What may be in flight from outside to one room or endpoint.
credit_limits outside_limits(const room_limits& limits) {
  return {std::int64_t{1} << 40,
          limits.max_pending_bytes > 0 ? limits.max_pending_bytes : std::int64_t{1} << 50};
}

/// Drops the values that wait for sessions that are behind. Returns whether there were any.
bool drop_values(loop_unit& unit) {
  std::size_t dropped = 0;
  unit.loop->sessions().for_each([&](session_key, sink& s) { dropped += s.drop_values(); });
  loop_counts::add(unit.counts.skipped, dropped);
  return dropped > 0;
}

/// While the budget is exceeded, drops values, for which nobody is cut, or else cuts the loop's
/// session with the oldest backlog, once a turn. Returns whether it has done so.
bool keep_output_budget(node_context& s, loop_unit& unit) {
  auto used = s.output_meter.used_bytes();
  auto over = s.over_budget.load(std::memory_order_relaxed);
  if (used > s.budget_bytes) {
    s.over_budget.store(true, std::memory_order_relaxed);
    if (drop_values(unit))
      return true;
    if (auto* slowest = unit.loop->sessions().oldest_backlog()) {
      slowest->cut(protocol::errc::node_overloaded);
      return true;
    }
  } else if (over && used < s.budget_bytes / 10 * 9) {
    s.over_budget.store(false, std::memory_order_relaxed);
  }
  return false;
}

[[gnu::always_inline]] inline bool is_within_budgets(const node_context& s, loop_unit& unit) {
  return (s.budget_bytes == 0
          || (s.output_meter.used_bytes() <= s.budget_bytes
              && !s.over_budget.load(std::memory_order_relaxed)))
      && !unit.histories->account().exceeded();
}

/// Runs at the end of each turn that is not within the budgets. Returns whether it freed anything.
bool keep_budgets(node_context& s, loop_unit& unit) {
  bool any = s.budget_bytes > 0 && keep_output_budget(s, unit);
  return keep_history_budget(*unit.histories, s.shelves) || any;
}

void check_messages() {
  if (!compat::knows_messages<caf::id_block::troupe_messages>())
    throw std::logic_error{"node: call troupe::init() before the actor system is made"};
}

} // namespace

node::node(caf::actor_system& system, node_options options) : state_(std::make_unique<state>()) {
  check_options(options);
  check_messages();
  auto& s = state_->shared;
  s.options = std::move(options);
  s.options.loops = loops_of(s.options);
  s.key = s.options.hash_seed ? hash_key::from(*s.options.hash_seed) : hash_key::random();
  auto usable = usable_memory_bytes();
  // With little memory, clients whose large messages are still incomplete must not be closed.
  auto parts =
    std::max(usable / 16, static_cast<std::int64_t>(4 * s.options.messages.largest_message()));
  s.budget_bytes = s.options.memory_budget_bytes.value_or(usable / 4);
  s.histories.budget_bytes = s.options.history_budget_bytes.value_or(usable / 8);
  s.inbound_budget_bytes = s.options.inbound_budget_bytes.value_or(parts);
  s.directs.bytes = s.options.directs.budget_bytes.value_or(usable / 64);
  s.outside_directs = s.new_outside_account();
  loop_options lo;
  lo.clock = s.options.clock;
  lo.log = s.options.log;
  lo.counters = s.options.counters;
  for (unsigned i = 0; i < s.options.loops; ++i) {
    auto& unit = *s.units.emplace_back(std::make_unique<loop_unit>());
    unit.loop = std::make_unique<event_loop>(system, i, lo);
    unit.wall = std::make_unique<wall_watch>(*unit.loop);
    unit.histories = std::make_unique<history_shelf>(*unit.loop, s.histories);
    s.shelves.push_back(unit.histories.get());
    unit.sessions = std::make_unique<session_directory>(*unit.loop, s.options.sessions);
    unit.users = std::make_unique<user_connections>(s.key);
    unit.ticking = std::make_unique<tickers>(*unit.loop);
    unit.end = std::make_unique<loop_end>(s, unit);
    s.end.add(*unit.end);
  }
  for (auto& u : s.units)
    set_up(*u);
}

void node::set_up(loop_unit& unit) {
  auto& s = state_->shared;
  unit.output = std::make_unique<dispatcher>(unit.loop->sessions(), &s.output_meter, unit.counts);
  unit.output_actor = compat::spawn_on<dispatcher_service>(*unit.loop, s, *unit.output);
  unit.registry = compat::spawn_on<registry_shard>(*unit.loop, s, unit);
  unit.directory = compat::spawn_on<directory_service>(*unit.loop, s, unit);
  unit.loop->add_flusher([&unit] { return unit.output->flush(); });
  unit.loop->set_after_flush(
    [output = unit.output.get()](steady_time now) { output->note_delivered(now); });
  unit.loop->set_flush_gauge({[output = unit.output.get()] { return output->has_full_turn(); },
                              [output = unit.output.get()] { return output->has_half_a_turn(); }});
  unit.loop->add_flusher(
    [&s, &unit] { return !is_within_budgets(s, unit) && keep_budgets(s, unit); });
}

void node::must_be_new(const char* what) const {
  if (!state_->threads.empty() || state_->is_polled || state_->stop_requested || state_->stopped)
    throw std::logic_error{std::string{what} + " is for set-up: call it before the start"};
}

void node::rooms(std::string pattern, behavior_factory factory, room_options options) {
  must_be_new("rooms");
  auto& rules = state_->shared.rules;
  auto fail = [&](const std::string& why) {
    throw std::invalid_argument{"rooms(\"" + pattern + "\"): " + why};
  };
  if (!is_room_pattern(pattern))
    fail("a pattern is a room's name (1 to 128 bytes of UTF-8, without control characters, no "
         "white space at either end), "
         "or a prefix and * at its end");
  if (!factory)
    fail("the factory is empty");
  for (auto& rule : rules)
    if (rule.pattern == pattern)
      fail("these rooms have a behaviour already");
    else if (covers(rule.pattern, pattern))
      fail("all of these rooms match rooms(\"" + rule.pattern
           + "\"), which was given before: the first match wins");
  check_options(options);
  if (options.keep_seat.count() > 0 && state_->shared.options.sessions.resume_window.count() == 0)
    fail("keep_seat has no effect without sessions: node_options.sessions.resume_window is 0");
  auto checked = [make = std::move(factory), pattern](std::string_view name) {
    auto made = make(name);
    if (!made)
      throw std::logic_error{"the factory of rooms(\"" + pattern + "\") has returned null"};
    return made;
  };
  room_rule rule{std::move(pattern), std::move(checked), options};
  if (options.reservable != reserve_policy::off)
    make_matchmaker(rule);
  rules.push_back(std::move(rule));
}

void node::make_matchmaker(room_rule& rule) {
  auto& s = state_->shared;
  constexpr std::size_t most_prefix_bytes = protocol::max_room_name_bytes - random_id_bytes;
  if (rule.pattern.ends_with('*') && rule.pattern.size() - 1 > most_prefix_bytes)
    throw std::invalid_argument{"rooms(\"" + rule.pattern
                                + "\"): the prefix of rooms that are reservable has at most "
                                + std::to_string(most_prefix_bytes) + " bytes"};
  auto& unit = s.home_of(rule.pattern);
  rule.waiting = std::make_shared<waiting_count>(s.options.matchmaking.max_waiting);
  rule.matchmaker =
    compat::spawn_on<matchmaker>(*unit.loop, s, unit, rule.pattern,
                                 rule.options.max_members.value_or(s.options.rooms.max_members));
}

endpoint node::make_endpoint(std::string path, endpoint_handlers handlers) {
  must_be_new("make_endpoint");
  auto& s = state_->shared;
  auto e = std::make_shared<endpoint_state>();
  e->handlers = std::move(handlers);
  e->account = std::make_shared<credit_account>(outside_limits(s.options.rooms));
  e->meter = s.meter;
  auto identity = std::make_shared<room_identity>();
  identity->key = s.keys.take();
  e->hub = compat::spawn_on<endpoint_hub>(*s.home_of(path).loop, s, identity->key, e);
  identity->name = std::move(path);
  e->identity = std::move(identity);
  s.endpoints.push_back(e);
  return endpoint{std::move(e)};
}

const node_options& node::options() const noexcept { return state_->shared.options; }
unsigned node::loops() const noexcept { return static_cast<unsigned>(state_->shared.units.size()); }
unsigned node::loop_of(std::string_view room) const noexcept {
  return state_->shared.home_of(room).loop->index();
}
event_loop& node::loop(unsigned index) noexcept { return *state_->shared.units[index]->loop; }

/// What can only be checked once all patterns are known.
void node::check_set_up() const {
  auto& s = state_->shared;
  auto& lobby = s.options.lobby;
  if (s.options.only_registered_rooms && !lobby.empty() && !s.rule_for(lobby))
    throw std::logic_error{"node_options.lobby is \"" + lobby
                           + "\", but no rooms(...) match it and only_registered_rooms is set"};
}

void node::must_be_startable() const {
  if (!state_->threads.empty() || state_->is_polled || state_->stopped || state_->stop_requested)
    throw std::logic_error{"a node starts once, and not after its stop"};
  check_set_up();
}

void node::start() {
  must_be_startable();
  for (auto& unit : state_->shared.units)
    state_->threads.push_back(
      start_thread("troupe loop", [loop = unit->loop.get()] { loop->run(); }));
  begin_to_look_on();
}

void node::start_polled() {
  must_be_startable();
  if (loops() != 1)
    throw std::invalid_argument{"start_polled: one thread drives one loop, and node_options.loops "
                                "gives "
                                + std::to_string(loops())};
  try {
    protocol::prepare_thread();
  } catch (const std::bad_alloc&) {
    // the first message tries it again
  }
  loop(0).poll({}); // from now on the watchdog knows whose time it is
  begin_to_look_on();
  state_->is_polled = true;
}

void node::begin_to_look_on() {
  std::vector<event_loop*> loops;
  for (auto& unit : state_->shared.units)
    loops.push_back(unit->loop.get());
  state_->looks_on = std::make_unique<watchdog>(loops, *state_->shared.options.log);
}

bool node::overloaded() const noexcept {
  return state_->shared.over_budget.load(std::memory_order_relaxed);
}
protocol::memory_meter& node::inbound_meter() noexcept { return state_->shared.inbound_meter; }
protocol::memory_meter& node::output_meter() noexcept { return state_->shared.output_meter; }
const std::shared_ptr<protocol::memory_meter>& node::shared_output_meter() noexcept {
  return state_->shared.meter;
}

node_stats node::stats() const {
  node_stats sum;
  for (auto& unit : state_->shared.units) {
    auto get = [](auto& n) { return n.load(std::memory_order_relaxed); };
    sum.kept_sessions += unit->sessions->kept();
    sum.resumes += get(unit->counts.resumes);
    sum.skipped += get(unit->counts.skipped);
    sum.replaced += get(unit->counts.replaced);
    sum.repeated += get(unit->counts.repeated);
    sum.ticks += get(unit->counts.ticks);
    sum.skipped_ticks += get(unit->counts.skipped_ticks);
    unit->counts.tick_delays.add_to(sum.tick_delays);
    unit->counts.tick_times.add_to(sum.tick_times);
    sum.room_messages += get(unit->counts.room_messages);
    sum.most_room_messages = std::max(sum.most_room_messages, get(unit->counts.most_room_messages));
    sum.rooms += get(unit->counts.rooms);
    sum.members += get(unit->counts.members);
    sum.messages_in += get(unit->counts.messages_in);
    sum.publishes += get(unit->counts.publishes);
    for (std::size_t i = 0; i < sum.deliveries_by_encoding.size(); ++i)
      sum.deliveries_by_encoding[i] += get(unit->counts.deliveries[i]);
    unit->counts.delivery_times.add_to(sum.delivery_times);
    unit->loop->turn_times().add_to(sum.turns);
    sum.connections += get(unit->counts.connections);
  }
  for (auto n : sum.deliveries_by_encoding)
    sum.deliveries += n;
  sum.output_bytes = state_->shared.output_meter.used_bytes();
  sum.budget_bytes = state_->shared.budget_bytes;
  sum.profile_bytes = state_->shared.profile_meter.used_bytes();
  sum.direct_bytes = state_->shared.directs.meter.used_bytes();
  sum.inbound_bytes = state_->shared.inbound_meter.used_bytes();
  sum.inbound_budget_bytes = state_->shared.inbound_budget_bytes;
  sum.history_bytes = state_->shared.histories.meter.used_bytes();
  sum.history_budget_bytes = state_->shared.histories.budget_bytes;
  return sum;
}

} // namespace troupe::actors
