#include <troupe/protocol/shared_bytes.hpp>

#include <catch2/catch.hpp>

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
