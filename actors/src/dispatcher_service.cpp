#include "dispatcher_service.hpp"

#include "guarded.hpp"

namespace troupe::actors {

dispatcher_service::dispatcher_service(caf::actor_config& cfg, compat::loop_context& home, node_shared& shared,
                                       dispatcher& core)
  : dispatched(cfg, home), shared_(shared), core_(core) {}

dispatcher_service::behavior_type dispatcher_service::make_behavior() {
  auto guard = [this](auto&& f) { guarded(*shared_.options.log, *shared_.options.counters, "dispatcher", f); };
  return {
    [this, guard](const subscribe& m) { guard([&] { core_.on_subscribe(m); }); },
    [this](const fan_out& m) { spread(m); }, // shared by the dispatchers of several loops
    [this, guard](const member_frame& m) { guard([&] { core_.on_member_frame(m); }); },
    [this, guard](const room_closed& m) { guard([&] { core_.on_room_closed(m); }); },
    [this, guard](const drain_sessions& m) { guard([&] { core_.on_drain(m); }); },
  };
}

void dispatcher_service::spread(const fan_out& m) {
  guarded(*shared_.options.log, *shared_.options.counters, "dispatcher", [&] { core_.on_fan_out(m); });
}

} // namespace troupe::actors
