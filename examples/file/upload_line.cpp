#include "upload_line.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace troupe::examples {

namespace {

/// Whether a share that holds `held` of `max` places may get `more`, if `total` of them are taken.
bool may_have(std::size_t held, std::size_t more, std::size_t total, std::size_t max,
              std::size_t per_free) {
  return total + more <= max && held + more <= per_free * (max - total);
}

template <class Map, class Key>
std::size_t held_in(const Map& map, const Key& key, std::size_t Map::mapped_type::*what) {
  auto i = map.find(key);
  return i == map.end() ? 0 : i->second.*what;
}

} // namespace

bool upload_line::fits(const upload& u) const {
  if (empty())
    return true;
  auto fits_in = [&](auto what, std::size_t more, std::size_t max) {
    auto total = places_.total.*what;
    return may_have(held_in(places_.by_address, u.address, what), more, total, max, 2)
        && may_have(held_in(places_.by_client, u.client, what), more, total, max, 1);
  };
  return fits_in(&amount::files, 1, limits_.files)
      && fits_in(&amount::bytes, u.bytes.size(), limits_.bytes);
}

bool upload_line::offer(upload& u) {
  if (!fits(u))
    return false;
  for (auto* share :
       {&places_.total, &places_.by_address[u.address], &places_.by_client[u.client]}) {
    share->files += 1;
    share->bytes += u.bytes.size();
  }
  waiting_.push_back(std::move(u));
  return true;
}

bool upload_line::has_turn_before(const upload& a, const upload& b) const {
  auto turn = [this](const upload& u) {
    return std::tuple{places_.by_address.find(u.address)->second.served,
                      places_.by_client.find(u.client)->second.served};
  };
  return turn(a) < turn(b);
}

std::optional<upload> upload_line::next() {
  auto first = std::min_element(waiting_.begin(), waiting_.end(),
                                [this](auto& a, auto& b) { return has_turn_before(a, b); });
  if (first == waiting_.end())
    return std::nullopt;
  auto u = std::move(*first);
  waiting_.erase(first);
  places_.by_address[u.address].served = places_.by_client[u.client].served = ++turns_;
  return u;
}

void upload_line::finished(const upload& u) {
  for (auto* share :
       {&places_.total, &places_.by_address[u.address], &places_.by_client[u.client]}) {
    share->files -= 1;
    share->bytes -= u.bytes.size();
  }
  std::erase_if(places_.by_address, [](auto& entry) { return entry.second.files == 0; });
  std::erase_if(places_.by_client, [](auto& entry) { return entry.second.files == 0; });
}

} // namespace troupe::examples
