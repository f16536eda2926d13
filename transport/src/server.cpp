#include <utility>

#include <troupe/transport/server.hpp>

#include "http_session.hpp"
#include "jwt_authorizer.hpp"
#include "listener.hpp"
#include "log.hpp"
#include "metrics.hpp"
#include "tls_context.hpp"

#include <boost/asio/signal_set.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <future>
#include <stdexcept>
#include <thread>

namespace troupe::transport {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t default_connections_per_ip = 100;

std::size_t default_max_connections() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return 0;
  return limit.rlim_cur / 10 * 8;
}

/// An actor system of our own, made in code: CAF would else read a file of the current directory.
struct own_system {
  caf::actor_system_config config;
  caf::actor_system system{configured()};

private:
  caf::actor_system_config& configured() {
    compat::set_worker_threads(config, 1);
    return config;
  }
};

/// `address:port`, the address in brackets if it is IPv6.
std::pair<std::string, std::uint16_t> split_admin_bind(const std::string& text) {
  auto colon = text.rfind(':');
  std::uint16_t port = 0;
  auto digits = std::string_view{text}.substr(colon == std::string::npos ? text.size() : colon + 1);
  auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || read.ec != std::errc{} || read.ptr != digits.data() + digits.size())
    throw std::invalid_argument{"admin_bind: expected address:port"};
  auto address = text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']'))
    address = address.substr(1, address.size() - 2);
  return {address, port};
}

} // namespace

struct server::state {
  server_options options;
  std::unique_ptr<protocol::logger> own_log;
  metrics counts;
  std::unique_ptr<own_system> own;
  std::unique_ptr<actors::node> node;
  std::unique_ptr<tls_context> tls;
  std::vector<stream_pools> pools; ///< one for each loop; they go before the loops
  http_settings http;
  http_settings admin; ///< of a port for the probes alone
  std::vector<actors::endpoint> endpoints;
  std::vector<std::unique_ptr<pending_socket_set>> pending;       ///< one set a loop
  std::vector<std::shared_ptr<std::atomic<std::size_t>>> sockets; ///< one count a loop
  std::unique_ptr<listener> door;
  std::unique_ptr<listener> admin_door;
  bool started = false;
  bool stopped = false;

  void set_up(caf::actor_system* system);
  void set_up_tokens();
  void configure_http();
  void configure_sessions();
  void configure_admin();
  actors::event_loop& least_loaded();
  void take(actors::event_loop& loop, plain_socket socket, const tcp::endpoint& peer);
  void open_doors();
  void end_pending();
  void say_stop(const actors::endpoint_handlers& on);

  template <class Session, class Socket>
  void start_session(actors::event_loop& loop, Socket socket, const tcp::endpoint& peer, http_settings& settings);

  /// Runs `f` on a loop and waits for it.
  template <class F>
  void on_loop(actors::event_loop& loop, F f) {
    std::promise<void> done;
    loop.post([&] {
      f();
      done.set_value();
    });
    done.get_future().wait();
  }
};

// -- setting up -------------------------------------------------------------------------------------------------------------

void server::state::set_up(caf::actor_system* system) {
  if (!options.log) {
    own_log = make_stderr_logger(options.log_level);
    options.log = own_log.get();
  }
  options.node.log = options.log;
  options.node.counters = &counts;
  set_up_tokens();
  if (!options.tls_certificates.empty())
    tls = std::make_unique<tls_context>(options.tls_certificates, options.tls_key);
  if (!system) {
    own = std::make_unique<own_system>();
    system = &own->system;
  }
  node = std::make_unique<actors::node>(*system, options.node);
  for (unsigned i = 0; i < node->loops(); ++i) {
    pending.push_back(std::make_unique<pending_socket_set>());
    sockets.push_back(std::make_shared<std::atomic<std::size_t>>(0));
  }
  configure_http();
  configure_sessions();
  configure_admin();
}

/// Upgrades and `auth` commands ask the same verifier.
void server::state::set_up_tokens() {
  http.authorize = options.authorize_upgrade;
  if (!options.jwt)
    return;
  auto leeway = options.jwt->leeway;
  std::shared_ptr<const token_verifier> verifier = make_jwt_verifier(std::move(*options.jwt));
  options.jwt.reset(); // the keys are the verifier's now
  for (auto& warning : verifier->warnings())
    options.log->write(protocol::log_level::warning, "jwt", warning);
  http.authorize = token_authorizer(verifier, leeway, *options.node.clock, options.authorize_upgrade);
  options.node.verify_token = [verifier, leeway](std::string_view token, actors::wall_time now) -> actors::claims_ptr {
    auto verified = verifier->verify(token, now);
    return verified ? admitted(std::move(*verified), now, leeway) : nullptr;
  };
}

