#pragma once

#include <troupe/protocol/observe.hpp>

namespace troupe::actors {

/// Runs `f`; an exception is logged and counted, and `otherwise` is returned. For actors that must
/// outlive their commands.
template <class F, class T>
T guarded(protocol::logger& log, protocol::event_counters& counters, const char* where, T otherwise,
          F&& f) {
  try {
    return f();
  } catch (...) {
    protocol::report_exception(log, counters, where);
    return otherwise;
  }
}

template <class F>
void guarded(protocol::logger& log, protocol::event_counters& counters, const char* where, F&& f) {
  (void)guarded(log, counters, where, 0, [&] {
    f();
    return 0;
  });
}

} // namespace troupe::actors
