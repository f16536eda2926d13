// Stops a whole node on three threads again and again while clients of all kinds use it: in the
// middle of joins, leaves, publishes and calls from other threads. The test is for the thread
// sanitizer; without it, it only shows that everything ends. TROUPE_STRESS_SEED draws other plays.
// No two plays are alike, since threads run freely.
#include "support/tsan_suppressions.hpp"

#include <troupe/actors/node.hpp>
#include <troupe/testing/memory_session.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;
using testing::memory_session;

namespace {

constexpr unsigned loops = 3;
std::atomic<int> behaviors{0}; ///< how many are alive
std::atomic<int> wishes{0};    ///< for seats, that were not answered

std::string a_room(std::minstd_rand& dice) { return "r" + std::to_string(dice() % 6); }

struct lively final : actors::room_behavior {
  lively() {
    ++behaviors;
    on("say", [](auto& room, auto&, auto&) { room.broadcast("said", {{"n", 1}}); });
    on("kick", [](auto& room, auto& from, auto&) { room.kick(from.key, "out"); });
    on("boom", [](auto&, auto&, auto&) { throw std::runtime_error{"boom"}; });
    on("end", [](auto& room, auto&, auto&) { room.end(); });
  }
  ~lively() override { --behaviors; }
};

/// The clients of one loop, which act on its thread.
class crowd : public std::enable_shared_from_this<crowd> {
public:
  crowd(actors::node& n, actors::endpoint at, unsigned loop, unsigned seed)
    : node_(n), place_(std::move(at)), loop_(n.loop(loop)), dice_(seed) {}

  /// Lets the clients act until the node has ended all of them.
  void go_on() {
    loop_.post([self = shared_from_this()] {
      self->step();
      if (self->is_let_in_ || std::any_of(self->seats_.begin(), self->seats_.end(), [](auto& s) {
            return s.session != nullptr;
          }))
        self->go_on();
    });
  }

private:
  void step() {
    auto& seat = seats_[dice_() % seats_.size()];
    if (seat.session && seat.session->ended())
      seat.session.reset();
    if (!seat.session)
      return sit_down(seat);
    if (dice_() % 30 == 0)
      return seat.session.reset();
    if (dice_() % 20 == 0)
      seat.session->set_window(dice_() % 2 == 0 ? std::optional<std::size_t>{dice_() % 400}
                                                : std::nullopt);
    (void)seat.session->take_frames();
    seat.session->say(seat.is_raw ? "to all" : command());
  }

  struct seat {
    std::unique_ptr<memory_session> session;
    bool is_raw = false;
  };

  void sit_down(seat& s) {
    s.is_raw = dice_() % 4 == 0;
    actors::connection_info info{
      dice_() % 3 == 0 ? protocol::encoding::plain_json : protocol::encoding::v1_json, {}};
    if (s.is_raw)
      info.endpoint = place_.state();
    try {
      s.session = std::make_unique<memory_session>(node_, loop_, std::move(info));
    } catch (const std::runtime_error&) { // the node is ending
      is_let_in_ = false;
    }
  }

  std::string command() {
    static constexpr std::array often{"join",    "join",    "leave", "message",
                                      "message", "message", "say"};
    static constexpr std::array seldom{"kick", "boom", "end", "$reserve"};
    std::string type =
      dice_() % 40 == 0 ? seldom[dice_() % seldom.size()] : often[dice_() % often.size()];
    return R"({"type":")" + type + R"(","roomId":")" + a_room(dice_)
         + R"(","pattern":"*","text":"hello","ref":1})";
  }

  actors::node& node_;
  actors::endpoint place_;
  actors::event_loop& loop_;
  std::minstd_rand dice_;
  bool is_let_in_ = true;
  std::array<seat, 12> seats_;
};

/// Receives messages on CAF's own threads, and annotates its mailbox for TSan as a pinned actor
/// does.
class observer final : public caf::event_based_actor {
public:
  explicit observer(caf::actor_config& cfg) : caf::event_based_actor(cfg) {
    compat::release_annotation(this);
  }
  ~observer() override { compat::acquire_annotation(this); }

  caf::behavior make_behavior() override {
    return {[](const actors::room_event&) {}};
  }

  using caf::event_based_actor::enqueue;
  compat::enqueue_result enqueue(caf::mailbox_element_ptr what,
                                 compat::context_base* host) override {
    compat::release_annotation(this);
    struct annotation {
      ~annotation() { compat::release_annotation(what); }
      void* what;
    } at_end{this};
    return caf::event_based_actor::enqueue(std::move(what), host);
  }
  resume_result resume(compat::context_base* host, std::size_t) override {
    compat::acquire_annotation(this);
    auto result = caf::event_based_actor::resume(host, 1);
    compat::release_annotation(this);
    return result;
  }
  using caf::event_based_actor::consume;
  /// Virtual in CAF 0.17 only.
  caf::invoke_message_result consume(caf::mailbox_element& what) {
    compat::acquire_annotation(this);
    return caf::event_based_actor::consume(what);
  }
};

