#pragma once

#include <troupe/actors/drain_kind.hpp>
#include <troupe/actors/endpoint.hpp>
#include <troupe/actors/options.hpp>
#include <troupe/actors/room_behavior.hpp>
#include <troupe/transport/authorize.hpp>
#include <troupe/transport/http.hpp>
#include <troupe/transport/jwt.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace caf {
class actor_system;
} // namespace caf

namespace troupe::actors {
class node;
} // namespace troupe::actors

namespace troupe::transport {

/// Everything a server needs to know. All of it has a default; 0 lifts a limit. What cannot work (a
/// negative time, a size beyond all use, no address, an origin with a path, a certificate that
/// cannot be read, two fields that exclude each other) is refused by the server's constructor:
/// `std::invalid_argument`, a sentence that names the field.
struct server_options {
  /// Loops, rooms, connections, heartbeat; its `log` and `counters` are the server's own.
  actors::node_options node{};

  std::string bind{};               ///< one IP address; empty: all, IPv4 and IPv6
  std::uint16_t port = 8080;        ///< 0: any free one
  std::string websocket_path = "/"; ///< where WebSockets are accepted
  std::optional<std::filesystem::path> static_folder{}; ///< files served to GET

  std::vector<std::string> origins{};      ///< allowed `Origin`s; empty: all, and none needed
  std::vector<std::string> cors_origins{}; ///< origins whose pages may read HTTP answers; `*`: all
  /// Addresses or networks whose `X-Forwarded-For` is believed; their sockets are not bounded per
  /// address until the client is known, whose they are then.
  std::vector<std::string> trusted_proxies{};
  /// They start each connection with a PROXY header (version 1 or 2).
  bool proxy_protocol = false;
  /// `address:port` for the probes alone, without TLS; empty: they are on the main port.
  std::string admin_bind{};

  std::filesystem::path tls_certificates{}; ///< PEM chain; empty: no TLS
  std::filesystem::path tls_key{};          ///< PEM
  bool deflate = false;                     ///< permessage-deflate for clients that offer it

  /// Clients need a token; `auth` refreshes it; not together with `node.verify_token`.
  std::optional<jwt_options> jwt{};
  /// Decides about each upgrade, after the token; may be empty.
  upgrade_authorizer authorize_upgrade{};
  std::size_t max_connections_per_user = 10; ///< of users with claims
  /// WebSockets at a time; absent: 0.8 of the descriptors.
  std::optional<std::size_t> max_connections{};
  /// Absent: 100, and loopback addresses are not counted; 0: none is.
  std::optional<std::size_t> max_connections_per_ip{};
  /// New WebSockets; once half of a second's are gone, each address has a share of the rest.
  double admissions_per_second = 2000;
  /// Sockets that are no WebSockets (yet), at any stage; absent: half of the descriptors, 16,384 at
  /// most.
  std::optional<std::size_t> max_pending{};
  /// Absent: 128, and loopback addresses count only if `max_connections_per_ip` is given; see
  /// `trusted_proxies`.
  std::optional<std::size_t> max_pending_per_ip{};
  /// No WebSockets: log, files, probes; absent: an eighth, 64 at most; fewer than the process may
  /// open.
  std::optional<std::size_t> reserved_descriptors{};
  /// Raises the process's soft limit to the hard one: not for hosts that use `select`.
  bool raise_descriptor_limit = false;
  /// Of a client's message; absent: 1,024, or one for each 256 bytes of the largest message if that
  /// is more; 0: any number.
  std::optional<std::size_t> max_fragments{};
  std::size_t max_header_bytes = 8 * 1024; ///< of an HTTP request; lifted, as the body: 1 GiB
  std::size_t max_headers = 100;           ///< of a request; with more it is answered 431
  std::size_t max_body_bytes = 64 * 1024;  ///< of a request; a larger one is answered 413

