#include "text/fading_counts.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

using namespace troupe;
using namespace troupe::transport;
using namespace std::chrono_literals;

namespace {

constexpr actors::steady_time start{1h};

double one_each_second(double count, double seconds) { return std::max(0.0, count - seconds); }

} // namespace

TEST_CASE("a count fades with time, and one more adds to what is left") {
  fading_counts counts{one_each_second, 10};
  for (int i = 0; i < 3; ++i)
    counts.add("a", start);

  counts.add("a", start + 2s);

  CHECK(counts.left("a", start + 2s) == 2);
  CHECK(counts.left("a", start + 3s) == 1);
  CHECK(counts.left("a", start + 1h) == 0);
  CHECK(counts.left("b", start) == 0);
  CHECK(counts.size() == 1);
}

TEST_CASE("one address beyond the bound evicts the one that was counted longest ago") {
  fading_counts counts{one_each_second, 3};
  for (auto* address : {"a", "b", "c", "a"})
    counts.add(address, start);
  CHECK(counts.size() == 3);

  counts.add("d", start);

  CHECK(counts.size() == 3);
  CHECK(counts.left("a", start) == 2);
  CHECK(counts.left("b", start) == 0);
  CHECK(counts.left("c", start) == 1);
  CHECK(counts.left("d", start) == 1);
}

TEST_CASE("each address that is counted drops up to two whose counts have faded") {
  fading_counts counts{one_each_second, 100};
  for (int i = 0; i < 5; ++i)
    counts.add(std::to_string(i), start);
  counts.add("fresh", start + 400ms);
  CHECK(counts.size() == 6);

  counts.add("first", start + 600ms);
  CHECK(counts.size() == 5);
  counts.add("second", start + 600ms);
  CHECK(counts.size() == 4);
  counts.add("third", start + 600ms);

  CHECK(counts.size() == 4); // four that are fresh
}
