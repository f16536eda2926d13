#include <troupe/protocol/command.hpp>

#include "envelope/envelope.hpp"
#include "envelope/validate.hpp"

namespace troupe::protocol {

result<command, decode_failure> decode(codec source, std::string_view bytes,
                                       const message_limits& limits) {
  field_table fields;
  const envelope_reader envelope{source, bytes, fields, limits};
  if (limits.max_message_bytes != 0 && bytes.size() > limits.max_message_bytes)
    return decode_failure{errc::too_big, {}, {}, {}, {}};
  auto failure = validate(source, bytes, limits, fields);
  if (failure.code == errc::ok)
    return envelope.read();
  // If the bytes are not a document, none of their fields can be trusted.
  if (failure.code == errc::malformed || failure.code == errc::undecodable)
    return decode_failure{failure.code, std::move(failure.detail), {}, {}, {}};
  return envelope.refuse(failure.code, std::move(failure.detail));
}

} // namespace troupe::protocol