void server::state::configure_http() {
  http.max_header_bytes = options.max_header_bytes;
  http.max_headers = options.max_headers;
  http.max_body_bytes = options.max_body_bytes;
  http.request_deadline = options.handshake_deadline;
  http.handler_deadline = options.handler_deadline;
  http.tls_deadline = options.tls_deadline;
  http.origins = options.origins;
  http.places.emplace(options.websocket_path, websocket_place{});
  http.proxy_protocol = options.proxy_protocol;
  for (auto& text : options.trusted_proxies) {
    auto range = address_range::parse(text);
    if (!range)
      throw std::invalid_argument{"trusted_proxies: " + text + ": expected an address or a network"};
    http.trusted_proxies.push_back(*range);
  }
  if (options.static_folder)
    http.router.set_files(*options.static_folder);
  http.router.set_cors_origins(options.cors_origins);
  http.router.set_probes({options.admin_bind.empty(), &http.ready, node.get(), &counts});
  admission::limits limits;
  limits.max_connections = options.max_connections.value_or(default_max_connections());
  limits.max_connections_per_ip = options.max_connections_per_ip.value_or(default_connections_per_ip);
  limits.count_loopback = options.max_connections_per_ip.has_value();
  limits.max_connections_per_user = options.max_connections_per_user;
  limits.per_second = options.admissions_per_second;
  http.admissions = std::make_shared<admission>(limits);
}

void server::state::configure_sessions() {
  auto max_message = options.node.messages.max_message_bytes;
  auto& s = http.sessions;
  s.guard.max_message_bytes = max_message;
  s.bounds.max_bytes = std::max<std::size_t>(1024 * 1024, 4 * max_message);
  s.assembly_deadline = options.assembly_deadline;
  s.write_deadline = options.write_deadline;
  s.close_deadline = options.close_deadline;
  s.deflate = options.deflate;
  s.node = node.get();
  pools.resize(node->loops());
  s.pools = &pools;
  s.log = options.log;
  s.counters = &counts;
}

/// The probes' own port answers nothing else and takes no WebSocket.
void server::state::configure_admin() {
  admin.max_header_bytes = options.max_header_bytes;
  admin.max_headers = options.max_headers;
  admin.max_body_bytes = options.max_body_bytes;
  admin.request_deadline = options.handshake_deadline;
  admin.router.set_probes({true, &http.ready, node.get(), &counts});
  admin.sessions = http.sessions;
  admin.admissions = http.admissions;
  admin.ready = true;
}

// -- sockets ------------------------------------------------------------------------------------------------------------------

/// The loop with the fewest sockets.
actors::event_loop& server::state::least_loaded() {
  unsigned best = 0;
  for (unsigned i = 1; i < node->loops(); ++i)
    if (sockets[i]->load() < sockets[best]->load())
      best = i;
  return node->loop(best);
}

template <class Session, class Socket>
void server::state::start_session(actors::event_loop& loop, Socket socket, const tcp::endpoint& peer, http_settings& settings) {
  socket_share share{sockets[loop.index()]};
  auto& set = *pending[loop.index()];
  auto start = [&loop, &set, &settings, s = std::move(socket), h = std::move(share), from = peer.address()]() mutable {
    std::make_shared<Session>(std::move(s), from, loop, settings, set, std::move(h))->start();
  };
  if (loop.is_current())
    start();
  else
    loop.post(std::move(start));
}

void server::state::take(actors::event_loop& loop, plain_socket socket, const tcp::endpoint& peer) {
  if (tls)
    start_session<basic_http_session<tls_socket>>(loop, tls_socket{std::move(socket), *tls->current()}, peer, http);
  else
    start_session<basic_http_session<plain_socket>>(loop, std::move(socket), peer, http);
}

void server::state::open_doors() {
  auto& first = node->loop(0);
  door = std::make_unique<listener>(first, options.bind, options.port, *options.log, counts);
  if (!options.admin_bind.empty()) {
    auto [address, port] = split_admin_bind(options.admin_bind);
    admin_door = std::make_unique<listener>(first, address, port, *options.log, counts);
  }
  first.post([this] {
    auto choose = [this]() -> actors::event_loop& { return least_loaded(); };
    door->start(choose, [this](actors::event_loop& loop, plain_socket socket, const tcp::endpoint& peer) {
      take(loop, std::move(socket), peer);
    });
    if (admin_door)
      admin_door->start(choose, [this](actors::event_loop& loop, plain_socket socket, const tcp::endpoint& peer) {
        start_session<basic_http_session<plain_socket>>(loop, std::move(socket), peer, admin);
      });
  });
}

void server::state::end_pending() {
  for (unsigned i = 0; i < node->loops(); ++i)
    on_loop(node->loop(i), [&] {
      auto all = *pending[i];
      for (auto* socket : all)
        socket->end();
    });
}

