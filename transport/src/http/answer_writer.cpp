#include <utility>

#include "http/answer_writer.hpp"

#include <boost/asio/buffer.hpp>

#include <algorithm>
#include <array>
#include <exception>
#include <new>
#include <stdexcept>

namespace troupe::transport {

using boost::system::error_code;

namespace {

constexpr int looks_per_deadline = 4;
constexpr int share_of_pauses = 4; ///< of the time of an answer: a quarter

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
                         std::shared_ptr<const file_part> file,
                         std::chrono::milliseconds deadline) {
  stream_ = &stream;
  head_ = head_of(message);
  body_ = std::move(message.body());
  head_left_ = head_;
  body_left_ = body_;
  file_ = std::move(file);
  read_ = body_.size();
  deadline_ = deadline;
  begun_at_ = loop_.now();
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
  if (file_ && read_ < file_->range.bytes)
    return read_window();
  release();
  owner_.on_answer_sent();
}

/// Reuses the memory of the window that has left.
void answer_writer::read_window() {
  held_ = owner_.hold();
  std::weak_ptr<answer_writer> self = std::shared_ptr<answer_writer>{held_, this};
  auto read = [home = loop_.entrance(), self, file = file_, offset = read_,
               bytes = std::move(body_)]() mutable noexcept {
    auto is_read = false;
    try {
      is_read = file->read(offset, bytes);
    } catch (const std::exception&) {
      // no memory, no descriptor: it is not read, and the owner says so
    }
    try {
      home->enter([&](actors::event_loop& loop) {
        loop.post([self, is_read, b = std::move(bytes)]() mutable {
          if (auto writer = self.lock())
            writer->contained([&] { writer->on_window(is_read, std::move(b)); });
        });
      });
    } catch (const std::bad_alloc&) {
      // the deadline ends the answer
    }
  };
  if (!files_->go_on(std::move(read)))
    owner_.on_answer_broken(); // the server stops
}

void answer_writer::on_window(bool is_read, std::string bytes) {
  auto held = std::move(held_);
  if (!held)
    return; // it was cancelled
  if (!is_read)
    throw std::runtime_error{"a file cannot be read any more, or has changed while it was sent: "
                             + file_->below.native()};
  note_progress();
  owner_.on_answer_progress();
  body_ = std::move(bytes);
  body_left_ = body_;
  read_ += body_.size();
  write_some();
}

std::shared_ptr<void> answer_writer::cancel() noexcept {
  watch_.cancel();
  return std::move(held_);
}

void answer_writer::note_progress() noexcept {
  progress_at_ = loop_.now();
  undelivered_.reset();
}

void answer_writer::look_for_progress() {
  auto before = std::exchange(undelivered_, stream_->socket().undelivered_bytes());
  if (before && *undelivered_ < *before)
    progress_at_ = loop_.now();
  auto patience = deadline_ + (progress_at_ - begun_at_) / share_of_pauses;
  if (loop_.now() - progress_at_ >= patience) {
    stream_->socket().drop_output_at_close();
    return owner_.on_answer_broken();
  }
  loop_.arm(watch_, deadline_ / looks_per_deadline);
}

/// Gives its memory back: an idle connection keeps nothing of its last answer.
void answer_writer::release() noexcept {
  watch_.cancel();
  std::string{}.swap(head_); // an assignment would keep the memory
  std::string{}.swap(body_);
  head_left_ = body_left_ = {};
  file_.reset();
}

} // namespace troupe::transport
