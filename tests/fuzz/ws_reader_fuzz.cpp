// A libFuzzer target for the reader of WebSocket input. The first four bytes set the reader's
// options and the cuts; the peer sends the rest. ws_reader_fuzz [-max_total_time=SECONDS] [CORPUS]
#include <troupe/protocol/ws_inflater.hpp>
#include <troupe/protocol/ws_reader.hpp>
#include "text/unicode.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe;
using protocol::ws_event;
using protocol::ws_inflater;
using protocol::ws_limits;
using protocol::ws_reader;
using kind = protocol::ws_event::kind;

namespace {

void require(bool good) {
  if (!good)
    std::abort();
}

struct set_up {
  explicit set_up(const std::uint8_t* bytes)
    : options(bytes[0]), first_piece(bytes[1]), next_piece(bytes[2]) {
    limits.max_message_bytes = options & 1 ? 300 : 20'000;
    limits.max_fragments = options & 2 ? 4 : 0;
    limits.control_burst = options & 4 ? 3 : 0;
    limits.control_per_second = 0;
  }
  [[nodiscard]] ws_reader::role role() const {
    return options & 8 ? ws_reader::role::client : ws_reader::role::server;
  }

  ws_limits limits;
  std::uint8_t options;
  std::size_t first_piece;
  std::size_t next_piece;
};

/// One reader, and the events that it reports.
class listener {
public:
  explicit listener(const set_up& s) : limits_(s.limits), reader_(s.limits, s.role()) {
    static ws_inflater shared;
    if (s.options & 16)
      reader_.allow_deflate(shared, (s.options & 32) != 0);
  }

  void hear(std::string_view bytes) {
    while (!bytes.empty() || reader_.is_inflating()) {
      const auto before = bytes.size();
      const auto inflates = reader_.is_inflating();
      const auto e = reader_.next(bytes, {});
      require(e.what != kind::need_more || bytes.empty());
      require(reader_.is_inflating() == (e.what == kind::inflating));
      require(ended_ || (inflates ? bytes.size() == before : bytes.size() < before));
      check(e);
    }
    const auto most =
      ws_inflater::largest_payload(limits_.max_message_bytes, limits_.max_fragments + 10'000);
    require(reader_.held_bytes() <= most + 1024);
  }

  std::vector<ws_event> heard;

private:
  void check(const ws_event& e) {
    if (e.what == kind::need_more || e.what == kind::inflating)
      return;
    require(!ended_);
    ended_ = e.what == kind::error || e.what == kind::close;
    require((e.why != protocol::errc::ok) == (e.what == kind::error));
    require(e.payload.size() <= (e.what == kind::message ? limits_.max_message_bytes : 125));
    if ((e.what == kind::message && !e.is_binary) || e.what == kind::close)
      require(protocol::is_utf8(e.payload.view()));
    heard.push_back(e);
  }

  const ws_limits& limits_;
  ws_reader reader_;
  bool ended_ = false;
};

bool same(const ws_event& a, const ws_event& b) {
  return a.what == b.what && a.is_binary == b.is_binary && a.why == b.why
      && a.close_code == b.close_code && a.in_deflate == b.in_deflate
      && a.payload.view() == b.payload.view();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t options_bytes = 4;
  if (size < options_bytes)
    return 0;
  const set_up s{data};
  const std::string_view sent{reinterpret_cast<const char*>(data) + options_bytes,
                              size - options_bytes};
  listener whole{s}, pieces{s};
  whole.hear(sent);
  auto piece = s.first_piece;
  for (auto rest = sent; !rest.empty(); piece = s.next_piece + 1) {
    const std::string some{rest.substr(0, piece)}; // a copy, so that a read past its end shows
    pieces.hear(some);
    rest.remove_prefix(some.size());
  }
  require(whole.heard.size() == pieces.heard.size());
  for (std::size_t i = 0; i < whole.heard.size(); ++i)
    require(same(whole.heard[i], pieces.heard[i]));
  return 0;
}
