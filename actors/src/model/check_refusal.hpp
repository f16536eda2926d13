#pragma once

#include <troupe/protocol/errc.hpp>

namespace troupe::actors {

/// Throws `std::invalid_argument`, a sentence that begins with `call`, for a code that a behaviour
/// cannot refuse with: one that no client sees as an `error`, because it lets in, ends the
/// connection, or is never told (PROTOCOL.md, "Errors").
void check_refusal(const char* call, protocol::errc code);

} // namespace troupe::actors
