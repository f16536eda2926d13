#pragma once

#include "context/pulse.hpp"
#include "context/node_context.hpp"
#include "context/wall_deadline.hpp"
#include "endpoint/endpoint_hub.hpp"

#include <troupe/actors/endpoint.hpp>
#include <troupe/protocol/token_bucket.hpp>

#include <atomic>
#include <memory>

namespace troupe::actors {

/// The state that all handles of a raw connection share.
struct raw_state {
  std::shared_ptr<gate<event_loop>> loop; ///< the way to it
  session_key key;
  std::shared_ptr<protocol::memory_meter> meter;
  protocol::encoding encoding = protocol::encoding::plain_json;
  std::shared_ptr<const handshake> request;
  claims_ptr claims;
  std::any user_data;
  std::atomic<connection_state> state{connection_state::open};
  /// Bytes that other threads have sent and that have not reached its loop yet.
  std::atomic<std::size_t> on_the_way{0};
  std::atomic<bool> is_beyond{false}; ///< too much was on the way: it is cut
  std::atomic<bool> is_terminated{false};
};

/// The actor of one connection of an endpoint: calls the application's handlers.
class endpoint_connection final : public compat::dispatched_base<connection_actor, inbound>::type {
public:
  endpoint_connection(caf::actor_config& cfg, compat::loop_context& home, node_context& shared,
                      loop_unit& unit, std::shared_ptr<raw_state> state,
                      std::shared_ptr<endpoint_state> at);

  behavior_type make_behavior() override;
  const char* name() const override { return "troupe.raw_connection"; }

private:
  void handle(inbound& message) override;
  void handle(join_answer&) override {} // it joins nothing
  void handle(heartbeat&) override;
  void say_farewell() override;
  void release_state() override;
  void leave_endpoint() noexcept;
  void forget_client() noexcept;
  [[nodiscard]] bool within_rate();
  void begin_end(std::string_view error);
  void end(const session_closed& how);
  void fail(const char* hook, std::string_view what);
  void tell_error(std::string_view what);
  void report_hook(const char* hook) noexcept;
  void close(protocol::errc why);
  void expire();
  template <class F>
  void run(const char* hook, F&& handler);

  node_context& shared_;
  loop_unit& unit_;
  std::shared_ptr<raw_state> state_;
  std::shared_ptr<endpoint_state> endpoint_;
  counted_client counted_;
  pulse pulse_;
  std::unique_ptr<wall_deadline> expiry_; ///< of its token; most have none
  bool has_left_ = false;                 ///< the endpoint
  bool has_ended_ = false;
  bool has_failed_ = false;         ///< an exception has closed it
  bool has_told_error_ = false;     ///< why the server closes it
  bool is_flooded_ = false;         ///< a message beyond the rate has closed it
  protocol::token_bucket messages_; ///< how many may come now
};

/// The credit of the message whose handler runs on this thread; null if none does.
[[nodiscard]] const credit* current_credit() noexcept;

} // namespace troupe::actors
