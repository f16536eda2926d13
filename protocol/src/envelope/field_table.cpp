#include "envelope/field_table.hpp"

#include <algorithm>

namespace troupe::protocol {

void field_table::close(std::string_view value) {
  if (!is_open_)
    return;
  is_open_ = false;
  if (count_ < first_.size()) {
    tags_[count_] = tag_of(open_key_);
    first_[count_++] = {open_key_, value};
  } else {
    more_.push_back({open_key_, value});
  }
}

std::string_view field_table::find_in_more(std::string_view key) const noexcept {
  for (const auto& entry : more_)
    if (entry.key == key)
      return entry.value;
  return {};
}

std::string_view field_table::find_only(std::string_view key) const noexcept {
  const auto has_key = [&](const entry& e) { return e.key == key; };
  const auto in_first =
    std::count_if(first_.begin(), first_.begin() + static_cast<std::ptrdiff_t>(count_), has_key);
  const auto in_more = std::count_if(more_.begin(), more_.end(), has_key);
  return in_first + in_more == 1 ? find(key) : std::string_view{};
}

bool field_table::has_duplicates() const {
  if (more_.empty()) {
    for (std::size_t i = 1; i < count_; ++i)
      for (std::size_t k = 0; k < i; ++k)
        if (tags_[i] == tags_[k] && first_[i].key == first_[k].key)
          return true;
    return false;
  }
  std::vector<std::string_view> keys;
  keys.reserve(count_ + more_.size());
  for (const auto& entry : first_)
    keys.push_back(entry.key);
  for (const auto& entry : more_)
    keys.push_back(entry.key);
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

} // namespace troupe::protocol
