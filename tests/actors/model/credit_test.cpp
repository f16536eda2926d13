#include <troupe/actors/credit.hpp>

#include <catch2/catch.hpp>

#include <thread>
#include <vector>

using namespace troupe::actors;

TEST_CASE("the last copy of a token gives its share back") {
  auto account = std::make_shared<credit_account>(credit_limits{2, 100});
  auto token = account->take(60);
  {
    auto copy = token;
    token = {};
    CHECK(account->held_bytes() == 60);
  }
  CHECK(account->held_bytes() == 0);
  CHECK(account->held_messages() == 0);
}

TEST_CASE("one message may take the balance below zero, and then none may be read") {
  auto account = std::make_shared<credit_account>(credit_limits{32, 100});
  auto token = account->take(1000);

  CHECK_FALSE(account->positive());
  token = {};
  CHECK(account->positive());
}

TEST_CASE("a paused account notifies once when it is positive again") {
  int notified = 0;
  auto account = std::make_shared<credit_account>(credit_limits{2, 100}, [&] { ++notified; });
  auto first = account->take(1);
  auto second = account->take(1);
  REQUIRE(account->pause());

  first = {};
  second = {};

  CHECK(notified == 1);
}

TEST_CASE("pausing an account that is positive asks for nothing") {
  int notified = 0;
  auto account = std::make_shared<credit_account>(credit_limits{2, 100}, [&] { ++notified; });
  auto token = account->take(1);

  CHECK_FALSE(account->pause());
  token = {};
  CHECK(notified == 0);
}

TEST_CASE("tokens given back on other threads neither lose credit nor a notification") {
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> notified{0};
    auto account = std::make_shared<credit_account>(credit_limits{4, 1000}, [&] { ++notified; });
    std::vector<credit> tokens;
    for (int i = 0; i < 4; ++i)
      tokens.push_back(account->take(10));
    std::vector<std::thread> threads;
    for (auto& t : tokens)
      threads.emplace_back([mine = std::move(t)]() mutable { mine = {}; });
    auto paused = account->pause();
    for (auto& t : threads)
      t.join();
    CHECK(account->held_messages() == 0);
    CHECK(notified.load() == (paused ? 1 : 0));
  }
}
