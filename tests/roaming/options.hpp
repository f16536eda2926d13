#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace troupe::roaming {

struct options {
  std::string host = "127.0.0.1"; ///< an address
  std::uint16_t port = 0;
  std::size_t clients = 100;
  std::vector<std::string> rooms;
  std::size_t rooms_each = 2; ///< of a client, at most
  std::chrono::seconds time{20};
  std::uint64_t seed = 1;
  double messages = 250; ///< a second, of all clients together, while they talk
  double leaves = 0;     ///< connections a second that clients end by a close frame, likewise
  std::chrono::milliseconds patience{1'500};
  std::chrono::milliseconds away{150};
  std::chrono::milliseconds long_away{0};
};

/// Reads the command line. Throws std::invalid_argument with a sentence.
options read_options(int argc, char** argv);

extern const char* const usage;

} // namespace troupe::roaming
