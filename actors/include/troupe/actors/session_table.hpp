#pragma once

#include <troupe/actors/session_key.hpp>
#include <troupe/actors/sink.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace troupe::actors {

/// What the dispatcher tells a session's connection actor without knowing it.
class session_owner {
public:
  virtual ~session_owner() = default;
  /// The room has ended; the client has been told. May throw, for want of memory; then the actor
  /// was not told.
  virtual void room_closed(room_key room) = 0;
  /// The node stops: say goodbye and close. May throw, as above.
  virtual void goodbye(bool restart) = 0;
  /// There is no memory to tell the actor what it waits for: it ends, and its client is closed
  /// (1011).
  virtual void give_up() noexcept = 0;
};

/// The sessions of one loop by slot and generation, and the list of those with output to flush at
/// the end of the turn.
///
/// Invariants: a key is found exactly while its session is open; a slot's next session has another
/// generation; only `open` allocates. Cost: all constant but `oldest_backlog`. Thread: the loop's.
class session_table {
public:
  explicit session_table(std::uint32_t loop) : loop_(loop) {}

  /// Opens a session for `output`, which outlives it. May throw, for want of memory; then nothing
  /// has changed.
  [[nodiscard]] session_key open(sink& output);
  /// Gives the session its owner; does nothing if it has closed.
  void bind(session_key key, std::unique_ptr<session_owner> owner);
  /// Ends the session, and its owner goes with it; does nothing if it has closed.
  void close(session_key key);

  /// Null once the session has closed.
  [[nodiscard]] sink* find(session_key key) const noexcept {
    return key.slot < entries_.size() && entries_[key.slot].generation == key.generation
           ? entries_[key.slot].output
           : nullptr;
  }
  /// Prefetches the session's sink, for a `find` that comes soon. Cost: no waiting if
  /// `prefetch_entry` came well before. (Both inlined by force: g++ 12 takes a call that only
  /// prefetches for one without effect, and drops it.)
  [[gnu::always_inline]] void prefetch(session_key key) const noexcept {
    constexpr int lines = 3;
    if (key.slot < entries_.size())
      for (int i = 0; i < lines; ++i)
        __builtin_prefetch(reinterpret_cast<const char*>(entries_[key.slot].output) + 64 * i);
  }
  /// Prefetches the session's entry, which points to its sink. Cost: no waiting.
  [[gnu::always_inline]] void prefetch_entry(session_key key) const noexcept {
    if (key.slot < entries_.size())
      __builtin_prefetch(&entries_[key.slot]);
  }
  /// Whether a session has a state outside of its sink.
  [[nodiscard]] bool has_states() const noexcept { return with_state_ > 0; }
  /// Prefetches the object that `prefetch_state` asks. Cost: as `prefetch`.
  [[gnu::always_inline]] void prefetch_state_object(session_key key) const noexcept {
    if (key.slot < states_.size() && states_[key.slot])
      __builtin_prefetch(states_[key.slot]);
  }
  /// Prefetches what a write to the session reads outside of its sink. Cost: no waiting if
  /// `prefetch_state_object` came well before.
  void prefetch_state(session_key key) const noexcept {
    if (key.slot < states_.size() && states_[key.slot])
      states_[key.slot]->prefetch();
  }
  [[nodiscard]] session_owner* owner(session_key key) const noexcept {
    return find(key) ? entries_[key.slot].owner.get() : nullptr;
  }

  /// Queues whole frames for a session and marks it for the flush at the end of the turn. Returns
  /// false if it is gone.
  bool append(session_key key, const protocol::shared_bytes& bytes, byte_range part,
              std::uint32_t frames, output_kind kind);
  bool append(session_key key, const protocol::shared_bytes& frame, output_kind kind) {
    return append(key, frame, {0, static_cast<std::uint32_t>(frame.size())}, 1, kind);
  }

  /// Marks a session for the flush at the end of the turn; a session with output of its own calls
  /// it, too.
  void touch(session_key key);

  /// Whether the session is marked.
  [[nodiscard]] bool is_touched(session_key key) const noexcept {
    return find(key) && entries_[key.slot].touched;
  }

  /// Flushes all marked sessions.
  void flush_touched();

  /// Whether a session has been marked since, by a flush itself.
  [[nodiscard]] bool has_touched() const noexcept { return !touched_.empty(); }

  /// The open session whose oldest queued data frame has waited longest; null if none has one.
  /// Cost: linear.
  [[nodiscard]] sink* oldest_backlog() const;

  [[nodiscard]] std::size_t size() const noexcept { return open_; }

  template <class F>
  void for_each(F&& f) {
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (entries_[i].output)
        f(session_key{static_cast<std::uint32_t>(i), entries_[i].generation, loop_},
          *entries_[i].output);
  }

private:
  struct entry {
    sink* output = nullptr;
    std::uint32_t generation = 0;
    bool touched = false;
    std::unique_ptr<session_owner> owner;
  };

  std::uint32_t loop_;
  std::vector<entry> entries_;
  std::vector<const sink_state*> states_; ///< of the entries' sinks, which mostly have none
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> touched_;
  std::vector<std::uint32_t> flushing_;
  std::size_t open_ = 0;
  std::size_t with_state_ = 0; ///< open sessions
};

} // namespace troupe::actors
