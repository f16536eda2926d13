#include <troupe/actors/clock.hpp>

namespace troupe::actors {
namespace {

class machine_clock final : public loop_clock {
public:
  steady_time now() const override { return std::chrono::steady_clock::now(); }
  wall_time wall_now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }
};

} // namespace

const loop_clock& system_clock() noexcept {
  static const machine_clock clock;
  return clock;
}

} // namespace troupe::actors
