#include "bot/bot_sink.hpp"

#include <troupe/actors/credit.hpp>
#include <troupe/protocol/frame.hpp>

#include <algorithm>

namespace troupe::actors {
namespace {

/// Bytes of events that an actor without credit may leave unhandled.
constexpr std::size_t most_words = 1024 * 1024;

credit_limits of_events(const bot_options& options) {
  constexpr std::int64_t any = std::int64_t{1} << 40, any_bytes = std::int64_t{1} << 50;
  return {options.max_events > 0 ? options.max_events : any, any_bytes};
}

/// Calls `f` for each message in a run of frames: its frame and, of a binary message in JSON, the
/// one that belongs to it.
template <class F>
void for_each_message(std::string_view frames, protocol::codec codec, F&& f) {
  constexpr unsigned char opcode_bits = 0x0f;
  auto is_bytes = [](std::string_view rest) {
    return !rest.empty()
        && (static_cast<unsigned char>(rest.front()) & opcode_bits)
             == static_cast<unsigned char>(protocol::opcode::binary);
  };
  while (!frames.empty()) {
    auto size = protocol::frame_length(frames);
    if (codec == protocol::codec::json && is_bytes(frames.substr(size)))
      size += protocol::frame_length(frames.substr(size));
    f(frames.substr(0, size));
    frames.remove_prefix(size);
  }
}

std::string_view part_of(const protocol::shared_bytes& bytes, byte_range part) {
  return bytes.view().substr(part.begin, part.size());
}

} // namespace

bot_sink::bot_sink(event_loop& loop, caf::actor who, std::string room, const bot_options& options,
                   protocol::event_counters& counters, std::function<void()> wake)
  : loop_(loop),
    who_(std::move(who)),
    room_(std::move(room)),
    codec_(protocol::codec_of(options.encoding)),
    policy_(options.policy),
    counters_(counters),
    wake_(std::move(wake)),
    account_(std::make_shared<credit_account>(of_events(options), wake_)) {}

/// Whatever fails here fails for want of memory, and no call of a sink may throw.
template <class F>
void bot_sink::contained(F&& f) noexcept {
  if (has_ended_)
    return;
  try {
    f();
  } catch (...) {
    end();
  }
}

void bot_sink::end() noexcept {
  has_ended_ = true;
  values_.clear();
  wake_();
}

// -- what the room says ---------------------------------------------------------------------------

void bot_sink::write(const protocol::shared_bytes& batch, std::span<const byte_range> parts,
                     std::uint32_t) {
  contained([&] {
    for (auto part : parts)
      for_each_message(part_of(batch, part), codec_, [&](auto frame) { take_broadcast(frame); });
  });
}

void bot_sink::append(const protocol::shared_bytes& bytes, byte_range part, std::uint32_t,
                      output_kind kind) {
  contained([&] {
    for_each_message(part_of(bytes, part), codec_, [&](auto frame) {
      kind == output_kind::data ? take_broadcast(frame) : take_word(frame);
    });
  });
}

void bot_sink::take_broadcast(std::string_view frame) {
  if (has_ended_)
    return; // it was removed by the one before
  if (!account_->positive())
    return fall_behind();
  tell_gap();
  tell(room_event::kind::frame, frame);
}

void bot_sink::fall_behind() noexcept {
  if (policy_ == behind_policy::remove)
    return end();
  ++dropped_;
  counters_.count(protocol::counter::dropped, "server_member_behind");
}

/// What is for this member alone: some of it says where it stands.
void bot_sink::take_word(std::string_view frame) {
  if (has_ended_)
    return;
  if (!account_->positive() && queued_bytes() > most_words)
    return end(); // as a client is cut that does not read
  const protocol::document_view fields{codec_, protocol::frame_payload(frame)};
  auto type = fields.string("type").value_or("");
  if (type == "welcome" || type == "goodbye")
    return; // of the connection that a client would have
  auto is_own = fields.string("roomId") == room_;
  tell_gap();
  if (type == "joined" && is_own) {
    is_member_ = true;
    return tell(room_event::kind::joined, frame);
  }
  auto is_refused = !is_member_ && is_own && type == "error" && fields.string("request") == "join";
  auto is_over = is_own && (type == "left" || type == "roomClosed");
  if (!is_refused && !is_over)
    return tell(room_event::kind::frame, frame);
  tell(is_refused ? room_event::kind::refused : room_event::kind::closed, frame);
  has_said_last_ = has_left_ = true;
  end();
}

void bot_sink::tell_gap() {
  if (dropped_ == 0)
    return;
  tell(room_event::kind::gap, {});
  dropped_ = 0;
}

/// The event has a copy that no meter counts: an actor may keep it for longer than the node lives.
void bot_sink::tell(room_event::kind what, std::string_view frame) {
  room_event event{what, {}, room_, {}, 0, {}};
  event.codec = codec_;
  if (what == room_event::kind::gap)
    event.dropped = dropped_;
  if (!frame.empty())
    event.bytes = protocol::shared_bytes::copy_of(frame);
  event.token = account_->take(frame.size());
  compat::anon_send(who_, std::move(event));
}

void bot_sink::say_last() {
  if (has_said_last_)
    return;
  tell_gap();
  tell(is_member_ ? room_event::kind::closed : room_event::kind::refused, {});
  has_said_last_ = true;
}

// -- values ---------------------------------------------------------------------------------------

/// It is behind: the value waits for credit.
value_fate bot_sink::put_value(const protocol::shared_bytes& bytes, byte_range part,
                               if_behind name) {
  auto fate = value_fate::dropped;
  contained([&] {
    auto value = protocol::shared_bytes::copy_of(part_of(bytes, part));
    values_.reserve(values_.size() + 1); // from here on nothing fails
    auto old =
      std::find_if(values_.begin(), values_.end(), [&](auto& v) { return v.first == name; });
    if (old == values_.end() && values_.size() == most_values)
      return;
    fate = old == values_.end() ? value_fate::queued : value_fate::replaced;
    if (old != values_.end())
      values_.erase(old);
    values_.emplace_back(name, std::move(value));
    if (!account_->pause())
      wake_();
  });
  return fate;
}

void bot_sink::give_values() noexcept {
  contained([&] {
    std::size_t given = 0;
    for (; given < values_.size() && account_->positive(); ++given) {
      tell_gap();
      for_each_message(values_[given].second.view(), codec_,
                       [&](auto frame) { tell(room_event::kind::frame, frame); });
    }
    values_.erase(values_.begin(), values_.begin() + static_cast<std::ptrdiff_t>(given));
    if (!values_.empty() && !account_->pause())
      wake_();
  });
}

std::size_t bot_sink::drop_values() noexcept {
  auto dropped = values_.size();
  values_.clear();
  return dropped;
}

} // namespace troupe::actors
