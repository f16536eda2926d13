#include "websocket/ws_inflation.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

namespace troupe::protocol {

namespace {

constexpr int window_bits = -15; ///< raw; streams with a smaller window fit, too
constexpr std::size_t piece_bytes = 32 * 1024;
constexpr std::size_t largest_piece = 2 * ws_inflation::step_output;
/// The tail that each message leaves out (RFC 7692, 7.2.1).
constexpr std::string_view empty_block_tail{"\0\0\xff\xff", 4};

} // namespace

void inflate_context::add(std::string_view message) {
  message.remove_prefix(message.size() - std::min(message.size(), max_bytes));
  bytes_.erase(0, bytes_.size() - std::min(bytes_.size(), max_bytes - message.size()));
  bytes_.append(message);
}

ws_inflation::~ws_inflation() {
  if (is_ready_)
    ::inflateEnd(&stream_);
}

void ws_inflation::start(const ws_parts& deflated, std::uint64_t max_bytes,
                         inflate_context* context) {
  drop();
  deflated_ = &deflated;
  output_room_ = max_bytes + 1;
  context_ = context;
  reset(context ? context->view() : std::string_view{});
}

void ws_inflation::reset(std::string_view context) {
  if (!is_ready_ && ::inflateInit2(&stream_, window_bits) != Z_OK)
    throw std::bad_alloc{};
  is_ready_ = true;
  ::inflateReset(&stream_);
  stream_.avail_in = 0;
  stream_.avail_out = 0;
  if (context.empty())
    return;
  const auto* bytes = reinterpret_cast<const Bytef*>(context.data());
  if (::inflateSetDictionary(&stream_, bytes, static_cast<uInt>(context.size())) != Z_OK)
    throw std::bad_alloc{};
}

bool ws_inflation::step() {
  made_ = 0;
  for (std::size_t taken = 0; taken < step_input;) {
    if (where_ != state::paused) {
      if (next_piece_ == deflated_->pieces()) {
        if (deflated_->size() == 0 || where_ != state::within_block || has_tail_)
          return true;
        has_tail_ = true;
        feed(empty_block_tail);
      } else {
        if (where_ == state::behind_stream)
          start_another();
        feed(deflated_->piece_at(next_piece_++));
      }
      taken += stream_.avail_in;
    }
    where_ = inflate();
    if (where_ == state::broken || where_ == state::full)
      return true;
    if (where_ == state::paused)
      return false;
  }
  return false;
}

ws_inflation::result ws_inflation::finish() {
  result r;
  r.error = error();
  if (r.error == errc::ok)
    r.message = gathered();
  drop();
  if (context_ && r.error == errc::ok)
    context_->add(r.message.view());
  return r;
}

errc ws_inflation::error() const noexcept {
  if (deflated_->size() == 0 || where_ == state::behind_block || where_ == state::behind_stream)
    return errc::ok;
  return where_ == state::full ? errc::too_big : errc::undecodable;
}

/// Goes on behind a final block, and keeps the window: what follows may refer to earlier output.
void ws_inflation::start_another() noexcept { ::inflateResetKeep(&stream_); }

void ws_inflation::feed(std::string_view bytes) {
  stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream_.avail_in = static_cast<uInt>(bytes.size());
}

/// Inflates what was fed until the step has made enough output; returns where the stream stands.
ws_inflation::state ws_inflation::inflate() {
  constexpr int behind_block = 128; // in `data_type`; see `inflate` in zlib.h
  for (;;) {
    if (stream_.avail_out == 0) {
      if (made_ >= step_output)
        return state::paused;
      add_piece();
    }
    const auto code = ::inflate(&stream_, Z_SYNC_FLUSH);
    if (code == Z_MEM_ERROR)
      throw std::bad_alloc{};
    if (stream_.avail_out == 0 && output_room_ == 0)
      return state::full;
    if (code == Z_STREAM_END) {
      if (stream_.avail_in == 0)
        return state::behind_stream;
      start_another();
    } else if (code != Z_OK && code != Z_BUF_ERROR) {
      return state::broken;
    } else if (stream_.avail_in == 0 && (stream_.data_type & behind_block)) {
      return state::behind_block; // another call without input would clear the flag
    } else if (stream_.avail_in == 0 && stream_.avail_out > 0) {
      return state::within_block;
    }
  }
}

/// Adds room for more output: twice as much as the last time, within the bounds.
void ws_inflation::add_piece() {
  std::uint64_t wanted = piece_bytes;
  if (used_pieces_ > 0)
    wanted = std::min<std::uint64_t>(2 * output_[used_pieces_ - 1].size, largest_piece);
  const auto size = static_cast<std::size_t>(std::min(wanted, output_room_));
  if (used_pieces_ == output_.size())
    output_.push_back({std::make_unique_for_overwrite<char[]>(std::max(size, piece_bytes)), size});
  auto& p = output_[used_pieces_++];
  p.size = size;
  output_room_ -= size;
  made_ += size;
  stream_.next_out = reinterpret_cast<Bytef*>(p.bytes.get());
  stream_.avail_out = static_cast<uInt>(size);
}

std::size_t ws_inflation::kept_bytes() const noexcept {
  std::size_t sum = 0;
  for (auto& p : output_)
    sum += std::max(p.size, piece_bytes);
  return sum;
}

void ws_inflation::drop() noexcept {
  deflated_ = nullptr;
  next_piece_ = 0;
  where_ = state::within_block;
  has_tail_ = false;
  if (output_.size() > 1)
    output_.resize(1);
  used_pieces_ = 0;
}

shared_bytes ws_inflation::gathered() const {
  std::size_t total = 0;
  for (std::size_t i = 0; i < used_pieces_; ++i)
    total += output_[i].size;
  total -= used_pieces_ > 0 ? stream_.avail_out : 0;
  return shared_bytes::make(total, nullptr, [&](char* out) {
    for (std::size_t i = 0; i < used_pieces_; ++i) {
      const auto size = std::min(output_[i].size, total);
      out = std::copy_n(output_[i].bytes.get(), size, out);
      total -= size;
    }
  });
}

} // namespace troupe::protocol
