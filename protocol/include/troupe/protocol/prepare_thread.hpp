#pragma once

namespace troupe::protocol {

/// Does now what the first message of the process and of the calling thread would cause: simdjson
/// chooses its implementation; scratch strings and the compressor register their destructors.
/// Without memory, either would end the process; so call this at the start. Idempotent.
/// Errors: `std::bad_alloc`. Thread: each that encodes or decodes.
void prepare_thread();

} // namespace troupe::protocol
