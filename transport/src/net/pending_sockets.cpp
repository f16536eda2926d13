#include <utility>

#include "net/pending_sockets.hpp"

#include "net/admission.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

namespace troupe::transport {

namespace intrusive = boost::intrusive;

namespace {

using places = intrusive::list<pending_place, intrusive::constant_time_size<false>>;

} // namespace

/// The sockets of one address.
struct pending_place::address_group
  : intrusive::list_base_hook<intrusive::link_mode<intrusive::auto_unlink>> {
  const std::string* key = nullptr;
  bool is_bounded = false;
  std::size_t size = 0;
  places waiting; ///< longest without progress first
  places answering;

  [[nodiscard]] places& of(stage s) noexcept { return s == stage::waiting ? waiting : answering; }
  [[nodiscard]] pending_place& longest() noexcept {
    return waiting.empty() ? answering.front() : waiting.front();
  }
};

/// The groups by the bit width of their size; within a class, those that changed longest ago come
/// first.
struct pending_sockets::size_classes {
  using groups = intrusive::list<address_group, intrusive::constant_time_size<false>>;
  std::array<groups, std::numeric_limits<std::size_t>::digits + 1> of_bits;
};

pending_sockets::pending_sockets(limits l, protocol::event_counters& counters)
  : limits_(l), counters_(counters), by_size_(std::make_unique<size_classes>()) {}

pending_sockets::~pending_sockets() = default;

// -- coming and going -----------------------------------------------------------------------------

void pending_sockets::enter(const std::shared_ptr<pending_socket>& socket,
                            const counted_address& whose) {
  std::string_view reason;
  {
    std::lock_guard guard{mutex_};
    auto& group = group_of(whose);
    auto of_address = is_full(group);
    auto* from = of_address                                    ? &group
               : limits_.in_all > 0 && size_ >= limits_.in_all ? &largest()
                                                               : nullptr;
    try {
      if (from)
        evict(*from);
    } catch (...) {
      drop_if_empty(group);
      throw;
    }
    socket->place_.socket_ = socket;
    socket->place_.loop_ = &socket->loop_;
    put(socket->place_, group, stage::waiting);
    if (from) {
      reason = of_address ? "sockets_per_ip" : "sockets";
      drop_if_empty(*from);
    }
  }
  if (!reason.empty())
    counters_.count(protocol::counter::handshakes_rejected, reason);
}

void pending_sockets::count_for(pending_socket& socket, const counted_address& whose) {
  bool evicts = false;
  {
    std::lock_guard guard{mutex_};
    auto& place = socket.place_;
    auto* before = place.group_;
    if (!before)
      return;
    auto& group = group_of(whose);
    if (&group == before)
      return put(place, group, place.stage_);
    try {
      evicts = is_full(group);
      if (evicts)
        evicts = evict(group);
    } catch (...) {
      drop_if_empty(group);
      throw;
    }
    put(place, group, place.stage_);
    drop_if_empty(*before);
  }
  if (evicts)
    counters_.count(protocol::counter::handshakes_rejected, "sockets_per_ip");
}

void pending_sockets::progress(pending_socket& socket, stage s) noexcept {
  std::lock_guard guard{mutex_};
  if (auto* group = socket.place_.group_)
    put(socket.place_, *group, s);
}

void pending_sockets::leave(pending_socket& socket) noexcept {
  std::lock_guard guard{mutex_};
  if (auto* group = socket.place_.group_) {
    take_out(socket.place_);
    drop_if_empty(*group);
  }
}

// -- making room ----------------------------------------------------------------------------------

bool pending_sockets::make_room() {
  {
    std::lock_guard guard{mutex_};
    if (size_ == 0)
      return false;
    auto& group = largest();
    evict(group);
    drop_if_empty(group);
  }
  counters_.count(protocol::counter::handshakes_rejected, "sockets");
  return true;
}

void pending_sockets::end_all(const actors::event_loop& loop) {
  for (auto& socket : all_of(loop))
    socket->end();
}

void pending_sockets::end_idle(const actors::event_loop& loop) {
  for (auto& socket : all_of(loop))
    socket->end_if_idle();
}

std::vector<std::shared_ptr<pending_socket>> pending_sockets::all_of(
  const actors::event_loop& loop) {
  std::vector<std::shared_ptr<pending_socket>> all;
  std::lock_guard guard{mutex_};
  all.reserve(size_);
  for (auto& [key, group] : groups_)
    for (auto* list : {&group->waiting, &group->answering})
      for (auto& place : *list)
        if (place.loop_ == &loop) // this thread must not be the last to release another loop's
          if (auto socket = place.socket_.lock())
            all.push_back(std::move(socket));
  return all;
}

/// Ends a socket on its loop. No other thread may release it last: it would be destroyed beside
/// another loop's timers, and under the lock.
struct pending_sockets::eviction final : compat::loop_job {
  void run(std::size_t) override {
    std::unique_ptr<eviction> self{this};
    socket->end();
  }
  void drop() noexcept override { delete this; }
  std::shared_ptr<pending_socket> socket;
};

/// Ends the socket of `group` that has made no progress for longest. Throws, and changes nothing,
/// if there is no memory for that. Returns false if the socket was about to leave by itself.
bool pending_sockets::evict(address_group& group) {
  auto& place = group.longest();
  auto job = std::make_unique<eviction>();
  job->socket = place.socket_.lock();
  auto found = job->socket != nullptr;
  if (found)
    place.loop_->post_job(*job.release());
  take_out(place);
  return found;
}

/// The largest of the first few groups of the largest class; of equal ones, the one that has waited
/// longest.
pending_sockets::address_group& pending_sockets::largest() noexcept {
  constexpr int looked_at = 16;
  auto& classes = by_size_->of_bits;
  auto& top = *std::find_if(classes.rbegin(), classes.rend(), [](auto& c) { return !c.empty(); });
  auto* best = &top.front();
  int looked = 0;
  for (auto i = std::next(top.begin()); i != top.end() && ++looked < looked_at; ++i)
    if (i->size > best->size
        || (i->size == best->size && i->longest().since_ < best->longest().since_))
      best = &*i;
  return *best;
}

// -- groups ---------------------------------------------------------------------------------------

bool pending_sockets::is_full(const address_group& group) const noexcept {
  return group.is_bounded && limits_.per_address > 0 && group.size >= limits_.per_address;
}

pending_sockets::address_group& pending_sockets::group_of(const counted_address& whose) {
  auto key = counted_as(whose.address, true);
  if (whose.is_proxy)
    key.insert(0, "proxy "); // the proxy may have sockets of its own, too
  auto i = groups_.find(key);
  if (i == groups_.end()) {
    i = groups_.emplace(std::move(key), std::make_unique<address_group>()).first;
    i->second->key = &i->first;
    i->second->is_bounded =
      !whose.is_proxy && !counted_as(whose.address, limits_.count_loopback).empty();
  }
  return *i->second;
}

/// Makes `place` the one of `group` that has made progress last.
void pending_sockets::put(pending_place& place, address_group& group, stage s) noexcept {
  take_out(place);
  place.group_ = &group;
  place.stage_ = s;
  place.since_ = next_++;
  group.of(s).push_back(place);
  ++group.size;
  ++size_;
  update_size_class(group);
}

void pending_sockets::take_out(pending_place& place) noexcept {
  auto* group = std::exchange(place.group_, nullptr);
  if (!group)
    return;
  auto& list = group->of(place.stage_);
  list.erase(list.iterator_to(place));
  --group->size;
  --size_;
  if (group->size > 0)
    update_size_class(*group);
  else
    group->unlink();
}

void pending_sockets::drop_if_empty(address_group& group) noexcept {
  if (group.size == 0)
    groups_.erase(groups_.find(*group.key));
}

void pending_sockets::update_size_class(address_group& group) noexcept {
  group.unlink();
  by_size_->of_bits[static_cast<std::size_t>(std::bit_width(group.size))].push_back(group);
}

std::size_t pending_sockets::size() const {
  std::lock_guard guard{mutex_};
  return size_;
}

} // namespace troupe::transport
