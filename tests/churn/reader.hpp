#pragma once

#include "server_frame.hpp"
#include "tally.hpp"
#include "truth.hpp"

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace troupe::churn {

/// A command whose `ref` is still to be answered, exactly once.
struct question {
  enum class kind { join, leave, publish, refused, ping };
  kind what;
  unsigned room = 0;
  publication_id publication = 0; ///< of a `join`: the latest publication before it
};

/// A stay of a member of troupe.v1 in a room, from `joined` to `left`.
struct stay {
  room_log* log;
  std::uint64_t joined; ///< the seq in `joined`
  std::uint64_t next;   ///< the lowest seq that may still come
  /// By user: whether the last of userJoined and userLeft was userJoined.
  std::unordered_map<user_number, bool> present;
};

/// Compares what one connection receives with the truth. It judges every frame when it comes, and
/// leaves to `truth::settle` what is not known yet.
///
/// Invariants of a stay: it gets every seq in (joined, left] once and in order, except its own
/// without echo; nothing of the room before `joined` or after `left`; an ack after every frame up
/// to its seq. A client without subprotocol has no positions and is in one room at a time. It gets
/// each text once, only of the room whose `joined` came last, in the order of the room, and none is
/// missing between the first and the last of a stay.
class reader {
public:
  reader(truth& t, tally& counts, life_id life, protocol::encoding encoding);

  /// The client has sent a command with `ref`.
  void asked(std::uint64_t ref, question q);
  /// The client has published.
  void said(publication_id p);

  void on_frame(const server_frame& f);

  /// The connection has ended. A connection that the server has cut loses what it was owed after
  /// its last message. Only control frames follow a cut, so what they seem to prove does not count
  /// as a fault.
  void end(bool cut);

  [[nodiscard]] std::size_t owed() const { return questions_.size() + copies_.size(); }
  /// Whether a join was refused because its room ended again and again meanwhile. Nobody knows
  /// where later messages went, so nothing more is judged and the connection is useless.
  [[nodiscard]] bool astray() const { return astray_; }
  [[nodiscard]] bool joining() const { return joining_ > 0; }
  [[nodiscard]] const stay* stay_in(unsigned room) const {
    return stays_[room] ? &*stays_[room] : nullptr;
  }
  [[nodiscard]] life_id life() const { return life_; }
  [[nodiscard]] protocol::encoding encoding() const { return encoding_; }
  [[nodiscard]] bool plain() const { return encoding_ == protocol::encoding::plain_json; }
  /// Says what is owed, for a complaint.
  [[nodiscard]] std::string owed_text() const;

private:
  struct gap {
    const room_log* log;
    std::uint64_t from, to;
  };

  void on_welcome(const server_frame& f);
  void on_message(const server_frame& f);
  void on_plain_message(publication_id p);
  void on_plain_joined(const question& q);
  void on_presence(const server_frame& f);
  void on_joined(const server_frame& f);
  void on_left(const server_frame& f);
  void on_ack(const server_frame& f);
  void on_error(const server_frame& f);

  std::optional<question> take(const server_frame& f, question::kind what);
  /// Everything before `to` must have come.
  void catch_up(stay& s, std::uint64_t to);
  stay* stay_of(const server_frame& f);
  void excuse(unsigned room);
  void complain(const server_frame& f, std::string_view what);
  void confirm();

  truth& truth_;
  tally& counts_;
  life_id life_;
  protocol::encoding encoding_;
  std::vector<std::optional<stay>> stays_;                  ///< by room
  std::unordered_map<const room_log*, std::uint64_t> left_; ///< the seq in the last `left`
  std::unordered_map<std::uint64_t, question> questions_;
  std::vector<publication_id> said_;
  std::unordered_set<publication_id> copies_; ///< own publications that must come back
  unsigned joining_ = 0;
  bool welcomed_ = false;
  bool astray_ = false;

  // For clients without subprotocol.
  std::optional<unsigned> only_room_; ///< the room whose `joined` came last
  std::vector<publication_id> run_;   ///< what it has received of that room
  std::unordered_set<publication_id> seen_;

  // Complaints and gaps since the last frame that a cut would have dropped.
  std::vector<std::string> unconfirmed_;
  std::vector<gap> unconfirmed_gaps_;
};

} // namespace troupe::churn
