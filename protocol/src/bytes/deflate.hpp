#pragma once

namespace troupe::protocol {

/// Registers the destructor of this thread's compressor, which allocates nothing before its first
/// message. Thread: any.
void prepare_deflate();

} // namespace troupe::protocol
