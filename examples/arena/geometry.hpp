#pragma once

#include <algorithm>
#include <cmath>

namespace troupe::examples {

/// A place in the field, or a velocity: y points down, as on a screen.
struct vec {
  double x = 0;
  double y = 0;

  friend vec operator+(vec a, vec b) { return {a.x + b.x, a.y + b.y}; }
  friend vec operator-(vec a, vec b) { return {a.x - b.x, a.y - b.y}; }
  friend vec operator*(vec a, double by) { return {a.x * by, a.y * by}; }
  friend bool operator==(const vec&, const vec&) = default;
};

inline double dot(vec a, vec b) { return a.x * b.x + a.y * b.y; }

inline double length(vec a) { return std::hypot(a.x, a.y); }

/// The direction of an angle in radians, clockwise from the right; its length is 1.
inline vec direction(double angle) { return {std::cos(angle), std::sin(angle)}; }

struct disc {
  vec at;
  double radius = 0;
};

/// How much of the way from `a` to `b` comes before the point that is nearest to `p`: 0 to 1.
inline double nearest_on_way(vec a, vec b, vec p) {
  auto way = b - a;
  auto square = dot(way, way);
  return square > 0 ? std::clamp(dot(p - a, way) / square, 0.0, 1.0) : 0.0;
}

/// Whether something as small as a point touches `d` on its way from `a` to `b`.
inline bool touches(vec a, vec b, const disc& d) {
  return length(a + (b - a) * nearest_on_way(a, b, d.at) - d.at) <= d.radius;
}

} // namespace troupe::examples
