#pragma once

#include <troupe/actors/drain_kind.hpp>
#include <troupe/actors/endpoint.hpp>
#include <troupe/actors/matchmaking.hpp>
#include <troupe/actors/options.hpp>
#include <troupe/actors/room_behavior.hpp>
#include <troupe/actors/room_handle.hpp>
#include <troupe/actors/user_handle.hpp>
#include <troupe/transport/authorize.hpp>
#include <troupe/transport/http.hpp>
#include <troupe/transport/jwt.hpp>
#include <troupe/transport/session_deadlines.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
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

/// The options of a server. Every field has a default; 0 lifts a limit. The server's constructor
/// refuses what cannot work (a negative time, a size beyond all use, no address, an origin with a
/// path, a certificate that cannot be read, two fields that exclude each other): it throws
/// `std::invalid_argument` with a sentence that names the field.
struct server_options {
  /// Loops, rooms, connections, heartbeat; the server sets its `log` and `counters` itself.
  actors::node_options node{};

  std::string bind{};               ///< one IP address; empty: all, IPv4 and IPv6
  std::uint16_t port = 8080;        ///< 0: any free one
  std::string websocket_path = "/"; ///< where WebSockets are accepted
  /// Path of a folder. Its files are served to GET and HEAD, but for names that start with a dot
  /// (`.well-known` may) and links that lead out; `index.html` stands for its folder, and a path
  /// without the folder's slash is sent there (301). They have an `ETag` and `Last-Modified`, and
  /// may be asked for under conditions and in part (RFC 9110, 13 and 14). A file `x.js.br` or
  /// `x.js.gz` beside `x.js` goes to clients that take its coding: keep it up to date. Threads of
  /// their own read the files, 256 KiB at a time; a file that changes while it is sent ends the
  /// connection. Another request is 503 while 1,024 wait for the disk, or 256 of its address
  /// (IPv6: of its /64). The body of another file is 503 while what is in memory of files is a
  /// quarter of the budget of output (`node.memory_budget_bytes`).
  std::optional<std::string> static_folder{};

  std::vector<std::string> origins{};      ///< allowed `Origin`s; empty: all, none needed
  std::vector<std::string> cors_origins{}; ///< origins whose pages may read HTTP answers; `*`: all
  /// Addresses or networks whose `X-Forwarded-For` is believed. Their sockets are not bounded per
  /// address until the client is known; then they count as the client's.
  std::vector<std::string> trusted_proxies{};
  /// The trusted proxies start each connection with a PROXY header (version 1 or 2).
  bool proxy_protocol = false;
  /// `address:port` for the probes alone, without TLS; empty: the probes are on the main port.
  std::string admin_bind{};

  /// Path of a PEM chain, the server's own certificate first; empty: no TLS. Each certificate must
  /// be valid now; a self-signed one behind the first need not be. This and the key: a regular file
  /// of at most 1 MiB.
  std::string tls_certificates{};
  std::string tls_key{}; ///< path of the first certificate's private key, in PEM, without password
  bool deflate = false;  ///< permessage-deflate for clients that offer it

  /// Clients need a token; `auth` refreshes it. Excludes `node.verify_token`.
  std::optional<jwt_options> jwt{};
  /// Decides about each upgrade, after the token; may be empty.
  upgrade_authorizer authorize_upgrade{};
  /// The same, where the decision may come later. Excludes `authorize_upgrade`.
  late_upgrade_authorizer authorize_upgrade_later{};
  std::size_t max_connections_per_user = 10; ///< of users with claims
  /// WebSockets at a time; absent: 0.8 of the descriptors.
  std::optional<std::size_t> max_connections{};
  /// Absent: 100, and loopback addresses are not counted; 0: no address is counted.
  std::optional<std::size_t> max_connections_per_ip{};
  /// New WebSockets; once half of a second's are taken, each address has a share of the rest.
  double admissions_per_second = 2000;
  /// TLS handshakes of one address in a second, five times as many at once; a socket beyond that is
  /// closed before its handshake. Absent: 20, and loopback addresses count only if
  /// `max_connections_per_ip` is above 0; 0: any number. A trusted proxy counts as the client that
  /// its PROXY header names, and not at all without one.
  std::optional<double> tls_handshakes_per_ip{};
  /// Sockets that are not WebSockets (yet), at any stage; absent: half of the descriptors, 16,384
  /// at most.
  std::optional<std::size_t> max_pending{};
  /// Absent: 128, and loopback addresses count only if `max_connections_per_ip` is above 0; see
  /// `trusted_proxies`.
  std::optional<std::size_t> max_pending_per_ip{};
  /// Descriptors kept for other uses than WebSockets: log, files, probes. Absent: an eighth of all,
  /// from 4 to 64. Must be fewer than the process may open.
  std::optional<std::size_t> reserved_descriptors{};
  /// Raises the process's soft limit to the hard one: not for hosts that use `select`.
  bool raise_descriptor_limit = false;
  /// Fragments of a client's message; absent: 1,024, or one for each 256 bytes of the largest
  /// message if that is more; 0: any number.
  std::optional<std::size_t> max_fragments{};
  std::size_t max_header_bytes = 8 * 1024; ///< of a request, its start line included; 0: 1 GiB
  std::size_t max_headers = 100;           ///< of a request; more are answered with 431
  std::size_t max_body_bytes = 64 * 1024;  ///< of a request; more: 413; 0: 1 GiB