actors::endpoint_handlers answers(actors::endpoint& at) {
  actors::endpoint_handlers on;
  on.on_open = [](auto& c) { c.send("welcome"); };
  on.on_message = [&at](auto& c, std::string_view text, bool) {
    c.send(text);
    at.broadcast_except(c, text);
  };
  on.on_close = [](auto&, auto, auto) {};
  return on;
}

/// Calls a node from another thread until `stops`.
void disturb(actors::node& n, const actors::endpoint& at, caf::actor watcher, unsigned seed,
             const std::atomic<bool>& stops) {
  std::minstd_rand dice{seed};
  while (!stops) {
    auto room = a_room(dice);
    (void)n.room(room).publish("news", {{"n", 1}});
    (void)at.broadcast("from outside");
    dice() % 2 == 0 ? n.observe(room, watcher) : n.unobserve(room, watcher);
    for (auto& c : at.clients())
      if (dice() % 8 == 0)
        dice() % 4 == 0 ? c.close(1000, "enough") : c.send("to you");
    ++wishes;
    auto wished = n.reserve({"*", room, {}, {}, 20ms}, [](auto&) { --wishes; });
    if (wished != actors::publish_result::accepted)
      --wishes;
    (void)n.list("*", room, 3, [](auto&) {});
    (void)n.stats();
    std::this_thread::sleep_for(1ms);
  }
}

/// Drains a node as a server does before it stops, but quickly.
void drain(actors::node& n) {
  n.stop_reading();
  n.end_rooms();
  n.drain(actors::drain_kind::restart, 20ms);
}

/// Runs a node for a while, and stops it while clients and other threads still use it.
void live(caf::actor_system& system, unsigned seed) {
  std::minstd_rand dice{seed};
  (void)dice();
  actors::node_options options;
  options.loops = loops;
  options.connections.max_rooms = dice() % 4 == 0 ? 1 : 128;
  options.connections.messages_per_second = 0;
  options.heartbeat.interval = 50ms;
  options.rooms.linger = dice() % 2 == 0 ? 0ms : 20ms;
  options.lobby = dice() % 2 == 0 ? "r0" : "";
  actors::node n{system, options};
  actors::room_options of;
  of.reservable = actors::reserve_policy::clients;
  n.rooms(
    "*", [](auto) { return std::make_unique<lively>(); }, of);
  actors::endpoint place;
  place = n.make_endpoint("/raw", answers(place));
  caf::actor watcher = system.spawn<observer>();
  n.start();
  std::atomic<bool> stops{false};
  for (unsigned i = 0; i < loops; ++i)
    std::make_shared<crowd>(n, place, i, seed * loops + i + 1)->go_on();
  std::vector<std::thread> others;
  for (unsigned i = 0; i < 2; ++i)
    others.emplace_back([&, i] { disturb(n, place, watcher, seed + i + 7, stops); });

  std::this_thread::sleep_for(std::chrono::milliseconds{dice() % 3 == 0 ? 700 : dice() % 100});
  if (dice() % 3 == 0)
    drain(n);
  n.stop();
  stops = true;
  for (auto& t : others)
    t.join();

  caf::anon_send_exit(watcher, caf::exit_reason::user_shutdown);
  CHECK(n.stats().rooms == 0);
  CHECK(n.stats().members == 0);
  CHECK(n.stats().connections == 0);
  CHECK(behaviors == 0);
  CHECK(wishes == 0);
  for (unsigned i = 0; i < loops; ++i)
    CHECK(n.loop(i).pinned_actors() == 0);
}

unsigned number_from(const char* name, unsigned otherwise) {
  auto* text = std::getenv(name);
  return text ? static_cast<unsigned>(std::atoi(text)) : otherwise;
}

std::chrono::seconds how_long() {
  return std::chrono::seconds{
    number_from("TROUPE_STRESS_SECONDS", std::getenv("TROUPE_LONG") ? 20 : 3)};
}

} // namespace

TEST_CASE("a node of three loops works and stops under all kinds of clients and threads") {
  caf::actor_system_config config;
  compat::set_worker_threads(config, 1);
  caf::actor_system system{config};
  auto end = std::chrono::steady_clock::now() + how_long();
  auto seed = number_from("TROUPE_STRESS_SEED", 1) * 1000;
  int lives = 0;
  for (; lives == 0 || std::chrono::steady_clock::now() < end; ++lives) {
    INFO("seed " << seed);
    live(system, seed++);
  }
  WARN(lives << " nodes have lived");
}
