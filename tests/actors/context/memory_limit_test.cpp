#include <utility>

#include "context/memory_limit.hpp"

#include <troupe/actors/node.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

using namespace troupe::actors;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t machine = 8'000;

/// A folder of control groups, and a file that says which group a process is in.
struct groups {
  groups() : root(fs::temp_directory_path() / ("troupe-groups-" + std::to_string(::getpid()))) {
    fs::remove_all(root);
  }
  ~groups() { fs::remove_all(root); }

  void write(const fs::path& file, const std::string& text) {
    fs::create_directories((root / file).parent_path());
    std::ofstream{root / file} << text;
  }
  [[nodiscard]] std::int64_t limit() const {
    return limited_memory_bytes(machine, root / "membership", root / "groups");
  }

  fs::path root;
};

} // namespace

TEST_CASE("without control groups the machine's memory counts") {
  groups g;

  CHECK(g.limit() == machine);
}

TEST_CASE("a container's limit lies at the root of what it sees") {
  groups g;
  g.write("membership", "0::/\n");
  g.write("groups/memory.max", "5000\n");

  CHECK(g.limit() == 5000);
}

TEST_CASE("a service's limit lies in its own group, or in one around it") {
  groups g;
  g.write("membership", "0::/system.slice/troupe.service\n");
  g.write("groups/system.slice/troupe.service/memory.max", "6000\n");
  auto own = g.limit();
  g.write("groups/system.slice/memory.max", "3000\n");

  CHECK(own == 6000);
  CHECK(g.limit() == 3000);
}

TEST_CASE("a group without a limit says max, and one larger than the machine limits nothing") {
  groups g;
  g.write("membership", "0::/a\n");
  g.write("groups/a/memory.max", "max\n");
  g.write("groups/memory.max", "9223372036854771712\n");

  CHECK(g.limit() == machine);
}

TEST_CASE("version 1 has a hierarchy for memory alone") {
  groups g;
  g.write("membership", "5:cpu,cpuacct:/b\n4:memory:/a\n1:name=systemd:/c\n");
  g.write("groups/memory/a/memory.limit_in_bytes", "4000\n");
  g.write("groups/memory/b/memory.limit_in_bytes", "1\n");

  CHECK(g.limit() == 4000);
}

TEST_CASE("a group outside of what is seen, and lines of no meaning, are left out") {
  groups g;
  g.write("membership", "0::/../other\nnonsense\n\n::\n");
  g.write("other/memory.max", "1\n");

  CHECK(g.limit() == machine);
}

// Pins §16.1.
TEST_CASE("budgets that are absent are a quarter, an eighth and a sixteenth of the memory, and "
          "four largest messages at least") {
  constexpr std::int64_t kib = 1024, mib = 1024 * kib;
  auto [set, largest] = GENERATE(table<std::size_t, std::int64_t>(
    {{64 * kib, 64 * kib}, {512 * mib, 512 * mib}, {0, 512 * mib}}));
  caf::actor_system_config config;
  troupe::compat::set_worker_threads(config, 1);
  caf::actor_system system{config};
  node_options options;
  options.messages.max_message_bytes = set;
  node n{system, options};
  auto memory = usable_memory_bytes();

  auto now = n.stats();

  CHECK(now.budget_bytes == memory / 4);
  CHECK(now.history_budget_bytes == memory / 8);
  CHECK(now.inbound_budget_bytes == std::max(memory / 16, 4 * largest));
}
