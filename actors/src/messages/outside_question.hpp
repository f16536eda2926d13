#pragma once

#include "messages/owned_event.hpp"

#include <troupe/actors/room_handle.hpp>
#include <troupe/protocol/observe.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace troupe::actors {

/// What somebody outside asks a user of a room. Once it has been accepted, its handler runs once:
/// if it has not been told anything when the last owner goes, it hears `room_closed`. Thread: one
/// at a time.
class outside_question {
public:
  /// `log` and `counters` outlive it.
  outside_question(std::string user_id, const std::vector<protocol::field>& data,
                   std::chrono::milliseconds limit, outside_request_handler then,
                   protocol::logger& log, protocol::event_counters& counters);
  outside_question(const outside_question&) = delete;
  outside_question& operator=(const outside_question&) = delete;
  ~outside_question();

  [[nodiscard]] const std::string& user_id() const noexcept { return user_id_; }
  [[nodiscard]] const std::vector<protocol::field>& data() const noexcept {
    return data_.event().fields;
  }
  [[nodiscard]] std::chrono::milliseconds limit() const noexcept { return limit_; }
  /// How many bytes it holds, for the credit that it takes.
  [[nodiscard]] std::size_t bytes() const noexcept { return data_.bytes(); }

  /// It has come to the loop of its room.
  void accept() noexcept { is_accepted_ = true; }
  /// Tells the handler, unless it has been told. Logs an exception out of it.
  void answer(const request_result& result) noexcept;

private:
  std::string user_id_;
  owned_event data_;
  std::chrono::milliseconds limit_;
  outside_request_handler then_; ///< empty: it has been told
  bool is_accepted_ = false;
  protocol::logger& log_;
  protocol::event_counters& counters_;
};
using outside_question_ptr = std::shared_ptr<outside_question>;

} // namespace troupe::actors
