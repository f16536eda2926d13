#include "context/session_directory.hpp"

#include <algorithm>
#include <new>
#include <utility>

namespace troupe::actors {

session_directory::session_directory(event_loop& loop, const session_options& options)
  : loop_(loop), options_(options) {}

// -- sessions of live connections -----------------------------------------------------------------

void session_directory::open(const session_name& name, connection_actor holder) {
  auto slot = name.key.slot;
  if (live_.size() <= slot)
    live_.resize(std::max<std::size_t>(slot + 1, live_.size() + live_.size() / 2));
  if (auto generation = live_[slot].generation; generation != 0)
    outlived_.insert_or_assign({slot, generation, name.key.loop}, std::move(live_[slot]));
  live_[slot] = {name.key.generation, name.secret, std::move(holder)};
}

void session_directory::close(session_key key) noexcept {
  if (find_live(key) && outlived_.erase(key) == 0)
    live_[key.slot] = {};
}

const session_directory::live* session_directory::find_live(session_key key) const noexcept {
  if (key && key.slot < live_.size() && live_[key.slot].generation == key.generation)
    return &live_[key.slot];
  auto i = outlived_.find(key);
  return i == outlived_.end() ? nullptr : &i->second;
}

// -- sessions without a connection ----------------------------------------------------------------

void session_directory::keep(session_key key, std::shared_ptr<session_record> record) noexcept {
  auto* was = find_live(key);
  if (!was)
    return;
  auto secret = was->secret;
  close(key);
  keep(session_name{key, secret}, std::move(record));
}

void session_directory::keep(const session_name& name,
                             std::shared_ptr<session_record> record) noexcept {
  try {
    forget(name.key);
    take(name.key);
    add({name, std::move(record), {}, 0, loop_.now() + options_.resume_window});
    if (options_.max_kept > 0 && kept_ > options_.max_kept)
      drop_oldest([](const former& f) { return bool(f.record); });
  } catch (...) {
    take(name.key); // the session has ended
  }
}

void session_directory::move(const session_name& name, session_key to,
                             std::uint64_t opened) noexcept {
  try {
    forget(name.key);
    add({name, nullptr, to, opened, loop_.now() + options_.resume_window});
    auto moved = by_key_.size() - kept_;
    if (options_.max_kept > 0 && moved > options_.max_kept)
      drop_oldest([](const former& f) { return !f.record; });
  } catch (...) {
    forget(name.key);
  }
}

void session_directory::forget(session_key key) noexcept {
  if (auto i = by_key_.find(key); i != by_key_.end() && !i->second->record)
    drop(i->second);
}

void session_directory::take(session_key key) noexcept {
  if (auto i = by_key_.find(key); i != by_key_.end() && i->second->record)
    drop(i->second);
}

/// If it throws, the entry may be there in part: `drop` removes it.
void session_directory::add(former entry) {
  aged_.push_back(std::move(entry));
  auto which = std::prev(aged_.end());
  try {
    by_key_.emplace(which->name.key, which);
  } catch (...) {
    aged_.pop_back();
    throw;
  }
  if (which->record) {
    ++kept_;
    share(*which);
  }
  arm();
}

void session_directory::drop(aged::iterator which) noexcept {
  if (which->record) {
    --kept_;
    unshare(by_user_, which->record->user_id, which->name.key);
    unshare(by_address_, which->record->address, which->name.key);
  }
  by_key_.erase(which->name.key);
  aged_.erase(which);
}

void session_directory::drop_oldest(bool (*which)(const former&)) noexcept {
  if (auto i = std::find_if(aged_.begin(), aged_.end(), which); i != aged_.end())
    evict(i);
}

void session_directory::evict(aged::iterator which) noexcept {
  auto record = which->record;
  drop(which);
  try {
    if (record && evicted_)
      evicted_(*record);
  } catch (const std::bad_alloc&) {
    // Its seats end at their time.
  }
}

// -- shares ---------------------------------------------------------------------------------------

void session_directory::share(const former& entry) {
  auto key = entry.name.key;
  share(by_user_, entry.record->user_id, key, options_.max_kept_per_user);
  if (entry.record->address != 0 && options_.max_kept_per_address > 0)
    share(by_address_, entry.record->address, key, options_.max_kept_per_address);
}

template <class Who>
void session_directory::share(shares<Who>& all, const Who& who, session_key key, std::size_t most) {
  auto& own = all[who];
  own.push_back(key);
  if (most > 0 && own.size() > most)
    evict(by_key_.at(own.front())); // not the last one
}

template <class Who>
void session_directory::unshare(shares<Who>& all, const Who& who, session_key key) noexcept {
  auto own = all.find(who);
  if (own == all.end())
    return;
  std::erase(own->second, key);
  if (own->second.empty())
    all.erase(own);
}

// -- finding --------------------------------------------------------------------------------------

session_directory::place session_directory::find(const session_name& name) const {
  if (auto i = by_key_.find(name.key); i != by_key_.end())
    return is_same(i->second->name.secret, name.secret) ? find(name.key) : place{};
  auto* here = find_live(name.key);
  return here && is_same(here->secret, name.secret) ? find(name.key) : place{};
}

session_directory::place session_directory::find(session_key key) const {
  if (auto i = by_key_.find(key); i != by_key_.end())
    return {{}, i->second->record, i->second->moved_to, i->second->opened};
  auto* here = find_live(key);
  return here ? place{here->holder, nullptr, {}} : place{};
}

std::vector<session_key> session_directory::kept_of(const std::string& user) const {
  auto own = by_user_.find(user);
  return own == by_user_.end() ? std::vector<session_key>{} : own->second;
}

// -- age ------------------------------------------------------------------------------------------

void session_directory::on_deadline() {
  while (!aged_.empty() && aged_.front().until <= loop_.now())
    drop(aged_.begin());
  arm();
}

void session_directory::arm() {
  if (aged_.empty())
    cancel();
  else if (!armed())
    loop_.timers().arm(*this, aged_.front().until);
}

void session_directory::clear() noexcept {
  cancel();
  evicted_ = nullptr;
  live_.clear();
  outlived_.clear();
  by_key_.clear();
  by_user_.clear();
  by_address_.clear();
  aged_.clear();
  kept_ = 0;
}

} // namespace troupe::actors
