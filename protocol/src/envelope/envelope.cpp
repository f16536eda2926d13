#include "envelope/envelope.hpp"

#include "envelope/validate.hpp"
#include "envelope/values.hpp"
#include "text/unicode.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace troupe::protocol {

namespace {

/// Always inlined, so that each name is compared as a constant: every command passes here.
[[gnu::always_inline]] inline command_kind kind_named(std::string_view type) {
  constexpr std::pair<std::string_view, command_kind> built_in[] = {
    {"message", command_kind::message},  {"ping", command_kind::ping},
    {"join", command_kind::join},        {"leave", command_kind::leave},
    {"direct", command_kind::direct},    {"presence", command_kind::presence},
    {"history", command_kind::history},  {"resume", command_kind::resume},
    {"auth", command_kind::auth},        {"binary", command_kind::binary},
    {"$profile", command_kind::profile}, {"$reply", command_kind::reply},
    {"$reserve", command_kind::reserve},
  };
  for (const auto& [name, kind] : built_in)
    if (name == type)
      return kind;
  return command_kind::application;
}

} // namespace

namespace {

/// Whether only servers send messages of this type.
bool is_of_servers(std::string_view type) noexcept {
  constexpr std::string_view all[] = {"welcome",   "joined",  "left",     "userJoined", "userLeft",
                                      "ack",       "pong",    "error",    "roomClosed", "goodbye",
                                      "$presence", "resumed", "$request", "$reserved"};
  return std::find(std::begin(all), std::end(all), type) != std::end(all);
}

} // namespace

bool is_application_type(std::string_view type) noexcept {
  return !type.empty() && is_plain_text(type) && kind_named(type) == command_kind::application
      && !is_of_servers(type);
}

result<command, decode_failure> envelope_reader::read() const {
  command out;
  out.source = source_;
  out.bytes = bytes_;
  if (const auto wrong = read_type(out))
    return refuse(errc::bad_request, wrong);
  out.ref = fields_.find("ref");
  if (!out.ref.empty() && !is_usable_ref(out.ref))
    return refuse(errc::bad_request, "ref is a string of at most 64 bytes or an unsigned integer");
  if (const auto wrong = read_kind(out))
    return refuse(errc::bad_request, wrong);
  return out;
}

decode_failure envelope_reader::refuse(errc code, std::string detail) const {
  decode_failure failure{code, std::move(detail), {}, {}, {}};
  if (const auto ref = fields_.find_only("ref"); !ref.empty() && is_usable_ref(ref))
    failure.ref = ref;
  if (auto type = read_string(source_, fields_.find_only("type")); type && is_usable_type(*type))
    failure.request = std::move(*type);
  failure.room_id = read_string(source_, fields_.find_only("roomId"));
  return failure;
}

envelope_reader::problem envelope_reader::read_type(command& out) const {
  auto type = read_string(source_, fields_.find("type"));
  constexpr auto wanted = "type is a string of 1 to 128 bytes without control characters";
  if (!type)
    return wanted;
  out.kind = kind_named(*type);
  if (!is_short_type(*type) || (out.kind == command_kind::application && !is_plain_text(*type)))
    return wanted;
  out.type = std::move(*type);
  return nullptr;
}

envelope_reader::problem envelope_reader::read_kind(command& out) const {
  switch (out.kind) {
    case command_kind::join: return read_join(out);
    case command_kind::message: return read_message(out);
    case command_kind::binary: return read_binary(out);
    case command_kind::direct: return is_string("to") ? read_body(out) : "to is a string";
    case command_kind::resume: return read_resume();
    case command_kind::presence: return read_presence(out);
    case command_kind::profile: {
      const auto wrong = read_room(out, false);
      return wrong ? wrong : read_profile(out);
    }
    case command_kind::history: return read_history(out);
    case command_kind::reply: return read_reply(out);
    case command_kind::reserve: return read_reserve();
    case command_kind::auth: return is_string("token") ? nullptr : "token is a string";
    case command_kind::ping: return nullptr;
    case command_kind::application:
      out.has_id = is_usable_ref(fields_.find("id"));
      return read_room(out, false);
    default: return read_room(out, false);
  }
}

envelope_reader::problem envelope_reader::read_room(command& out, bool required) const {
  const auto raw = fields_.find("roomId");
  if (raw.empty())
    return required ? "roomId is missing" : nullptr;
  out.room_id = read_string(source_, raw);
  return out.room_id ? nullptr : "roomId is a string";
}

envelope_reader::problem envelope_reader::read_join(command& out) const {
  if (const auto wrong = read_room(out, true))
    return wrong;
  if (const auto wrong = fields_.find("profile").empty() ? nullptr : read_profile(out))
    return wrong;
  const auto since = fields_.find("since");
  out.has_since = !since.empty();
  return !out.has_since || is_position(since)
         ? nullptr
         : "since is {epoch: a string, seq: an unsigned integer, clientId: a string if given}";
}

envelope_reader::problem envelope_reader::read_profile(command& out) const {
  out.profile = fields_.find("profile");
  if (!is_map(out.profile))
    return "profile is a map";
  if (limits_.max_profile_bytes > 0 && out.profile.size() > limits_.max_profile_bytes)
    return "profile is larger than the server keeps (4 KiB unless it is set otherwise)";
  return nullptr;
}

