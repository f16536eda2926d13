#include <troupe/protocol/prepare_thread.hpp>

#include "bytes/deflate.hpp"
#include "text/unicode.hpp"

#include <troupe/protocol/event.hpp>
#include <troupe/protocol/value_encoder.hpp>

namespace troupe::protocol {

void prepare_thread() {
  (void)is_utf8("more than what is looked at without it");
  (void)ack_frame(encoding::v1_json, "1", "r", {}, nullptr);
  (void)iso_8601({});
  (void)value_encoder{};
  prepare_deflate();
}

} // namespace troupe::protocol
