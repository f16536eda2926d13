#include "node/dispatcher_service.hpp"

namespace troupe::actors {

dispatcher_service::dispatcher_service(caf::actor_config& cfg, compat::loop_context& home,
                                       node_context& shared, dispatcher& core)
  : dispatched(cfg, home), shared_(shared), core_(core) {}

dispatcher_service::behavior_type dispatcher_service::make_behavior() {
  return {
    [this](const subscribe& m) { obey(m); },
    [this](const fan_out& m) { obey(m); }, // one message for several loops
    [this](const member_frame& m) { obey(m); },
    [this](const tick_output& m) {
      for (auto& part : m.all)
        std::visit([this](auto& p) { obey(p); }, part);
    },
    [this](const last_frame& m) {
      serve([&] { core_.on_last_frame(m); }, [&] { core_.end_session(m.who, m.why); });
    },
    [this](const room_closed& m) {
      serve([&] { core_.on_room_closed(m); }, [&] { core_.give_up(m.room); });
    },
    [this](const release_session& m) {
      serve([&] { core_.on_release(m); },
            [&] { core_.end_session(m.who, protocol::errc::internal); });
    },
    [this](const drop_membership& m) {
      serve([&] { core_.on_drop(m); }, [&] { core_.give_up(m.room, m.who); });
    },
    [this](const drain_sessions& m) { core_.on_drain(m); },
  };
}

/// Runs `command`. If it throws, gives up the sessions that would have received something, so that
/// nobody misses a frame without notice.
template <class Command, class GiveUp>
void dispatcher_service::serve(Command&& command, GiveUp&& give_up) noexcept {
  try {
    command();
  } catch (...) {
    protocol::report_exception(*shared_.options.log, *shared_.options.counters, "dispatcher");
    give_up();
  }
}

void dispatcher_service::obey(const subscribe& m) {
  serve([&] { core_.on_subscribe(m); }, [&] { core_.give_up(m.room->key, m.who); });
}

void dispatcher_service::obey(const fan_out& m) {
  serve([&] { core_.on_fan_out(m); }, [&] { core_.give_up(m.room); });
}

void dispatcher_service::obey(const member_frame& m) {
  serve([&] { core_.on_member_frame(m); }, [&] { core_.give_up(m.room, m.who); });
}

} // namespace troupe::actors
