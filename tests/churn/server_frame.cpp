#include "server_frame.hpp"

#include <troupe/protocol/command.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace troupe::churn {
namespace {

using name = std::pair<std::string_view, frame_type>;

constexpr std::array types{
  name{"message", frame_type::message},    name{"userJoined", frame_type::user_joined},
  name{"userLeft", frame_type::user_left}, name{"ack", frame_type::ack},
  name{"joined", frame_type::joined},      name{"left", frame_type::left},
  name{"pong", frame_type::pong},          name{"welcome", frame_type::welcome},
  name{"error", frame_type::error}};

frame_type type_named(std::string_view text) {
  auto i = std::find_if(types.begin(), types.end(), [&](auto& t) { return t.first == text; });
  return i == types.end() ? frame_type::other : i->second;
}

std::string_view* text_field(server_frame& f, std::string_view key) {
  if (key == "type")
    return &f.type_name;
  if (key == "roomId")
    return &f.room;
  if (key == "userId")
    return &f.user;
  if (key == "timestamp")
    return &f.timestamp;
  if (key == "text")
    return &f.text;
  if (key == "epoch")
    return &f.epoch;
  return key == "code" ? &f.code : nullptr;
}

void set_field(server_frame& f, std::string_view key, simdjson::dom::element value) {
  std::uint64_t number;
  std::string_view text;
  if (auto* field = text_field(f, key))
    *field = value.get(text) == simdjson::SUCCESS ? text : std::string_view{};
  else if (key == "seq" && value.get(number) == simdjson::SUCCESS)
    f.seq = number;
  else if (key == "ref" && value.get(number) == simdjson::SUCCESS)
    f.ref = number;
}

} // namespace

std::optional<server_frame> frame_reader::read(protocol::encoding encoding, bool binary,
                                               std::string_view payload) {
  if (binary != (encoding == protocol::encoding::v1_msgpack))
    return std::nullopt;
  if (binary) {
    json_.clear();
    protocol::transcode(protocol::codec::msgpack, payload, protocol::codec::json, json_);
    payload = json_;
  }
  if (padded_.size() < payload.size() + simdjson::SIMDJSON_PADDING)
    padded_.resize(payload.size() + simdjson::SIMDJSON_PADDING);
  std::copy(payload.begin(), payload.end(), padded_.begin());
  simdjson::dom::object fields;
  if (parser_.parse(padded_.data(), payload.size(), false).get(fields) != simdjson::SUCCESS)
    return std::nullopt;
  server_frame f;
  for (auto [key, value] : fields)
    set_field(f, key, value);
  f.type = type_named(f.type_name);
  return f;
}

} // namespace troupe::churn
