#pragma once

#include <troupe/protocol/codec.hpp>

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::churn {

enum class frame_type {
  other,
  welcome,
  joined,
  left,
  message,
  user_joined,
  user_left,
  ack,
  error,
  pong
};

/// The fields of a server's message that the test checks; absent ones are empty.
struct server_frame {
  frame_type type = frame_type::other;
  std::string_view type_name, room, epoch, text, user, timestamp, code;
  std::optional<std::uint64_t> seq;
  std::optional<std::uint64_t> ref;
};

class frame_reader {
public:
  /// Returns nothing if it is no map, or if that encoding uses no such frame. Views are valid until
  /// the next call.
  [[nodiscard]] std::optional<server_frame> read(protocol::encoding encoding, bool binary,
                                                 std::string_view payload);

private:
  simdjson::dom::parser parser_;
  std::vector<char> padded_;
  std::string json_;
};

} // namespace troupe::churn
