// What the reader of WebSocket input guarantees when memory is short: it throws `std::bad_alloc`,
// and no other reader is affected.
#include "support/replaced_allocator.hpp"

#include <troupe/protocol/ws_inflater.hpp>
#include <troupe/protocol/ws_reader.hpp>

#include "protocol/websocket/deflater.hpp"
#include "protocol/websocket/ws_script.hpp"

#include <catch2/catch.hpp>

#include <new>
#include <string>

using namespace troupe;
using namespace troupe::test;
using protocol::ws_inflater;
using protocol::ws_limits;
using protocol::ws_reader;

namespace {

std::string script() {
  deflater peer;
  const auto large = std::string(50'000, 'y') + "end";
  return masked_frame(true, 1, "whole") + masked_frame(false, 1, "half ")
       + masked_frame(true, 9, "ping") + masked_frame(true, 0, std::string(300, 'x'))
       + masked_frame(true, 0x42, peer.message(large))
       + masked_frame(true, 0x41, peer.message("again"))
       + masked_frame(true, 8, std::string{"\x03\xe8 bye", 6});
}

/// Feeds `bytes` in pieces of 100. Returns how many events came.
std::size_t read(ws_inflater& inflater, std::string_view bytes) {
  const ws_limits limits;
  ws_reader reader{limits};
  reader.allow_deflate(inflater, true);
  std::size_t events = 0;
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(100, bytes.size())))
    for (auto some = bytes.substr(0, 100); !some.empty();)
      events += reader.next(some, script_start).what != protocol::ws_event::kind::need_more;
  return events;
}

/// Reads `bytes` with the n-th allocation failing. Returns whether none failed.
bool reads_without_failure(ws_inflater& inflater, std::string_view bytes, std::size_t n) {
  std::size_t events = 0;
  arm(n);
  try {
    events = read(inflater, bytes);
  } catch (const std::bad_alloc&) {}
  const auto good = !has_failed();
  disarm();
  return good && events == 6;
}

} // namespace

TEST_CASE("a reader that finds no memory throws, can be destroyed, and harms no other reader") {
  const auto bytes = script();
  ws_inflater shared;
  std::ptrdiff_t lost = 0;
  std::size_t failures = 0;
  for (bool done = false; !done; failures += !done) {
    const auto before = live_blocks();
    {
      ws_inflater fresh; // its first allocations fail, too
      done = reads_without_failure(fresh, bytes, failures);
    }
    lost += live_blocks() - before;
    (void)reads_without_failure(shared, bytes, failures);
    CHECK(shared.kept_bytes() <= 32 * 1024);
    REQUIRE(read(shared, bytes) == 6);
  }
  CHECK(failures > 10);
  CHECK(lost == 0);
}
