// Tells one actor that another has ended.
#pragma once

#include <troupe/actors/caf_compat.hpp>

#include <caf/attachable.hpp>
#include <caf/default_attachable.hpp>

#include <utility>

namespace troupe::compat {

/// CAF's monitor without its leak. CAF's own, as compiled in Debian 12 (0.17.6), leaks a weak
/// reference to the ended actor, and with it the actor's block of memory, if there is no memory to
/// copy the reason (`make<down_msg>` in default_attachable.cpp does not clean up the address that
/// it has made). `demonitor` finds both kinds.
class caf_monitor final : public caf::attachable {
public:
  caf_monitor(caf::actor_addr observed, caf::actor_addr observer) noexcept
    : observed_(std::move(observed)), observer_(std::move(observer)) {}

  void actor_exited(const caf::error& reason, context_base* host) override {
    auto observer = caf::actor_cast<caf::strong_actor_ptr>(observer_);
    if (!observer)
      return;
    auto copy = reason; // all that may throw is done before the message is put together
    caf::down_msg down{observed_, std::move(copy)};
    observer->enqueue(make_element(caf::actor_cast<caf::strong_actor_ptr>(observed_),
                                   caf::make_message(std::move(down))),
                      host);
  }

  bool matches(const token& what) override {
    using caf::default_attachable;
    if (what.subtype != token::observer)
      return false;
    auto& asked = *static_cast<const default_attachable::observe_token*>(what.ptr);
    return asked.type == default_attachable::monitor && asked.observer == observer_;
  }

private:
  caf::actor_addr observed_, observer_;
};

} // namespace troupe::compat
