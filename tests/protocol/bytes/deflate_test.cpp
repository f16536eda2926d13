#include <troupe/protocol/frame.hpp>

#include <catch2/catch.hpp>

#include <zlib.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace troupe::protocol;

namespace {

std::uint8_t byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<std::uint8_t>(bytes[i]);
}

std::string_view payload_of(std::string_view frame) {
  const auto mark = byte_at(frame, 1);
  return frame.substr(mark == 127 ? 10 : mark == 126 ? 4 : 2);
}

/// Inflates a payload as a client without earlier context does (RFC 7692, 7.2.2).
std::string inflated(std::string_view payload) {
  std::string in{payload};
  in.append("\0\0\xff\xff", 4);
  z_stream stream{};
  REQUIRE(::inflateInit2(&stream, -15) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  std::string out;
  int status = Z_OK;
  do {
    char part[4096];
    stream.next_out = reinterpret_cast<Bytef*>(part);
    stream.avail_out = sizeof part;
    status = ::inflate(&stream, Z_SYNC_FLUSH);
    out.append(part, sizeof part - stream.avail_out);
  } while (status == Z_OK && stream.avail_out == 0);
  const auto unread = stream.avail_in;
  ::inflateEnd(&stream);
  CHECK((status == Z_OK || status == Z_BUF_ERROR));
  CHECK(unread == 0);
  return out;
}

/// Text like what chat members send.
std::string chat(std::size_t bytes) {
  std::string text;
  for (int i = 0; text.size() < bytes; ++i)
    text += R"({"type":"message","from":"ann","seq":)" + std::to_string(i) + R"(,"text":"hello"})";
  text.resize(bytes);
  return text;
}

std::string noise(std::size_t bytes) {
  std::mt19937 random{1};
  std::string text(bytes, '\0');
  for (auto& c : text)
    c = static_cast<char>(random() & 0xff);
  return text;
}

std::string round_trip(const std::string& payload) {
  const auto deflated = deflated_frame(make_frame(opcode::text, payload));
  return inflated(payload_of(deflated.view()));
}

} // namespace

// -- what pays ------------------------------------------------------------------------------------

