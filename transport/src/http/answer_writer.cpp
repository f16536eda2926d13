#include <utility>

#include "http/answer_writer.hpp"

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <array>

namespace troupe::transport {

using boost::system::error_code;

namespace {

constexpr int looks_per_deadline = 4;

} // namespace

template <class F>
void answer_writer::contained(F&& f) noexcept {
  try {
    f();
  } catch (...) {
    owner_.on_answer_broken();
  }
}

void answer_writer::lose_handler() noexcept {
  if (loop_.entrance()->is_open()) // otherwise the loop ends, and the owner with it
    owner_.on_answer_broken();
}

void answer_writer::send(http_stream& stream, http_response_message message,
                         std::chrono::milliseconds deadline) {
  stream_ = &stream;
  head_ = head_of(message);
  body_ = std::move(message.body());
  head_left_ = head_;
  body_left_ = body_;
  deadline_ = deadline;
  note_progress();
  loop_.arm(watch_, deadline_ / looks_per_deadline);
  write_some();
}

void answer_writer::write_some() {
  const std::array<boost::asio::const_buffer, 2> parts{
    boost::asio::buffer(head_left_.data(), head_left_.size()),
    boost::asio::buffer(body_left_.data(), body_left_.size())};
  auto keep = std::shared_ptr<answer_writer>{owner_.hold(), this};
  stream_->async_write_some(
    parts,
    guarded_handler{std::move(keep), [this](error_code ec, std::size_t n) { on_written(ec, n); }});
}

void answer_writer::on_written(error_code ec, std::size_t n) {
  stream_->count(0, n);
  if (ec) {
    release();
    return owner_.on_answer_broken();
  }
  note_progress();
  auto of_head = std::min(n, head_left_.size());
  head_left_.remove_prefix(of_head);
  body_left_.remove_prefix(n - of_head);
  if (!head_left_.empty() || !body_left_.empty())
    return write_some();
  release();
  owner_.on_answer_sent();
}

void answer_writer::note_progress() noexcept {
  progress_at_ = loop_.now();
  undelivered_.reset();
}

void answer_writer::look_for_progress() {
  auto before = std::exchange(undelivered_, stream_->socket().undelivered_bytes());
  if (before && *undelivered_ < *before)
    progress_at_ = loop_.now();
  if (loop_.now() - progress_at_ >= deadline_)
    return owner_.on_answer_broken();
  loop_.arm(watch_, deadline_ / looks_per_deadline);
}

/// Gives its memory back: an idle connection keeps nothing of its last answer.
void answer_writer::release() noexcept {
  watch_.cancel();
  head_ = {};
  body_ = {};
  head_left_ = body_left_ = {};
}

} // namespace troupe::transport
