#include "metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <exception>

namespace troupe::transport {

using protocol::counter;

namespace {

struct metric_name {
  counter what;
  const char* name;
  const char* label; ///< null: none; "code": a code and a reason
  const char* help;
};

constexpr std::array names{
  metric_name{counter::connections_opened, "ws_opened_total", nullptr, "WebSockets opened"},
  metric_name{counter::connections_closed, "ws_closed_total", "code", "WebSockets ended, by the server's code and reason"},
  metric_name{counter::handshakes_rejected, "ws_handshake_rejected_total", "reason", "Upgrades refused"},
  metric_name{counter::protocol_errors, "ws_protocol_error_total", "kind", "Bad frames and messages"},
  metric_name{counter::slow_consumers, "slow_consumer_total", nullptr, "Connections cut at the bound of their output"},
  metric_name{counter::dropped, "dropped_total", "reason", "Messages and frames dropped"},
  metric_name{counter::joins_rejected, "room_join_rejected_total", "reason", "Joins refused"},
  metric_name{counter::accept_errors, "accept_error_total", "errno", "Errors of accept"},
  metric_name{counter::handler_errors, "handler_error_total", "where", "Exceptions out of handlers"},
  metric_name{counter::rooms_crashed, "room_crashed_total", nullptr, "Rooms ended by an exception"},
  metric_name{counter::long_turns, "long_turn_total", "handler", "Handlers that ran too long"},
  metric_name{counter::command_errors, "command_error_total", "code", "Commands answered by an error"},
  metric_name{counter::auth_failures, "auth_failed_total", "reason", "Upgrades refused for their token or by the hook"},
  metric_name{counter::tls_reload_errors, "tls_reload_error_total", nullptr, "Certificates that could not be loaded again"},
};

prometheus::Labels labels_for(const metric_name& m, std::string_view label) {
  if (!m.label)
    return {};
  auto space = label.find(' ');
  if (m.what != counter::connections_closed || space == std::string_view::npos)
    return {{m.label, std::string{label}}};
  return {{"code", std::string{label.substr(0, space)}}, {"reason", std::string{label.substr(space + 1)}}};
}

} // namespace

struct metrics::state {
  prometheus::Registry registry;
  std::array<prometheus::Family<prometheus::Counter>*, names.size()> families{};
  std::array<prometheus::Counter*, names.size()> unlabelled{}; ///< null where there is a label

  void set(const char* name, const char* help, double value) {
    prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({}).Set(value);
  }
};

metrics::metrics() : state_(std::make_unique<state>()) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    state_->families[i] = &prometheus::BuildCounter().Name(names[i].name).Help(names[i].help).Register(state_->registry);
    if (!names[i].label)
      state_->unlabelled[i] = &state_->families[i]->Add({});
  }
}

metrics::~metrics() = default;

void metrics::count(counter what, std::string_view label, std::uint64_t n) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].what != what)
      continue;
    if (auto* c = state_->unlabelled[i])
      return c->Increment(static_cast<double>(n));
    try {
      state_->families[i]->Add(labels_for(names[i], label)).Increment(static_cast<double>(n));
    } catch (const std::exception&) {
      return; // out of memory: the count is lost, nothing else
    }
  }
}

std::string metrics::text(const actors::node_stats& now) {
  auto number = [](auto n) { return static_cast<double>(n); };
  state_->set("connections", "Open WebSockets", number(now.connections));
  state_->set("rooms", "Rooms", number(now.rooms));
  state_->set("members", "Memberships", number(now.members));
  state_->set("messages_in", "Messages received", number(now.messages_in));
  state_->set("publishes", "Broadcasts ordered by rooms", number(now.publishes));
  state_->set("deliveries", "Frames given to members", number(now.deliveries));
  state_->set("output_bytes", "Live output buffers", number(now.output_bytes));
  state_->set("output_budget_bytes", "Bound of live output buffers", number(now.budget_bytes));
  state_->set("profile_bytes", "Profiles of members", number(now.profile_bytes));
  state_->set("inbound_bytes", "Messages that have come in part", number(now.inbound_bytes));
  state_->set("inbound_budget_bytes", "Bound of messages that have come in part", number(now.inbound_budget_bytes));
  state_->set("history_bytes", "What rooms keep of what they have said", number(now.history_bytes));
  state_->set("history_budget_bytes", "Bound of what rooms keep", number(now.history_budget_bytes));
  return prometheus::TextSerializer{}.Serialize(state_->registry.Collect());
}

} // namespace troupe::transport
