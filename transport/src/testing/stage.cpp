#include <troupe/testing/stage.hpp>

#include <troupe/actors/init.hpp>
#include <troupe/actors/timer_wheel.hpp>
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
    : node(system.system(), repeatable(std::move(options), seed)), loops(node, seed) {}

  actors::node_options repeatable(actors::node_options o, std::uint64_t seed) const {
    o.clock = &clock;
    if (!o.hash_seed)
      o.hash_seed = seed;
    return o;
  }

  struct known_types {
    known_types() { init(); }
  };
  known_types types; ///< before the actor system
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
  try {
    settle();
    state_->node.stop();
    settle();
  } catch (const stage_error&) {
    // Its actors would run for ever: they are dropped.
  }
}

actors::node& stage::node() noexcept { return state_->node; }
caf::actor_system& stage::system() noexcept { return state_->system.system(); }
manual_clock& stage::clock() noexcept { return state_->clock; }

stage::client& stage::connect(std::string user, protocol::encoding encoding) {
  if (protocol::is_deflated(encoding))
    throw std::invalid_argument{"connect: a stage's clients do not inflate"};
  if (pauses_ > 0)
    throw std::logic_error{"connect: not within `together`"};
  auto loop = static_cast<unsigned>(state_->clients.size()) % state_->node.loops();
  auto& made = connect({.encoding = encoding, .user_id = std::move(user)}, loop);
  if (!protocol::is_plain(encoding))
    made.expect("welcome");
  return made;
}

stage::client& stage::connect(actors::connection_info info, unsigned loop,
                              actors::outbox::bounds bounds) {
  if (loop >= state_->node.loops())
    throw std::invalid_argument{"connect: there is no loop " + std::to_string(loop)};
  auto made = std::unique_ptr<client>{new client{*this, loop, std::move(info), bounds}};
  auto& result = *state_->clients.emplace_back(std::move(made));
  settle_unless_paused();
  return result;
}

void stage::advance(std::chrono::nanoseconds by) {
  if (by.count() < 0)
    throw std::invalid_argument{"advance: time does not go back"};
  settle();
  auto end = state_->clock.now() + by;
  while (state_->clock.now() < end)
    move_to(std::min(end, state_->clock.now() + actors::timer_wheel::tick));
}

/// Moves time, and handles what is due on the way, each at its time.
void stage::move_to(actors::steady_time end) {
  for (auto now = state_->clock.now(); now < end; now = state_->clock.now()) {
    auto by = std::min(state_->loops.next_deadline().value_or(end), end) - now;
    state_->clock.advance(by);
    state_->system.advance(by);
    settle();
  }
}

void stage::settle() {
  if (pauses_ > 0)
    throw std::logic_error{"a stage handles nothing within `together`"};
  int left = 1'000'000;
  do {
    if (left-- == 0)
      throw stage_error{"there is always more to do: some actors answer each other for ever"};
    int rounds_left = 20'000;
    while (state_->loops.run_round())
      if (rounds_left-- == 0)
        throw stage_error{"there is always more to do: a loop never comes to rest"};
  } while (state_->system.run_job() || take_frames());
}

void stage::settle_unless_paused() {
  if (pauses_ == 0)
    settle();
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
    session_(s.node(), s.node().loop(loop), std::move(info), bounds,
             transport::session_deadlines{}) {}

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
  stage_.settle_unless_paused();
  return *this;
}

stage::client& stage::client::join(std::string_view room) {
  return say(R"({"type":"join","roomId":)" + quoted(room) + '}');
}

stage::client& stage::client::publish(std::string_view room, std::string_view text) {
  return say(R"({"type":"message","roomId":)" + quoted(room) + R"(,"text":)" + quoted(text) + '}');
}

heard_message stage::client::expect(std::string_view type) {
  stage_.settle();
  if (heard_.empty() || heard_.front().type() != type)
    fail('`' + std::string{type} + '`');
  auto next = std::move(heard_.front());
  heard_.pop_front();
  return next;
}

stage::client& stage::client::expect_nothing() {
  stage_.settle();
  if (!heard_.empty())
    fail("nothing");
  return *this;
}

std::uint16_t stage::client::expect_end() {
  stage_.settle();
  if (!has_ended() || !heard_.empty())
    fail("its end");
  return close_code_;
}

std::vector<heard_message> stage::client::take_all() {
  stage_.settle();
  std::vector<heard_message> all{std::make_move_iterator(heard_.begin()),
                                 std::make_move_iterator(heard_.end())};
  heard_.clear();
  return all;
}

stage::client& stage::client::drop() {
  session_.disconnect();
  stage_.settle_unless_paused();
  return *this;
}

stage::client& stage::client::close(std::uint16_t code, std::string reason) {
  session_.close(code, std::move(reason));
  stage_.settle_unless_paused();
  return *this;
}

stage::client& stage::client::stall(std::size_t bytes) {
  session_.set_window(bytes);
  return *this;
}

stage::client& stage::client::read_on() {
  session_.set_window({});
  stage_.settle_unless_paused();
  return *this;
}

/// Returns whether it has answered something.
bool stage::client::take_frames() {
  bool answered = false;
  for (auto& frame : session_.take_frames()) {
    switch (static_cast<protocol::opcode>(frame.opcode)) {
      case protocol::opcode::text: hear({codec::json, std::move(frame.payload)}); break;
      case protocol::opcode::binary: hear({codec_, std::move(frame.payload)}); break;
      case protocol::opcode::ping:
        session_.pong(frame.payload);
        answered = true;
        break;
      case protocol::opcode::close:
        close_code_ = frame.close_code();
        session_.close(close_code_, std::move(frame.payload).substr(close_code_ == 0 ? 0 : 2));
        answered = true;
        break;
      default: break;
    }
  }
  return answered;
}

void stage::client::hear(heard_message m) {
  if (user_.empty() && m.type() == "welcome")
    user_ = m.text("userId");
  heard_.push_back(std::move(m));
}

void stage::client::fail(const std::string& expected) const {
  constexpr std::size_t longest = 2000;
  auto what = user_.empty() ? std::string{"a client"} : user_;
  what += ": expected " + expected + ", but ";
  if (!heard_.empty())
    what += "there came";
  else if (has_ended())
    what += "it has ended";
  else if (session_.unread() > 0)
    what += "the server does not read what it says now";
  else if (session_.queued_bytes() > 0)
    what += "it does not read what waits for it";
  else
    what += "nothing came";
  for (auto m = heard_.begin(); m != heard_.end() && what.size() < longest; ++m)
    what += ' ' + m->json();
  if (what.size() > longest)
    what.replace(longest, std::string::npos, "…");
  throw stage_error{what};
}

} // namespace troupe::testing
