// Answers and decisions that are given later, on their way to a session. For http_session.cpp.
#pragma once

#include "server/http_session.hpp"

#include <atomic>
#include <exception>
#include <memory>
#include <utility>

namespace troupe::transport {

/// Says why nobody will answer. Its text is shared with nothing that another thread destroys.
struct dropped_reply final : std::exception {
  explicit dropped_reply(const char* w) noexcept : why(w) {}
  const char* what() const noexcept override { return why; }
  const char* why;
};

/// Carries an answer, or why there is none, from any thread to its session, if the session still
/// exists.
struct http_session::late_answer final : std::enable_shared_from_this<late_answer> {
  late_answer(const actors::event_loop& l, std::weak_ptr<http_session> s)
    : loop(l.entrance()), session(std::move(s)) {}

  /// Runs `f`, which gives the answer, or whose exception is why there is none.
  template <class F>
  void take_from(F&& f) noexcept {
    try {
      pass_on(f(), nullptr);
    } catch (...) {
      take_failure(std::current_exception());
    }
  }

  void take_failure(std::exception_ptr why) noexcept {
    try {
      pass_on({}, std::move(why));
    } catch (...) {
      // no memory even for that: the client gets 504 in time
    }
  }

  void pass_on(http_answer answer, std::exception_ptr failure) {
    if (taken.exchange(true))
      return;
    try {
      // does nothing if the server has gone, and the connection with it
      loop->enter([&](actors::event_loop& home) {
        home.post([self = shared_from_this(), a = std::move(answer),
                   failure = std::move(failure)]() mutable {
          if (auto s = self->session.lock(); s && s->late_ == self)
            s->take_late(std::move(a), failure);
        });
      });
    } catch (...) {
      taken = false; // the application may try again
      throw;
    }
  }

  std::shared_ptr<actors::gate<actors::event_loop>> loop;
  std::weak_ptr<http_session> session;
  std::atomic<bool> taken{false};
};

/// An `http_reply`'s end of it: with the last copy of that, nobody is left who could answer.
struct http_session::answer_line final : http_reply::receiver {
  explicit answer_line(std::shared_ptr<late_answer> a) : answer(std::move(a)) {}
  ~answer_line() override {
    if (answer && !answer->taken)
      answer->take_failure(
        std::make_exception_ptr(dropped_reply{"its reply was dropped without an answer"}));
  }
  void take(http_response response) override {
    if (answer)
      answer->pass_on({std::move(response)}, nullptr);
  }
  std::shared_ptr<late_answer> answer; ///< null: its handler has thrown
};

/// An upgrade about which somebody decides later.
struct http_session::late_decision final : std::enable_shared_from_this<late_decision> {
  late_decision(const actors::event_loop& l, std::weak_ptr<http_session> s, http_request_message m,
                wanted_upgrade w, actors::claims_ptr p)
    : loop(l.entrance()),
      session(std::move(s)),
      message(std::move(m)),
      wanted(std::move(w)),
      proved(std::move(p)) {}

  void pass_on(upgrade_decision decision, std::exception_ptr failure) {
    if (taken.exchange(true))
      return;
    try {
      loop->enter([&](actors::event_loop& home) {
        home.post([self = shared_from_this(), d = std::move(decision),
                   failure = std::move(failure)]() mutable {
          if (auto s = self->session.lock(); s && s->deciding_ == self)
            s->take_decision(std::move(d), failure);
        });
      });
    } catch (...) {
      taken = false; // the application may try again
      throw;
    }
  }

  std::shared_ptr<actors::gate<actors::event_loop>> loop;
  std::weak_ptr<http_session> session;
  http_request_message message;
  wanted_upgrade wanted;
  actors::claims_ptr proved; ///< by its token; null: it has none
  std::atomic<bool> taken{false};
};

/// An `upgrade_reply`'s end of it, as above.
struct http_session::decision_line final : upgrade_reply::receiver {
  explicit decision_line(std::shared_ptr<late_decision> d) : decision(std::move(d)) {}
  ~decision_line() override {
    try {
      if (decision && !decision->taken)
        decision->pass_on(
          {}, std::make_exception_ptr(dropped_reply{"its reply was dropped without a decision"}));
    } catch (...) {
      // no memory even for that: the client gets 504 in time
    }
  }
  void take(upgrade_decision d) override {
    if (decision)
      decision->pass_on(std::move(d), nullptr);
  }
  std::shared_ptr<late_decision> decision; ///< null: the hook has thrown
};

} // namespace troupe::transport
