#include "session_wire.hpp"

#include "client_frames.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace troupe;
using namespace troupe::test;
using protocol::opcode;
using transport::first_whole_frame;

namespace {

constexpr unsigned continuation = 0, text = 1, binary = 2, close_op = 8, ping = 9, pong = 10;

/// XORed with the mask of `client_header`: what arrives for this text.
std::string masked(std::string_view plain) {
  std::string out{plain};
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<char>(out[i] ^ "mask"[i % 4]);
  return out;
}

std::string payload_of(std::string_view bytes) { return std::string{first_whole_frame(bytes).payload().view()}; }

} // namespace

TEST_CASE("a whole message is read and unmasked, whatever its length") {
  auto size = GENERATE(std::size_t{0}, 1, 7, 8, 9, 63, 125, 126, 1000, 65'535);
  std::string plain;
  for (std::size_t i = 0; i < size; ++i)
    plain += static_cast<char>('a' + i % 26);

  auto kind = GENERATE(text, binary);
  auto bytes = client_frame(true, kind, masked(plain));
  auto frame = first_whole_frame(bytes + "more");

  REQUIRE(frame.bytes == bytes.size());
  CHECK(frame.is_message());
  CHECK(frame.op == static_cast<opcode>(kind));
  CHECK(payload_of(bytes) == plain);
}

TEST_CASE("a part of a frame is none") {
  auto length = GENERATE(std::size_t{0}, 3, 126);
  auto bytes = client_frame(true, text, std::string(length, 'x'));

  for (std::size_t n = 0; n < bytes.size(); ++n)
    CHECK(first_whole_frame(std::string_view{bytes}.substr(0, n)).bytes == 0);
}

TEST_CASE("pings and pongs are whole frames, and no messages") {
  auto kind = GENERATE(ping, pong);
  auto frame = first_whole_frame(client_frame(true, kind, "four"));

  CHECK(frame.bytes == 10);
  CHECK_FALSE(frame.is_message());
}

TEST_CASE("what Beast has to judge is left to it") {
  auto rsv1 = 0x40u;
  auto bytes = GENERATE_COPY(client_frame(false, text, "part"), client_frame(true, continuation, "part"), client_frame(true, close_op, "xx"),
                             client_frame(false, ping, "xx"), client_frame(true, rsv1 | text, "xxxx"), client_frame(true, 3, "xxxx"),
                             client_frame(true, 11, "xxxx"), client_header(true, text, 4, length_form::shortest, false) + "xxxxxxxx",
                             client_header(true, text, 125, length_form::two_bytes) + std::string(125, 'x'),
                             client_header(true, ping, 126) + std::string(126, 'x'),
                             client_header(true, text, 4, length_form::eight_bytes) + "xxxx");

  CHECK(first_whole_frame(bytes).bytes == 0);
}

TEST_CASE("text that is not UTF-8 has no payload, binary data has") {
  auto broken = masked("ab\xc3");

  CHECK_FALSE(first_whole_frame(client_frame(true, text, broken)).payload());
  CHECK(payload_of(client_frame(true, binary, broken)) == "ab\xc3");
}
