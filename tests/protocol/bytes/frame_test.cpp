#include <troupe/protocol/frame.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace troupe::protocol;

namespace {

std::string header(opcode op, std::uint64_t payload_bytes) {
  char out[max_frame_header_bytes];
  return {out, write_frame_header(out, op, payload_bytes)};
}

} // namespace

// Pins §1.50.
TEST_CASE("a frame header uses the shortest length there is") {
  using namespace std::string_literals;

  CHECK(header(opcode::text, 0) == "\x81\x00"s);
  CHECK(header(opcode::binary, 125) == "\x82\x7d"s);
  CHECK(header(opcode::text, 126) == "\x81\x7e\x00\x7e"s);
  CHECK(header(opcode::text, 65535) == "\x81\x7e\xff\xff"s);
  CHECK(header(opcode::text, 65536) == "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s);
}

TEST_CASE("a frame is its header and its payload, counted once") {
  memory_meter meter;
  const auto frame = make_frame(opcode::ping, "hi", &meter);

  CHECK(frame.view() == "\x89\x02hi");
  CHECK(meter.used_bytes() >= 4);
}

TEST_CASE("a close frame holds code and reason") {
  CHECK(make_close_frame(1013, "slow_consumer").view() == "\x88\x0f\x03\xf5slow_consumer");
  CHECK(make_close_frame(1001, "").view().size() == 4);
  CHECK(make_close_frame(1001, {}).view().size() == 4); // the view's data is null
}

TEST_CASE("a close reason is cut at a character") {
  std::string reason(122, 'a');
  const auto frame = make_close_frame(1000, reason + "\xc3\xa9");

  CHECK(frame.size() == 2 + 2 + 122);
  CHECK(make_close_frame(1000, std::string(200, 'b')).size() == 2 + 125);
}

TEST_CASE("the length of a frame is read back from its header") {
  for (std::size_t size : {0, 1, 125, 126, 127, 65535, 65536, 70000}) {
    const auto frame = make_frame(opcode::binary, std::string(size, 'x'));

    CHECK(frame_length(frame.view()) == frame.size());
  }
}

TEST_CASE("the frame around a byte is found in a run of frames") {
  const auto first = make_frame(opcode::text, "a");
  const auto second = make_frame(opcode::text, std::string(200, 'b'));
  const auto third = make_frame(opcode::text, "");
  const auto run =
    std::string{first.view()} + std::string{second.view()} + std::string{third.view()};
  const auto around = [&](std::size_t offset) {
    const auto bounds = frame_around(run, offset);
    return std::pair{bounds.begin, bounds.end};
  };

  CHECK(around(0) == std::pair<std::size_t, std::size_t>{0, 3});
  CHECK(around(2) == std::pair<std::size_t, std::size_t>{0, 3});
  CHECK(around(3) == std::pair<std::size_t, std::size_t>{3, 207});
  CHECK(around(206) == std::pair<std::size_t, std::size_t>{3, 207});
  CHECK(around(208) == std::pair<std::size_t, std::size_t>{207, 209});
  CHECK(around(209) == std::pair<std::size_t, std::size_t>{209, 209});
}
