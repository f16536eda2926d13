#pragma once

#include "metrics/metrics.hpp"
#include "net/server_lifecycle.hpp"
#include "net/listener.hpp"
#include "net/signal_watch.hpp"
#include "server/http_session.hpp"
#include "server/server_driver.hpp"
#include "tls/tls_context.hpp"
#include "websocket/inbound_parts.hpp"

#include <troupe/actors/init.hpp>
#include <troupe/transport/server.hpp>

#include <atomic>
#include <chrono>
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
  std::shared_ptr<server_driver> driver; ///< of a server that is polled; else null
  std::unique_ptr<signal_watch> signals; ///< of one that is polled and hears them
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
  void start_polled(signal_owner signals_go_to);
  template <class F>
  void start_with(bool has_threads, F&& run);
  void start_listening();
  void say_listening();
  void reload_tls();
  [[nodiscard]] upgrade_decision decide_at_once(const http_request& request);

  // -- the end; on any thread but a loop's --------------------------------------------------------
  void request_stop(actors::drain_kind kind) noexcept;
  void stop(actors::drain_kind kind);
  void end();
  [[nodiscard]] std::chrono::milliseconds patience() const;
  [[nodiscard]] std::unique_ptr<signal_watch> hear_signals();

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
};

} // namespace troupe::transport
