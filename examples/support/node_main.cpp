#include "node_main.hpp"

#include "console.hpp"
#include "node_options.hpp"
#include "units.hpp"

#include <troupe/node.hpp>
#include <troupe/protocol/observe.hpp>
#include <troupe/transport/option_text.hpp>

#include <signal.h>

#include <csignal>
#include <exception>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

/// For nodes that are linked with jemalloc. Returns free memory to the system even while no thread
/// allocates. Asks for huge pages: a message to a small room touches memory of many sessions, and
/// waits less for the look-up of their pages (`bench/README.md`). Each arena fills huge pages of
/// its own; four are enough for some loops, and cost 15 MiB. The environment's `MALLOC_CONF` comes
/// after this and overrides it.
extern "C" const char* malloc_conf;
const char* malloc_conf = "background_thread:true,thp:always,narenas:4";

namespace troupe::examples {

namespace {

constexpr int cannot_serve = 1;
constexpr int bad_input = 2;

/// An address for a browser on this machine: all addresses include the loopback one.
std::string url_of(const server_options& options, std::uint16_t port) {
  auto host = options.bind;
  if (host.empty() || host == "0.0.0.0" || host == "::")
    host = "127.0.0.1";
  return (options.tls_certificates.empty() ? "http://" : "https://")
       + transport::write_address_and_port(host, port);
}

/// Blocks the signals that only the server handles. Threads created from here on inherit that. The
/// server also handles signals that came before it started. Nobody handles one that comes after the
/// server has stopped, so the process still ends with its exit code.
void leave_signals_to_server() {
  sigset_t of_server;
  sigemptyset(&of_server);
  for (auto number : {SIGTERM, SIGINT, SIGHUP})
    sigaddset(&of_server, number);
  ::pthread_sigmask(SIG_BLOCK, &of_server, nullptr);
}

int serve(server& node, const server_options& options, std::string_view name) {
  try {
    node.start();
    return node.run([&] {
      say(std::string{name} + " is listening on " + url_of(options, node.port()));
      if (node.admin_port() != 0)
        say(std::string{name} + " has its probes at port " + std::to_string(node.admin_port()));
    });
  } catch (const std::system_error& e) {
    // it names the address: there may be two
    complain(std::string{name} + ": " + protocol::escape_for_log(e.what()));
    return cannot_serve;
  }
}

/// Makes a server with these options and serves; returns the exit code.
using server_function = std::function<int(const server_options&)>;

int read_and_serve(int argc, const char* const* argv, std::string_view name, std::string_view about,
                   server_options options, option_table more,
                   const std::function<void(server_options&)>& complete,
                   const server_function& serve_with) try {
  secure_standard_streams();
  options.node.loops = 0;
  options.raise_descriptor_limit = true; // a node calls no `select`
  token_options tokens;
  auto table = node_options(options, tokens);
  std::move(more.begin(), more.end(), std::back_inserter(table));
  auto introduction = std::string{about}.append("\n").append(units_in_help);
  if (auto code = read_options(table, name, introduction, argc, argv))
    return *code;
  check_together(options);
  tokens.apply_to(options);
  if (complete)
    complete(options);
  leave_signals_to_server();
  return serve_with(options);
  // a bad file, or an option that only the library refused
} catch (const std::exception& e) {
  complain(std::string{name} + ": " + protocol::escape_for_log(with_option_names(e.what())));
  return bad_input;
}

} // namespace

int node_main(int argc, const char* const* argv, std::string_view name, std::string_view about,
              server_options defaults, const std::function<void(server&)>& set_up,
              option_table more, const std::function<void(server_options&)>& complete) {
  auto serve_alone = [&](const server_options& options) {
    server node{options};
    if (set_up)
      set_up(node);
    return serve(node, options, name);
  };
  return read_and_serve(argc, argv, name, about, std::move(defaults), std::move(more), complete,
                        serve_alone);
}

int actor_node_main(int argc, const char* const* argv, std::string_view name,
                    std::string_view about, server_options defaults,
                    const std::function<void(server&, caf::actor_system&)>& set_up,
                    option_table more) {
  auto serve_with_actors = [&](const server_options& options) {
    init();
    caf::actor_system_config config;
    compat::set_worker_threads(config, 1);
    caf::actor_system system{config};
    server node{system, options};
    set_up(node, system);
    return serve(node, options, name);
  };
  return read_and_serve(argc, argv, name, about, std::move(defaults), std::move(more), {},
                        serve_with_actors);
}

} // namespace troupe::examples
