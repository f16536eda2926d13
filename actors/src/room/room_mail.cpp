#include "room/room_mail.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

/// An answer that the room owes. It knows no room: it may outlive that.
class room_mail::owed final : public owed_reply {
public:
  /// Takes over the request that `self` is handling.
  explicit owed(caf::local_actor& self) noexcept {
    auto* request = self.current_mailbox_element();
    if (!request || !request->mid.is_request())
      return;
    asker_ = std::move(request->sender);
    id_ = request->mid.response_id();
    request->mid.mark_as_answered();
  }
  owed(const owed&) = delete;
  owed& operator=(const owed&) = delete;
  ~owed() override {
    try {
      give(caf::make_message(caf::make_error(caf::sec::runtime_error)));
    } catch (...) {
      // The asker's own time-out tells it.
    }
  }

  void give(caf::message what) override {
    if (!asker_)
      return;
    auto answer = compat::make_element(nullptr, std::move(what));
    answer->mid = id_;
    std::exchange(asker_, nullptr)->enqueue(std::move(answer), nullptr);
  }
  bool is_open() const noexcept override { return asker_ != nullptr; }

private:
  caf::strong_actor_ptr asker_; ///< null: it has been answered
  caf::message_id id_;
};

/// The room hears of it in order, behind what waits for it.
void room_mail::awaited::on_deadline() {
  owner.loop_.arm(*this, timer_wheel::tick); // again, if there is no memory for the message
  compat::give_up_answer(owner.actor(), answer, caf::make_error(caf::sec::request_timeout));
  cancel();
}

/// `is_current` first: another thread must not look at the room.
room_context* room_mail::context() noexcept {
  auto* core = loop_.is_current() ? host_.core() : nullptr;
  return core && core->hook() ? &core->context() : nullptr;
}

hook_fate room_mail::run(const char* name, const std::function<void()>& f) {
  auto* core = host_.core();
  if (!core || core->ending())
    return hook_fate::closed;
  loop_.concerns(room_);
  return core->run_as_hook(name, f) ? hook_fate::done : hook_fate::failed;
}

/// Counts it, and how many wait behind it: as many as CAF has fetched for this room.
void room_mail::note_message() noexcept {
  loop_counts::add(counts_.room_messages, 1);
  auto waiting = static_cast<std::uint64_t>(actor().mailbox().size());
  if (waiting > counts_.most_room_messages.load(std::memory_order_relaxed))
    counts_.most_room_messages.store(waiting, std::memory_order_relaxed);
}

void room_mail::keep(caf::message_id answer, std::chrono::nanoseconds limit,
                     std::shared_ptr<void> handlers) {
  auto kept = std::make_unique<awaited>(*this, answer, std::move(handlers));
  auto& there = *kept;
  awaited_.emplace(answer.integer_value(), std::move(kept));
  loop_.arm(there, std::chrono::duration_cast<steady_time::duration>(limit));
}

void room_mail::watch(const caf::actor& whom, std::function<void(const caf::error&)> f) {
  watched_.insert_or_assign(whom.id(), std::move(f));
  try {
    host_.attend(whom);
  } catch (...) {
    watched_.erase(whom.id());
    throw;
  }
}

void room_mail::on_down(caf::actor_id whom, const caf::error& why) {
  if (auto gone = watched_.extract(whom))
    gone.mapped()(why);
}

std::shared_ptr<owed_reply> room_mail::owe() {
  if (owed_.size() == owed_.capacity()) {
    std::erase_if(owed_, [](auto& o) { return o.expired(); });
    owed_.reserve(std::max<std::size_t>(8, 2 * owed_.size()));
  }
  auto one = std::make_shared<owed>(actor());
  owed_.push_back(one);
  return one;
}

void room_mail::refuse_all() {
  for (; !owed_.empty(); owed_.pop_back())
    if (auto one = owed_.back().lock())
      one->give(caf::make_message(caf::make_error(caf::sec::request_receiver_down)));
}

} // namespace troupe::actors
