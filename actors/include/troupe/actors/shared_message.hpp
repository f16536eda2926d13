#pragma once

#include <troupe/protocol/shared_bytes.hpp>

#include <memory>
#include <string_view>
#include <utility>

namespace troupe::actors {

/// A message that is made once, however many raw connections it is sent to: each holds a reference,
/// not a copy.
///
/// Copies are the same message. Its bytes are the application's: they do not count against the
/// node's output budget. It lives independently of the connections it is sent to. Thread: any.
class shared_message {
public:
  /// Precondition: valid UTF-8. Cost: one copy.
  [[nodiscard]] static shared_message text(std::string_view text);
  /// The same as a binary message, of any bytes.
  [[nodiscard]] static shared_message binary(std::string_view bytes);

private:
  friend class raw_connection;
  struct state;
  explicit shared_message(std::shared_ptr<state> s) noexcept : state_(std::move(s)) {}
  /// The frame, or its deflated form, which the first call for it makes.
  [[nodiscard]] const protocol::shared_bytes& frame(bool is_deflated) const;

  std::shared_ptr<state> state_;
};

} // namespace troupe::actors
