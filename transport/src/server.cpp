#include <utility>

#include <troupe/transport/server.hpp>

#include "http_session.hpp"
#include "listener.hpp"
#include "log.hpp"
#include "metrics.hpp"

#include <boost/asio/signal_set.hpp>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <future>
#include <mutex>
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

} // namespace

struct server::state {
  server_options options;
  std::unique_ptr<protocol::logger> own_log;
  metrics counts;
  std::unique_ptr<own_system> own;
  std::unique_ptr<actors::node> node;
  http_settings http;
  std::vector<std::unique_ptr<http_session_set>> http_sessions; ///< one set a loop
  std::vector<std::shared_ptr<std::atomic<std::size_t>>> sockets; ///< one count a loop
  std::unique_ptr<listener> door;
  bool started = false;
  bool stopped = false;

  void set_up(caf::actor_system* system);
  void configure_http();
  actors::event_loop& least_loaded();
  void take(actors::event_loop& loop, tcp::socket socket);

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

void server::state::set_up(caf::actor_system* system) {
  if (!options.log) {
    own_log = make_stderr_logger(options.log_level);
    options.log = own_log.get();
  }
  options.node.log = options.log;
  options.node.counters = &counts;
  if (!system) {
    own = std::make_unique<own_system>();
    system = &own->system;
  }
  node = std::make_unique<actors::node>(*system, options.node);
  for (unsigned i = 0; i < node->loops(); ++i) {
    http_sessions.push_back(std::make_unique<http_session_set>());
    sockets.push_back(std::make_shared<std::atomic<std::size_t>>(0));
  }
  configure_http();
}

void server::state::configure_http() {
  auto max_message = options.node.messages.max_message_bytes;
  http.max_header_bytes = options.max_header_bytes;
  http.max_headers = options.max_headers;
  http.max_body_bytes = options.max_body_bytes;
  http.request_deadline = options.handshake_deadline;
  http.origins = options.origins;
  http.websocket_path = options.websocket_path;
  if (options.static_folder)
    http.files.emplace(*options.static_folder);
  http.counts = &counts;
  auto& s = http.sessions;
  s.guard.max_message_bytes = max_message;
  s.bounds.max_bytes = std::max<std::size_t>(1024 * 1024, 4 * max_message);
  s.assembly_deadline = options.assembly_deadline;
  s.write_deadline = options.write_deadline;
  s.close_deadline = options.close_deadline;
  s.node = node.get();
  s.log = options.log;
  s.counters = &counts;
  admission::limits limits;
  limits.max_connections = options.max_connections.value_or(default_max_connections());
  limits.max_connections_per_ip = options.max_connections_per_ip.value_or(default_connections_per_ip);
  limits.count_loopback = options.max_connections_per_ip.has_value();
  limits.per_second = options.admissions_per_second;
  http.admissions = std::make_shared<admission>(limits);
}

/// The loop with the fewest sockets.
actors::event_loop& server::state::least_loaded() {
  unsigned best = 0;
  for (unsigned i = 1; i < node->loops(); ++i)
    if (sockets[i]->load() < sockets[best]->load())
      best = i;
  return node->loop(best);
}

void server::state::take(actors::event_loop& loop, tcp::socket socket) {
  socket_share share{sockets[loop.index()]};
  auto& set = *http_sessions[loop.index()];
  if (loop.is_current())
    std::make_shared<http_session>(std::move(socket), loop, http, set, std::move(share))->start();
  else
    loop.post([this, &loop, &set, s = std::move(socket), h = std::move(share)]() mutable {
      std::make_shared<http_session>(std::move(s), loop, http, set, std::move(h))->start();
    });
}

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

server& server::route(std::string method, std::string path, http_handler handler) {
  state_->http.routes.insert_or_assign({std::move(method), std::move(path)}, std::move(handler));
  return *this;
}

void server::start() {
  auto& s = *state_;
  auto& first = s.node->loop(0);
  s.door = std::make_unique<listener>(first, s.options.bind, s.options.port, *s.options.log, s.counts);
  s.http.ready = true;
  s.started = true;
  first.post([&s] {
    s.door->start([&s]() -> actors::event_loop& { return s.least_loaded(); },
                  [&s](actors::event_loop& loop, tcp::socket socket) { s.take(loop, std::move(socket)); });
  });
  s.node->start();
}

std::uint16_t server::port() const { return state_->door ? state_->door->port() : 0; }
actors::room_handle server::room(std::string_view name) { return state_->node->room(name); }
actors::node& server::node() { return *state_->node; }

void server::stop(actors::drain_kind kind) {
  auto& s = *state_;
  if (std::exchange(s.stopped, true))
    return;
  if (s.started) {
    auto until = std::chrono::steady_clock::now() + s.options.drain_timeout;
    s.http.ready = false;
    s.on_loop(s.node->loop(0), [&] { s.door->stop(); });
    s.node->drain(kind, s.options.drain_timeout / 4);
    auto margin = std::min<std::chrono::milliseconds>(s.options.drain_timeout / 10, 500ms);
    while (s.http.admissions->connections() > 0 && std::chrono::steady_clock::now() < until - margin)
      std::this_thread::sleep_for(10ms);
    for (unsigned i = 0; i < s.node->loops(); ++i)
      s.on_loop(s.node->loop(i), [&] {
        auto all = *s.http_sessions[i];
        for (auto* session : all)
          session->end();
      });
  }
  s.node->stop();
}

int server::run(const std::function<void()>& ready) {
  auto& s = *state_;
  if (!s.started)
    start();
  std::promise<int> signalled;
  boost::asio::signal_set signals{s.node->loop(0).context(), SIGTERM, SIGINT};
  bool second = false;
  std::function<void(const boost::system::error_code&, int)> on_signal = [&](const boost::system::error_code& ec, int number) {
    if (ec)
      return;
    if (std::exchange(second, true))
      ::_exit(1);
    signalled.set_value(number);
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
