#pragma once

#include <troupe/actors/loop_job.hpp>
#include <troupe/actors/session_key.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace troupe::actors {

class loop_end;
struct loop_unit;
struct node_context;

/// One step of a node's end, done on all loops before the next begins on any.
enum class end_step : std::uint8_t {
  none,
  rooms,       ///< their behaviours are told `closed` for each member
  connections, ///< the services, which end last, still answer them
  services,    ///< registry shards, directories, dispatchers, hubs of endpoints
};

/// How a node ends: step by step, on all loops together. Allocates nothing.
class node_end {
public:
  /// Before `begin`.
  void add(loop_end& part) { parts_.push_back(&part); }
  /// Thread: any. Once.
  void begin() noexcept { start(end_step::rooms); }
  /// A loop has done its part of the step under way. Thread: the loop's.
  void arrive() noexcept;

private:
  void start(end_step step) noexcept;

  std::vector<loop_end*> parts_;
  end_step step_ = end_step::none;
  std::atomic<std::size_t> left_{0}; ///< loops that have not done their part
};

/// One loop's part in a node's end. What fails for want of memory is tried again. Thread: the
/// loop's.
class loop_end final : public compat::loop_job {
public:
  loop_end(node_context& shared, loop_unit& unit) noexcept : shared_(shared), unit_(unit) {}

  /// Begins a step; the one before is done on all loops. Thread: any.
  void begin(end_step step) noexcept;

  /// The shard has no room left and makes none any more.
  void rooms_gone() noexcept;
  /// Whether connections may be opened.
  [[nodiscard]] bool lets_in() const noexcept { return doing_ < end_step::connections; }

private:
  friend class counted_client;

  void run(std::size_t) override;
  void take_step();
  void end_connections();
  void end_services();
  void look() noexcept;

  node_context& shared_;
  loop_unit& unit_;
  end_step next_ = end_step::none; ///< written before it is queued
  end_step doing_ = end_step::none;
  bool has_asked_ = false; ///< all that is to end in this step
  bool has_arrived_ = false;
  bool has_rooms_ = true;
  bool has_failed_ = false; ///< and said so
  std::size_t clients_ = 0;
  bool has_listed_ = false;
  std::vector<session_key> open_; ///< still to be ended
};

/// Counts the actor of one client, until its state is gone. Thread: the loop's, but for the
/// destruction of one that has left.
class counted_client {
public:
  explicit counted_client(loop_end& of) noexcept : of_(&of) { ++of.clients_; }
  counted_client(const counted_client&) = delete;
  counted_client& operator=(const counted_client&) = delete;
  ~counted_client() { leave(); }

  /// Idempotent.
  void leave() noexcept;

private:
  loop_end* of_; ///< null once it has left
};

} // namespace troupe::actors
