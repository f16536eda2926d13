#pragma once

#include "metrics/metrics.hpp"
#include "net/server_lifecycle.hpp"
#include "net/listener.hpp"
#include "server/http_session.hpp"
#include "tls/tls_context.hpp"
#include "websocket/inbound_parts.hpp"

#include <troupe/actors/init.hpp>
#include <troupe/transport/server.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <vector>

namespace troupe::transport {

/// An actor system of our own, configured in code: CAF would otherwise read a file of the current
/// directory.
struct own_system {
  caf::actor_system_config config;
  caf::actor_system system{configured()};

private:
  caf::actor_system_config& configured() {
    init();
    compat::set_worker_threads(config, 1);
    return config;
  }
};

/// What a server is made of. `server_state.cpp` sets it up from the options, `server.cpp` runs it.
struct server::state {
  server_options options;
  std::unique_ptr<protocol::logger> own_log;
  metrics counts;
  std::unique_ptr<own_system> own;
  http_settings http{options};
  http_settings admin{options}; ///< of a port for the probes alone
  inbound_account parts;        ///< outlives the node, whose sessions leave it
  node_traffic traffic;         ///< outlives the node, whose sessions count in it
  std::unique_ptr<actors::node> node;
  std::unique_ptr<tls_context> tls;
  std::vector<protocol::ws_inflater> inflaters; ///< one for each loop
  descriptor_shares descriptors;
  std::string rooms; ///< the last pattern that was given a behaviour; empty: none was
  std::vector<std::pair<std::string, actors::endpoint>> endpoints; ///< by path
  std::vector<std::shared_ptr<std::atomic<std::size_t>>> sockets;  ///< one count a loop
  std::unique_ptr<listener> main_listener;
  std::unique_ptr<listener> admin_listener;
  std::atomic<bool> says_goodbye{false}; ///< a stop has begun to tell the clients
  /// Its thread, if there is one, ends before all else.
  server_lifecycle lifecycle{[this](actors::drain_kind kind) { stop(kind); }};

  void set_up(caf::actor_system* system);
  void set_up_tokens();
  void configure_http();
  void configure_limits();
  void configure_sessions();
  void configure_admin();
  [[nodiscard]] http_router::probes probes_of(bool shown);
  actors::event_loop& least_loaded();
  void start();
  void start_listening();
  void say_listening();
  void say_stop(const std::string& path, const actors::endpoint_handlers& on);
  void reload_tls();

  // -- the end; on any thread but a loop's --------------------------------------------------------
  void request_stop(actors::drain_kind kind) noexcept;
  void stop(actors::drain_kind kind);
  void drain(actors::drain_kind kind);
  [[nodiscard]] std::chrono::milliseconds goodbye_time(actors::drain_kind kind) const;
  void stop_listening(actors::steady_time until);
  void end_idle(actors::steady_time until);
  void end_pending(actors::steady_time until);

  /// Calls the application, on the owner's thread; what it throws passes on once the server has
  /// stopped.
  template <class F>
  void or_stop(F f) {
    try {
      f();
    } catch (...) {
      stop(actors::drain_kind::shutdown);
      throw;
    }
  }

  void start_session(actors::event_loop& loop, owned_descriptor socket, const tcp::endpoint& peer,
                     http_settings& settings);

  /// Runs `f` on a loop and waits for it, at most until `until`: a handler may keep the loop busy
  /// for longer. So `f` must not refer to anything of the caller's. What `f` throws is logged and
  /// counted; the next step comes all the same.
  template <class F>
  void on_loop(actors::event_loop& loop, actors::steady_time until, F f) {
    auto task = std::make_shared<std::packaged_task<void()>>(std::move(f));
    auto done = task->get_future();
    loop.post([t = std::move(task)] { (*t)(); });
    try {
      if (done.wait_until(until) == std::future_status::ready)
        done.get();
    } catch (...) {
      protocol::report_exception(*options.log, counts, "drain");
    }
  }
};

} // namespace troupe::transport
