#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::protocol {

enum class log_level : std::uint8_t { debug, info, warning, error };

/// Takes the log lines of all layers. Thread: any; must not block and must not throw.
class logger {
public:
  virtual ~logger() = default;
  /// `text` may hold bytes that clients sent; the implementation writes it on one line (see
  /// `escape_for_log`).
  virtual void write(log_level level, std::string_view component,
                     std::string_view text) noexcept = 0;
};

/// Replaces control characters, escapes and bidi controls by `\xNN` / `\u{NNNN}`, so that no client
/// can forge a line.
[[nodiscard]] std::string escape_for_log(std::string_view text);

/// Events that are counted. The exporter gives each its metric name; labels come from small fixed
/// sets, never from clients.
enum class counter : std::uint8_t {
  connections_opened,
  /// Label: close code and reason, `1013 slow_consumer`; `none peer`, `none application`.
  connections_closed,
  handshakes_rejected, ///< label: reason
  protocol_errors,     ///< label: kind
  slow_consumers,
  dropped,        ///< label: reason
  joins_rejected, ///< label: errc name
  accept_errors,  ///< label: errno name
  handler_errors, ///< label: where
  rooms_crashed,
  long_turns,     ///< label: handler
  command_errors, ///< label: errc name
  auth_failures,  ///< label: reason
  tls_reload_errors,
};

/// Counts the rare events of all layers; each loop counts frequent ones itself. Thread: any.
class event_counters {
public:
  virtual ~event_counters() = default;
  virtual void count(counter what, std::string_view label = {}, std::uint64_t n = 1) noexcept = 0;
};

/// The `what()` of the exception being handled. Precondition: one is being handled.
[[nodiscard]] std::string exception_text();

/// Logs the exception being handled and counts it as a handler's error, both under `where`.
/// `whose`: the name of the handler's owner (such as a room or an endpoint), with which the line
/// begins; may be empty. Precondition: an exception is being handled.
void report_exception(logger& log, event_counters& counters, std::string_view where,
                      std::string_view whose = {}) noexcept;

/// A logger and counters that drop everything.
[[nodiscard]] logger& null_logger() noexcept;
[[nodiscard]] event_counters& null_counters() noexcept;

} // namespace troupe::protocol
