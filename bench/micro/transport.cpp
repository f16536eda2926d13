#include "registry.hpp"

#include <troupe/protocol/ws_reader.hpp>

#include "support/client_frames.hpp"

#include <troupe/actors/outbox.hpp>

#include <array>
#include <string>
#include <string_view>

namespace troupe::bench {

namespace {

using actors::byte_range;

ssize_t take_all(const iovec* parts, int count) {
  ssize_t n = 0;
  for (int i = 0; i < count; ++i)
    n += static_cast<ssize_t>(parts[i].iov_len);
  return n;
}

/// Writes one frame to a socket that takes it.
void outbox_write(benchmark::State& state) {
  actors::outbox out{{}};
  auto frame =
    protocol::shared_bytes::copy_of(std::string(static_cast<std::size_t>(state.range(0)), 'x'));
  std::array<byte_range, 1> whole{byte_range{0, static_cast<std::uint32_t>(frame.size())}};
  auto clock = [] { return actors::steady_time{}; };
  allocation_count count{state};
  for (auto _ : state)
    benchmark::DoNotOptimize(out.write(frame, whole, 1, clock, take_all));
}

/// Writes 16 frames to a socket that is full and then takes them.
void outbox_queue(benchmark::State& state) {
  actors::outbox out{{}};
  auto frame =
    protocol::shared_bytes::copy_of(std::string(static_cast<std::size_t>(state.range(0)), 'x'));
  byte_range whole{0, static_cast<std::uint32_t>(frame.size())};
  allocation_count count{state};
  for (auto _ : state) {
    for (int i = 0; i < 16; ++i)
      out.append(frame, whole, 1, actors::output_kind::data, {});
    benchmark::DoNotOptimize(out.flush({}, take_all));
  }
  state.SetItemsProcessed(16 * state.iterations());
}

/// Reads three masked texts that lie whole in the bytes.
void reader_whole_texts(benchmark::State& state) {
  const protocol::ws_limits limits;
  protocol::ws_reader reader{limits};
  const auto frame =
    test::masked_frame(true, 1, std::string(static_cast<std::size_t>(state.range(0)), 'x'));
  const auto bytes = frame + frame + frame;
  allocation_count count{state};
  for (auto _ : state)
    for (std::string_view rest{bytes}; !rest.empty();)
      benchmark::DoNotOptimize(reader.next(rest, {}));
  state.SetItemsProcessed(3 * state.iterations());
}

} // namespace

std::vector<entry> transport_benchmarks() {
  return {
    {"reader_whole_texts", reader_whole_texts, 64, 100'000},
    {"reader_whole_texts", reader_whole_texts, 1024, 10'000},
    {"outbox_write", outbox_write, 100, 100'000},
    {"outbox_queue", outbox_queue, 100, 10'000},
  };
}

} // namespace troupe::bench
