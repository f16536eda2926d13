#include "metrics/process_stats.hpp"

#include <catch2/catch.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <thread>

using namespace troupe::transport;

TEST_CASE("each number of the process moves with what it counts") {
  constexpr std::size_t mapped = 64 * 1024 * 1024;
  auto before = read_process_stats();
  auto descriptor = ::dup(1);
  auto* memory = ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  std::promise<void> done;
  std::thread another{[ended = done.get_future()]() mutable { ended.wait(); }};
  auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{50};
  while (std::chrono::steady_clock::now() < until) {}

  auto now = read_process_stats();
  done.set_value();
  another.join();
  ::munmap(memory, mapped);
  ::close(descriptor);

  CHECK(now.open_descriptors == before.open_descriptors + 1);
  CHECK(now.threads == before.threads + 1);
  CHECK(now.cpu_seconds > before.cpu_seconds);
  CHECK(now.virtual_bytes >= before.virtual_bytes + mapped);
  CHECK(now.resident_bytes >= before.resident_bytes + mapped / 2);
  CHECK(now.start_seconds == before.start_seconds);
  CHECK(now.max_descriptors == static_cast<std::uint64_t>(::sysconf(_SC_OPEN_MAX)));
}

TEST_CASE("a process has started before now, and not long ago") {
  auto now =
    std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

  auto began = read_process_stats().start_seconds;

  CHECK(began <= now + 2); // the kernel rounds the start
  CHECK(began > now - 24 * 3600);
}
