#pragma once

#include "support/raw_client.hpp"

#include <troupe/troupe.hpp>

#include <cstdint>
#include <string>

namespace troupe::test {

/// Options of a server on a free port of this machine, which logs errors only.
inline server_options quiet(unsigned loops) {
  server_options options;
  options.bind = "127.0.0.1";
  options.port = 0;
  options.node.loops = loops;
  options.node.announce = false;
  options.log_level = protocol::log_level::error;
  return options;
}

/// Sends one request on a connection of its own. Returns all that comes until its end.
inline std::string ask(std::uint16_t port, const std::string& method, const std::string& target,
                       const std::string& headers = {}) {
  raw_client client{port, method + ' ' + target
                            + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + headers
                            + "\r\n"};
  return client.read_all();
}

/// Waits until a server pings a client that is silent: by then the timers have run of its loop, if
/// it has one. The heartbeat's interval, above 40 ms, says how long that takes.
inline void await_ping(std::uint16_t port) {
  raw_client silent{port};
  silent.await("\x89");
}

} // namespace troupe::test
