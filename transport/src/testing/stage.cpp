#include <troupe/testing/stage.hpp>

#include <troupe/protocol/command.hpp>

#include <algorithm>
#include <utility>

namespace troupe::testing {

using protocol::codec;
using protocol::document_view;

// -- what was heard -------------------------------------------------------------------------------

namespace {

std::string as_json(codec source, std::string_view value) {
  std::string out;
  protocol::transcode(source, value, codec::json, out);
  return out;
}

/// A JSON string.
std::string quoted(std::string_view text) {
  std::string packed{'\xdb'}; // MessagePack's head of a string, with four bytes of length
  for (int shift : {24, 16, 8, 0})
    packed += static_cast<char>(text.size() >> shift);
  return as_json(codec::msgpack, packed.append(text));
}

} // namespace

std::string heard_message::text(std::string_view field) const {
  if (!protocol::is_value(source_, bytes_))
    return {};
  document_view view{source_, bytes_};
  if (auto s = view.string(field))
    return *s;
  auto raw = view.raw(field);
  return raw.empty() ? std::string{} : as_json(source_, raw);
}

double heard_message::number(std::string_view field) const {
  if (protocol::is_value(source_, bytes_))
    if (auto n = document_view{source_, bytes_}.number(field))
      return *n;
  throw stage_error{"no number `" + std::string{field} + "` in " + json()};
}

std::string heard_message::json() const {
  return protocol::is_value(source_, bytes_) ? as_json(source_, bytes_) : bytes_;
}

// -- stage ----------------------------------------------------------------------------------------

struct stage::state {
  state(actors::node_options options, std::uint64_t seed)
    : node(system.system(), with_clock(std::move(options))), loops(node, seed) {}

  actors::node_options with_clock(actors::node_options o) const {
    o.clock = &clock;
    return o;
  }

  manual_clock clock;
  compat::manual_system system;
  actors::node node;
  manual_loops loops;
  std::vector<std::unique_ptr<client>> clients;
};

stage::stage(actors::node_options options, std::uint64_t seed)
  : state_(std::make_unique<state>(std::move(options), seed)) {}

stage::~stage() {
  state_->clients.clear();
  settle();
  state_->node.stop();
}

actors::node& stage::node() noexcept { return state_->node; }
caf::actor_system& stage::system() noexcept { return state_->system.system(); }
manual_clock& stage::clock() noexcept { return state_->clock; }

stage::client& stage::connect(std::string user, protocol::encoding encoding) {
  auto loop = static_cast<unsigned>(state_->clients.size()) % state_->node.loops();
  auto& made = connect({.encoding = encoding, .user_id = std::move(user)}, loop);
  if (encoding != protocol::encoding::plain_json && pauses_ == 0)
    made.expect("welcome");
  return made;
}

stage::client& stage::connect(actors::connection_info info, unsigned loop,
                              actors::outbox::bounds bounds) {
  auto made = std::unique_ptr<client>{new client{*this, loop, std::move(info), bounds}};
  auto& result = *state_->clients.emplace_back(std::move(made));
  settle();
  return result;
}

void stage::advance(std::chrono::milliseconds by) {
  constexpr std::chrono::milliseconds step{10};
  for (; by.count() > 0; by -= step) {
    state_->clock.advance(std::min(by, step));
    state_->system.advance(std::min(by, step));
    settle();
  }
}

void stage::settle() {
  if (pauses_ > 0)
    return;
  do {
    state_->loops.settle();
  } while (state_->system.run_job() || take_frames());
}

void stage::interleave() {
  constexpr int many_steps = 64;
  for (int i = 0; i < many_steps; ++i)
    state_->loops.step();
  settle();
}

/// Returns whether some client has answered.
bool stage::take_frames() {
  bool any = false;
  for (auto& c : state_->clients)
    any |= c->take_frames();
  return any;
}

// -- client ---------------------------------------------------------------------------------------

stage::client::client(stage& s, unsigned loop, actors::connection_info info,
                      actors::outbox::bounds bounds)
  : stage_(s),
    user_(info.user_id),
    codec_(protocol::codec_of(info.encoding)),
    session_(s.node(), s.node().loop(loop), std::move(info), bounds) {}

stage::client& stage::client::say(std::string_view json) {
  if (codec_ == codec::json)
    return say_raw(std::string{json}, false);
  if (!protocol::is_value(codec::json, json))
    throw std::invalid_argument{user_ + ": this is not JSON: " + std::string{json}};
  std::string packed;
  protocol::transcode(codec::json, json, codec_, packed);
  return say_raw(std::move(packed), true);
}

stage::client& stage::client::say_raw(std::string bytes, bool binary) {
  session_.say(std::move(bytes), binary);
  stage_.settle();
  return *this;
}

stage::client& stage::client::join(std::string_view room) {
  return say(R"({"type":"join","roomId":)" + quoted(room) + '}');
}

stage::client& stage::client::publish(std::string_view room, std::string_view text) {
  return say(R"({"type":"message","roomId":)" + quoted(room) + R"(,"text":)" + quoted(text) + '}');
}

heard_message stage::client::expect(std::string_view type) {
  if (heard_.empty() || heard_.front().type() != type)
    fail('`' + std::string{type} + '`');
  auto next = std::move(heard_.front());
  heard_.pop_front();
  return next;
}

stage::client& stage::client::expect_nothing() {
  if (!heard_.empty())
    fail("nothing");
  return *this;
}

std::uint16_t stage::client::expect_end() {
  if (!has_ended() || !heard_.empty())
    fail("its end");
  return close_code_;
}

std::vector<heard_message> stage::client::take_all() {
  std::vector<heard_message> all{std::make_move_iterator(heard_.begin()),
                                 std::make_move_iterator(heard_.end())};
  heard_.clear();
  return all;
}

stage::client& stage::client::drop() {
  session_.disconnect();
  stage_.settle();
  return *this;
}

stage::client& stage::client::stall(std::size_t bytes) {
  session_.set_window(bytes);
  return *this;
}

stage::client& stage::client::read_on() {
  session_.set_window({});
  stage_.settle();
  return *this;
}

/// Returns whether it has answered something.
bool stage::client::take_frames() {
  bool answered = false;
  for (auto& frame : session_.take_frames()) {
    switch (static_cast<protocol::opcode>(frame.opcode)) {
      case protocol::opcode::text:
        heard_.emplace_back(codec::json, std::move(frame.payload));
        break;
      case protocol::opcode::binary: heard_.emplace_back(codec_, std::move(frame.payload)); break;
      case protocol::opcode::ping:
        session_.pong(frame.payload);
        answered = true;
        break;
      case protocol::opcode::close:
        close_code_ = frame.close_code();
        session_.disconnect();
        answered = true;
        break;
      default: break;
    }
  }
  return answered;
}

void stage::client::fail(const std::string& expected) const {
  auto what = user_ + ": expected " + expected + ", but ";
  if (heard_.empty())
    throw stage_error{what + (has_ended() ? "it has ended" : "nothing came")};
  what += "there came";
  for (auto& m : heard_)
    what += ' ' + m.json();
  throw stage_error{what};
}

} // namespace troupe::testing
