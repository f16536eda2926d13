#pragma once

#include "client.hpp"
#include "draws.hpp"
#include "observer.hpp"
#include "raw.hpp"
#include "witness.hpp"

#include <troupe/testing/manual_clock.hpp>
#include <troupe/testing/manual_loops.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace troupe::model {

/// Counts of what happened in one play, to show that plays are not empty.
struct tally {
  std::size_t received = 0, said = 0, acted = 0, refused = 0, ended = 0, crashed = 0, kicked = 0,
              cut = 0, observed = 0, outside = 0, drained = 0, given_in_slices = 0, stopped = 0;
  std::map<std::string, std::size_t, std::less<>> seen; ///< see `oracle`
  tally& operator+=(const tally& other);
};

/// One node with its rooms, clients and server-side members. A seed decides what they do.
class world {
public:
  world(caf::actor_system& system, std::uint64_t seed);
  ~world();

  /// Plays to the end; returns all complaints.
  std::vector<std::string> play();

  [[nodiscard]] const tally& result() const noexcept { return tally_; }

private:
  /// For which a room keeps the seat of a member.
  static constexpr std::chrono::milliseconds longest_seat{20'000};

  actors::node_options options();
  void add_rooms();

  // -- what happens -------------------------------------------------------------------------------
  void act();
  void connect();
  void connect_as(protocol::encoding e, const std::string& user = {});
  void come_back();
  void resume();
  void claim(client& from, bool is_settled, bool may_say_along = true);
  void say_along(client& c);
  void gather();
  void join(client& c);
  void break_off(client& c);
  void say(client& c);
  bool reply(client& c);
  void draw_delivery(deed& d);
  bool say_again(client& c);
  void repeat(client& c, const std::string& id, const std::string& room);
  void do_else(client& c);
  void authenticate(client& c);
  void stall(client& c);
  bool act_outside(const std::string& room, std::size_t padding);
  void end_from_outside(const std::string& room);
  void observe();
  void act_raw();
  void drain();
  void stop();
  void act_on();

  // -- what is drawn ------------------------------------------------------------------------------
  client* someone();
  std::string a_room();
  std::string a_room_or_default();
  std::string a_client();
  client* one_with_session();
  std::string a_string(const lasting_session& of);
  std::vector<left_off> some_positions(client& from);
  deed a_deed(std::initializer_list<const char*> some, int once_in);
  bool a_ref() { return draw_.once_in(2); }

  // -- the end ------------------------------------------------------------------------------------
  void look();
  void calm();
  void settle_sessions();
  void take_up_again();
  void check_sessions();
  void check_expired();
  void tell_changes();
  void check_seats();
  void check_capacity();
  void gather_again();
  void check_drained();
  void let_observers_go();
  void check_outside_bound();
  void check_credit();
  void check_volatile();
  void check_latest();
  void check_asking();
  void check_requests(bool is_end);
  [[nodiscard]] static bool is_free(client& c);
  client* a_free_member(std::size_t log, const client* but);
  void act_on_values(client& c, const std::string& room, bool has_many);
  void check_ids();
  void check_stopped(const std::set<std::string>& present, const std::vector<std::size_t>& before);
  void count();
  void leave();
  void complain(std::string what) { oracle_.complain("node", std::move(what)); }

  caf::actor_system& system_;
  testing::manual_clock clock_;
  draws draw_;
  oracle oracle_;
  bool one_room_;
  std::size_t crowd_;
  bool raw_;    ///< whether raw connections share the loops
  bool rights_; ///< whether tokens change often
  std::string lobby_;
  actors::node node_;
  raw_endpoint raw_endpoint_;
  testing::manual_loops loops_;
  std::vector<std::string> names_;
  std::deque<std::unique_ptr<client>> clients_;
  std::deque<std::unique_ptr<observer>> observers_;
  std::deque<std::unique_ptr<raw_client>> raw_clients_;
  int number_ = 0;
  bool draining_ = false;
  bool stopped_ = false;
  tally tally_;
};

} // namespace troupe::model
