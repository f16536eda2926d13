#include <utility>

#include "server/drain_course.hpp"

#include "server/server_state.hpp"

#include <algorithm>

namespace troupe::transport {

using namespace std::chrono_literals;
using actors::steady_time;

namespace {

steady_time clock_now() { return std::chrono::steady_clock::now(); }

} // namespace

drain_course::drain_course(server::state& of, actors::drain_kind kind) : server_(of), kind_(kind) {
  server_.http.ready = false;
  // load balancers see `/readyz` while connections are still accepted
  await([] { return false; }, clock_now() + server_.options.drain_delay);
}

bool drain_course::go_on() noexcept {
  try {
    while (step_ != step::over && (is_done_() || clock_now() >= until_)) {
      step_ = static_cast<step>(static_cast<int>(step_) + 1);
      begin(step_);
    }
  } catch (...) { // no memory for a drain: the server ends without one
    protocol::report_exception(*server_.options.log, server_.counts, "drain");
    step_ = step::over;
  }
  return step_ == step::over;
}

void drain_course::begin(step s) {
  auto& node = *server_.node;
  switch (s) {
    case step::close_doors:
      say_stop();
      began_ = clock_now();
      server_.http.closing = true;
      // the probes' port stays open, so that operators can watch the stop
      return await_on_loops(false, at(1), [](auto& of, unsigned) { of.main_listener->stop(); });
    case step::end_idle: // those that were answered and wait; a new one may still bring a request
      return await_on_loops(true, at(1), [](auto& of, unsigned loop) {
        of.http.pending->end_idle(of.node->loop(loop));
      });
    case step::handle_all:
      node.stop_reading();
      return await([this] { return server_.node->has_handled_all(); }, at(4));
    case step::end_rooms:
      node.end_rooms();
      return await([this] { return server_.node->stats().rooms == 0; }, at(6));
    case step::say_goodbye: {
      server_.says_goodbye = true;
      node.drain(kind_, goodbye_time());
      auto margin = std::min<std::chrono::milliseconds>(server_.options.drain_timeout / 10, 500ms);
      auto is_quiet = [this] {
        return server_.http.admissions->connections() == 0 && server_.http.under_way == 0;
      };
      return await(is_quiet, at(8) - margin);
    }
    case step::end_all:
      return await_on_loops(true, at(8), [](auto& of, unsigned loop) {
        if (loop == 0 && of.admin_listener)
          of.admin_listener->stop();
        of.http.pending->end_all(of.node->loop(loop));
        of.admin.pending->end_all(of.node->loop(loop));
      });
    case step::delay:
    case step::over: break;
  }
}

void drain_course::await(std::function<bool()> is_done, steady_time until) {
  is_done_ = std::move(is_done);
  until_ = until;
}

/// Runs `f` on the first loop, or on all. A handler may keep a loop busy beyond `until`; then `f`
/// runs later, before the node's end. What it throws is logged and counted.
template <class F>
void drain_course::await_on_loops(bool all, steady_time until, F f) {
  auto& node = *server_.node;
  auto loops = all ? node.loops() : 1;
  auto left = std::make_shared<std::atomic<unsigned>>(loops);
  for (unsigned i = 0; i < loops; ++i)
    node.loop(i).post([&of = server_, left, i, f] {
      try {
        f(of, i);
      } catch (...) {
        protocol::report_exception(*of.options.log, of.counts, "drain");
      }
      --*left;
    });
  await([left] { return *left == 0; }, until);
}

/// What a handler throws is logged and counted: the server stops all the same.
void drain_course::say_stop() {
  for (auto& [path, e] : server_.endpoints) {
    try {
      if (auto& on = e.handlers(); on.on_stop)
        on.on_stop();
    } catch (...) {
      protocol::report_exception(*server_.options.log, server_.counts, "endpoint", path);
    }
  }
}

/// Before a restart all are told before the first may come back: the next process can serve nobody
/// before this one has ended.
std::chrono::milliseconds drain_course::goodbye_time() const {
  const std::chrono::milliseconds share = server_.options.drain_timeout / 4;
  const auto returns = server_.options.node.reconnect_min;
  return kind_ == actors::drain_kind::restart && returns > 0ms ? std::min(share, returns) : share;
}

steady_time drain_course::at(int eighths) const {
  return began_ + server_.options.drain_timeout * eighths / 8;
}

} // namespace troupe::transport