  /// For the header of a request, whole, however it comes: of the first one from the beginning of
  /// the connection, or behind a PROXY header, which has the same time, and a TLS handshake; of
  /// others from their first byte. After the header, each such time must bring
  /// some of the body: 256 bytes, or a thirty-second of the announced length if that is less. So a
  /// slow upload may take longer, but no sender of single bytes holds a connection for ever.
  std::chrono::milliseconds handshake_deadline{10'000};
  /// For the next request, on a connection that has been answered and waits.
  std::chrono::milliseconds keep_alive{75'000};
  std::chrono::milliseconds tls_deadline{5'000}; ///< for a TLS handshake
  /// For an HTTP answer that is given later, or comes from a file, and for the decision of
  /// `authorize_upgrade_later`.
  std::chrono::milliseconds handler_deadline{5'000};
  /// For a whole message, from its first byte.
  std::chrono::milliseconds assembly_deadline = session_deadlines{}.assembly;
  /// Without progress while output waits, of a WebSocket or of an HTTP answer. Who has been taking
  /// an HTTP answer for a time may pause for a quarter of it longer.
  std::chrono::milliseconds write_deadline = session_deadlines{}.write;
  /// From a close frame to the end of the socket.
  std::chrono::milliseconds close_deadline = session_deadlines{}.close;
  /// How long `/readyz` answers 503 before new connections are refused.
  std::chrono::milliseconds drain_delay{0};
  std::chrono::milliseconds drain_timeout{10'000}; ///< from then on to the exit; 0: at once

  protocol::logger* log = nullptr; ///< null: lines to the standard error stream
  protocol::log_level log_level = protocol::log_level::info; ///< of those lines
};

/// Who hears SIGTERM, SIGINT and SIGHUP while a server is polled.
enum class signal_owner : std::uint8_t { server, host };

class drain_course;
class server_driver;

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
  /// Uses the embedder's actor system, which must outlive the server: declare it before the server.
  /// (The destructor of a CAF system waits for all actors to end, and only the server can end its
  /// own. A system that is destroyed first, or asked to `await_all_actors_done`, waits for ever.)
  /// See `compat::set_worker_threads` for its configuration.
  server(caf::actor_system& system, server_options options);
  /// Stops the server. On one of the server's loops, it leaves that to a new thread, and a log line
  /// says so.
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  // Mistakes of set-up throw at once: `std::invalid_argument` for what cannot work (an illegal
  // pattern, one that an earlier one hides, an empty handler, a path that is taken),
  // `std::logic_error` for what comes too late.

  /// Gives rooms a behaviour; see `actors::node::rooms`. Refused if an endpoint has taken the place
  /// of the rooms. Before `start`.
  server& rooms(std::string pattern, actors::behavior_factory factory,
                actors::room_options options = {});

  /// Answers requests of one method and path pattern. In `/users/:id`, one segment is
  /// `request.param("id")`; a `*` at the end stands for the rest. Patterns match decoded paths:
  /// `/a b` matches a request for `/a%20b`. Paths without either go first, then the patterns in the
  /// order given, then the files of `static_folder`. Refused: a second pattern for the same paths,
  /// one all of whose paths go to an earlier one, one that leaves no path to the files (`GET /*`),
  /// and one for a probe of this port. Before `start`.
  server& route(std::string method, const std::string& pattern, http_handler handler);
  /// `route` for GET; the handler also answers HEAD, unless that has a route of its own: what it
  /// says goes without the body, with its length. A handler that leaves the body out for HEAD, as
  /// it costs much to make, tells no length.
  server& get(const std::string& pattern, http_handler handler) {
    return route("GET", pattern, std::move(handler));
  }
  /// As `route`, but the answer may come later.
  server& route_later(std::string method, const std::string& pattern, late_http_handler handler);

  /// Accepts WebSockets without envelope at `path`, which is a whole path and no pattern. At
  /// `websocket_path`, the endpoint takes the place of the rooms. That is refused, here or by
  /// `rooms`, if rooms have a behaviour or there is a lobby. Before `start`.
  actors::endpoint endpoint(const std::string& path, actors::endpoint_handlers handlers);

  /// Binds and serves, on threads of its own. Throws `std::system_error` if the port cannot be
  /// bound; `start` may then be tried again. Throws `std::logic_error` if the server was started or
  /// stopped before. If `on_listening` of an endpoint throws, the server stops and the exception
  /// passes on.
  void start();

  /// Binds and serves without a thread for its loop: the calling thread drives it, by `poll`, and
  /// all code of the application runs there. For programs that have a main loop of their own.
  ///
  ///     server.start_polled();
  ///     while (server.poll(next_frame - std::chrono::steady_clock::now()))
  ///       if (next_frame <= std::chrono::steady_clock::now())
  ///         simulate_and_publish(); // and move next_frame on
  ///
  /// (Threads of the server that wait beside it: of its log, of its actor system, a watchdog, and
  /// for files and signals.) Signals are heard as by `run`, unless they are the host's: the first
  /// SIGTERM or SIGINT requests a stop, which `poll` carries out; if that is not done in time, the
  /// process ends with 1. Throws as `start`, and `std::invalid_argument` if
  /// `server_options.node.loops` is not 1. Excludes `start` and `run`.
  void start_polled(signal_owner signals_go_to = signal_owner::server);

  /// Runs what there is to do: sockets, timers, rooms, handlers. If there is nothing, waits until
  /// there is, at most for `max_wait`, and runs that; so a message, a call from another thread
  /// (`room_handle::publish`, `request_stop`) or a timer ends the wait early. Where there is always
  /// more to do, returns after `max_wait`, or 4 ms if that is less. A negative `max_wait` is none.
  ///
  /// Returns false once the server has stopped. A stop, wherever it was requested, goes on with
  /// each call, in the order and the time that `stop` tells: call this until it returns false, or
  /// let `stop` or the destructor do the rest. (While it stops, calls return sooner.)
  ///
  /// Throws `std::logic_error` without `start_polled`, on another thread than that has called it,
  /// and within a handler. Cost: a system call, if there is nothing to do and no time.
  [[nodiscard]] bool poll(std::chrono::nanoseconds max_wait);

  /// The port it listens on, after `start`.
  [[nodiscard]] std::uint16_t port() const;
  /// The port of the probes; 0 if they have none of their own.
  [[nodiscard]] std::uint16_t admin_port() const;

  /// Reads certificate and key again; connections made before keep theirs. Files that the
  /// constructor would refuse (see `tls_certificates`) change nothing: the log says what was
  /// expected, `troupe_tls_reload_error_total` counts it, and this throws `std::runtime_error` or
  /// `std::bad_alloc`. Throws `std::logic_error` if the server has no TLS. `run` calls it on SIGHUP
  /// if there is TLS. Thread: any.
  void reload_tls();

  /// A handle of the room of that name. Thread: any.
  [[nodiscard]] actors::room_handle room(std::string_view name);
  /// Names a user, from any thread. Handles may outlive the server.
  [[nodiscard]] actors::user_handle user(std::string_view user_id);

  /// Finds a room of a pattern with a free seat, or makes one, and holds the seat for a user; see
  /// `actors::node::reserve`. Thread: any.
  actors::publish_result reserve(actors::reservation_request wanted,
                                 actors::reservation_handler then);
  /// Lists the rooms of a pattern by pages; see `actors::node::list`. Thread: any.
  actors::publish_result list(std::string_view pattern, std::string_view after, std::size_t limit,
                              actors::room_page_handler then);

  /// Decides about an HTTP request as about an upgrade, for handlers that serve only clients that
  /// may connect. Wrong tokens here and at upgrades count together: a client
  /// (`request.remote_address`) that has shown too many gets 429 for a while. Throws
  /// `std::bad_alloc`, and `std::logic_error` if the server has `authorize_upgrade_later`. Thread:
  /// a handler's.
  [[nodiscard]] upgrade_decision authorize(const http_request& request) const;
  /// The same, also for a server with `authorize_upgrade_later`: calls `then` once with the
  /// decision, at once or later, on the thread that decides. If nobody decides, `then` is called
  /// with a refusal (500) once the last copy of the hook's reply goes. Throws
  /// `std::invalid_argument` for an empty `then`.
  void authorize_later(const http_request& request,
                       std::function<void(const upgrade_decision&)> then) const;

  /// Who knows the rooms that speak CAF: see `find_room` of `<troupe/typed_room.hpp>`. A program
  /// that calls it includes `<troupe/node.hpp>`. Thread: any.
  template <class Node = actors::node>
  [[nodiscard]] auto rooms_actor() {
    return static_cast<Node&>(node()).rooms_actor();
  }

  /// The node behind the server, for figures (`stats`), server-side members (`observe`) and what
  /// else has no call here; `<troupe/node.hpp>` declares it. It lives as long as the server. Only
  /// the server may start, drain and stop it. Thread: any; see each call of the node.
  [[nodiscard]] actors::node& node();

  /// Stops in this order: `/readyz` says so; after the drain delay, no more connections are
  /// accepted; what clients have said takes effect; rooms end; clients are told goodbye and closed;
  /// everything ends. HTTP requests that have begun are answered meanwhile: nothing but the end
  /// waits for them. After that delay, all of it takes at most the drain timeout, unless a handler
  /// does not return. Nobody can end that: this waits for it, while `run` ends the process. The
  /// first call counts; others wait until it is done. Thread: any but a loop's, where it throws
  /// `std::logic_error`. Of a server that is polled: on the thread that polls it, this does what
  /// `poll` would; any other waits until `poll` has done it.
  void stop(actors::drain_kind kind = actors::drain_kind::shutdown);

  /// Requests a `stop` and returns at once. The stop runs on a thread of its own, and `run` returns
  /// after it. A request before `start` takes effect once the server has started. The first request
  /// counts. Allocates nothing. Thread: any, so handlers may call it.
  void request_stop(actors::drain_kind kind = actors::drain_kind::shutdown) noexcept;

  /// Starts the server if nobody has, waits for SIGTERM (clients are told to come back) or SIGINT
  /// (they are not), stops the server, and returns the exit code 0. Also returns 0 after `stop` or
  /// `request_stop` on any thread. Returns 1 if the port cannot be bound; the log says why.
  ///
  /// Calls `ready` once the server runs and signals are heard. If this call starts the server, it
  /// does so even if a stop was requested before. If the server was started or stopped before this
  /// call, it calls `ready` only if no stop has been requested, begun or done by then.
  ///
  /// If `ready` or `on_listening` throws, the server stops and the exception passes on. Throws
  /// `std::logic_error` on a loop, or at a second call, unless the first could not bind the port.
  ///
  /// If a handler has not returned two seconds after the drain's time, the process ends with 1; the
  /// log has named the handler before. (If `ready` or `on_listening` has thrown, the stop waits
  /// instead.)
  ///
  /// A thread of its own hears the signals: a second SIGTERM or SIGINT ends the process at once,
  /// with 1. One within 100 ms of the first, and before clients are told goodbye, counts with it:
  /// `timeout` and supervisors signal the process and its group. At the end, the host's handlers of
  /// SIGTERM, SIGINT and SIGHUP are restored. A signal that comes after that meets those; the
  /// system's default ends the process, and the exit code is lost. A program that cares blocks the
  /// three before it makes any thread, including those of its own actor system: they are heard all
  /// the same, and one that comes too early or too late stays pending.
  int run(const std::function<void()>& ready = {});

private:
  friend class drain_course;
  friend class server_driver;
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace troupe::transport

namespace troupe {
using transport::server;
using transport::server_options;
using transport::signal_owner;
} // namespace troupe
