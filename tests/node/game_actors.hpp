#pragma once

#include <utility>

#include <troupe/node.hpp>
#include <troupe/typed_room.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

CAF_BEGIN_TYPE_ID_BLOCK(troupe_node_tests, 5000)
CAF_ADD_ATOM(troupe_node_tests, troupe::test, score_atom, "score")
CAF_ADD_ATOM(troupe_node_tests, troupe::test, top_atom, "top")
CAF_ADD_ATOM(troupe_node_tests, troupe::test, meteor_atom, "meteor")
CAF_ADD_ATOM(troupe_node_tests, troupe::test, bad_atom, "bad")
CAF_END_TYPE_ID_BLOCK(troupe_node_tests)

namespace troupe::test {

using scoreboard_actor = compat::typed_actor<
  // notes a score
  caf::result<void>(score_atom, std::string, int),
  // -> who is best
  caf::result<std::string>(top_atom)>;

using arena_actor = compat::typed_actor<
  // -> how many meteors fell so far
  caf::result<int>(meteor_atom, int),
  // -> who is best, as the scoreboard says: later
  caf::result<std::string>(top_atom),
  // breaks the room
  caf::result<void>(bad_atom)>;

/// A room that asks, tells and watches a scoreboard.
class arena final : public typed_room<arena_actor> {
public:
  /// What the test sees of it, and hooks that it fills in.
  struct script {
    scoreboard_actor scores;
    std::chrono::nanoseconds limit = std::chrono::seconds{2};
    std::function<void(arena&)> create, say, leave;
    std::vector<std::string> notes;
    arena* made = nullptr; ///< the one that was made last
    int alive = 0;
  };

  explicit arena(script& s) : script_(s) {
    script_.made = this;
    ++script_.alive;
    on("say", [this](auto&, auto&, auto&) { call(script_.say); });
    on("ask", [this](auto&, auto&, auto&) { ask_scores(); });
  }
  ~arena() override { --script_.alive; }

  void on_create(actors::room_context&) override { call(script_.create); }
  void on_leave(actors::room_context&, const actors::member&, actors::leave_reason) override {
    call(script_.leave);
  }

  void ask_scores() {
    ask(script_.scores, script_.limit, top_atom_v)
      .then([this](const std::string& who) { note("best " + who); },
            [this](const caf::error& why) { note(error_name(why)); });
  }
  void watch_scores() {
    watch(script_.scores, [this](const caf::error&) { note("scores gone"); });
  }
  void note(const std::string& what) {
    script_.notes.push_back(what);
    room().broadcast("note", {{"what", what}});
  }

  static std::string error_name(const caf::error& why) {
    const std::pair<caf::sec, const char*> known[] = {
      {caf::sec::request_timeout, "request_timeout"},
      {caf::sec::request_receiver_down, "request_receiver_down"},
      {caf::sec::runtime_error, "runtime_error"},
      {caf::sec::invalid_argument, "invalid_argument"},
      {caf::sec::unexpected_message, "unexpected_message"},
    };
    for (auto& [code, name] : known)
      if (why == code)
        return name;
    return "another error";
  }

  // What a behaviour has, for tests.
  using typed_room::ask;
  using typed_room::promise;
  using typed_room::room;
  using typed_room::self;
  using typed_room::tell;
  using typed_room::watch;

protected:
  handlers actor_handlers() override {
    return {
      [this](meteor_atom, int n) {
        note("meteors " + std::to_string(n));
        return meteors_ += n;
      },
      [this](top_atom) {
        auto answer = promise<std::string>();
        ask(script_.scores, script_.limit, top_atom_v)
          .then([answer](const std::string& who) { answer.deliver(who); },
                [answer](const caf::error& why) { answer.refuse(why); });
        return answer;
      },
      [](bad_atom) { throw std::runtime_error{"a bug in the game"}; },
    };
  }

private:
  void call(const std::function<void(arena&)>& f) {
    if (f)
      f(*this);
  }

  script& script_;
  int meteors_ = 0;
};

/// A scoreboard that answers at once.
struct scores_state {
  std::vector<std::pair<std::string, int>> noted;
};
inline scoreboard_actor::behavior_type quick_scores(scoreboard_actor::pointer,
                                                    scores_state* state) {
  return {
    [=](score_atom, const std::string& who, int points) { state->noted.emplace_back(who, points); },
    [=](top_atom) -> caf::result<std::string> {
      return state->noted.empty() ? std::string{"nobody"} : state->noted.back().first;
    },
  };
}

/// One that answers when the test says so.
struct slow_scores_state {
  std::vector<caf::typed_response_promise<std::string>> asked;
};
inline scoreboard_actor::behavior_type slow_scores(scoreboard_actor::pointer self,
                                                   slow_scores_state* state) {
  return {
    [](score_atom, const std::string&, int) {},
    [=](top_atom) -> caf::result<std::string> {
      state->asked.push_back(self->make_response_promise<std::string>());
      return state->asked.back();
    },
  };
}

} // namespace troupe::test
