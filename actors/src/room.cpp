#include "room.hpp"

#include "random_id.hpp"

#include <utility>

namespace troupe::actors {
namespace {

using namespace std::chrono_literals;
constexpr auto unclaimed_time = 10s;

/// What a room without a behaviour of its own does: it relays.
class relay final : public room_behavior {};

} // namespace

room::room(caf::actor_config& cfg, compat::loop_context& home, node_shared& shared, loop_unit& unit, std::string name,
           room_key key, std::shared_ptr<room_cell> cell)
  : dispatched(cfg, home), shared_(shared), unit_(unit), room_name_(std::move(name)), key_(key), cell_(std::move(cell)) {}

room::behavior_type room::make_behavior() {
  set_exception_handler([this](std::exception_ptr& thrown) -> caf::error {
    try {
      std::rethrow_exception(thrown);
    } catch (...) {
      shared_.options.log->write(protocol::log_level::error, "room", room_name_ + " has crashed: " + protocol::exception_text());
    }
    if (core_)
      core_->tell_end();
    return caf::sec::runtime_error;
  });
  set_up();
  return {
    [this](const join_request& request) -> caf::result<join_reply> {
      joining_ = caf::actor_cast<connection_actor>(current_sender());
      return core_->join(request);
    },
    [this](const leave_request& request) { core_->leave(request); },
    [this](room_input& in) { handle(in); },
    [](settle) {},
    [this](const outside_event& event) { core_->outside(event); },
    [this](const observe_request& request) { core_->observe(request); },
    [this](const unobserve_request& request) { core_->unobserve(request.who); },
    [this](end_room) {
      core_->close();
      quit(caf::exit_reason::normal);
    },
  };
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
  if (rule) {
    c.announce = rule->options.announce.value_or(c.announce);
    c.limits.max_members = rule->options.max_members.value_or(c.limits.max_members);
    c.keep_when_empty = rule->options.keep_when_empty;
  }
  c.meter = &shared_.output_meter;
  c.counts = &unit_.counts;
  c.counters = shared_.options.counters;
  c.cell = cell_;
  auto behavior = rule && rule->make ? rule->make(room_name_) : std::make_unique<relay>();
  core_.emplace(std::move(c), std::move(behavior), *this);
  unit_.loop->arm(unclaimed_, unclaimed_time);
  core_->create();
}

void room::release_state() {
  unclaimed_.cancel();
  core_.reset();
  for (auto& [who, connection] : connections_)
    unwatch(connection); // a living connection would keep what is left of a dead room's monitor
  connections_.clear();
  targets_.clear();
  joining_ = nullptr;
}

void room::unclaimed_check::on_deadline() {
  if (owner.cell_->occupants == 0)
    owner.report_empty();
}

// -- room_output ----------------------------------------------------------------------------------------------------------

void room::to_dispatcher(std::uint32_t loop, subscribe message) {
  compat::send(this, shared_.units[loop]->output_actor, std::move(message));
}

void room::to_dispatcher(std::uint32_t loop, member_frame message) {
  compat::send(this, shared_.units[loop]->output_actor, std::move(message));
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

void room::member_joined(session_key who) {
  unclaimed_.cancel();
  auto& connection = connections_[who] = joining_;
  watch(connection, [this, who](const caf::error&) {
    // Its own `leave` comes first; this is for a connection that ended without saying so.
    core_->leave({who, leave_reason::disconnected, false, nullptr});
  });
}

void room::member_kicked(session_key who) {
  if (auto i = connections_.find(who); i != connections_.end())
    compat::send(this, i->second, membership_lost{key_, protocol::errc::not_joined});
}

void room::member_left(session_key who) {
  auto node = connections_.extract(who);
  if (node)
    unwatch(node.mapped());
}

void room::observer_joined(const caf::actor& who) {
  watch(who, [this, who](const caf::error&) { core_->unobserve(who); });
}

void room::observer_left(const caf::actor& who) { unwatch(who); }

void room::to_observer(const caf::actor& who, room_event event) { compat::anon_send(who, std::move(event)); }

void room::report_empty() { compat::send(this, unit_.registry, room_empty{room_name_, key_}); }

void room::report_empty_at(steady_time when) { unit_.loop->timers().arm(unclaimed_, when); }

void room::request_end(room_end reason) { compat::send(this, unit_.registry, end_request{room_name_, key_, reason}); }

} // namespace troupe::actors
