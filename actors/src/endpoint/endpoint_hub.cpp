#include "endpoint/endpoint_hub.hpp"

#include "runtime/guarded.hpp"

#include <troupe/protocol/frame.hpp>

namespace troupe::actors {

endpoint_hub::endpoint_hub(caf::actor_config& cfg, compat::loop_context& home, node_context& shared,
                           room_key key, std::shared_ptr<endpoint_state> state)
  : dispatched(cfg, home), shared_(shared), key_(key), state_(std::move(state)) {}

endpoint_hub::behavior_type endpoint_hub::make_behavior() {
  for (auto& unit : shared_.units)
    outputs_.push_back(unit->output_actor);
  return {
    [this](entry_waits& m) { handle(m); },
    [](const leave_request&) {},
    [this](room_input& in) { handle(in); },
    [](const claims_renewed&) {},
    [](await_handled) { return true; },
    [](const outside_event&) {},
    [](const end_room&) {},
  };
}

void endpoint_hub::handle(room_input& in) {
  guarded(*shared_.options.log, *shared_.options.counters, "endpoint", [&] { say(in); });
}

void endpoint_hub::say(const room_input& in) {
  fan_out out;
  out.room = key_;
  out.frames[index_of(protocol::encoding::plain_json)] = in.bytes;
  if (state_->deflating.load(std::memory_order_relaxed) > 0)
    out.frames[index_of(protocol::encoding::plain_json_deflated)] =
      protocol::deflated_frame(in.bytes, &shared_.output_meter);
  out.except = in.echo ? session_key{} : in.who;
  out.source = in.token;
  if (auto* loop = event_loop::current())
    out.at = loop->now();
  compat::fan_out(this, outputs_, std::move(out));
}

} // namespace troupe::actors
