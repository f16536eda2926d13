#pragma once

namespace troupe::protocol {

/// Registers the end of this thread's compressor, which holds nothing before its first message.
/// Thread: any.
void prepare_deflate();

} // namespace troupe::protocol
