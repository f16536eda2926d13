#include "ws_inflater.hpp"

#include <algorithm>
#include <limits>
#include <new>

namespace troupe::transport {

using protocol::errc;
using protocol::shared_bytes;

namespace {

constexpr int window_bits = -15; ///< raw; a stream of any smaller window fits
constexpr std::size_t piece_bytes = 32 * 1024;
/// What each message leaves out (RFC 7692, 7.2.1).
constexpr std::string_view empty_block_tail{"\0\0\xff\xff", 4};

} // namespace

void inflate_context::add(std::string_view message) {
  message.remove_prefix(message.size() - std::min(message.size(), max_bytes));
  bytes_.erase(0, bytes_.size() - std::min(bytes_.size(), max_bytes - message.size()));
  bytes_.append(message);
}

ws_inflater::~ws_inflater() {
  if (is_ready_)
    ::inflateEnd(&stream_);
}

std::uint64_t ws_inflater::largest_payload(std::uint64_t bytes, std::uint64_t fragments) noexcept {
  constexpr std::uint64_t most = std::numeric_limits<uInt>::max(), flush_bytes = 16;
  return std::min(most,
                  bytes + bytes / 8 + bytes / 64 + flush_bytes * std::min(fragments + 1, most));
}

ws_inflater::result ws_inflater::run(const ws_parts& deflated, std::uint64_t max_bytes,
                                     inflate_context* context) {
  drop_pieces();
  output_room_ = max_bytes + 1;
  start(context ? context->view() : std::string_view{});
  result r;
  try {
    r.error = inflate_all(deflated);
    if (r.error == errc::ok)
      r.message = gathered();
  } catch (...) {
    drop_pieces();
    throw;
  }
  drop_pieces();
  if (context && r.error == errc::ok)
    context->add(r.message.view());
  return r;
}

void ws_inflater::start(std::string_view context) {
  if (!is_ready_ && ::inflateInit2(&stream_, window_bits) != Z_OK)
    throw std::bad_alloc{};
  is_ready_ = true;
  ::inflateReset(&stream_);
  stream_.avail_out = 0;
  if (context.empty())
    return;
  const auto* bytes = reinterpret_cast<const Bytef*>(context.data());
  if (::inflateSetDictionary(&stream_, bytes, static_cast<uInt>(context.size())) != Z_OK)
    throw std::bad_alloc{};
}

errc ws_inflater::inflate_all(const ws_parts& deflated) {
  if (deflated.size() == 0)
    return errc::ok;
  auto where = state::within_block;
  deflated.each([&](std::string_view piece) {
    if (where == state::behind_stream)
      start_another();
    where = feed(piece);
    return where != state::broken && where != state::full;
  });
  if (where == state::within_block)
    where = feed(empty_block_tail);
  switch (where) {
    case state::behind_block:
    case state::behind_stream: return errc::ok;
    case state::full: return errc::too_big;
    default: return errc::undecodable;
  }
}

/// Behind a final block: what follows may refer to what has been.
void ws_inflater::start_another() noexcept { ::inflateResetKeep(&stream_); }

/// Inflates all of `bytes`; tells where it stands behind them.
ws_inflater::state ws_inflater::feed(std::string_view bytes) {
  constexpr int behind_block = 128; // in `data_type`; see `inflate` in zlib.h
  stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream_.avail_in = static_cast<uInt>(bytes.size());
  for (;;) {
    if (stream_.avail_out == 0)
      add_piece();
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
      return state::behind_block; // asked again without input, zlib would have forgotten
    } else if (stream_.avail_in == 0 && stream_.avail_out > 0) {
      return state::within_block;
    }
  }
}

/// Room for more output: twice as much as the last time, of what there may be.
void ws_inflater::add_piece() {
  std::uint64_t wanted = piece_bytes;
  if (used_pieces_ > 0)
    wanted =
      std::min<std::uint64_t>(2 * output_[used_pieces_ - 1].size, std::numeric_limits<uInt>::max());
  const auto size = static_cast<std::size_t>(std::min(wanted, output_room_));
  if (used_pieces_ == output_.size())
    output_.push_back({std::make_unique_for_overwrite<char[]>(std::max(size, piece_bytes)), size});
  auto& p = output_[used_pieces_++];
  p.size = size;
  output_room_ -= size;
  stream_.next_out = reinterpret_cast<Bytef*>(p.bytes.get());
  stream_.avail_out = static_cast<uInt>(size);
}

std::size_t ws_inflater::kept_bytes() const noexcept {
  std::size_t sum = 0;
  for (auto& p : output_)
    sum += std::max(p.size, piece_bytes);
  return sum;
}

void ws_inflater::drop_pieces() noexcept {
  if (output_.size() > 1)
    output_.resize(1);
  used_pieces_ = 0;
}

shared_bytes ws_inflater::gathered() const {
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

} // namespace troupe::transport
