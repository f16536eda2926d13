#include <utility>

#include "auth/jwt_authorizer.hpp"
#include "server/check_set_up.hpp"
#include "server/server_state.hpp"

#include <troupe/actors/own_thread.hpp>

#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>

namespace troupe::transport {

namespace {

/// A request without address is an embedder's own: all of these count as one client's.
boost::asio::ip::address client_in(const http_request& request) {
  boost::system::error_code ignored;
  return boost::asio::ip::make_address(request.remote_address, ignored);
}

/// Somebody decides later about a request that is no upgrade. It may outlive the server.
class late_authorization final : public upgrade_reply::receiver {
public:
  using listener = std::function<void(const upgrade_decision&)>;

  late_authorization(http_settings& settings, const http_request& asked, actors::claims_ptr proved,
                     listener then)
    : server_(settings.sessions.node->loop(0).entrance()),
      settings_(settings),
      request_(asked),
      proved_(std::move(proved)),
      then_(std::move(then)) {
    request_.claims = proved_;
  }
  late_authorization(const late_authorization&) = delete;
  late_authorization& operator=(const late_authorization&) = delete;
  ~late_authorization() override {
    try {
      take(upgrade_decision::refuse(500, "This server has failed."));
    } catch (...) {
      // The listener's exception, or no memory: nobody is left who could be told.
    }
  }

  void take(upgrade_decision decision) override {
    if (taken_.exchange(true))
      return;
    server_->enter([&](actors::event_loop& loop) {
      note_refusal(settings_, decision, request_, client_in(request_), loop.options().clock->now());
    });
    then_(within(std::move(decision), proved_));
  }

