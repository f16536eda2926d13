#pragma once

#include <troupe/protocol/errc.hpp>

namespace troupe::actors {

/// Throws `std::invalid_argument`, with a sentence that begins with `call`, if a behaviour cannot
/// refuse with `code`: no client gets it as an `error`, because it admits, ends the connection, or
/// is never sent (PROTOCOL.md, "Errors").
void check_refusal(const char* call, protocol::errc code);

} // namespace troupe::actors