/// What the handler throws is logged and counted: the server stops all the same.
void server::state::say_stop(const actors::endpoint_handlers& on) {
  try {
    if (on.on_stop)
      on.on_stop();
    return;
  } catch (const std::exception& e) {
    options.log->write(protocol::log_level::error, "endpoint", e.what());
  } catch (...) {
    options.log->write(protocol::log_level::error, "endpoint", "an exception that is no std::exception");
  }
  counts.count(protocol::counter::handler_errors, "endpoint", 1);
}

// -- server -------------------------------------------------------------------------------------------------------------------

server::server(server_options options) : state_(std::make_unique<state>()) {
  state_->options = std::move(options);
  state_->set_up(nullptr);
}

server::server(caf::actor_system& system, server_options options) : state_(std::make_unique<state>()) {
  state_->options = std::move(options);
  state_->set_up(&system);
}

server::~server() { stop(); }

server& server::rooms(std::string pattern, actors::behavior_factory factory, actors::room_options options) {
  state_->node->rooms(std::move(pattern), std::move(factory), options);
  return *this;
}

server& server::route(std::string method, std::string pattern, http_handler handler) {
  state_->http.router.add(std::move(method), std::move(pattern), std::move(handler));
  return *this;
}

server& server::route_later(std::string method, std::string pattern, late_http_handler handler) {
  state_->http.router.add_late(std::move(method), std::move(pattern), std::move(handler));
  return *this;
}

actors::endpoint server::endpoint(const std::string& path, actors::endpoint_handlers handlers) {
  auto made = state_->node->make_endpoint(path, std::move(handlers));
  state_->http.places.insert_or_assign(path, websocket_place{made.state()});
  state_->endpoints.push_back(made);
  return made;
}

void server::start() {
  auto& s = *state_;
  s.open_doors();
  s.http.ready = true;
  s.started = true;
  s.node->start();
  for (auto& e : s.endpoints)
    if (e.handlers().on_listening)
      e.handlers().on_listening();
}

std::uint16_t server::port() const { return state_->door ? state_->door->port() : 0; }
std::uint16_t server::admin_port() const { return state_->admin_door ? state_->admin_door->port() : 0; }

void server::reload_tls() {
  auto& s = *state_;
  if (!s.tls)
    return;
  try {
    s.tls->reload();
    s.options.log->write(protocol::log_level::info, "tls", "the certificate was read again");
  } catch (const std::runtime_error& e) {
    s.counts.count(protocol::counter::tls_reload_errors, {}, 1);
    s.options.log->write(protocol::log_level::error, "tls", e.what());
    throw;
  }
}

actors::room_handle server::room(std::string_view name) { return state_->node->room(name); }
upgrade_decision server::authorize(const http_request& request) const {
  auto& decide = state_->http.authorize;
  return decide ? decide(request) : upgrade_decision::accept();
}

actors::node& server::node() { return *state_->node; }

void server::stop(actors::drain_kind kind) {
  auto& s = *state_;
  if (std::exchange(s.stopped, true))
    return;
  if (s.started) {
    auto until = std::chrono::steady_clock::now() + s.options.drain_timeout;
    s.http.ready = false;
    for (auto& e : s.endpoints)
      s.say_stop(e.handlers());
    s.on_loop(s.node->loop(0), [&] {
      s.door->stop();
      if (s.admin_door)
        s.admin_door->stop();
    });
    s.node->drain(kind, s.options.drain_timeout / 4);
    auto margin = std::min<std::chrono::milliseconds>(s.options.drain_timeout / 10, 500ms);
    while (s.http.admissions->connections() > 0 && std::chrono::steady_clock::now() < until - margin)
      std::this_thread::sleep_for(10ms);
    s.end_pending();
  }
  s.node->stop();
}

int server::run(const std::function<void()>& ready) {
  auto& s = *state_;
  if (!s.started) {
    try {
      start();
    } catch (const std::system_error& e) {
      s.options.log->write(protocol::log_level::error, "server", e.what());
      return 1;
    }
    s.options.log->write(protocol::log_level::info, "server", "listening on port " + std::to_string(port()));
  }
  std::promise<int> signalled;
  boost::asio::signal_set signals{s.node->loop(0).context(), SIGTERM, SIGINT, SIGHUP};
  bool second = false;
  std::function<void(const boost::system::error_code&, int)> on_signal = [&](const boost::system::error_code& ec, int number) {
    if (ec)
      return;
    if (number == SIGHUP) {
      try {
        reload_tls();
      } catch (const std::runtime_error&) {
        // It was logged and counted; the old certificate stays.
      }
    } else if (std::exchange(second, true)) {
      ::_exit(1);
    } else {
      signalled.set_value(number);
    }
    signals.async_wait(on_signal);
  };
  signals.async_wait(on_signal);
  if (ready)
    ready();
  auto number = signalled.get_future().get();
  stop(number == SIGTERM ? actors::drain_kind::restart : actors::drain_kind::shutdown);
  return 0;
}

} // namespace troupe::transport
