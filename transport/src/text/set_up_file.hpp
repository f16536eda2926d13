#pragma once

#include <troupe/protocol/result.hpp>

#include <cstddef>
#include <string>

namespace troupe::transport {

/// Why a file cannot be used: the system's reason, or what is wrong with the file.
struct file_problem {
  std::string why;
};

/// Reads a file whole, during set-up or while the server runs.
///
/// Errors: it is no regular file (a folder has no text, a pipe waits for a writer, a device may
/// never end), it cannot be read, or it has more than `most_bytes`. Never waits for a writer, and
/// never reads more than that. Throws `std::bad_alloc`. Thread: any.
[[nodiscard]] protocol::result<std::string, file_problem> read_set_up_file(const std::string& file,
                                                                           std::size_t most_bytes);

} // namespace troupe::transport
