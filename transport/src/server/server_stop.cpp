// How a server ends: in order, within its time, whatever its handlers do.
#include <utility>

#include "server/server_state.hpp"

#include "server/drain_course.hpp"

#include <exception>
#include <thread>

namespace troupe::transport {

void server::state::request_stop(actors::drain_kind kind) noexcept {
  lifecycle.request(kind);
  if (driver)
    node->loop(0).interrupt();
}

void server::state::stop(actors::drain_kind kind) {
  if (driver)
    return driver->stop(kind);
  auto found = lifecycle.begin_stop();
  if (found == server_lifecycle::found::nothing_to_do)
    return;
  try {
    if (found == server_lifecycle::found::running_server)
      for (drain_course course{*this, kind}; !course.go_on();)
        std::this_thread::sleep_for(drain_course::between_looks);
  } catch (...) { // no memory for a drain: the server ends without one
    protocol::report_exception(*options.log, counts, "drain");
  }
  end();
}

/// The last step of a stop.
void server::state::end() {
  node->stop();
  if (http.files)
    http.files->stop();
  signals.reset();
  lifecycle.end_stop();
}

} // namespace troupe::transport
