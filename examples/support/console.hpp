#pragma once

#include <string>

namespace troupe::examples {

/// Writes a line to standard output, without waiting for whoever reads that. Thread: any.
void say(std::string line);

/// The same for the standard error stream.
void complain(std::string line);

/// Keeps the node alive whatever becomes of its streams: one that is closed is given /dev/null, so
/// that no socket gets its number, and a reader that goes is no signal. At the start of `main`,
/// before any thread.
void secure_standard_streams();

} // namespace troupe::examples
