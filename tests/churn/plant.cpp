#include "plant.hpp"

#include <iostream>
#include <utility>

namespace troupe::churn {
namespace {

constexpr unsigned messages_between = 1'000;

} // namespace

plant::verdict plant::judge(life_id life, bool plain, unsigned room, std::string_view payload) {
  if (!any() || plain != in_plain_)
    return verdict::pass;
  if (holding_) {
    if (*holding_ != std::pair{life, room})
      return verdict::pass;
    holding_.reset();
    return verdict::release;
  }
  if (++messages_ % messages_between != 0)
    return verdict::pass;
  std::cout << "planted in life " << life << ", room " << room << std::endl;
  if (what_ == kind::drop)
    return verdict::drop;
  if (what_ == kind::twice)
    return verdict::twice;
  holding_ = std::pair{life, room};
  held_ = payload;
  return verdict::hold;
}

} // namespace troupe::churn
