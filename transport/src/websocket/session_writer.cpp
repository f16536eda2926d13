#include <utility>

#include "websocket/session_writer.hpp"

namespace troupe::transport {

using actors::output_kind;
using protocol::shared_bytes;
using status = actors::outbox::status;

void session_writer::append_all(const shared_bytes& batch,
                                std::span<const actors::byte_range> parts, std::uint32_t frames) {
  for (auto part : parts)
    append(batch, part, std::exchange(frames, 0), output_kind::data);
}

void session_writer::write_all(std::span<const actors::output_piece> pieces) {
  if (!takes_output_)
    return;
  if (!appends_first())
    return note(outbox_.write_all(
      pieces, [this] { return now(); }, channel_));
  for (auto& p : pieces)
    append(*p.bytes, p.part, p.frames, output_kind::data);
}

void session_writer::append(const shared_bytes& bytes, actors::byte_range part,
                            std::uint32_t frames, output_kind kind) {
  if (!takes_output_)
    return;
  outbox_.append(bytes, part, frames, kind, now());
  if (waits_for_room_)
    note_queued();
  if (outbox_.over_bound() && !waits_for_room_)
    flush(); // many frames of one turn are no sign of a slow reader: it was not offered them yet
  else
    check_bound();
}

actors::value_fate session_writer::put_value(const shared_bytes& bytes, actors::byte_range part,
                                             actors::if_behind name) {
  if (!takes_output_)
    return actors::value_fate::dropped;
  if (!waits_for_room_) { // it is not behind: a value like all other data
    append(bytes, part, 1, output_kind::data);
    return actors::value_fate::queued;
  }
  auto fate = outbox_.put_value(bytes, part, name, now());
  note_queued();
  return fate;
}

std::size_t session_writer::drop_values() noexcept {
  auto dropped = outbox_.drop_values();
  if (dropped > 0)
    note_queued();
  return dropped;
}

void session_writer::flush() {
  if (takes_output_ && !waits_for_room_)
    send_queued();
}

void session_writer::send_queued() {
  if (auto before = channel_.unsent_bytes(); before > 0) {
    auto s = channel_.flush();
    if (channel_.unsent_bytes() < before)
      outbox_.note_progress(now());
    if (s != status::done)
      return note(s);
  }
  note(outbox_.flush(now(), channel_));
  if (queued_[0] + queued_[1] > 0)
    note_queued();
}

void session_writer::note_unsent() {
  if (takes_output_ && !waits_for_room_ && channel_.unsent_bytes() > 0)
    note(status::done);
}

void session_writer::on_room() {
  waits_for_room_ = false;
  flush();
}

std::size_t session_writer::cut(const shared_bytes& close_frame) {
  auto dropped = outbox_.cut(close_frame, now());
  if (waits_for_room_)
    note_queued();
  return dropped;
}

/// Handles the result of a send.
void session_writer::note(status s) {
  if (s == status::done && channel_.unsent_bytes() > 0) {
    outbox_.note_progress(now());
    wait_for_room();
  } else if (s == status::done) {
    if (outbox_.sealed())
      owner_.on_last_sent();
  } else if (s == status::broken) {
    stop();
    owner_.on_broken();
  } else {
    check_bound();
    wait_for_room();
    note_queued();
  }
}

void session_writer::check_bound() {
  if (outbox_.over_bound())
    owner_.on_over_bound();
}

void session_writer::wait_for_room() {
  if (waits_for_room_ || !has_output())
    return;
  owner_.on_blocked();
  channel_.await_room();
  waits_for_room_ = true;
  undelivered_ = static_cast<std::uint32_t>(channel_.undelivered_bytes());
}

void session_writer::note_drained() noexcept {
  auto bytes = static_cast<std::uint32_t>(channel_.undelivered_bytes());
  if (waits_for_room_ && bytes < std::exchange(undelivered_, bytes))
    outbox_.note_progress(now());
}

/// Counts what waits for this channel, once it has not taken all: by far most sessions never have
/// anything to count.
void session_writer::note_queued() noexcept {
  count_queued({static_cast<std::uint32_t>(outbox_.queued_bytes(output_kind::control)),
                static_cast<std::uint32_t>(outbox_.queued_bytes(output_kind::data))});
}

void session_writer::stop() noexcept {
  takes_output_ = waits_for_room_ = false;
  outbox_.clear();
  count_queued({});
}

void session_writer::count_queued(std::array<std::uint32_t, 2> bytes) noexcept {
  auto& counted = traffic_.queued[protocol::index_of(encoding_)];
  for (std::size_t i = 0; i < bytes.size(); ++i)
    counted[i].add(std::uint64_t{bytes[i]} - std::exchange(queued_[i], bytes[i]));
}

} // namespace troupe::transport
