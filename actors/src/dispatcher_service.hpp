#pragma once

#include "dispatcher.hpp"
#include "shared.hpp"

namespace troupe::actors {

/// The actor around a loop's dispatcher. Its handlers let no exception out.
class dispatcher_service final : public compat::dispatched<dispatcher_actor::base, fan_out> {
public:
  dispatcher_service(caf::actor_config& cfg, compat::loop_context& home, node_shared& shared, dispatcher& core);

  behavior_type make_behavior() override;
  const char* name() const override { return "troupe.dispatcher"; }

private:
  void handle(fan_out& m) override { spread(m); }
  void spread(const fan_out& m);
  template <class Command, class GiveUp>
  void serve(Command&& command, GiveUp&& give_up) noexcept;
  void release_state() override { core_.clear(); }

  node_shared& shared_;
  dispatcher& core_;
};

} // namespace troupe::actors
