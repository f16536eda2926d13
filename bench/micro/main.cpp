// micro [--benchmark_filter=REGEX]
// Micro-benchmarks, with the allocations of each operation. `micro --list` names those whose
// instructions can be counted, and `micro --count NAME` runs one of them a fixed number of times.
#include "counting_allocator.hpp"
#include "registry.hpp"

#include <cstdio>
#include <string_view>

namespace troupe::bench {

allocation_count::allocation_count(benchmark::State& state)
  : state_(state), before_(allocations()) {}

allocation_count::~allocation_count() {
  auto spent = static_cast<double>(allocations() - before_);
  state_.counters["allocations"] = benchmark::Counter(spent, benchmark::Counter::kAvgIterations);
}

} // namespace troupe::bench

int main(int argc, char** argv) {
  using namespace troupe::bench;
  auto command = argc > 1 ? std::string_view{argv[1]} : "";
  auto wanted = argc > 2 ? std::string_view{argv[2]} : "";
  for (auto& group : {protocol_benchmarks(), actors_benchmarks(), path_benchmarks(),
                      transport_benchmarks(), loop_benchmarks()})
    for (auto& e : group) {
      auto name = e.argument == 0 ? e.name : e.name + '/' + std::to_string(e.argument);
      if (command == "--list") {
        if (e.iterations != 0)
          std::printf("%s\n", name.c_str());
        continue;
      }
      if (command == "--count" && name != wanted)
        continue;
      auto* registered = benchmark::RegisterBenchmark(e.name.c_str(), e.run);
      if (e.argument != 0)
        registered->Arg(e.argument);
      if (command == "--count")
        registered->Iterations(e.iterations);
      if (e.iterations == 0)
        registered->UseRealTime()->MeasureProcessCPUTime();
    }
  if (command == "--list")
    return 0;
  int no_arguments = 1;
  if (command == "--count")
    benchmark::Initialize(&no_arguments, argv);
  else
    benchmark::Initialize(&argc, argv);
  return benchmark::RunSpecifiedBenchmarks() == 0 ? 2 : 0;
}
