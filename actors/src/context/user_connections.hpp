#pragma once

#include "messages/messages.hpp"

#include <troupe/actors/seeded_hash.hpp>

#include <string_view>
#include <unordered_map>
#include <utility>

namespace troupe::actors {

/// The connections of one loop, by their users. Cost: constant, and linear in a user's connections.
/// Thread: the loop's.
class user_connections {
  using table = std::unordered_multimap<std::string_view, connection_actor, seeded_hash>;

public:
  explicit user_connections(const hash_key& key) : all_(0, seeded_hash{key}) {}

  /// An entry for as long as it lives.
  class listing {
  public:
    listing() noexcept = default;
    /// `user` outlives it. Errors: `std::bad_alloc`.
    listing(user_connections& in, std::string_view user, connection_actor who)
      : in_(&in.all_), at_(in.all_.emplace(user, std::move(who))) {}
    listing(listing&& other) noexcept : in_(std::exchange(other.in_, nullptr)), at_(other.at_) {}
    listing& operator=(listing other) noexcept {
      std::swap(in_, other.in_);
      std::swap(at_, other.at_);
      return *this;
    }
    ~listing() {
      if (in_)
        in_->erase(at_);
    }

  private:
    table* in_ = nullptr;
    table::iterator at_{};
  };

  /// Calls `f(connection_actor)` for each of that user; `f` adds and removes none.
  template <class F>
  void for_each(std::string_view user, F f) const {
    auto [first, last] = all_.equal_range(user);
    for (auto i = first; i != last; ++i)
      f(i->second);
  }

private:
  table all_;
};

} // namespace troupe::actors
