#include <troupe/actors/session_table.hpp>

#include "support/fake_sink.hpp"

#include <catch2/catch.hpp>

using namespace troupe::actors;
using troupe::protocol::shared_bytes;
using troupe::test::fake_sink;

TEST_CASE("a key finds its session only while it is open") {
  session_table table{0};
  fake_sink first, second;
  auto key = table.open(first);
  CHECK(table.find(key) == &first);

  table.close(key);
  CHECK(table.find(key) == nullptr);

  auto reused = table.open(second);
  CHECK(reused.slot == key.slot);
  CHECK(table.find(key) == nullptr);
  CHECK(table.find(reused) == &second);
}

TEST_CASE("a session with output is flushed once a turn") {
  session_table table{0};
  fake_sink s;
  auto key = table.open(s);
  auto frame = shared_bytes::copy_of("x");
  table.append(key, frame, output_kind::control);
  table.append(key, frame, output_kind::control);

  table.flush_touched();
  table.flush_touched();

  CHECK(s.flushes == 1);
  CHECK(s.bytes == "xx");
}

TEST_CASE("output for a session that is gone is refused") {
  session_table table{0};
  fake_sink s;
  auto key = table.open(s);
  table.close(key);

  CHECK_FALSE(table.append(key, shared_bytes::copy_of("x"), output_kind::data));
  CHECK(s.bytes.empty());
}

TEST_CASE("nobody is found by the key of nobody") {
  session_table table{0};
  CHECK(table.find({}) == nullptr);
  fake_sink s;
  (void)table.open(s);
  CHECK(table.find({}) == nullptr);
}

TEST_CASE("the oldest backlog is that of the session that has waited longest") {
  session_table table{0};
  fake_sink none, late, early;
  (void)table.open(none);
  (void)table.open(late);
  (void)table.open(early);
  late.queued = steady_time{std::chrono::seconds{2}};
  early.queued = steady_time{std::chrono::seconds{1}};

  CHECK(table.oldest_backlog() == &early);
}

TEST_CASE("a session's state is prefetched only while the session is open") {
  struct noted final : sink_state {
    void prefetch() const noexcept override { ++prefetches; }
    mutable int prefetches = 0;
  };
  session_table table{0};
  noted state;
  fake_sink plain, with_state;
  with_state.behind = &state;
  auto first = table.open(plain);
  CHECK_FALSE(table.has_states());
  auto second = table.open(with_state);
  CHECK(table.has_states());

  table.prefetch_state(first);
  CHECK(state.prefetches == 0);
  table.prefetch_state(second);
  CHECK(state.prefetches == 1);

  table.close(second);
  table.prefetch_state(second);
  table.prefetch_state({});
  CHECK(state.prefetches == 1);
  CHECK_FALSE(table.has_states());
}
