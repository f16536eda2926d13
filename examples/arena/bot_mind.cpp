#include "bot_mind.hpp"

namespace troupe::examples {

namespace {

constexpr double near = 280;      // closer than this it gives way
constexpr double range = 620;     // from here on it shoots
constexpr double unsteady = 0.22; // radians
constexpr double turns = 0.08;    // how often it changes its side
constexpr double shoots = 0.35;

} // namespace

intent bot_mind::decide(vec own, std::span<const vec> others) {
  if (others.empty())
    return {};
  auto nearer = [own](vec a, vec b) { return length(a - own) < length(b - own); };
  auto way = *std::min_element(others.begin(), others.end(), nearer) - own;
  auto distance = length(way);
  if (between(0, 1) < turns)
    side_ = -side_;
  auto angle = std::atan2(way.y, way.x);
  auto around = direction(angle + side_ * 1.5) * 0.8;
  intent wish;
  wish.move = direction(angle) * (distance > near ? 0.9 : -0.6) + around;
  wish.aim = angle + between(-unsteady, unsteady);
  wish.fire = distance < range && between(0, 1) < shoots;
  return wish;
}

double bot_mind::between(double least, double most) {
  return std::uniform_real_distribution<>{least, most}(chance_);
}

} // namespace troupe::examples
