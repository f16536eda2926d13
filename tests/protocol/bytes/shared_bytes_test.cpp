#include <troupe/protocol/shared_bytes.hpp>

#include <catch2/catch.hpp>

#include <stdexcept>
#include <string>

using namespace troupe::protocol;

TEST_CASE("a meter counts a buffer once, however many handles it has") {
  memory_meter meter;
  {
    auto first = shared_bytes::copy_of("hello", &meter);
    auto counted = meter.used_bytes();
    auto second = first;

    CHECK(counted >= 5);
    CHECK(meter.used_bytes() == counted);
    CHECK(second.view() == "hello");
    CHECK(second.same_buffer(first));
  }
  CHECK(meter.used_bytes() == 0);
}

TEST_CASE("concat joins its parts in order") {
  std::string_view parts[] = {"ab", "", "cde"};

  CHECK(shared_bytes::concat(parts).view() == "abcde");
}

TEST_CASE("an empty handle is false and has no bytes") {
  shared_bytes none;

  CHECK_FALSE(none);
  CHECK(none.view().empty());
}

TEST_CASE("a buffer counts against one meter at a time, and leaves the last one when it goes") {
  memory_meter output, history;
  {
    auto bytes = shared_bytes::copy_of("hello", &output);
    auto counted = output.used_bytes();
    auto other = bytes;

    other.count_against(history);
    other.count_against(history);

    CHECK(output.used_bytes() == 0);
    CHECK(history.used_bytes() == counted);
    bytes.count_against(output);
    CHECK(output.used_bytes() == counted);
    CHECK(history.used_bytes() == 0);
  }
  CHECK(output.used_bytes() == 0);
}

TEST_CASE("a buffer that was counted nowhere can be counted later") {
  memory_meter meter;
  {
    auto bytes = shared_bytes::copy_of("hello");
    bytes.count_against(meter);
    CHECK(meter.used_bytes() >= 5);
  }
  CHECK(meter.used_bytes() == 0);
}

TEST_CASE("a buffer weighs its size, or less, and its parts weigh their share") {
  auto bytes = shared_bytes::copy_of(std::string(700, 'x'));
  auto before = bytes.weight();
  bytes.make_lighter(1000);
  auto not_heavier = bytes.weight();
  bytes.make_lighter(100);

  CHECK(before == 700);
  CHECK(not_heavier == 700);
  CHECK(bytes.weight() == 100);
  CHECK(bytes.weight(0, 700) == 100);
  CHECK(bytes.weight(0, 350) == 50);
  std::size_t sum = 0;
  for (std::uint32_t at = 0; at < 700; at += 7)
    sum += bytes.weight(at, at + 7);
  CHECK(sum == 100);
}

TEST_CASE("no buffer is larger than 32 bits can say") {
  CHECK_THROWS_AS(shared_bytes::make(shared_bytes::max_bytes + 1, nullptr, [](char*) {}),
                  std::length_error);
}
