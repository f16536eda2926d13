#pragma once

#include "messages/bot_messages.hpp"
#include "bot/bot_sink.hpp"
#include "context/node_context.hpp"

#include <troupe/actors/dispatched.hpp>
#include <troupe/actors/gate.hpp>
#include <troupe/actors/node.hpp>

#include <deque>
#include <memory>
#include <string>

namespace troupe::actors {

class bot_session;

/// What the handles of a bot share.
struct bot::state {
  std::string user_id;
  protocol::encoding encoding = protocol::encoding::v1_json;
  std::shared_ptr<credit_account> account; ///< of what it says
  /// To its session, made by that; null: there has never been one.
  mutable std::shared_ptr<gate<bot_session>> entrance;
};

/// A CAF actor as a client of its room's loop: a connection without a socket.
///
/// What the bot says is handed to the connection as far as that may be read, and waits here
/// otherwise, with its credit. It ends when its room or its connection has ended the membership,
/// when the actor ends, or when that is behind and to be removed; what the actor has said before
/// takes effect all the same, unless the node has ended its connection. The actor hears one last
/// event, whatever happens. Thread: the loop's; `post` and `wake` on any.
class bot_session final : public compat::dispatched<bot_actor::base, bot_input> {
public:
  bot_session(caf::actor_config& cfg, compat::loop_context& home, node_context& shared,
              loop_unit& unit, std::string room, caf::actor who, claims_ptr claims,
              const bot_options& options, std::shared_ptr<const bot::state> handle);
  ~bot_session() override { entrance_->close(); }

  behavior_type make_behavior() override;
  const char* name() const override { return "troupe.bot"; }

  /// Both are called behind the gate.
  void post(bot_input what) {
    compat::anon_send(caf::actor_cast<bot_actor>(caf::strong_actor_ptr{ctrl()}), std::move(what));
  }
  void wake() noexcept;

private:
  /// Brings it to its loop without an allocation.
  struct waker final : compat::loop_job {
    explicit waker(bot_session& s) : owner(s) {}
    void run(std::size_t) override { owner.on_wake(); }
    void drop() noexcept override { kept = nullptr; }
    bot_session& owner;
    caf::strong_actor_ptr kept; ///< keeps the session alive while this is queued
    std::atomic<bool> is_queued{false};
  };

  void handle(bot_input& in) override;
  void on_wake() noexcept;
  void open();
  void go_on();
  void deliver(bot_input& in);
  void leave();
  void say_farewell() override;
  void release_state() override;

  node_context& shared_;
  loop_unit& unit_;
  std::string room_;
  caf::actor who_;
  claims_ptr claims_;
  std::shared_ptr<const bot::state> handle_;
  std::shared_ptr<gate<bot_session>> entrance_ = std::make_shared<gate<bot_session>>(*this);
  bot_sink output_;
  connection_port port_; ///< declared after its sink, which outlives it
  std::deque<bot_input> waiting_;
  caf::strong_actor_ptr self_; ///< nobody else keeps it alive; null before its start and at its end
  waker waker_{*this};
};

} // namespace troupe::actors
