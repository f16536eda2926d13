#pragma once

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/frame.hpp>
#include <troupe/protocol/ws_reader.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace troupe::roaming {

/// How a connection came to its end: the server's close frame, else 1006.
struct connection_end {
  std::uint16_t code = 1006;
  std::string reason;
};

/// What a connection tells its owner, from within the io_context.
class connection_events {
public:
  virtual ~connection_events() = default;
  virtual void on_connected(std::uint16_t local_port) = 0;
  /// One whole message; the bytes are gone after the call.
  virtual void on_message(std::string_view payload) = 0;
  /// Not called behind `close` and `abandon`.
  virtual void on_end(const connection_end& end) = 0;
};

/// One WebSocket that speaks troupe.v1, as a client: Asio's socket, and the protocol library's
/// reader and frame encoder. It answers pings and close frames. Thread: the io_context's.
class connection : public std::enable_shared_from_this<connection> {
public:
  using tcp = boost::asio::ip::tcp;

  /// `events` outlives the connection, or ends it by `close` or `abandon`.
  connection(boost::asio::io_context& io, protocol::codec codec, connection_events& events);

  void connect(const tcp::endpoint& server);
  void say(std::string_view message);

  /// Ends it by a close frame. What the server still says is not told.
  void close(std::uint16_t code);
  /// Ends it at once, without a close frame.
  void abandon();

private:
  using error_code = boost::system::error_code;

  void on_connect(error_code error);
  void read();
  void on_bytes(std::string_view bytes);
  std::string_view take_answer(std::string_view bytes);
  void take_frames(std::string_view bytes);
  void on_event(const protocol::ws_event& event);
  void append_frame(protocol::opcode op, std::string_view payload);
  void flush();
  void finish();

  tcp::socket socket_;
  protocol::codec codec_;
  connection_events* events_; ///< null once nothing is told any more
  protocol::ws_reader reader_;
  connection_end end_;
  std::string answer_; ///< to the upgrade request; what has come of it
  std::string out_;    ///< what is to be written behind `writing_`
  std::string writing_;
  std::uint32_t mask_;
  bool is_open_ = false;
  bool says_close_ = false; ///< its close frame is the last that it writes
  std::array<char, 16 * 1024> in_;
};

} // namespace troupe::roaming