  [[nodiscard]] const http_request& request() const noexcept { return request_; }

private:
  const std::shared_ptr<actors::gate<actors::event_loop>> server_; ///< open while it is there
  http_settings& settings_;
  http_request request_;
  actors::claims_ptr proved_;
  listener then_;
  std::atomic<bool> taken_{false};
};

} // namespace

// -- sockets --------------------------------------------------------------------------------------

/// The loop with the fewest sockets.
actors::event_loop& server::state::least_loaded() {
  unsigned best = 0;
  for (unsigned i = 1; i < node->loops(); ++i)
    if (sockets[i]->load() < sockets[best]->load())
      best = i;
  return node->loop(best);
}

/// The socket counts from here on, even if its loop starts the session much later.
void server::state::start_session(actors::event_loop& loop, owned_descriptor socket,
                                  const tcp::endpoint& peer, http_settings& settings) {
  auto counted = counted_socket{sockets[loop.index()]};
  auto session = std::make_shared<http_session>(std::move(socket), peer.address(), loop, settings,
                                                std::move(counted));
  session->enter();
  if (loop.is_current())
    session->start();
  else
    loop.post([s = std::move(session)] { s->start(); });
}

void server::state::start_listening() {
  auto& first = node->loop(0);
  main_listener =
    std::make_unique<listener>(first, options.bind, options.port, *options.log, counts);
  if (!options.admin_bind.empty()) {
    auto [address, port] = split_admin_bind(options.admin_bind);
    admin_listener = std::make_unique<listener>(first, address, port, *options.log, counts);
  }
  first.post([this] {
    auto choose = [this]() -> actors::event_loop& { return least_loaded(); };
    main_listener->start(
      choose,
      [this](actors::event_loop& loop, owned_descriptor socket, const tcp::endpoint& peer) {
        start_session(loop, std::move(socket), peer, http);
      },
      {http.descriptors_scarce_from, descriptors.shut_from, [this] { http.pending->make_room(); }});
    if (admin_listener)
      admin_listener->start(
        choose,
        [this](actors::event_loop& loop, owned_descriptor socket, const tcp::endpoint& peer) {
          start_session(loop, std::move(socket), peer, admin);
        },
        {descriptors.admin_shut_from, descriptors.admin_shut_from,
         [this] { admin.pending->make_room(); }});
  });
}

// -- server ---------------------------------------------------------------------------------------

server::server(server_options options) : state_(std::make_unique<state>()) {
  state_->options = std::move(options);
  state_->set_up(nullptr);
}

server::server(caf::actor_system& system, server_options options)
  : state_(std::make_unique<state>()) {
  state_->options = std::move(options);
  state_->set_up(&system);
}

server::~server() {
  if (state_->driver && state_->driver->may_end_here()) {
    state_->driver->take_over().stop(actors::drain_kind::shutdown);
    return;
  }
  if (!state_->driver && !state_->node->is_current() && !state_->lifecycle.is_stopping_thread()) {
    state_->stop(actors::drain_kind::shutdown);
    return;
  }
  state_->options.log->write(
    protocol::log_level::warning, "server",
    "it was destroyed on one of its own threads: it ends on a thread of its own");
  if (state_->driver)
    state_->driver->let_go();
  actors::end_elsewhere([rest = std::shared_ptr<state>{std::move(state_)}] {
    if (rest->driver)
      (void)rest->driver->take_over();
    rest->stop(actors::drain_kind::shutdown);
  });
}

server& server::rooms(std::string pattern, actors::behavior_factory factory,
                      actors::room_options options) {
  state_->lifecycle.must_be_new("rooms");
  check_rooms(pattern, state_->http.websocket_routes, state_->options);
  state_->node->rooms(pattern, std::move(factory), options);
  state_->rooms = std::move(pattern);
  return *this;
}

server& server::route(std::string method, const std::string& pattern, http_handler handler) {
  state_->lifecycle.must_be_new("route");
  check_route(method, pattern, bool(handler), state_->http.router);
  state_->http.router.add(std::move(method), pattern, std::move(handler));
  return *this;
}

server& server::route_later(std::string method, const std::string& pattern,
                            late_http_handler handler) {
  state_->lifecycle.must_be_new("route_later");
  check_route(method, pattern, bool(handler), state_->http.router);
  state_->http.router.add_late(std::move(method), pattern, std::move(handler));
  return *this;
}

actors::endpoint server::endpoint(const std::string& path, actors::endpoint_handlers handlers) {
  state_->lifecycle.must_be_new("endpoint");
  check_endpoint(path, state_->http.websocket_routes, state_->options, state_->rooms);
  auto made = state_->node->make_endpoint(path, std::move(handlers));
  state_->http.websocket_routes.insert_or_assign(path, websocket_route{made.state()});
  state_->endpoints.emplace_back(path, made);
  return made;
}

void server::start() {
  state_->start();
  state_->say_listening();
}

void server::start_polled(signal_owner signals_go_to) {
  state_->start_polled(signals_go_to);
  state_->say_listening();
}

/// Listens, then lets the node run by `run`. What that throws passes on, and nothing has changed.
template <class F>
void server::state::start_with(bool has_threads, F&& run) {
  lifecycle.begin_start(has_threads);
  try {
    start_listening();
    http.ready = true;
    run();
  } catch (...) {
    driver.reset();
    signals.reset();
    main_listener.reset();
    admin_listener.reset();
    lifecycle.end_start(false);
    throw;
  }
  lifecycle.end_start(true);
}

void server::state::start() {
  start_with(true, [this] { node->start(); });
}

void server::state::start_polled(signal_owner signals_go_to) {
  if (node->loops() != 1)
    throw std::invalid_argument{"start_polled: one thread drives one loop, and "
                                "server_options.node.loops gives "
                                + std::to_string(node->loops())};
  start_with(false, [this, signals_go_to] {
    driver = std::make_shared<server_driver>(*this);
    if (signals_go_to == signal_owner::server)
      signals = hear_signals();
    node->start_polled();
  });
}

bool server::poll(std::chrono::nanoseconds max_wait) {
  auto driver = state_->driver; // which outlives a server that is destroyed meanwhile
  if (!driver)
    throw std::logic_error{"poll: call start_polled first; a server that was started by start or "
                           "run drives itself"};
  return driver->poll(max_wait);
}

/// What a handler throws passes on, once the server has stopped.
void server::state::say_listening() {
  or_stop([this] {
    for (auto& [path, e] : endpoints)
      if (e.handlers().on_listening)
        e.handlers().on_listening();
  });
}

std::uint16_t server::port() const {
  return state_->main_listener ? state_->main_listener->port() : 0;
}
std::uint16_t server::admin_port() const {
  return state_->admin_listener ? state_->admin_listener->port() : 0;
}

void server::reload_tls() {
  if (!state_->tls)
    throw std::logic_error{
      "reload_tls: the server has no TLS, as server_options.tls_certificates is "
      "empty"};
  state_->reload_tls();
}

void server::state::reload_tls() {
  try {
    auto until = tls->reload();
    options.log->write(protocol::log_level::info, "tls",
                       "the certificate was read again: it is valid until "
                         + protocol::iso_8601(until));
  } catch (const std::exception& e) {
    counts.count(protocol::counter::tls_reload_errors, {}, 1);
    options.log->write(protocol::log_level::error, "tls",
                       std::string{"the old certificate stays: "} + e.what());
    throw;
  }
}

actors::room_handle server::room(std::string_view name) { return state_->node->room(name); }
actors::user_handle server::user(std::string_view user_id) { return state_->node->user(user_id); }

actors::publish_result server::reserve(actors::reservation_request wanted,
                                       actors::reservation_handler then) {
  return state_->node->reserve(std::move(wanted), std::move(then));
}

actors::publish_result server::list(std::string_view pattern, std::string_view after,
                                    std::size_t limit, actors::room_page_handler then) {
  return state_->node->list(pattern, after, limit, std::move(then));
}

upgrade_decision server::authorize(const http_request& request) const {
  if (state_->http.authorize_later)
    throw std::logic_error{"authorize: this server decides later (authorize_upgrade_later); call "
                           "authorize_later"};
  return state_->decide_at_once(request);
}

/// What the server itself and its token say, and `authorize_upgrade`.
upgrade_decision server::state::decide_at_once(const http_request& request) {
  return decide(http, request, client_in(request), options.node.clock->now());
}

void server::authorize_later(const http_request& request,
                             std::function<void(const upgrade_decision&)> then) const {
  if (!then)
    throw std::invalid_argument{"authorize_later: nobody is to hear the decision"};
  auto& s = *state_;
  auto decision = s.decide_at_once(request);
  if (decision.status != 0 || !s.http.authorize_later)
    return then(decision);
  auto asked =
    std::make_shared<late_authorization>(s.http, request, decision.claims, std::move(then));
  try {
    s.http.authorize_later(asked->request(), upgrade_reply{asked});
  } catch (...) {
    protocol::report_exception(*s.options.log, s.counts, "authorize_upgrade");
    asked->take(upgrade_decision::refuse(500, "This server has failed."));
  }
}

actors::node& server::node() { return *state_->node; }

void server::request_stop(actors::drain_kind kind) noexcept { state_->request_stop(kind); }

void server::stop(actors::drain_kind kind) {
  if (state_->node->is_current())
    throw std::logic_error{
      "stop on one of the server's own loops would wait for itself: call request_stop"};
  state_->stop(kind);
}

} // namespace troupe::transport
