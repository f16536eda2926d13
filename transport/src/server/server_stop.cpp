// How a server ends: in order, within its time, whatever its handlers do.
#include <utility>

#include "server/server_state.hpp"

#include <algorithm>
#include <exception>
#include <thread>

namespace troupe::transport {

using namespace std::chrono_literals;
using actors::steady_time;

namespace {

steady_time clock_now() { return std::chrono::steady_clock::now(); }

/// Polls until `holds` is true or the time is `until`.
template <class F>
void wait_until(steady_time until, F holds) {
  while (!holds() && clock_now() < until)
    std::this_thread::sleep_for(2ms);
}

} // namespace

void server::state::request_stop(actors::drain_kind kind) noexcept { lifecycle.request(kind); }

void server::state::stop(actors::drain_kind kind) {
  auto found = lifecycle.begin_stop();
  if (found == server_lifecycle::found::nothing_to_do)
    return;
  try {
    if (found == server_lifecycle::found::running_server)
      drain(kind);
  } catch (...) { // no memory for a drain: the server ends without one
    protocol::report_exception(*options.log, counts, "drain");
  }
  node->stop();
  if (http.files)
    http.files->stop();
  lifecycle.end_stop();
}

/// Each step has its share of the time; the next one follows even if that was not enough.
void server::state::drain(actors::drain_kind kind) {
  http.ready = false;
  // load balancers see `/readyz` while connections are still accepted
  std::this_thread::sleep_for(options.drain_delay);
  for (auto& [path, e] : endpoints)
    say_stop(path, e.handlers());
  auto began = clock_now();
  auto at = [&](int eighths) { return began + options.drain_timeout * eighths / 8; };
  http.closing = true;
  stop_listening(at(1));
  end_idle(at(1));
  node->stop_reading();
  wait_until(at(4), [this] { return node->has_handled_all(); });
  node->end_rooms();
  wait_until(at(6), [this] { return node->stats().rooms == 0; });
  says_goodbye = true;
  node->drain(kind, goodbye_time(kind));
  auto margin = std::min<std::chrono::milliseconds>(options.drain_timeout / 10, 500ms);
  wait_until(at(8) - margin,
             [this] { return http.admissions->connections() == 0 && http.under_way == 0; });
  end_pending(at(8));
}

/// Before a restart all are told before the first may come back: the next process can serve nobody
/// before this one has ended.
std::chrono::milliseconds server::state::goodbye_time(actors::drain_kind kind) const {
  const std::chrono::milliseconds share = options.drain_timeout / 4;
  const auto returns = options.node.reconnect_min;
  return kind == actors::drain_kind::restart && returns > 0ms ? std::min(share, returns) : share;
}

/// The probes' port stays open, so that operators can watch the stop.
void server::state::stop_listening(steady_time until) {
  on_loop(node->loop(0), until, [this] { main_listener->stop(); });
}

/// Connections that were answered and wait; a new one may still bring a request.
void server::state::end_idle(steady_time until) {
  for (unsigned i = 0; i < node->loops(); ++i)
    on_loop(node->loop(i), until, [this, i] { http.pending->end_idle(node->loop(i)); });
}

void server::state::end_pending(steady_time until) {
  if (admin_listener)
    on_loop(node->loop(0), until, [this] { admin_listener->stop(); });
  for (unsigned i = 0; i < node->loops(); ++i)
    on_loop(node->loop(i), until, [this, i] {
      http.pending->end_all(node->loop(i));
      admin.pending->end_all(node->loop(i));
    });
}

} // namespace troupe::transport
