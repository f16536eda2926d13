#include "ws_reference.hpp"

#include <troupe/protocol/ws_inflater.hpp>

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace troupe::test {

namespace {

struct frame {
  unsigned first = 0;
  unsigned second = 0;
  std::uint64_t length = 0;
  bool shortest = true;
  bool has_start = false;  ///< its first two bytes have come
  bool has_header = false; ///< all of its header has come
  std::string payload;     ///< what has come of it, unmasked
  [[nodiscard]] bool is_whole() const { return has_header && payload.size() == length; }
  [[nodiscard]] unsigned op() const { return first & 0x0f; }
  [[nodiscard]] bool is_control() const { return (first & 8) != 0; }
};

/// Takes the next frame, or what has come of it, off the front.
frame next_frame(std::string_view& bytes) {
  frame f;
  if (bytes.size() < 2)
    return f;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  f.has_start = true;
  f.first = byte(0);
  f.second = byte(1);
  f.length = f.second & 0x7f;
  const std::size_t wide = f.length == 126 ? 2 : f.length == 127 ? 8 : 0;
  const auto masked = (f.second & 0x80) != 0;
  if (bytes.size() < 2 + wide + (masked ? 4 : 0))
    return f;
  f.has_header = true;
  if (wide > 0) {
    f.length = 0;
    for (std::size_t i = 0; i < wide; ++i)
      f.length = f.length << 8 | byte(2 + i);
    f.shortest = wide == 2 ? f.length > 125 : f.length > 65'535;
  }
  const auto key = bytes.substr(2 + wide, masked ? 4 : 0);
  bytes.remove_prefix(2 + wide + key.size());
  const auto size = std::min<std::uint64_t>(f.length, bytes.size());
  for (std::size_t i = 0; i < size; ++i)
    f.payload += static_cast<char>(bytes[i] ^ (masked ? key[i % 4] : 0));
  bytes.remove_prefix(size);
  return f;
}

enum class utf8 { whole, open, broken };

/// Judges one byte after the other by the table in RFC 3629.
utf8 judge(std::string_view text) {
  int more = 0;
  unsigned low = 0x80, high = 0xbf;
  for (unsigned char c : text) {
    if (more > 0) {
      if (c < low || c > high)
        return utf8::broken;
      low = 0x80;
      high = 0xbf;
      --more;
    } else if (c >= 0x80) {
      if (c < 0xc2 || c > 0xf4)
        return utf8::broken;
      more = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
      low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
      high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    }
  }
  return more > 0 ? utf8::open : utf8::whole;
}

/// Inflates one byte after the other.
class reference_inflater {
public:
  reference_inflater(const std::string& context, std::uint64_t most)
    : most_(most), seen_(context), before_(context.size()) {
    begin();
  }
  ~reference_inflater() { ::inflateEnd(&stream_); }

  /// Sets `message`. Returns nothing on success, else why it failed.
  std::optional<const char*> run(std::string_view payload, std::string& message) {
    for (auto bytes : {payload, std::string_view{"\0\0\xff\xff", payload.empty() ? 0u : 4u}}) {
      for (char c : bytes)
        if (auto why = take(c))
          return why;
      if (is_complete_)
        break;
    }
    message = seen_.substr(before_);
    return is_complete_ || payload.empty() ? std::nullopt : std::optional{broken};
  }

private:
  static constexpr const char* broken = "undecodable in deflate";

  void begin() {
    stream_ = {};
    ::inflateInit2(&stream_, -15);
    const auto last = seen_.substr(seen_.size() - std::min<std::size_t>(seen_.size(), 32'768));
    ::inflateSetDictionary(&stream_, reinterpret_cast<const Bytef*>(last.data()),
                           static_cast<uInt>(last.size()));
  }

  std::optional<const char*> take(char c) {
    if (ended_) {
      ::inflateEnd(&stream_);
      begin();
    }
    stream_.next_in = reinterpret_cast<Bytef*>(&c);
    stream_.avail_in = 1;
    std::string out(4096, '\0');
    int code = Z_OK;
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(out.data());
      stream_.avail_out = static_cast<uInt>(out.size());
      code = ::inflate(&stream_, Z_NO_FLUSH);
      seen_.append(out, 0, out.size() - stream_.avail_out);
      if (seen_.size() - before_ > most_)
        return "too_big";
    } while (stream_.avail_out == 0);
    if (code != Z_OK && code != Z_BUF_ERROR && code != Z_STREAM_END)
      return broken;
    ended_ = code == Z_STREAM_END;
    is_complete_ = ended_ || (stream_.data_type & 128);
    return {};
  }

  std::uint64_t most_;
  std::string seen_;
  std::size_t before_;
  z_stream stream_{};
  bool ended_ = false;
  bool is_complete_ = false;
};

class reference {
public:
  reference(const protocol::ws_limits& l, deflate_use deflate)
    : limits_(l), deflate_(deflate), control_left_(l.control_burst) {}

  lines run(std::string_view bytes) {
    while (!ended_ && !bytes.empty()) {
      auto f = next_frame(bytes);
      if (auto why = fault_of(f))
        fail(*why);
      else if (!f.has_header)
        break;
      else if (f.is_control())
        control(f);
      else
        data(f);
      if (!f.is_whole())
        break;
    }
    return heard_;
  }

private:
  void say(std::string line) { heard_.push_back(std::move(line)); }
  void fail(const char* why) {
    say(std::string{"error "} + why);
    ended_ = true;
  }

  std::optional<const char*> fault_of(const frame& f) {
    if (!f.has_start)
      return {};
    const auto fin = (f.first & 0x80) != 0, masked = (f.second & 0x80) != 0, starts = f.op() != 0;
    const auto may_be_deflated = deflate_ != deflate_use::none && !f.is_control() && starts;
    if ((f.first & (may_be_deflated ? 0x30 : 0x70)) || !masked)
      return "protocol_error";
    if (f.is_control() && (!fin || f.op() > 10 || (f.second & 0x7f) > 125))
      return "protocol_error";
    if (!f.is_control() && (f.op() > 2 || starts == in_message_))
      return "protocol_error";
    if (!f.has_header)
      return {};
    if (!f.shortest)
      return "protocol_error";
    if (f.is_control()) {
      if (f.op() != 8 && limits_.control_burst > 0 && --control_left_ < 0)
        return "flood";
      return {};
    }
    declared_ = starts ? 0 : declared_;
    fragments_ = starts ? 1 : fragments_ + 1;
    is_deflated_ = starts ? (f.first & 0x40) != 0 : is_deflated_;
    const auto room =
      is_deflated_ ? protocol::ws_inflater::largest_payload(most(), fragments_) : most();
    if (f.length > room - declared_)
      return "too_big";
    declared_ += f.length;
    if (limits_.max_fragments > 0 && fragments_ > limits_.max_fragments)
      return "flood";
    return {};
  }

  void data(const frame& f) {
    if (f.op() != 0) {
      message_.clear();
      is_text_ = f.op() == 1;
    }
    in_message_ = true;
    message_ += f.payload;
    const auto fin = (f.first & 0x80) != 0 && f.is_whole();
    if (is_deflated_ && !fin)
      return;
    if (is_deflated_) {
      std::string inflated;
      if (auto why = reference_inflater{context_, most()}.run(message_, inflated))
        return fail(*why);
      message_ = inflated;
      if (deflate_ == deflate_use::context)
        context_ += inflated;
    }
    const auto state = judge(message_);
    if (is_text_ && (state == utf8::broken || (fin && state == utf8::open)))
      return fail("undecodable");
    if (!fin)
      return;
    in_message_ = false;
    say((is_text_ ? "text " : "binary ") + message_);
  }

  void control(const frame& f) {
    if (!f.is_whole())
      return;
    if (f.op() != 8)
      return say((f.op() == 9 ? "ping " : "pong ") + f.payload);
    if (f.payload.empty()) {
      ended_ = true;
      return say("close 1005 ");
    }
    if (f.payload.size() == 1)
      return fail("protocol_error");
    const auto code =
      static_cast<unsigned char>(f.payload[0]) * 256 + static_cast<unsigned char>(f.payload[1]);
    const auto known = code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
    if (!known && (code < 3000 || code > 4999))
      return fail("protocol_error");
    if (judge(std::string_view{f.payload}.substr(2)) != utf8::whole)
      return fail("undecodable");
    ended_ = true;
    say("close " + std::to_string(code) + ' ' + f.payload.substr(2));
  }

  [[nodiscard]] std::uint64_t most() const {
    return limits_.max_message_bytes > 0 ? limits_.max_message_bytes
                                         : protocol::shared_bytes::max_bytes;
  }

  const protocol::ws_limits& limits_;
  deflate_use deflate_;
  lines heard_;
  std::string context_; ///< all deflated messages so far
  bool is_deflated_ = false;
  std::string message_;
  double control_left_;
  std::uint64_t declared_ = 0;
  std::uint64_t fragments_ = 0;
  bool in_message_ = false;
  bool is_text_ = false;
  bool ended_ = false;
};

} // namespace

lines reference_lines(std::string_view bytes, const protocol::ws_limits& limits,
                      deflate_use deflate) {
  return reference{limits, deflate}.run(bytes);
}

} // namespace troupe::test
