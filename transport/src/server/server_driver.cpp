#include <utility>

#include "server/server_driver.hpp"

#include "server/server_state.hpp"

#include <algorithm>
#include <stdexcept>

namespace troupe::transport {

server_driver::server_driver(server::state& driven) : server_(driven) {}

bool server_driver::poll(std::chrono::nanoseconds max_wait) {
  if (std::this_thread::get_id() != owner_)
    throw std::logic_error{"poll: call it on the thread that has called start_polled"};
  if (calls_handlers_ || server_.node->is_current())
    throw std::logic_error{"poll within a handler would wait for itself"};
  std::lock_guard guard{mutex_};
  return !has_ended_ && go_on(max_wait);
}

void server_driver::stop(actors::drain_kind kind) {
  if (std::this_thread::get_id() != owner_) {
    server_.request_stop(kind);
    server_.lifecycle.wait_for_end();
    return;
  }
  if (calls_handlers_)
    return;
  std::lock_guard guard{mutex_};
  server_.lifecycle.request(kind);
  while (!has_ended_ && go_on(drain_course::between_looks)) {}
}

bool server_driver::may_end_here() const {
  auto is_inside = std::this_thread::get_id() == owner_ && calls_handlers_;
  return !is_inside && !server_.node->is_current();
}

server_driver& server_driver::take_over() {
  std::lock_guard guard{mutex_};
  owner_ = std::this_thread::get_id();
  has_let_go_ = false;
  return *this;
}

/// Runs a piece of the server, and of its stop; returns whether there is more. Where handlers may
/// have run, the server may have gone to another thread: nothing looks at it then.
bool server_driver::go_on(std::chrono::nanoseconds max_wait) {
  if (advance_stop())
    max_wait = std::min<std::chrono::nanoseconds>(max_wait, drain_course::between_looks);
  if (has_let_go_)
    return false;
  auto runs = server_.node->loop(0).poll(max_wait);
  if (has_let_go_)
    return false;
  if (runs || !ends_)
    return true;
  has_ended_ = true;
  server_.end();
  return false;
}

/// Returns whether a stop is under way.
bool server_driver::advance_stop() {
  if (!course_ && !ends_)
    if (auto kind = server_.lifecycle.begin_requested_stop())
      course_.emplace(server_, *kind);
  if (!course_)
    return ends_;
  calls_handlers_ = true;
  auto is_through = course_->go_on();
  calls_handlers_ = false;
  if (is_through && !has_let_go_) {
    course_.reset();
    ends_ = true;
    server_.node->request_stop();
    server_.node->loop(0).stop();
  }
  return true;
}

} // namespace troupe::transport
