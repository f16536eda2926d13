#include "registry.hpp"

#include <troupe/protocol/command.hpp>
#include <troupe/protocol/event.hpp>
#include <troupe/protocol/frame.hpp>

#include <msgpack.hpp>

#include <string>

namespace troupe::bench {

namespace {

using protocol::codec;

std::string json_message(std::size_t bytes) {
  return R"({"type":"message","roomId":"room0","ref":17,"data":{"text":")" + std::string(bytes, 'x')
       + R"(","at":[12.5,-3],"ok":true}})";
}

std::string msgpack_message(std::size_t bytes) {
  msgpack::sbuffer buffer;
  msgpack::packer packer{buffer};
  packer.pack_map(4);
  packer.pack("type"), packer.pack("message");
  packer.pack("roomId"), packer.pack("room0");
  packer.pack("ref"), packer.pack(17);
  packer.pack("data");
  packer.pack_map(3);
  packer.pack("text"), packer.pack(std::string(bytes, 'x'));
  packer.pack("at"), packer.pack_array(2), packer.pack(12.5), packer.pack(-3);
  packer.pack("ok"), packer.pack(true);
  return {buffer.data(), buffer.size()};
}

template <codec From>
std::string message(std::size_t bytes) {
  return From == codec::json ? json_message(bytes) : msgpack_message(bytes);
}

template <codec From>
void decode(benchmark::State& state) {
  auto text = message<From>(static_cast<std::size_t>(state.range(0)));
  protocol::message_limits limits;
  allocation_count count{state};
  for (auto _ : state)
    benchmark::DoNotOptimize(protocol::decode(From, text, limits));
}

/// Encodes a frame of the server's own, which tells one member about another.
template <codec To>
void encode(benchmark::State& state) {
  const protocol::field fields[]{
    {"roomId", "room0"}, {"userId", "5f0c8b1e"}, {"userCount", 17}, {"seq", std::uint64_t{4711}}};
  allocation_count count{state};
  for (auto _ : state)
    benchmark::DoNotOptimize(protocol::encode_frame(To, "userJoined", fields, nullptr));
}

/// Transcodes the body of a message into the other codec.
template <codec From>
void transcode(benchmark::State& state) {
  auto text = message<From>(static_cast<std::size_t>(state.range(0)));
  auto body = protocol::document_view{From, text}.raw("data");
  std::string out;
  out.reserve(2 * text.size());
  allocation_count count{state};
  for (auto _ : state) {
    out.clear();
    protocol::transcode(From, body, From == codec::json ? codec::msgpack : codec::json, out);
    benchmark::DoNotOptimize(out.data());
  }
}

void frame(benchmark::State& state) {
  std::string payload(static_cast<std::size_t>(state.range(0)), 'x');
  allocation_count count{state};
  for (auto _ : state)
    benchmark::DoNotOptimize(protocol::make_frame(protocol::opcode::text, payload));
}

void deflate(benchmark::State& state) {
  auto whole = protocol::make_frame(protocol::opcode::text,
                                    json_message(static_cast<std::size_t>(state.range(0))));
  (void)protocol::deflated_frame(whole);
  allocation_count count{state};
  for (auto _ : state)
    benchmark::DoNotOptimize(protocol::deflated_frame(whole));
}

} // namespace

std::vector<entry> protocol_benchmarks() {
  return {
    {"decode/json", decode<codec::json>, 64, 20'000},
    {"decode/json", decode<codec::json>, 1024, 5'000},
    {"decode/msgpack", decode<codec::msgpack>, 64, 20'000},
    {"decode/msgpack", decode<codec::msgpack>, 1024, 10'000},
    {"encode/json", encode<codec::json>, 0, 20'000},
    {"encode/msgpack", encode<codec::msgpack>, 0, 20'000},
    {"transcode/json_to_msgpack", transcode<codec::json>, 64, 20'000},
    {"transcode/msgpack_to_json", transcode<codec::msgpack>, 64, 20'000},
    {"frame", frame, 64, 50'000},
    {"frame", frame, 1024, 50'000},
    {"deflate", deflate, 1024, 500},
  };
}

} // namespace troupe::bench
