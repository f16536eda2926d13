#pragma once

#include "connection.hpp"
#include "dice.hpp"
#include "report.hpp"

#include <boost/asio/steady_timer.hpp>
#include <simdjson.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe::roaming {

/// What all clients share.
struct surroundings {
  boost::asio::io_context& io;
  connection::tcp::endpoint server;
  report& out;
  dice& chance;
  std::chrono::milliseconds patience;  ///< silence after which a connection counts as lost
  std::chrono::milliseconds away;      ///< most of the first wait after a loss; it doubles
  std::chrono::milliseconds long_away; ///< the wait of one in twenty; 0: of none
  simdjson::dom::parser parser{};
};

/// A client that keeps its rooms, whatever happens to its connection: it comes back by `resume`, or
/// joins with `since` where its session is gone. It waits as `goodbye` has said, else with
/// back-off.
class roamer final : public connection_events {
public:
  /// `is_eager`: it talks behind `resume` without waiting for the answer.
  roamer(surroundings& around, std::string name, std::vector<std::string> rooms,
         protocol::codec codec, bool is_eager);

  void connect_after(std::chrono::milliseconds wait);

  /// Says something in one of its rooms; does nothing while it is not connected.
  void say(std::size_t room);
  /// Says a last word in each room, unless one was acked there or may still be.
  void say_last_words();
  /// Ends its connection by a close frame.
  void leave(std::uint16_t code);
  /// Gives up a connection on which nothing has come for too long, and pings on any other.
  void beat();

  [[nodiscard]] std::size_t rooms() const noexcept { return rooms_.size(); }

private:
  using clock = std::chrono::steady_clock;
  using frame = simdjson::dom::element;

  struct room {
    std::string name;
    std::string epoch{};     ///< empty before the first join
    std::uint64_t seq = 0;   ///< up to where it has seen everything
    bool is_held = false;    ///< by the present connection
    std::string last_word{}; ///< its id; empty if none is under way on this connection
    bool has_last_word = false;
  };

  void on_connected(std::uint16_t local_port) override;
  void on_message(std::string_view payload) override;
  void on_end(const connection_end& end) override;

  void on_frame(const frame& f);
  void on_welcome(const frame& f);
  void on_resumed(const frame& f);
  void on_goodbye(const frame& f);
  void arrive(const frame& f);
  void on_said(const frame& f);
  void on_ack(const frame& f);

  void begin();
  void resume();
  void join(const room& r, std::string_view former_client);
  void come_back();
  std::chrono::milliseconds wait();
  void send(const std::string& json);
  std::string word(const room& r);
  room* find(const frame& f);

  surroundings& around_;
  std::string name_;
  std::vector<room> rooms_;
  protocol::codec codec_;
  bool is_eager_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<connection> connection_;
  clock::time_point heard_{};
  std::string session_; ///< its secret; empty before the first welcome
  std::string client_id_;
  std::string next_session_, next_client_id_; ///< of the present connection's welcome
  bool is_ready_ = false;                     ///< it may talk
  unsigned losses_ = 0;                       ///< since the last welcome
  std::optional<std::pair<std::chrono::milliseconds, std::chrono::milliseconds>> asked_;
  std::uint64_t said_ = 0;
  std::string json_;
};

} // namespace troupe::roaming
