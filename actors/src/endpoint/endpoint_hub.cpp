#include "endpoint/endpoint_hub.hpp"

#include "runtime/guarded.hpp"

#include <troupe/protocol/frame.hpp>

namespace troupe::actors {

endpoint_hub::endpoint_hub(caf::actor_config& cfg, compat::loop_context& home, node_context& shared,
                           room_key key, std::shared_ptr<endpoint_state> state)
  : pinned(cfg, home), shared_(shared), key_(key), state_(std::move(state)) {}

endpoint_hub::behavior_type endpoint_hub::make_behavior() {
  for (auto& unit : shared_.units)
    outputs_.push_back(unit->output_actor);
  return {[this](const endpoint_broadcast& what) {
    guarded(*shared_.options.log, *shared_.options.counters, "endpoint", [&] { say(what); });
  }};
}

void endpoint_hub::say(const endpoint_broadcast& what) {
  fan_out out;
  out.room = key_;
  out.frames[index_of(protocol::encoding::plain_json)] = what.frame;
  if (state_->deflating.load(std::memory_order_relaxed) > 0)
    out.frames[index_of(protocol::encoding::plain_json_deflated)] =
      protocol::deflated_frame(what.frame, &shared_.output_meter);
  out.except = what.except;
  out.source = what.source;
  if (auto* loop = event_loop::current())
    out.at = loop->now();
  compat::fan_out(this, outputs_, std::move(out));
}

} // namespace troupe::actors
