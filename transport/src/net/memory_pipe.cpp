#include <utility>

#include "net/memory_pipe.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>

namespace troupe::transport {

namespace error = boost::asio::error;
using boost::system::error_code;

// -- the peer's side ------------------------------------------------------------------------------

void memory_pipe::say(std::string_view bytes) {
  said_ += bytes;
  tell_input();
}

void memory_pipe::end_input() {
  is_input_ended_ = true;
  tell_input();
}

void memory_pipe::end_input_with_output() {
  ends_with_output_ = true;
  if (is_output_shut_)
    end_input();
}

void memory_pipe::reset() {
  is_reset_ = is_input_ended_ = true;
  if (is_open_ && std::exchange(waits_for_room_, false))
    owner_->on_room();
  tell_input();
}

void memory_pipe::tell_input() {
  if (is_open_ && std::exchange(waits_for_input_, false))
    owner_->on_input();
}

void memory_pipe::set_window(std::optional<std::size_t> bytes) {
  window_ = bytes;
  if (is_open_ && has_room() && std::exchange(waits_for_room_, false))
    owner_->on_room();
}

// -- the channel's side ---------------------------------------------------------------------------

std::size_t memory_pipe::read_some(boost::asio::mutable_buffer into, error_code& ec) noexcept {
  ec = {};
  if (!is_open_)
    ec = error::operation_aborted;
  else if (said_.empty())
    ec = is_reset_       ? error::connection_reset
       : is_input_ended_ ? error_code{error::eof}
                         : error_code{error::would_block};
  if (ec)
    return 0;
  auto n = said_.copy(static_cast<char*>(into.data()), into.size());
  said_.erase(0, n);
  return n;
}

ssize_t memory_pipe::take(const iovec* parts, int count) noexcept {
  if (is_output_shut_ || is_reset_)
    return -1;
  std::size_t taken = 0;
  for (int i = 0; i < count; ++i) {
    auto n = window_ ? std::min(parts[i].iov_len, *window_) : parts[i].iov_len;
    try {
      received_.append(static_cast<const char*>(parts[i].iov_base), n);
    } catch (...) {
      return -1;
    }
    taken += n;
    if (window_)
      *window_ -= n;
    if (n < parts[i].iov_len)
      break;
  }
  return static_cast<ssize_t>(taken);
}

void memory_pipe::shut_output() noexcept {
  is_output_shut_ = true;
  is_input_ended_ |= ends_with_output_;
}

void memory_pipe::close() noexcept {
  is_open_ = waits_for_input_ = waits_for_room_ = false;
  is_output_shut_ = true;
}

} // namespace troupe::transport
