#pragma once

#include <memory>
#include <utility>

namespace troupe::transport {

/// A completion handler that keeps its session alive and runs inside `Session::contained`.
///
/// An operation of several steps that has no memory for its next step throws and destroys its
/// handler, which nobody would ever call then. So a handler that is destroyed uncalled tells its
/// session (`lose_handler`, which must not throw). Cost: none beside the call's. Thread: the
/// loop's.
template <class Session, class F>
class guarded_handler {
public:
  guarded_handler(std::shared_ptr<Session> session, F f)
    : session_(std::move(session)), f_(std::move(f)) {}
  guarded_handler(guarded_handler&&) = default;
  guarded_handler& operator=(guarded_handler&&) = delete;
  ~guarded_handler() {
    if (session_)
      session_->lose_handler();
  }

  template <class... Args>
  void operator()(Args&&... args) {
    auto session = std::move(session_);
    session->contained([&] { f_(std::forward<Args>(args)...); });
  }

private:
  std::shared_ptr<Session> session_;
  F f_;
};

} // namespace troupe::transport