TEST_CASE("a deflated payload inflates to what it was") {
  for (std::size_t size : {128, 129, 1000, 65'535, 65'536, 200'000, 3'000'000}) {
    INFO(size);
    CHECK(round_trip(chat(size)) == chat(size));
  }
}

TEST_CASE("every byte survives, the tail of a flush within the payload included") {
  using namespace std::string_literals;
  std::string all;
  for (int i = 0; i < 1024; ++i)
    all += static_cast<char>(i);
  std::string tails;
  for (int i = 0; i < 200; ++i)
    tails += "\0\0\xff\xff"s;

  CHECK(round_trip(all) == all);
  CHECK(round_trip(tails) == tails);
  CHECK(round_trip(std::string(5000, '\0')) == std::string(5000, '\0'));
}

TEST_CASE("a deflated frame is final, has RSV1 alone and keeps its opcode") {
  const auto text = deflated_frame(make_frame(opcode::text, chat(500)));
  const auto binary = deflated_frame(make_frame(opcode::binary, chat(500)));

  CHECK(byte_at(text.view(), 0) == 0xc1);
  CHECK(byte_at(binary.view(), 0) == 0xc2);
  CHECK((byte_at(text.view(), 1) & 0x80) == 0); // a server masks nothing
}

TEST_CASE("a deflated frame tells its own length in the shortest form") {
  const auto small = deflated_frame(make_frame(opcode::text, std::string(70'000, 'a')));
  const auto large =
    deflated_frame(make_frame(opcode::text, noise(70'000) + std::string(70'000, 'a')));

  CHECK(frame_length(small.view()) == small.size());
  CHECK(frame_length(large.view()) == large.size());
  CHECK(byte_at(small.view(), 1) == 126);
  CHECK(byte_at(large.view(), 1) == 127);
  CHECK(byte_at(deflated_frame(make_frame(opcode::text, std::string(200, 'a'))).view(), 1) < 126);
}

TEST_CASE("a deflated frame leaves out the tail of its flush") {
  using namespace std::string_literals;

  for (std::size_t size : {128, 129, 200, 1000, 10'000, 100'000, 1'000'000})
    CHECK_FALSE(
      deflated_frame(make_frame(opcode::text, chat(size))).view().ends_with("\0\0\xff\xff"s));
}

// -- what does not --------------------------------------------------------------------------------

// Pins §1.6.
TEST_CASE("a payload of less than 128 bytes is left as it is") {
  for (std::size_t size : {0, 1, 125, 126, 127}) {
    const auto frame = make_frame(opcode::text, std::string(size, 'a'));

    INFO(size);
    CHECK(deflated_frame(frame).same_buffer(frame));
  }
  const auto enough = make_frame(opcode::text, std::string(128, 'a'));
  CHECK_FALSE(deflated_frame(enough).same_buffer(enough));
}

TEST_CASE("a payload that does not shrink is left as it is") {
  for (std::size_t size : {128, 1000, 70'000, 1'000'000}) {
    const auto frame = make_frame(opcode::binary, noise(size));

    INFO(size);
    CHECK(deflated_frame(frame).same_buffer(frame));
  }
}

TEST_CASE("a deflated frame is never longer than the frame it stands for") {
  for (std::size_t plain = 0; plain < 100; ++plain) {
    const auto frame = make_frame(opcode::binary, noise(300) + std::string(plain, 'a'));
    const auto deflated = deflated_frame(frame);

    INFO(plain);
    CHECK((deflated.same_buffer(frame) || deflated.size() < frame.size()));
  }
}

TEST_CASE("a run of several frames, and no bytes at all, are left as they are") {
  const auto one = make_frame(opcode::text, chat(500));
  const std::string_view parts[] = {one.view(), one.view()};
  const auto run = shared_bytes::concat(parts);

  CHECK(deflated_frame(run).same_buffer(run));
  CHECK(deflated_frame({}).size() == 0);
}

// -- no context takeover --------------------------------------------------------------------------

TEST_CASE("a frame does not depend on what the thread deflated before") {
  const auto frame = make_frame(opcode::text, chat(1000));
  const auto first = deflated_frame(frame);
  (void)deflated_frame(make_frame(opcode::text, chat(100'000)));
  (void)deflated_frame(make_frame(opcode::binary, noise(1000))); // deflating this one does not pay
  const auto again = deflated_frame(frame);

  CHECK(first.view() == again.view());
  CHECK(inflated(payload_of(again.view())) == chat(1000));
}

TEST_CASE("threads deflate at the same time, each on its own") {
  const auto frame = make_frame(opcode::text, chat(20'000));
  const std::string expected{deflated_frame(frame).view()};
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (auto& errors : wrong)
    threads.emplace_back([&frame, &expected, &errors] {
      for (int i = 0; i < 100; ++i)
        errors += deflated_frame(frame).view() == expected ? 0 : 1;
    });
  for (auto& t : threads)
    t.join();

  CHECK(wrong == std::vector<int>(4, 0));
}

// -- memory ---------------------------------------------------------------------------------------

TEST_CASE(
  "a deflated frame is counted while it lives; one that is left as it is is not counted again") {
  memory_meter meter;
  const auto frame = make_frame(opcode::text, chat(10'000));
  {
    const auto deflated = deflated_frame(frame, &meter);
    CHECK(meter.used_bytes() >= static_cast<std::int64_t>(deflated.size()));
    CHECK(meter.used_bytes() < static_cast<std::int64_t>(frame.size()));
  }
  CHECK(meter.used_bytes() == 0);

  const auto same = deflated_frame(make_frame(opcode::text, "short"), &meter);
  CHECK(meter.used_bytes() == 0);
}
