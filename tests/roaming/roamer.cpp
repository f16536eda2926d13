#include "roamer.hpp"

#include <troupe/protocol/command.hpp>

#include <algorithm>
#include <utility>

namespace troupe::roaming {

using namespace std::chrono_literals;
using protocol::codec;

namespace {

constexpr unsigned most_doublings = 6;

std::string_view text(const simdjson::dom::element& f, const char* key) {
  std::string_view value;
  return f[key].get(value) == simdjson::SUCCESS ? value : std::string_view{};
}

std::uint64_t number(const simdjson::dom::element& f, const char* key) {
  std::uint64_t value = 0;
  return f[key].get(value) == simdjson::SUCCESS ? value : 0;
}

std::string position(std::string_view epoch, std::uint64_t seq) {
  return R"("epoch":)" + json_string(epoch) + R"(,"seq":)" + std::to_string(seq);
}

} // namespace

roamer::roamer(surroundings& around, std::string name, std::vector<std::string> rooms,
               protocol::codec codec, bool is_eager)
  : around_(around), name_(std::move(name)), codec_(codec), is_eager_(is_eager), timer_(around.io) {
  std::string names;
  for (auto& r : rooms) {
    names += (names.empty() ? "" : ",") + json_string(r);
    rooms_.push_back({.name = std::move(r)});
  }
  around_.out.introduce(name_, '[' + names + ']', codec == codec::json ? "json" : "msgpack",
                        is_eager);
}

// -- what it is told to do ------------------------------------------------------------------------

void roamer::connect_after(std::chrono::milliseconds wait) {
  timer_.expires_after(wait);
  timer_.async_wait([this](auto error) {
    if (error)
      return;
    heard_ = clock::now();
    connection_ = std::make_shared<connection>(around_.io, codec_, *this);
    connection_->connect(around_.server);
  });
}

void roamer::say(std::size_t room) {
  if (is_ready_)
    word(rooms_[room]);
}

void roamer::say_last_words() {
  if (!is_ready_)
    return;
  for (auto& r : rooms_)
    if (!r.has_last_word && r.last_word.empty())
      r.last_word = word(r);
}

void roamer::leave(std::uint16_t code) {
  if (!is_ready_)
    return;
  connection_->close(code);
  around_.out.lost(name_, 0, "left");
  come_back();
}

void roamer::beat() {
  if (connection_ && clock::now() - heard_ > around_.patience) {
    connection_->abandon();
    around_.out.lost(name_, 0, "given up");
    come_back();
  } else if (is_ready_) {
    send(R"({"type":"ping"})");
  }
}

// -- its connection -------------------------------------------------------------------------------

void roamer::on_connected(std::uint16_t local_port) { around_.out.connected(name_, local_port); }

void roamer::on_end(const connection_end& end) {
  around_.out.lost(name_, end.code, end.reason);
  come_back();
}

void roamer::come_back() {
  connection_.reset();
  is_ready_ = false;
  for (auto& r : rooms_) {
    r.is_held = false;
    r.last_word.clear();
  }
  connect_after(wait());
  ++losses_;
}

/// What `goodbye` has asked for counts once.
std::chrono::milliseconds roamer::wait() {
  if (auto asked = std::exchange(asked_, std::nullopt))
    return around_.chance.between(asked->first, asked->second);
  if (around_.long_away > 0ms && around_.chance.below(20) == 0)
    return around_.long_away;
  return around_.chance.between(0ms, around_.away * (1U << std::min(losses_, most_doublings)));
}

void roamer::send(const std::string& json) {
  if (codec_ == codec::json)
    return connection_->say(json);
  std::string packed;
  protocol::transcode(codec::json, json, codec::msgpack, packed);
  connection_->say(packed);
}

// -- frames ---------------------------------------------------------------------------------------

void roamer::on_message(std::string_view payload) {
  heard_ = clock::now();
  if (codec_ == codec::msgpack) {
    json_.clear();
    protocol::transcode(codec::msgpack, payload, codec::json, json_);
    payload = json_;
  }
  frame f;
  if (around_.parser.parse(payload.data(), payload.size()).get(f) != simdjson::SUCCESS)
    return around_.out.failed(name_, "what came is no frame");
  around_.out.heard(name_, payload);
  on_frame(f);
}

void roamer::on_frame(const frame& f) {
  const auto type = text(f, "type");
  if (type == "welcome")
    on_welcome(f);
  else if (type == "resumed")
    on_resumed(f);
  else if (type == "joined")
    arrive(f);
  else if (type == "message")
    on_said(f);
  else if (type == "ack")
    on_ack(f);
  else if (type == "goodbye")
    on_goodbye(f);
  else if (type == "error" && text(f, "code") == "session_gone")
    begin();
}

void roamer::on_welcome(const frame& f) {
  next_session_ = text(f, "resume");
  next_client_id_ = text(f, "clientId");
  losses_ = 0;
  session_.empty() ? begin() : resume();
}

void roamer::on_resumed(const frame& f) {
  session_ = text(f, "resume");
  is_ready_ = true;
  for (auto place : f["rooms"])
    arrive(place);
  for (auto& r : rooms_)
    if (!r.is_held)
      join(r, client_id_);
}

void roamer::on_goodbye(const frame& f) {
  std::int64_t least = 0, most = 0;
  is_ready_ = false; // the server reads no more
  if (f["reconnectAfterMs"].at(0).get(least) == simdjson::SUCCESS
      && f["reconnectAfterMs"].at(1).get(most) == simdjson::SUCCESS && least <= most)
    asked_.emplace(least, most);
}

void roamer::arrive(const frame& f) {
  auto* r = find(f);
  bool is_recovered = false;
  if (!r)
    return;
  r->is_held = true;
  if (f["recovered"].get(is_recovered) == simdjson::SUCCESS && is_recovered)
    return; // what was missed follows
  r->epoch = text(f, "epoch");
  r->seq = number(f, "seq");
}

void roamer::on_said(const frame& f) {
  if (auto* r = find(f))
    r->seq = number(f, "seq");
}

void roamer::on_ack(const frame& f) {
  auto* r = find(f);
  if (!r || r->has_last_word || text(f, "ref") != r->last_word)
    return;
  r->has_last_word = true;
  if (std::all_of(rooms_.begin(), rooms_.end(), [](auto& each) { return each.has_last_word; }))
    around_.out.finished(name_);
}

// -- what it says ---------------------------------------------------------------------------------

/// The connection's own session is its session from now on.
void roamer::begin() {
  const auto former = std::exchange(client_id_, next_client_id_);
  session_ = next_session_;
  is_ready_ = true;
  for (auto& r : rooms_)
    join(r, former);
}

void roamer::resume() {
  std::string places;
  for (auto& r : rooms_)
    if (!r.epoch.empty())
      places += (places.empty() ? R"({"roomId":)" : R"(,{"roomId":)") + json_string(r.name) + ','
              + position(r.epoch, r.seq) + '}';
  send(R"({"type":"resume","ref":"back","resume":)" + json_string(session_) + R"(,"rooms":[)"
       + places + "]}");
  is_ready_ = is_eager_;
}

void roamer::join(const room& r, std::string_view former_client) {
  auto since = r.epoch.empty() ? std::string{}
                               : R"(,"since":{)" + position(r.epoch, r.seq) + R"(,"clientId":)"
                                   + json_string(former_client) + '}';
  send(R"({"type":"join","roomId":)" + json_string(r.name) + since + '}');
}

/// Says the next word in the room, and returns its id.
std::string roamer::word(const room& r) {
  auto id = name_ + ':' + std::to_string(++said_);
  around_.out.said(name_, id, r.name);
  send(R"({"type":"message","roomId":)" + json_string(r.name) + R"(,"data":{"id":)"
       + json_string(id) + R"(},"ref":)" + json_string(id) + '}');
  return id;
}

roamer::room* roamer::find(const frame& f) {
  const auto name = text(f, "roomId");
  auto r =
    std::find_if(rooms_.begin(), rooms_.end(), [&](auto& each) { return each.name == name; });
  return r == rooms_.end() ? nullptr : &*r;
}

} // namespace troupe::roaming
