#include <utility>

#include "wire.hpp"

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/command.hpp>

#include <simdjson.h>

#include <sstream>

namespace troupe::model {

std::string deed::text(std::size_t padding) const {
  return std::to_string(number) + ' ' + what + ' ' + whom + (echo ? " loud" : " quiet") + ' '
       + delivery + (key.empty() ? " " : ':' + key + ' ') + (id.empty() ? "-" : id) + ' '
       + std::string(padding, 'x');
}

std::optional<deed> deed::read(std::string_view text) {
  deed d;
  std::string echo;
  std::istringstream in{std::string{text}};
  if (!(in >> d.number >> d.what >> d.whom >> echo >> d.delivery >> d.id))
    return std::nullopt;
  d.echo = echo == "loud";
  if (auto colon = d.delivery.find(':'); colon != std::string::npos) {
    d.key = d.delivery.substr(colon + 1);
    d.delivery.resize(colon);
  }
  if (d.id == "-")
    d.id.clear();
  return d;
}

namespace {

frame_fields read(simdjson::dom::object o) {
  frame_fields f;
  auto text = [&](const char* key, std::string& out) {
    std::string_view v;
    if (o[key].get(v) == simdjson::SUCCESS)
      out = v;
  };
  auto number = [&](const char* key, auto& out) {
    std::uint64_t n;
    if (o[key].get(n) == simdjson::SUCCESS)
      out = static_cast<typename std::remove_reference_t<decltype(out)>::value_type>(n);
  };
  text("type", f.type);
  text("roomId", f.room);
  text("epoch", f.epoch);
  text("text", f.text);
  text("userId", f.user);
  text("reason", f.reason);
  text("code", f.code);
  text("request", f.request);
  number("seq", f.seq);
  number("log", f.log);
  number("at", f.at);
  number("bytes", f.size);
  number("ref", f.ref);
  number("n", f.number);
  number("total", f.total);
  auto profile_in = [](simdjson::dom::object of) {
    std::string_view v;
    return of["profile"]["text"].get(v) == simdjson::SUCCESS ? std::string{v} : std::string{};
  };
  auto list = [&](const char* key, auto& out) {
    simdjson::dom::array all;
    if (o[key].get(all) != simdjson::SUCCESS)
      return;
    out.emplace();
    for (simdjson::dom::object user : all) {
      bool away = false;
      if (user["away"].get(away) != simdjson::SUCCESS)
        away = false;
      (*out)[std::string{std::string_view{user["userId"]}}] = {profile_in(user), away};
    }
  };
  f.profile = profile_in(o);
  list("members", f.members);
  list("joined", f.joined);
  list("changed", f.changed);
  list("left", f.gone);
  text("clientId", f.client);
  text("resume", f.resume);
  number("dropped", f.dropped);
  auto flag = [&](const char* key, std::optional<bool>& out) {
    bool b;
    if (o[key].get(b) == simdjson::SUCCESS)
      out = b;
  };
  flag("recovered", f.recovered);
  flag("complete", f.complete);
  flag("duplicate", f.duplicate);
  auto frames = [&](const char* key, std::vector<frame_fields>& out) {
    simdjson::dom::array all;
    if (o[key].get(all) == simdjson::SUCCESS)
      for (simdjson::dom::object each : all)
        out.push_back(read(each));
  };
  frames("messages", f.messages);
  frames("rooms", f.rooms);
  frames("lost", f.lost);
  simdjson::dom::object direct;
  if (o["direct"].get(direct) == simdjson::SUCCESS)
    f.direct.push_back(read(direct));
  simdjson::dom::object data;
  if (o["data"].get(data) == simdjson::SUCCESS)
    f.bytes = simdjson::minify(data);
  text("requestId", f.request_id);
  std::uint64_t asked;
  if (o["data"]["n"].get(asked) == simdjson::SUCCESS)
    f.asked = asked;
  return f;
}

} // namespace

frame_fields parse(const std::string& json) {
  thread_local simdjson::dom::parser parser;
  return read(parser.parse(json));
}

std::string json_of_bytes(std::string_view bytes) {
  std::string packed{"\xc5"}; // bin 16
  packed += static_cast<char>(bytes.size() >> 8);
  packed += static_cast<char>(bytes.size() & 0xff);
  packed += bytes;
  std::string json;
  protocol::transcode(protocol::codec::msgpack, packed, protocol::codec::json, json);
  return json;
}

} // namespace troupe::model
