#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

namespace troupe::bench {

/// One micro-benchmark.
struct entry {
  std::string name;
  void (*run)(benchmark::State&);
  std::int64_t argument = 0;
  std::int64_t iterations = 0; ///< when instructions are counted; 0: cannot be (threads)
};

[[nodiscard]] std::vector<entry> protocol_benchmarks();
[[nodiscard]] std::vector<entry> actors_benchmarks();
[[nodiscard]] std::vector<entry> path_benchmarks();
[[nodiscard]] std::vector<entry> transport_benchmarks();
[[nodiscard]] std::vector<entry> loop_benchmarks();

/// Counts the allocations of a benchmark's loop; the report shows them for each operation.
class allocation_count {
public:
  explicit allocation_count(benchmark::State& state);
  allocation_count(const allocation_count&) = delete;
  allocation_count& operator=(const allocation_count&) = delete;
  ~allocation_count();

private:
  benchmark::State& state_;
  std::uint64_t before_;
};

} // namespace troupe::bench
