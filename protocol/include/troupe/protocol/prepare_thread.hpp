#pragma once

namespace troupe::protocol {

/// Does now what this layer would do at the first message of the process and of the calling thread:
/// simdjson chooses its implementation, scratch strings and the compressor register their
/// destructors. Both end the process if there is no memory just then, and are best had at the
/// start. Idempotent. Errors: `std::bad_alloc`. Thread: any; each that encodes or decodes.
void prepare_thread();

} // namespace troupe::protocol
