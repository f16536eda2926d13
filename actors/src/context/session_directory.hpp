#pragma once

#include "messages/messages.hpp"

#include <troupe/actors/event_loop.hpp>
#include <troupe/actors/options.hpp>
#include <troupe/actors/timer_wheel.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::actors {

/// The sessions of one loop that clients may take over: those of live connections, those that have
/// lost theirs (kept for `resume_window`), and where those have moved that were taken over.
///
/// Invariant: a session is in one of the three, or gone. A session that has moved is found by its
/// former name until the client has shown that it knows the new one (`forget`), or for a
/// `resume_window`: no client asks later.
/// Bounds: `session_options`; the oldest goes. Cost: constant, but linear in what one user or
/// address has kept. Thread: the loop's.
class session_directory final : timer_wheel::entry {
public:
  /// Both outlive it.
  session_directory(event_loop& loop, const session_options& options);
  session_directory(event_loop&, session_options&&) = delete;

  /// Calls `f` with what a session leaves that is pushed out by a bound.
  void on_evicted(std::function<void(const session_record&)> f) { evicted_ = std::move(f); }

  /// Whether sessions outlive their connections at all.
  [[nodiscard]] bool is_on() const noexcept { return options_.resume_window.count() > 0; }

  /// A connection has a session. Errors: `std::bad_alloc`.
  void open(const session_name& name, connection_actor holder);
  /// The connection has none any more: it has ended for good, or was handed over.
  void close(session_key key) noexcept;
  /// The connection of the session is lost. Without memory for that, the session has ended.
  void keep(session_key key, std::shared_ptr<session_record> record) noexcept;
  /// The same for a session of that name that has no connection.
  void keep(const session_name& name, std::shared_ptr<session_record> record) noexcept;
  /// The session of that name has been taken over by connection `to`, the `opened`-th of the node.
  /// Without memory for that, the former name is valid no more.
  void move(const session_name& name, session_key to, std::uint64_t opened = 0) noexcept;
  /// A session that has moved is not to be found by its former name any more.
  void forget(session_key key) noexcept;

  /// Where a session is: one of the three, or nothing.
  struct place {
    connection_actor holder;
    std::shared_ptr<session_record> record;
    session_key moved_to;
    std::uint64_t opened = 0; ///< of `moved_to`

    [[nodiscard]] explicit operator bool() const noexcept {
      return holder || record || bool(moved_to);
    }
  };
  /// Nothing if the secret is another.
  [[nodiscard]] place find(const session_name& name) const;
  /// For those who have checked the secret.
  [[nodiscard]] place find(session_key key) const;
  /// The sessions that are kept of that user.
  [[nodiscard]] std::vector<session_key> kept_of(const std::string& user) const;
  /// Takes a kept session out, if there is one.
  void take(session_key key) noexcept;

  /// Kept sessions.
  /// Thread: any.
  [[nodiscard]] std::size_t kept() const noexcept { return kept_.load(std::memory_order_relaxed); }
  void clear() noexcept;

private:
  struct live {
    std::uint32_t generation = 0; ///< 0: none
    session_secret secret;
    connection_actor holder;
  };
  struct former {
    session_name name;
    std::shared_ptr<session_record> record; ///< null: it has moved
    session_key moved_to;
    std::uint64_t opened; ///< of that
    steady_time until;
  };
  using aged = std::list<former>;
  /// What one user, or one address, has kept: oldest first.
  template <class Who>
  using shares = std::unordered_map<Who, std::vector<session_key>>;

  void on_deadline() override;
  [[nodiscard]] const live* find_live(session_key key) const noexcept;
  void add(former entry);
  void drop(aged::iterator which) noexcept;
  void evict(aged::iterator which) noexcept;
  void drop_oldest(bool (*which)(const former&)) noexcept;
  void share(const former& entry);
  template <class Who>
  void share(shares<Who>& all, const Who& who, session_key key, std::size_t most);
  template <class Who>
  static void unshare(shares<Who>& all, const Who& who, session_key key) noexcept;
  void arm();

  event_loop& loop_;
  const session_options& options_;
  std::vector<live> live_; ///< by slot
  /// Those whose slot has another session by now: their sockets have ended, and they wait for a
  /// room.
  std::unordered_map<session_key, live> outlived_;
  std::function<void(const session_record&)> evicted_;
  aged aged_; ///< those without a connection here, oldest first
  std::unordered_map<session_key, aged::iterator> by_key_;
  shares<std::string> by_user_;
  shares<std::uint64_t> by_address_;
  std::atomic<std::size_t> kept_{0};
};

} // namespace troupe::actors
