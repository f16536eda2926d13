#pragma once

#include <string>

namespace troupe::examples {

/// Writes a line to standard output, without waiting for its reader. Thread: any.
void say(std::string line);

/// The same for the standard error stream.
void complain(std::string line);

/// Keeps the node alive whatever happens to its standard streams: opens /dev/null for each closed
/// one, so that no socket gets its number, and ignores the signal when a reader goes away. Call it
/// at the start of `main`, before any thread.
void secure_standard_streams();

} // namespace troupe::examples
