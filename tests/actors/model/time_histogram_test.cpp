#include <troupe/actors/time_histogram.hpp>

#include <catch2/catch.hpp>

using namespace troupe::actors;
using namespace std::chrono_literals;

namespace {

time_counts counts_of(const time_histogram& h) {
  time_counts all;
  h.add_to(all);
  return all;
}

} // namespace

TEST_CASE("a time counts in the first bucket whose bound it does not exceed") {
  for (std::size_t i = 0; i < time_bounds.size(); ++i) {
    time_histogram h;
    h.note(time_bounds[i]);
    h.note(time_bounds[i] + 1ns);
    auto all = counts_of(h);
    CHECK(all.buckets[i] == 1);
    CHECK(all.buckets[i + 1] == 1);
    CHECK(all.count() == 2);
  }
}

TEST_CASE("the bounds of times rise") {
  for (std::size_t i = 1; i < time_bounds.size(); ++i)
    CHECK(time_bounds[i] > time_bounds[i - 1]);
}

TEST_CASE("a time below 0 counts as 0") {
  time_histogram h;
  h.note(-5s);
  h.note(2ns);

  CHECK(counts_of(h).buckets[0] == 2);
  CHECK(counts_of(h).sum == 2ns);
}

TEST_CASE("histograms of several loops add up") {
  time_histogram one, other;
  one.note(1ms);
  other.note(1ms);
  other.note(1h);

  time_counts all;
  one.add_to(all);
  other.add_to(all);

  CHECK(all.count() == 3);
  CHECK(all.buckets.back() == 1);
  CHECK(all.sum == 1h + 2ms);
}
