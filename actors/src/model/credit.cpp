#include <troupe/actors/credit.hpp>

namespace troupe::actors {

credit_account::credit_account(credit_limits limits, notify on_positive)
  : limits_(limits),
    on_positive_(std::move(on_positive)),
    messages_(limits.messages),
    bytes_(limits.bytes) {}

credit credit_account::take(std::size_t bytes) {
  auto* s = new credit::share{{1}, bytes, shared_from_this()};
  messages_.fetch_sub(1, std::memory_order_relaxed);
  bytes_.fetch_sub(static_cast<std::int64_t>(bytes), std::memory_order_relaxed);
  return credit{s};
}

bool credit_account::positive() const noexcept {
  return messages_.load(std::memory_order_seq_cst) > 0
      && bytes_.load(std::memory_order_seq_cst) > 0;
}

bool credit_account::pause() {
  paused_.store(true, std::memory_order_seq_cst);
  if (!positive())
    return true;
  // Credit came back between the caller's check and the flag: whoever clears the flag resumes.
  return !paused_.exchange(false, std::memory_order_seq_cst);
}

void credit_account::give_back(std::size_t bytes) {
  messages_.fetch_add(1, std::memory_order_seq_cst);
  bytes_.fetch_add(static_cast<std::int64_t>(bytes), std::memory_order_seq_cst);
  if (paused_.load(std::memory_order_seq_cst) && positive()
      && paused_.exchange(false, std::memory_order_seq_cst) && on_positive_)
    on_positive_();
}

void credit::release() noexcept {
  if (share_ && share_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    share_->account->give_back(share_->bytes);
    delete share_;
  }
}

} // namespace troupe::actors