envelope_reader::problem envelope_reader::read_presence(command& out) const {
  if (const auto wrong = read_room(out, false))
    return wrong;
  if (!fields_.find("after").empty() && !is_string("after"))
    return "after is a string";
  return read_limit(command::largest_page, "limit is an integer from 1 to 1000");
}

envelope_reader::problem envelope_reader::read_history(command& out) const {
  if (const auto wrong = read_room(out, false))
    return wrong;
  const auto after = fields_.find("after"), before = fields_.find("before");
  if (!after.empty() && !before.empty())
    return "one of after and before at most";
  if (!after.empty() && !read_unsigned(source_, after))
    return "after is an unsigned integer";
  if (!before.empty() && !read_unsigned(source_, before))
    return "before is an unsigned integer";
  return read_limit(command::history_page, "limit is an integer from 1 to 100");
}

envelope_reader::problem envelope_reader::read_reply(command& out) const {
  if (const auto wrong = read_room(out, false))
    return wrong;
  if (!is_string("requestId"))
    return "requestId is a string";
  out.field = body_field::data;
  out.body = fields_.find("data");
  return out.body.empty() ? "data is missing" : nullptr;
}

envelope_reader::problem envelope_reader::read_limit(std::int64_t most, problem wrong) const {
  const auto raw = fields_.find("limit");
  const auto limit = read_unsigned(source_, raw);
  auto is_good =
    raw.empty() || (limit && *limit >= 1 && *limit <= static_cast<std::uint64_t>(most));
  return is_good ? nullptr : wrong;
}

envelope_reader::problem envelope_reader::read_message(command& out) const {
  if (const auto wrong = read_room(out, false))
    return wrong;
  if (const auto wrong = read_body(out))
    return wrong;
  if (const auto wrong = read_echo(out))
    return wrong;
  return read_delivery(out);
}

envelope_reader::problem envelope_reader::read_binary(command& out) const {
  if (const auto wrong = read_room(out, false))
    return wrong;
  const auto data = fields_.find("data");
  if (kind_of(source_, data) != value_kind::binary)
    return source_ == codec::json ? "data is {\"$bin\": base64}" : "data is bin";
  if (source_ == codec::json)
    out.decoded = decoded_binary(data);
  else
    out.body = binary_bytes(data);
  if (const auto wrong = read_echo(out))
    return wrong;
  if (const auto wrong = read_id(out))
    return wrong;
  return read_delivery(out);
}

envelope_reader::problem envelope_reader::read_echo(command& out) const {
  if (const auto echo = fields_.find("echo"); !echo.empty()) {
    const auto value = read_boolean(source_, echo);
    if (!value)
      return "echo is a boolean";
    out.echo = *value;
  }
  return nullptr;
}

envelope_reader::problem envelope_reader::read_body(command& out) const {
  const auto text = fields_.find("text");
  const auto data = fields_.find("data");
  if (text.empty() == data.empty())
    return "one of text and data is needed";
  out.field = data.empty() ? body_field::text : body_field::data;
  out.body = data.empty() ? text : data;
  if (!text.empty() && !is_string("text"))
    return "text is a string";
  return read_id(out);
}

envelope_reader::problem envelope_reader::read_id(command& out) const {
  const auto id = fields_.find("id");
  out.has_id = !id.empty();
  return !out.has_id || is_usable_ref(id)
         ? nullptr
         : "id is a string of at most 64 bytes or an unsigned integer";
}

envelope_reader::problem envelope_reader::read_delivery(command& out) const {
  if (const auto key = fields_.find("key"); !key.empty() && !is_short_string(key))
    return "key is a string of at most 64 bytes";
  const auto raw = fields_.find("delivery");
  if (raw.empty())
    return nullptr;
  const auto name = read_string(source_, raw);
  if (name == "reliable")
    out.mode = delivery::reliable;
  else if (name == "volatile")
    out.mode = delivery::volatile_;
  else if (name == "latest")
    out.mode = delivery::latest;
  else
    return "delivery is reliable, volatile or latest";
  return nullptr;
}

bool envelope_reader::is_short_type(std::string_view type) const {
  return !type.empty() && (limits_.max_type_bytes == 0 || type.size() <= limits_.max_type_bytes);
}

bool envelope_reader::is_usable_type(std::string_view type) const {
  return is_short_type(type) && is_plain_text(type);
}

bool envelope_reader::is_usable_ref(std::string_view raw) const {
  return is_short_string(raw) || read_unsigned(source_, raw);
}

bool envelope_reader::is_short_string(std::string_view raw) const {
  const auto bytes = string_bytes(source_, raw);
  return bytes && (limits_.max_ref_bytes == 0 || *bytes <= limits_.max_ref_bytes);
}

bool envelope_reader::is_string(std::string_view key) const {
  return kind_of(source_, fields_.find(key)) == value_kind::string;
}

bool envelope_reader::is_map(std::string_view raw) const {
  return kind_of(source_, raw) == value_kind::map;
}

bool envelope_reader::is_position(std::string_view raw) const {
  if (!is_map(raw))
    return false;
  const auto client = kind_of(source_, find_field(source_, raw, "clientId"));
  return kind_of(source_, find_field(source_, raw, "epoch")) == value_kind::string
      && read_unsigned(source_, find_field(source_, raw, "seq"))
      && (client == value_kind::string || client == value_kind::absent);
}

} // namespace troupe::protocol
