#include "runtime/owed_answer.hpp"

#include <troupe/actors/event_loop.hpp>

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;

namespace {

using debtor_actor = compat::typed_actor<caf::result<int>(int)>;

/// Owes an answer to each request, and says in `place` where it is.
class debtor final : public compat::pinned<debtor_actor::base> {
public:
  debtor(caf::actor_config& cfg, compat::loop_context& home, debtor*& place) : pinned(cfg, home) {
    place = this;
  }

  behavior_type make_behavior() override {
    return {[this](int) { return owed.emplace_back(*this).to_come(); }};
  }

  std::vector<compat::owed_answer<int>> owed;

private:
  void release_state() override { owed.clear(); }
};

/// Sends the numbers that it gets to a debtor, and notes the answers.
class asker final : public compat::pinned<debtor_actor::base> {
public:
  asker(caf::actor_config& cfg, compat::loop_context& home, debtor_actor whom, std::string& heard)
    : pinned(cfg, home), whom_(std::move(whom)), heard_(heard) {}

  behavior_type make_behavior() override {
    return {[this](int x) -> caf::result<int> {
      compat::request(this, whom_, caf::infinite, x)
        .then([this](int answer) { heard_ += std::to_string(answer) + ' '; },
              [this](const caf::error& why) {
                heard_ += why == caf::sec::request_receiver_down ? "down " : "another error ";
              });
      return x;
    }};
  }

private:
  void release_state() override { whom_ = nullptr; }

  debtor_actor whom_;
  std::string& heard_;
};

/// A debtor that has been asked twice.
struct debt {
  debt() {
    compat::anon_send(who_asks, 1);
    compat::anon_send(who_asks, 2);
    run();
  }
  ~debt() { // they refer to each other
    caf::anon_send_exit(who_asks, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(whom, caf::exit_reason::user_shutdown);
    run();
  }

  /// Runs `f` on the loop, and all that follows from it.
  template <class F>
  void on_loop(F f) {
    loop.post(f);
    run();
  }
  void run() {
    while (loop.run_turn()) {}
  }

  static caf::actor_system_config& with_one_thread(caf::actor_system_config& c) {
    compat::set_worker_threads(c, 1);
    return c;
  }

  caf::actor_system_config config;
  caf::actor_system system{with_one_thread(config)};
  event_loop loop{system, 0};
  std::string heard;
  debtor* place = nullptr;
  debtor_actor whom = compat::spawn_on<debtor>(loop, place);
  debtor_actor who_asks = compat::spawn_on<asker>(loop, whom, heard);
};

} // namespace

TEST_CASE("an owed answer is given whenever the actor likes, in any order") {
  debt d;
  REQUIRE(d.place->owed.size() == 2);
  CHECK(d.heard.empty());

  d.on_loop([&] { d.place->owed[1].give(*d.place, 12); });
  CHECK(d.heard == "12 ");

  d.on_loop([&] { d.place->owed[0].give(*d.place, 11); });
  CHECK(d.heard == "12 11 ");
}

TEST_CASE("an owed answer may be an error") {
  debt d;

  d.on_loop([&] { d.place->owed[0].refuse(*d.place, caf::sec::request_receiver_down); });

  CHECK(d.heard == "down ");
}

TEST_CASE("an owed answer that is dropped says nothing, with each version of CAF") {
  debt d;

  d.on_loop([&] { d.place->owed.clear(); });
  CHECK(d.heard.empty());

  caf::anon_send_exit(d.whom, caf::exit_reason::user_shutdown);
  d.run();
  CHECK(d.heard.empty());
}

TEST_CASE("a message that asks for no answer is owed none") {
  debt d;
  compat::anon_send(d.whom, 3);
  d.run();
  REQUIRE(d.place->owed.size() == 3);

  d.on_loop([&] { d.place->owed[2].give(*d.place, 13); });

  CHECK(d.heard.empty());
}
