#include <utility>

#include <troupe/actors/shared_message.hpp>

#include <troupe/protocol/frame.hpp>

#include <mutex>

namespace troupe::actors {

using protocol::opcode;

struct shared_message::state {
  protocol::shared_bytes plain;
  std::once_flag once;
  protocol::shared_bytes deflated; ///< made on first use
};

shared_message shared_message::text(std::string_view text) {
  auto s = std::make_shared<state>();
  s->plain = protocol::make_frame(opcode::text, text);
  return shared_message{std::move(s)};
}

shared_message shared_message::binary(std::string_view bytes) {
  auto s = std::make_shared<state>();
  s->plain = protocol::make_frame(opcode::binary, bytes);
  return shared_message{std::move(s)};
}

const protocol::shared_bytes& shared_message::frame(bool is_deflated) const {
  if (!is_deflated)
    return state_->plain;
  std::call_once(state_->once,
                 [this] { state_->deflated = protocol::deflated_frame(state_->plain); });
  return state_->deflated;
}

} // namespace troupe::actors
