#include "context/node_context.hpp"

namespace troupe::actors {

bool room_rule::matches(std::string_view name) const noexcept {
  return matches_pattern(pattern, name);
}

const room_rule* node_context::rule_for(std::string_view room) const noexcept {
  for (auto& rule : rules)
    if (rule.matches(room))
      return &rule;
  return nullptr;
}

std::shared_ptr<credit_account> node_context::new_outside_account(std::size_t calls) const {
  auto bound = options.rooms.max_pending_bytes;
  return std::make_shared<credit_account>(
    credit_limits{calls > 0 ? static_cast<std::int64_t>(calls) : std::int64_t{1} << 40,
                  bound > 0 ? bound : std::int64_t{1} << 50});
}

std::shared_ptr<credit_account> node_context::outside_account(std::string_view room) {
  std::lock_guard guard{outside_mutex};
  auto [i, is_new] = outside.try_emplace(std::string{room});
  if (auto account = i->second.lock())
    return account;
  auto account = new_outside_account(options.rooms.max_outside_calls);
  i->second = account;
  std::erase_if(outside, [](auto& entry) { return entry.second.expired(); });
  return account;
}

} // namespace troupe::actors
