#pragma once

#include "messages/messages.hpp"

#include <troupe/actors/endpoint.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace troupe::actors {

/// The state that all handles of an endpoint share.
struct endpoint_state {
  endpoint_handlers handlers;
  endpoint_actor hub;                      ///< fixed
  room_identity_ptr identity;              ///< of its broadcasts at the dispatchers
  std::shared_ptr<credit_account> account; ///< of broadcasts from outside
  std::shared_ptr<protocol::memory_meter> meter;
  std::atomic<std::size_t> deflating{0}; ///< connections that take deflated frames
  mutable std::mutex mutex;
  bool has_ended = false; ///< with the node; guarded by mutex
  std::unordered_map<session_key, std::shared_ptr<raw_state>> open; ///< guarded by mutex
};

} // namespace troupe::actors
