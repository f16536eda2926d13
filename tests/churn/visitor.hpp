#pragma once

#include "dice.hpp"
#include "plant.hpp"
#include "reader.hpp"
#include "support/socket_client.hpp"

#include <memory>
#include <string>
#include <vector>

namespace troupe::churn {

/// The objects that all visitors of a cycle share.
struct surroundings {
  truth& what_is_true;
  tally& counts;
  dice& chance;
  plant& fault;
  frame_reader& frames;
  test::socket_poller& poller;
  std::uint16_t port;
};

/// One connection from its handshake to its end. It sends random commands, a few at a time, and
/// lets its reader judge what comes.
class visitor final : test::socket_events {
public:
  explicit visitor(surroundings& around);

  /// Sends commands until enough are under way.
  void act();
  /// Joins every room that it is in once more. The answers come after all that the rooms have said
  /// before.
  void join_again();
  void leave_all();
  /// Ends the connection in one of three ways.
  void go();

  /// Whether the connection has ended; then the visitor may be destroyed.
  [[nodiscard]] bool gone() const { return socket_.ended(); }
  /// Whether all its commands are answered.
  [[nodiscard]] bool calm() const { return gone() || (socket_.open() && reader_.owed() == 0); }
  [[nodiscard]] std::size_t rooms_held() const { return gone() ? 0 : held_.size(); }
  /// Whether it has asked to be in the room.
  [[nodiscard]] bool in(unsigned room) const;
  [[nodiscard]] const reader& what_it_read() const { return reader_; }

private:
  /// A room that it has asked to join; `held_` keeps the order of the joins.
  struct held_room {
    unsigned room;
    bool is_default_when_latest; ///< no other join was under way, so their order is known
  };

  void on_open() override {}
  void on_message(bool binary, std::string_view payload) override;
  void on_end(const test::socket_end& end) override;

  plant::verdict planted(const server_frame& f, std::string_view payload);

  void act_once();
  void give_up();
  void join(unsigned room);
  void leave(unsigned room);
  void publish(unsigned room);
  void publish_elsewhere();
  void ping();
  void blink();
  unsigned a_room();
  unsigned a_rare_room();
  [[nodiscard]] unsigned rare_rooms() const;
  [[nodiscard]] bool is_rare(unsigned room) const;
  unsigned a_held_room();
  [[nodiscard]] bool may_omit(unsigned room) const;
  [[nodiscard]] std::string room_field(unsigned room) const;
  std::string ref_field(question q);
  void say(const std::string& json);
  void end_reading(bool cut);

  surroundings& around_;
  reader reader_;
  std::size_t window_;
  std::vector<held_room> held_;
  std::uint64_t last_ref_ = 0;
  bool going_ = false;
  test::socket_client socket_;
};

} // namespace troupe::churn
