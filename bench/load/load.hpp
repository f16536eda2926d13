#pragma once

#include "arrivals.hpp"
#include "frames.hpp"
#include "histogram.hpp"
#include "options.hpp"
#include "plan.hpp"
#include "process.hpp"
#include "speech.hpp"
#include "stream.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::bench {

/// The results of a run. "Window": from the end of the warm-up to the end of the duration.
struct load_result {
  double connect_seconds = 0;   ///< until all clients had joined
  double reconnect_seconds = 0; ///< the same after all were cut; 0: not asked for
  double window_seconds = 0;
  std::uint64_t published = 0; ///< in the window
  /// Messages and notices of joins and leaves that came in the window.
  std::uint64_t delivered = 0;
  std::uint64_t delivered_bytes = 0;
  std::uint64_t lost = 0;       ///< in the whole run, on connections that stayed
  std::uint64_t doubled = 0;    ///< came twice
  std::uint64_t disordered = 0; ///< came after a later one
  std::uint64_t pings = 0;      ///< that came in the window
  std::uint64_t cut = 0;        ///< connections that the server ended, except stalled ones
  std::uint64_t cut_stalled = 0;
  /// Of the messages that were meant to be sent in the window, from that moment on.
  histogram latency;
  double server_cpu_seconds = 0; ///< in the window; 0: no pid
  /// Of the server: without connections, with all of them but no load, and at the end.
  resident memory_before, memory_idle, memory_after;
  double own_cpu_seconds = 0; ///< in the window, without time spent waiting awake

  /// Whether the load had no CPU time left, so that the server may be faster than shown.
  [[nodiscard]] bool was_bottleneck() const noexcept {
    return own_cpu_seconds > 0.9 * window_seconds;
  }
};

/// Many clients on one thread.
class load {
public:
  explicit load(const load_options& options);
  load(const load&) = delete;
  load& operator=(const load&) = delete;
  ~load();

  /// Connects, loads, drains. Errors: `std::runtime_error` if the server cannot be reached or does
  /// not let clients join in time.
  [[nodiscard]] load_result run();

private:
  struct client;
  struct publisher;
  using time_point = std::chrono::steady_clock::time_point;
  using steady_duration = std::chrono::steady_clock::duration;

  // connecting
  void open_all();
  void open_some(time_point began, std::size_t& opened);
  void open(client& c);
  void go_on(client& c);
  void upgrade(client& c, std::string_view bytes);
  void joined(client& c);
  void enter_next(client& c);
  void cut_all();

  // load
  void start();
  void publish(publisher& p, time_point meant);
  void publish_due(time_point now);
  void visit_due(time_point now);
  void run_until(time_point end);
  void drain();
  [[nodiscard]] std::uint64_t missing() const;
  void look_at_stalled();

  // what comes
  void poll(time_point until);
  void ready(client& c, std::uint32_t events);
  void read(client& c);
  void take(client& c, const frame_view& frame);
  void deliver(client& c, std::string_view payload, std::uint64_t size);
  [[nodiscard]] publisher* find_publisher(std::uint32_t number);
  [[nodiscard]] arrivals* heard_of(client& c, const publisher& p) const;
  void end(client& c);
  void watch(client& c, bool output);
  void progress(time_point now);

  [[nodiscard]] std::uint64_t micros(time_point at) const;

  const load_options& options_;
  std::unique_ptr<SSL_CTX, free_tls> tls_;
  speech json_, msgpack_, other_;
  plan plan_;
  std::deque<client> clients_;
  std::vector<publisher> publishers_;
  inflater inflater_;
  std::vector<char> buffer_;
  int epoll_;
  std::size_t opening_ = 0;
  std::size_t in_rooms_ = 0;

  bool publishing_ = false;
  bool closed_loop_ = false;
  time_point began_, window_begin_, window_end_;
  std::uint64_t due_ = 0; ///< messages that the open loop has published so far
  std::uint64_t visits_ = 0;
  load_result result_;
  steady_duration idle_{}; ///< time spent waiting awake
  histogram second_;       ///< latencies of the current second
  std::uint64_t second_deliveries_ = 0;
  time_point next_progress_;
};

} // namespace troupe::bench
