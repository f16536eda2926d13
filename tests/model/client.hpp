#pragma once

#include "oracle.hpp"

#include <troupe/testing/memory_session.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace troupe::model {

/// One client of the model: says things, and holds what it receives against the truth.
class client {
public:
  client(truth& t, actors::node& node, unsigned loop, protocol::encoding encoding, std::string user_id);

  void say(const std::string& json);
  void join(const std::string& room, std::optional<int> ref);
  void publish(const std::string& room, const std::string& text, bool echo, std::optional<int> ref);

  /// Looks at what has come in since the last call; what is wrong goes to `complaints`.
  void look();

  /// Once nothing moves any more: everything that is owed must have come.
  void settle();

  [[nodiscard]] testing::memory_session& session() { return *session_; }
  [[nodiscard]] bool gone() const { return session_->ended() || closed_; }
  [[nodiscard]] const std::string& user_id() const { return user_id_; }
  [[nodiscard]] unsigned loop() const { return loop_; }

  std::vector<std::string> complaints;
  std::size_t received = 0; ///< room messages

private:
  /// A stay in one incarnation of a room, from `joined` on.
  struct stay {
    std::string room;
    std::string epoch;
    std::optional<std::size_t> log; ///< known once `which` has come
    std::uint64_t next;             ///< the next seq that may come
    std::vector<std::pair<std::uint64_t, std::string>> early; ///< come before `which`
  };

  void on_frame(const std::string& json);
  void on_joined(const struct frame_fields& f);
  void on_message(const struct frame_fields& f);
  void on_plain_message(const std::string& text);
  void check_ack(const stay& s, std::uint64_t seq, const std::string& text);
  void end_stay(const std::string& room, std::optional<std::uint64_t> last);
  void check(stay& s, std::uint64_t seq, const std::string& text);
  /// Complains about what was skipped between `from` and `to` (exclusive), but for own messages without echo.
  void check_skipped(const stay& s, std::uint64_t from, std::uint64_t to);
  void complain(std::string what);

  truth& truth_;
  protocol::encoding encoding_;
  std::string user_id_;
  unsigned loop_;
  std::map<std::string, stay> stays_;
  std::map<std::string, std::size_t> log_of_epoch_;
  std::map<int, std::string> open_refs_; ///< with the text of a publish, empty for a join
  std::set<std::string> plain_seen_;
  bool closed_ = false;
  std::unique_ptr<testing::memory_session> session_;
};

} // namespace troupe::model
