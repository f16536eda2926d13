#include "http/file_windows.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <utility>

using namespace troupe;
using namespace troupe::transport;

namespace {

constexpr auto window = std::int64_t{file_part::window_bytes};

struct rig {
  explicit rig(std::int64_t most_bytes)
    : windows(std::make_shared<file_windows>(meter, most_bytes)) {}
  std::shared_ptr<protocol::memory_meter> meter = std::make_shared<protocol::memory_meter>();
  std::shared_ptr<file_windows> windows;
};

} // namespace

TEST_CASE("a window counts as output from when it is taken until its share goes") {
  rig r{0};
  {
    auto one = r.windows->take(), two = r.windows->take();
    CHECK(r.meter->used_bytes() == 2 * window);
    auto moved = std::move(one);
    CHECK(r.meter->used_bytes() == 2 * window);
    moved = std::move(two);
    CHECK(r.meter->used_bytes() == window);
  }
  CHECK(r.meter->used_bytes() == 0);
}

TEST_CASE("a share can become smaller, and not larger again") {
  rig r{0};
  auto one = r.windows->take();

  one.shrink(1000);
  CHECK(r.meter->used_bytes() == 1000);
  one.shrink(2000);
  CHECK(r.meter->used_bytes() == 1000);
  one.shrink(0);
  CHECK(r.meter->used_bytes() == 0);
  one = {};
  CHECK(r.meter->used_bytes() == 0);
}

TEST_CASE("beyond the bound no window is taken, until one is given back") {
  rig r{2 * window};
  auto one = r.windows->take(), two = r.windows->take();
  auto three = r.windows->take();

  CHECK(one);
  CHECK(two);
  CHECK_FALSE(three);
  CHECK(r.meter->used_bytes() == 2 * window);

  two.shrink(1);
  CHECK_FALSE(r.windows->take());
  two = {};
  CHECK(r.windows->take());
}

TEST_CASE("one window fits whatever the bound") {
  rig r{1};
  auto one = r.windows->take();

  CHECK(one);
  CHECK_FALSE(r.windows->take());
}

TEST_CASE("a share may outlive whoever made it") {
  rig r{0};
  auto one = r.windows->take();
  r.windows = nullptr;

  one = {};
  CHECK(r.meter->used_bytes() == 0);
}
