#include <utility>

#include "server_state.hpp"

#include <boost/asio/signal_set.hpp>

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <stdexcept>
#include <thread>

namespace troupe::transport {

using namespace std::chrono_literals;

namespace {

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

// -- sockets ------------------------------------------------------------------------------------------------------------------

/// The loop with the fewest sockets.
actors::event_loop& server::state::least_loaded() {
  unsigned best = 0;
  for (unsigned i = 1; i < node->loops(); ++i)
    if (sockets[i]->load() < sockets[best]->load())
      best = i;
  return node->loop(best);
}

/// The socket counts from here on, however long its loop takes to begin with it.
template <class Session, class Socket>
void server::state::start_session(actors::event_loop& loop, Socket socket, const tcp::endpoint& peer, http_settings& settings) {
  auto session = std::make_shared<Session>(std::move(socket), peer.address(), loop, settings, socket_share{sockets[loop.index()]});
  session->enter();
  if (loop.is_current())
    session->start();
  else
    loop.post([s = std::move(session)] { s->start(); });
}

void server::state::take(actors::event_loop& loop, plain_socket socket, const tcp::endpoint& peer) {
  if (tls)
    start_session<basic_http_session<tls_socket>>(loop, tls->on(std::move(socket)), peer, http);
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
    door->start(choose,
                [this](actors::event_loop& loop, plain_socket socket, const tcp::endpoint& peer) {
                  take(loop, std::move(socket), peer);
                },
                {http.descriptors_scarce_from, descriptors.shut_from, [this] { http.pending->make_room(); }});
    if (admin_door)
      admin_door->start(choose,
                        [this](actors::event_loop& loop, plain_socket socket, const tcp::endpoint& peer) {
                          start_session<basic_http_session<plain_socket>>(loop, std::move(socket), peer, admin);
                        },
                        {descriptors.admin_shut_from, descriptors.admin_shut_from, [this] { admin.pending->make_room(); }});
  });
}

void server::state::end_pending() {
  for (unsigned i = 0; i < node->loops(); ++i)
    on_loop(node->loop(i), [&] {
      http.pending->end_all(node->loop(i));
      admin.pending->end_all(node->loop(i));
    });
}

/// What the handler throws is logged and counted: the server stops all the same.
void server::state::say_stop(const actors::endpoint_handlers& on) {
  try {
    if (on.on_stop)
      on.on_stop();
  } catch (...) {
    protocol::report_exception(*options.log, counts, "endpoint");
  }
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
  boost::system::error_code ignored; // a request of no address is an embedder's own: all of them count as one client's
  auto client = boost::asio::ip::make_address(request.remote_address, ignored);
  return decide(state_->http, request, client, state_->options.node.clock->now());
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
