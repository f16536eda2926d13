#include "http/file_windows.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

using namespace troupe;
using namespace troupe::transport;

namespace {

constexpr std::size_t window = 256 * 1024;

struct rig {
  explicit rig(std::int64_t most_bytes)
    : windows(std::make_shared<file_windows>(meter, most_bytes)) {}
  [[nodiscard]] std::size_t used() const { return static_cast<std::size_t>(meter->used_bytes()); }
  std::shared_ptr<protocol::memory_meter> meter = std::make_shared<protocol::memory_meter>();
  std::shared_ptr<file_windows> windows;
};

} // namespace

TEST_CASE("a window counts as output from when it is taken until its share goes") {
  rig r{0};
  {
    auto one = r.windows->take(window), two = r.windows->take(window);
    CHECK(r.used() == 2 * window);
    auto moved = std::move(one);
    CHECK(r.used() == 2 * window);
    moved = std::move(two);
    CHECK(r.used() == window);
  }
  CHECK(r.used() == 0);
}

TEST_CASE("beyond the bound no window is taken, until one is given back") {
  rig r{2 * window};
  auto one = r.windows->take(window), two = r.windows->take(window);
  auto three = r.windows->take(window);

  CHECK(one);
  CHECK(two);
  CHECK_FALSE(three);
  CHECK(r.used() == 2 * window);

  CHECK_FALSE(r.windows->take(1));
  two = {};
  CHECK(r.windows->take(window));
  two = r.windows->take(1);
  CHECK_FALSE(r.windows->take(window));
}

TEST_CASE("one window fits whatever the bound") {
  rig r{1};
  auto one = r.windows->take(window);

  CHECK(one);
  CHECK_FALSE(r.windows->take(window));
}

TEST_CASE("a share may outlive whoever made it") {
  rig r{0};
  auto one = r.windows->take(window);
  r.windows = nullptr;

  one = {};
  CHECK(r.used() == 0);
}
