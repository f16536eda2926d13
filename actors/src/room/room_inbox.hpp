#pragma once

#include "room/late_answer.hpp"

#include <troupe/actors/event_loop.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace troupe::actors {

/// The inbox of a room's actor: a job of its loop tells the actor of what has come, once for all
/// that comes until it runs. Allocates nothing. Thread: any for `put`, else the loop's.
class room_inbox final : public answer_inbox,
                         public compat::loop_job,
                         public std::enable_shared_from_this<room_inbox> {
public:
  class owner {
  public:
    /// There are answers.
    virtual void on_answers() = 0;

  protected:
    ~owner() = default;
  };

  room_inbox(owner& room, const event_loop& home) : room_(&room), home_(home.entrance()) {}

  /// The room ends.
  void detach() noexcept { room_ = nullptr; }

private:
  void wake() noexcept override {
    if (is_called_.exchange(true))
      return;
    self_ = shared_from_this();
    auto is_posted = home_->enter([this](event_loop& loop) { loop.post_job(*this); });
    if (!is_posted) // the loop has ended, and the room with it
      self_.reset();
  }

  void run(std::size_t) override {
    auto self = std::move(self_);
    is_called_ = false;
    if (room_)
      room_->on_answers();
  }

  void drop() noexcept override { auto self = std::move(self_); }

  owner* room_; ///< null: it has ended
  const std::shared_ptr<gate<event_loop>> home_;
  std::atomic<bool> is_called_{false}; ///< the job is in a queue
  std::shared_ptr<room_inbox> self_;   ///< meanwhile
};

} // namespace troupe::actors
