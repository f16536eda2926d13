#include "model/byte_bucket.hpp"

#include <catch2/catch.hpp>

using namespace troupe::actors;
using namespace std::chrono_literals;

TEST_CASE("a bucket holds a second's worth, may be overdrawn, and refills with time") {
  byte_bucket bucket{1000};
  steady_time now{1h};

  CHECK_FALSE(bucket.is_empty(now));
  bucket.take(999, now);
  CHECK_FALSE(bucket.is_empty(now));
  bucket.take(1501, now);
  CHECK(bucket.is_empty(now));
  CHECK(bucket.is_empty(now + 1500ms));
  CHECK_FALSE(bucket.is_empty(now + 1501ms));
  CHECK(bucket.refilled_at() > now + 1500ms);
  CHECK(bucket.refilled_at() <= now + 1501ms);
}

TEST_CASE("a bucket that was idle holds no more than a second's worth") {
  byte_bucket bucket{1000};
  steady_time now{1h};
  bucket.take(10, now);

  now += 1h;
  bucket.take(1000, now);

  CHECK(bucket.is_empty(now));
}

TEST_CASE(
  "a bucket without a rate is never empty, and the largest message does not wrap a slow one") {
  byte_bucket unbounded{0}, slow{1};
  steady_time now{1h};

  for (int i = 0; i < 100; ++i)
    unbounded.take(std::size_t{1} << 40, now);
  slow.take(~std::size_t{0}, now);

  CHECK_FALSE(unbounded.is_empty(now));
  CHECK(slow.is_empty(now + 24h * 365));
}
