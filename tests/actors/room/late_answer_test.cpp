// The way of an answer from those who may give it to the room that waits for it.
#include "room/late_answer.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::actors;
using protocol::errc;

namespace {

struct counting_inbox final : answer_inbox {
  void wake() noexcept override { ++wakes; }
  int wakes = 0;
};

/// What a room finds in an answer: its code, and the detail of a refusal.
std::string found(late_answer& a) {
  std::optional<any_answer> answer;
  auto why = a.take(answer);
  if (!answer)
    return "none, " + std::string{to_string(why)};
  if (auto* d = std::get_if<join_decision>(&*answer))
    return std::string{to_string(d->code)} + d->detail;
  auto& m = std::get<message_answer>(*answer);
  return std::string{to_string(m.code)} + m.detail + (m.event ? " says" : "");
}

} // namespace

TEST_CASE("an answer reaches its inbox once, whether it is given before or after the room waits") {
  for (auto is_early : {true, false}) {
    auto inbox = std::make_shared<counting_inbox>();
    join_promise promise;
    auto answer = late_answer::of(promise);
    if (is_early)
      promise.refuse("no");
    REQUIRE(answer->await(inbox, 7));
    if (!is_early)
      promise.refuse("no");
    promise.accept();

    CHECK(inbox->wakes == 1);
    auto given = inbox->take_next();
    REQUIRE(given == answer);
    CHECK(given->number() == 7);
    CHECK(found(*given) == "forbiddenno");
    CHECK(inbox->take_next() == nullptr);
  }
}

TEST_CASE("copies of a promise stand for one answer, and the last one that goes gives it up") {
  auto inbox = std::make_shared<counting_inbox>();
  auto first = std::make_unique<join_promise>();
  auto answer = late_answer::of(*first);
  REQUIRE(answer->await(inbox, 1));
  auto second = std::make_unique<join_promise>(*first);

  first.reset();
  CHECK(inbox->take_next() == nullptr);
  CHECK(second->is_awaited());
  second.reset();
  CHECK(inbox->take_next() == answer);
  CHECK(found(*answer) == "none, internal");
}

TEST_CASE("an answer that has not come is no answer, and what comes after that is void") {
  auto inbox = std::make_shared<counting_inbox>();
  auto promise = late_answer::make_reply();
  auto answer = late_answer::of(promise);
  REQUIRE(answer->await(inbox, 1));
  CHECK(promise.is_awaited());

  CHECK(found(*answer) == "none, timed_out");
  CHECK_FALSE(promise.is_awaited());
  promise.ack();
  CHECK(inbox->take_next() == nullptr);
}

TEST_CASE("a promise answers one thing only, and none once it is closed") {
  auto inbox = std::make_shared<counting_inbox>();
  join_promise taken, closed;
  REQUIRE(late_answer::of(taken)->await(inbox, 1));
  CHECK_FALSE(late_answer::of(taken)->await(inbox, 2));
  CHECK(late_answer::of(taken)->number() == 1);

  late_answer::of(closed)->close();
  closed.accept();
  CHECK_FALSE(late_answer::of(closed)->await(inbox, 3));
  CHECK(inbox->wakes == 0);
}

TEST_CASE("what lies in an inbox that is shut, or comes to it later, is dropped") {
  auto inbox = std::make_shared<counting_inbox>();
  std::vector<join_promise> promises(3);
  std::vector<std::weak_ptr<late_answer>> answers;
  for (auto& p : promises) {
    answers.push_back(late_answer::of(p));
    REQUIRE(late_answer::of(p)->await(inbox, answers.size()));
  }
  promises[0].accept();
  promises[1].accept();

  inbox->shut();
  promises[2].accept();
  CHECK(inbox->take_next() == nullptr);
  std::weak_ptr<answer_inbox> gone = inbox;
  inbox.reset();
  promises.clear();
  for (auto& a : answers)
    CHECK(a.expired());
  CHECK(gone.expired());
}

TEST_CASE("a promise that was moved from answers nothing, and no join can wait for it") {
  join_promise promise;
  auto moved = std::move(promise);
  promise.accept(); // NOLINT(bugprone-use-after-move): that is what is shown
  CHECK_FALSE(promise.is_awaited());
  CHECK(moved.is_awaited());
  CHECK_THROWS_AS(join_decision::later(std::move(promise)), std::invalid_argument);

  reply_promise none;
  none.ack();
  none.send("x", {});
  none.refuse(errc::forbidden);
  CHECK_FALSE(none.is_awaited());
}

TEST_CASE("what no behaviour may say is refused with a sentence, and nothing was answered") {
  join_promise join;
  CHECK_THROWS_AS(join.refuse(errc::ok, "why"), std::invalid_argument);
  CHECK_THROWS_AS(join.refuse(errc::slow_consumer, "why"), std::invalid_argument);
  join_decision ends_connection;
  ends_connection.code = errc::flood;
  CHECK_THROWS_AS(join.decide(ends_connection), std::invalid_argument);
  CHECK_THROWS_AS(join.decide(join_decision::later(join_promise{})), std::invalid_argument);
  CHECK(join.is_awaited());

  auto reply = late_answer::make_reply();
  CHECK_THROWS_AS(reply.refuse(errc::ok), std::invalid_argument);
  CHECK_THROWS_AS(reply.send("joined", {}), std::invalid_argument);
  CHECK_THROWS_AS(reply.send("x", {{"seq", 1}}), std::invalid_argument);
  CHECK(reply.is_awaited());
}

TEST_CASE("of many threads that answer at once, one is heard") {
  for (int round = 0; round < 50; ++round) {
    auto inbox = std::make_shared<counting_inbox>();
    join_promise promise;
    auto answer = late_answer::of(promise);
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([promise] { promise.accept(); });
    REQUIRE(answer->await(inbox, 1));
    for (auto& t : threads)
      t.join();

    CHECK(inbox->take_next() == answer);
    CHECK(inbox->take_next() == nullptr);
    CHECK(found(*answer) == "ok");
  }
}
