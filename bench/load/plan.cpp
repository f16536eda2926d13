#include "plan.hpp"

#include <algorithm>
#include <cmath>

namespace troupe::bench {

namespace {

constexpr double smallest = 2;

/// The size of the rooms on one level of the mix.
std::size_t size_of(std::size_t level, const load_options& o) {
  auto steps = static_cast<double>(std::max<std::size_t>(1, o.joins - 1));
  auto largest = static_cast<double>(o.members);
  return static_cast<std::size_t>(
    std::lround(smallest * std::pow(largest / smallest, static_cast<double>(level) / steps)));
}

plan mixed(const load_options& o) {
  plan p;
  p.rooms_of.resize(o.members);
  for (std::size_t level = 0; level < o.joins; ++level) {
    auto size = size_of(level, o);
    for (std::size_t c = 0; c < o.members; ++c) {
      if (c % size == 0 && (c + 1 < o.members || c == 0)) { // nobody is left alone
        for (std::size_t s = 0; s < o.publishers; ++s)
          p.speakers.push_back({static_cast<std::uint32_t>(std::min(c + s, o.members - 1)),
                                static_cast<std::uint32_t>(p.rooms.size())});
        p.rooms.push_back(o.room_prefix + std::to_string(p.rooms.size()));
      }
      p.rooms_of[c].push_back(static_cast<std::uint32_t>(p.rooms.size() - 1));
    }
  }
  return p;
}

plan in_a_ring(const load_options& o) {
  plan p;
  auto rooms = std::max<std::size_t>(1, o.rooms);
  for (std::size_t r = 0; r < o.rooms; ++r)
    p.rooms.push_back(o.room_prefix + std::to_string(r));
  for (std::size_t r = 0; r < rooms; ++r)
    for (std::size_t m = 0; m < o.members; ++m) {
      if (m < o.publishers)
        p.speakers.push_back(
          {static_cast<std::uint32_t>(p.rooms_of.size()), static_cast<std::uint32_t>(r)});
      auto& in = p.rooms_of.emplace_back();
      for (std::size_t i = 0; i < o.joins; ++i)
        in.push_back(static_cast<std::uint32_t>((r + i) % rooms));
      std::sort(in.begin(), in.end());
    }
  return p;
}

} // namespace

plan make_plan(const load_options& options) {
  return options.mix ? mixed(options) : in_a_ring(options);
}

} // namespace troupe::bench