  std::chrono::milliseconds handshake_deadline{10'000}; ///< for a whole request
  std::chrono::milliseconds tls_deadline{5'000};        ///< for a TLS handshake
  std::chrono::milliseconds handler_deadline{5'000};    ///< for an HTTP answer that is given later
  /// For a whole message, from its first byte.
  std::chrono::milliseconds assembly_deadline{10'000};
  std::chrono::milliseconds write_deadline{10'000}; ///< without progress while output waits
  /// From a close frame to the end of the socket.
  std::chrono::milliseconds close_deadline{5'000};
  /// `/readyz` says 503 that long before the door closes.
  std::chrono::milliseconds drain_delay{0};
  std::chrono::milliseconds drain_timeout{10'000}; ///< from then on to the exit; 0: at once

  protocol::logger* log = nullptr; ///< null: lines to the standard error stream
  protocol::log_level log_level = protocol::log_level::info; ///< of those lines
};

/// A whole server: one port for HTTP and WebSocket in front of a node's rooms.
///
///     troupe::server server{{.port = 8080}};
///     server.rooms("arena:*", [](auto) { return std::make_unique<arena>(); });
///     return server.run();
///
/// Built in: `/healthz` (alive), `/readyz` (503 while stopping or overloaded), `/metrics`
/// (Prometheus). Thread: one, the owner's, unless said otherwise; handlers and behaviours run on
/// the loops. Handles (`room`, `endpoint`, connections, replies) may be used on any thread, also
/// after the server's end.
class server {
public:
  /// Makes an actor system and a node of its own; binds nothing yet. Errors: see `server_options`.
  explicit server(server_options options = {});
  /// Uses the embedder's actor system, which must outlive the server: declare it before. (The
  /// destructor of CAF's system waits for all actors to end, and nobody can tell the server's to:
  /// destroyed first, or asked to `await_all_actors_done`, it waits for ever.) See
  /// `compat::set_worker_threads` for its configuration.
  server(caf::actor_system& system, server_options options);
  /// Stops it. On one of its own loops that is done on a thread of its own, and a line of the log
  /// says so.
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  // Mistakes of set-up throw at once: `std::invalid_argument` for what cannot work (an illegal
  // pattern, one that another one hides, an empty handler, a path that is taken),
  // `std::logic_error` for what comes too late.

  /// See `actors::node::rooms`. Refused where an endpoint has taken the place of all rooms. Before
  /// `start`.
  server& rooms(std::string pattern, actors::behavior_factory factory,
                actors::room_options options = {});

  /// Answers requests of one method and path pattern: `/users/:id` has one segment as
  /// `request.param("id")`, a last `*` stands for the rest; patterns are of decoded paths (`/a b`,
  /// which is asked for as `/a%20b`). Paths without either go first, then the
  /// patterns in the order given, then the files of `static_folder`; two for the same paths, one
  /// all of whose paths go to an earlier one, one that leaves no path to the files (`GET /*`), or
  /// one for a probe of this port, are refused. Before `start`.
  server& route(std::string method, std::string pattern, http_handler handler);
  /// `route` for GET; HEAD is answered by the same, without its body.
  server& get(std::string pattern, http_handler handler) {
    return route("GET", std::move(pattern), std::move(handler));
  }
  /// The same with an answer that may come later.
  server& route_later(std::string method, std::string pattern, late_http_handler handler);

  /// Accepts WebSockets without envelope at `path`, which is whole and no pattern. At
  /// `websocket_path` it takes the place of the rooms: that is refused, here or by `rooms`, where
  /// those have a behaviour, or there is a lobby. Before `start`.
  actors::endpoint endpoint(const std::string& path, actors::endpoint_handlers handlers);

  /// Binds and serves, on threads of its own. Throws `std::system_error` if the port cannot be had;
  /// it may be tried again then. Throws `std::logic_error` if it was started or stopped before, and
  /// what `on_listening` of an endpoint throws, once it has stopped.
  void start();

  /// The port it listens on, after `start`.
  [[nodiscard]] std::uint16_t port() const;
  /// That of the probes; 0 if they have none of their own.
  [[nodiscard]] std::uint16_t admin_port() const;

  /// Reads certificate and key again; connections made before keep theirs. Throws
  /// `std::runtime_error` (or `std::bad_alloc`), and the old ones stay, if that fails;
  /// `std::logic_error` if the server has no TLS. `run` calls it on SIGHUP where there is TLS.
  /// Thread: any.
  void reload_tls();

  /// Names a room from any thread.
  [[nodiscard]] actors::room_handle room(std::string_view name);

  /// Decides about an HTTP request as about an upgrade: for handlers that serve only who may
  /// connect. Wrong tokens count for both together: a client (`request.remote_address`) that has
  /// shown too many gets 429 for a while. Throws `std::bad_alloc` only. Thread: a handler's.
  [[nodiscard]] upgrade_decision authorize(const http_request& request) const;

  /// The actors behind it: for figures (`stats`), server-side members (`observe`) and what else has
  /// no call here; `<troupe/node.hpp>` declares it. It lives as long as the server, which starts,
  /// drains and stops it: nobody else does. Thread: any; each call of the node as said there.
  [[nodiscard]] actors::node& node();

  /// Stops in order: `/readyz` says so, after the drain delay no more connections, what clients
  /// have said takes effect, rooms end, HTTP requests are answered, goodbye to all; then everything
  /// ends. All of it within the drain timeout; but nobody can end a handler that does not return:
  /// without `run`, which then ends the process, this waits for it. The first call counts; others
  /// wait until it is done. Thread: any but a loop's, where it throws `std::logic_error`.
  void stop(actors::drain_kind kind = actors::drain_kind::shutdown);

  /// Asks for that and returns at once; it happens on a thread of its own, and `run` returns after
  /// it. Before `start`: as soon as it has started. The first request counts. Needs no memory.
  /// Thread: any, so this is for handlers.
  void request_stop(actors::drain_kind kind = actors::drain_kind::shutdown) noexcept;

  /// `start`s unless that was done (1 if the port cannot be had; the log says why), waits for
  /// SIGTERM (clients are told to come back) or SIGINT (they are not), stops. Returns the exit
  /// code, 0, also once it was stopped otherwise: by `stop` or `request_stop`, on any thread.
  /// `ready` is called once all of that is in force, also where a stop has been asked for before
  /// this started the server; but not where a server that had been started or stopped before was
  /// stopped, or asked to, before this was called: then it runs no more. What `ready` or
  /// `on_listening` throws passes on, once the server has stopped. Throws `std::logic_error` on
  /// a loop, or if it was called before and the port could be had.
  ///
  /// A handler that has not returned two seconds after the drain's time ends the process, with 1;
  /// the log has named it before. (Not where `ready` or `on_listening` has thrown: that stop
  /// waits.)
  ///
  /// Signals are heard on a thread of their own: a second one ends the process at once, with 1. At
  /// the end the host's handlers of SIGTERM, SIGINT and SIGHUP are put back. A signal that comes
  /// then meets those; the system's default ends the process by it, instead of with the exit code.
  /// A program that cares blocks the three before it makes any thread, those of an actor system of
  /// its own included: they are heard all the same, and one that comes too early or too late waits.
  int run(const std::function<void()>& ready = {});

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace troupe::transport

namespace troupe {
using transport::server;
using transport::server_options;
} // namespace troupe
