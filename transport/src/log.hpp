#pragma once

#include <troupe/protocol/observe.hpp>

#include <memory>

namespace troupe::transport {

/// Writes to the standard error stream from a thread of its own; a full queue overwrites its oldest lines.
[[nodiscard]] std::unique_ptr<protocol::logger> make_stderr_logger(protocol::log_level least);

} // namespace troupe::transport
