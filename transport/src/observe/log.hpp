#pragma once

#include <troupe/protocol/observe.hpp>

#include <memory>

namespace troupe::transport {

/// Makes a logger that writes to the standard error stream as `line_writer` does: it never blocks,
/// and a full queue overwrites its oldest lines.
[[nodiscard]] std::unique_ptr<protocol::logger> make_stderr_logger(protocol::log_level least);

} // namespace troupe::transport
