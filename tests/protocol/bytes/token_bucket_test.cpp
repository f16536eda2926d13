#include <troupe/protocol/token_bucket.hpp>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using troupe::protocol::token_bucket;

namespace {

constexpr token_bucket::time_point start{1h};

int take_all(token_bucket& bucket) {
  int taken = 0;
  while (bucket.take())
    ++taken;
  return taken;
}

} // namespace

TEST_CASE("a bucket gives what it was filled with, and then what time brings") {
  token_bucket bucket{5};
  bucket.refill(start, 10, 5);
  CHECK(take_all(bucket) == 5);

  bucket.refill(start + 250ms, 10, 5);
  CHECK(take_all(bucket) == 2);
  bucket.refill(start + 300ms, 10, 5); // with the half that was left over
  CHECK(take_all(bucket) == 1);
}

TEST_CASE("a bucket holds no more than its burst") {
  token_bucket bucket{5};
  bucket.refill(start, 10, 5);
  bucket.refill(start + 1h, 10, 5);
  CHECK(bucket.left() == 5);
  CHECK(take_all(bucket) == 5);
}

TEST_CASE("time before the first refill brings nothing") {
  token_bucket bucket{0};
  bucket.refill(start, 10, 5);
  CHECK_FALSE(bucket.take());
}
