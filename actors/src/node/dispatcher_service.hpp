#pragma once

#include "context/node_context.hpp"
#include "fanout/dispatcher.hpp"

#include <utility>

namespace troupe::actors {

/// The actor around a loop's dispatcher. Its handlers let no exception out.
class dispatcher_service final : public compat::dispatched_base<dispatcher_actor, fan_out>::type {
public:
  dispatcher_service(caf::actor_config& cfg, compat::loop_context& home, node_context& shared,
                     dispatcher& core);

  behavior_type make_behavior() override;
  const char* name() const override { return "troupe.dispatcher"; }

private:
  void handle(subscribe& m) override { obey(std::as_const(m)); }
  void handle(fan_out& m) override { obey(std::as_const(m)); }
  void handle(member_frame& m) override { obey(std::as_const(m)); }
  void obey(const subscribe& m);
  void obey(const fan_out& m);
  void obey(const member_frame& m);
  template <class Command, class GiveUp>
  void serve(Command&& command, GiveUp&& give_up) noexcept;
  void release_state() override { core_.clear(); }

  node_context& shared_;
  dispatcher& core_;
};

} // namespace troupe::actors
