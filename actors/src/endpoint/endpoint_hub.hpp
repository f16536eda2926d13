#pragma once

#include "context/endpoint_state.hpp"
#include "context/node_context.hpp"

#include <memory>
#include <vector>

namespace troupe::actors {

/// Orders an endpoint's broadcasts and gives them to all dispatchers: a room without envelope,
/// members or history. Its connections subscribe on their own loop, before their clients hear that
/// they are open: from then on nobody misses a broadcast.
class endpoint_hub final : public compat::pinned<endpoint_actor::base> {
public:
  endpoint_hub(caf::actor_config& cfg, compat::loop_context& home, node_context& shared,
               room_key key, std::shared_ptr<endpoint_state> state);

  behavior_type make_behavior() override;
  const char* name() const override { return "troupe.endpoint"; }

private:
  void release_state() override {
    state_.reset();
    outputs_.clear();
  }
  void say(const endpoint_broadcast& what);

  node_context& shared_;
  room_key key_;
  std::shared_ptr<endpoint_state> state_;
  std::vector<dispatcher_actor> outputs_; ///< of all loops
};

} // namespace troupe::actors
