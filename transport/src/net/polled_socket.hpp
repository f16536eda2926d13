#pragma once

#include "net/owned_descriptor.hpp"

#include <troupe/actors/event_loop.hpp>
#include <troupe/actors/loop_job.hpp>
#include <troupe/actors/poller.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/system/error_code.hpp>

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace troupe::transport {

/// The first of some buffers that has room; the last if none has.
template <class Buffers>
[[nodiscard]] boost::asio::mutable_buffer first_of(const Buffers& buffers) {
  auto i = boost::asio::buffer_sequence_begin(buffers);
  boost::asio::mutable_buffer first{*i};
  while (first.size() == 0 && ++i != boost::asio::buffer_sequence_end(buffers))
    first = *i;
  return first;
}

/// A TCP socket that its loop's poller watches: it knows without a system call whether there is
/// input, and an idle one holds no operation and no buffer.
///
/// It has the operations of Asio's sockets that sessions and Beast use. A handler never runs inside
/// the call that it was given to. At its end, the loop destroys the handlers that still wait.
///
/// Precondition: at most one `async_read_some` or `await_input` waits at a time, and at most one
/// `async_write_some` or `await_room`. Errors: a read gives `operation_aborted` if `close` comes
/// before its result, or has come before the read. A write that waits for room gives
/// `operation_aborted` at `close`; one that begins after `close` gives `bad_descriptor`. Cost: an
/// allocation for each asynchronous operation; `await_input` and `await_room` none. Thread: the
/// loop's.
class polled_socket : private actors::pollable { // not final: Asio derives from what it is shown
public:
  /// The concrete executor of a loop: Asio would otherwise take `any_io_executor`, which it copies
  /// and queries with each operation.
  using executor_type = boost::asio::io_context::executor_type;
  using lowest_layer_type = polled_socket;

  /// Whoever holds the socket; the socket tells it of events.
  class owner {
  public:
    /// Returns what keeps the owner, and the socket with it, alive during a call.
    [[nodiscard]] virtual std::shared_ptr<void> hold() = 0;
    /// There is input, or its end; once for each `await_input`.
    virtual void on_input() = 0;
    /// There is room for output, or it has ended; once for each `await_room`.
    virtual void on_room() {}
    /// The loop has ended: the owner is told of nothing any more.
    virtual void on_loop_end() noexcept {}

  protected:
    ~owner() = default;
  };

  /// Precondition: `socket` does not block.
  polled_socket(owned_descriptor socket, actors::event_loop& loop) noexcept;
  /// Has no owner until `set_owner`. Precondition: no operation of `other` is under way.
  polled_socket(polled_socket&& other) noexcept;
  virtual ~polled_socket();

  /// Tells `o` of events from now on. Throws `std::system_error` or `std::bad_alloc`.
  void set_owner(owner& o);

  [[nodiscard]] actors::event_loop& loop() const noexcept { return loop_; }

  /// Whether a read may find something. If not, nothing was there after the last one.
  [[nodiscard]] bool may_have_input() const noexcept { return may_have_input_; }

  /// Tells the owner of the next input. Precondition: `!may_have_input()`.
  void await_input() noexcept { owner_waits_ = true; }

  /// Tells the owner once more has come, or the end, though it has not read what is there.
  void await_change() noexcept { owner_waits_ = true; }
  /// Whether the peer has ended its output, or all: a read finds the end behind what is there.
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }

  /// Tells the owner once there is room for output; soon if there is some now. Throws
  /// `std::system_error`.
  void await_room();

  /// Bytes that have come and were not read; 0 if the kernel does not say. Cost: a system call.
  [[nodiscard]] std::size_t unread_bytes() const noexcept;

  /// Bytes that were written and that the peer's machine has not acknowledged; 0 if the kernel does
  /// not say. Cost: a system call.
  [[nodiscard]] std::size_t undelivered_bytes() const noexcept;

  /// Makes `close` reset the connection, and drop what the peer's machine has not acknowledged: for
  /// a peer that takes nothing the kernel would keep it, some MiB, that nobody counts. Cost: a
  /// system call.
  void drop_output_at_close() noexcept;

  /// Reads what is there, without waiting. `would_block`: nothing; `eof`: the end;
  /// `operation_aborted`: the socket is closed.
  std::size_t read_some(boost::asio::mutable_buffer into, boost::system::error_code& ec) noexcept;

  /// Calls `handler(error_code, std::size_t)` once something was read into the first of the
  /// buffers; soon, if none has room.
  template <class Buffers, class Handler>
  void async_read_some(const Buffers& into, Handler handler) {
    auto room = first_of(into);
    auto r = std::make_unique<read<Handler>>(*this, room, std::move(handler));
    if (room.size() > 0)
      start_reader(std::move(r));
    else
      loop_.post_job(*r.release());
  }

  /// Calls `handler(error_code, std::size_t)` once something of the buffers was written.
  template <class Buffers, class Handler>
  void async_write_some(const Buffers& from, Handler handler) {
    std::array<iovec, most_parts> parts;
    auto count = gather(from, parts);
    boost::system::error_code ec;
    auto n = write_some({parts.data(), count}, ec);
    auto w = std::make_unique<write<Buffers, Handler>>(*this, from, std::move(handler));
    if (ec == boost::asio::error::would_block)
      return start_writer(std::move(w));
    w->ec = ec;
    w->taken = n;
    w->is_done = true;
    loop_.post_job(*w.release());
  }

  [[nodiscard]] executor_type get_executor() const noexcept {
    return loop_.context().get_executor();
  }
  [[nodiscard]] lowest_layer_type& lowest_layer() noexcept { return *this; }
  [[nodiscard]] const lowest_layer_type& lowest_layer() const noexcept { return *this; }
  [[nodiscard]] int native_handle() const noexcept { return descriptor_; }
  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }
  void shutdown(boost::asio::socket_base::shutdown_type what,
                boost::system::error_code& ec) noexcept;
  /// Ends what waits: handlers get `operation_aborted`, from the loop; the owner is told of nothing
  /// any more. Does nothing if the socket is closed already.
  void close(boost::system::error_code& ec) noexcept;

private:
  /// An operation; it waits in the socket, then in the loop.
  class operation : public compat::loop_job {
  public:
    void run(std::size_t) final { complete(std::unique_ptr<operation>{this}); }
    void drop() noexcept final { delete this; }
    boost::system::error_code ec;

  private:
    virtual void complete(std::unique_ptr<operation> self) = 0;
  };

  template <class Handler>
  struct read final : operation {
    read(polled_socket& s, boost::asio::mutable_buffer b, Handler&& h)
      : socket(s), into(b), handler(std::move(h)) {}
    void complete(std::unique_ptr<operation> self) override {
      auto result = this->ec;
      auto n = result || into.size() == 0 ? 0 : socket.read_some(into, result);
      if (result == boost::asio::error::would_block)
        return socket.start_reader(std::move(self));
      auto h = std::move(handler);
      self.reset();
      h(result, n);
    }
    polled_socket& socket;
    boost::asio::mutable_buffer into;
    Handler handler;
  };

  template <class Buffers, class Handler>
  struct write final : operation {
    write(polled_socket& s, const Buffers& b, Handler&& h)
      : socket(s), from(b), handler(std::move(h)) {}
    void complete(std::unique_ptr<operation> self) override {
      auto result = this->ec;
      auto n = taken;
      if (!is_done && !result) {
        std::array<iovec, most_parts> parts;
        auto count = gather(from, parts);
        n = socket.write_some({parts.data(), count}, result);
      }
      if (result == boost::asio::error::would_block)
        return socket.start_writer(std::move(self));
      auto h = std::move(handler);
      self.reset();
      h(result, n);
    }
    polled_socket& socket;
    Buffers from;
    Handler handler;
    std::size_t taken = 0;
    bool is_done = false;
  };

  static constexpr std::size_t most_parts = 16;

  template <class Buffers>
  static std::size_t gather(const Buffers& buffers, std::array<iovec, most_parts>& parts) {
    std::size_t count = 0;
    for (auto i = boost::asio::buffer_sequence_begin(buffers);
         i != boost::asio::buffer_sequence_end(buffers) && count < most_parts; ++i) {
      boost::asio::const_buffer b{*i};
      if (b.size() > 0)
        parts[count++] = {const_cast<void*>(b.data()), b.size()};
    }
    return count;
  }

  std::size_t write_some(std::span<const iovec> parts, boost::system::error_code& ec) noexcept;

  void on_ready(std::uint32_t events) override;
  void on_end() noexcept override;
  void start_reader(std::unique_ptr<operation> o);
  void start_writer(std::unique_ptr<operation> o);
  void abort(std::unique_ptr<operation>& o) noexcept;

  actors::event_loop& loop_;
  owner* owner_ = nullptr;
  std::unique_ptr<operation> reader_;
  std::unique_ptr<operation> writer_;
  int descriptor_;
  bool is_polled_ = false;
  bool may_have_input_ = false;
  bool stops_short_ = false; ///< a read ends at an urgent byte, whatever lies behind it
  bool has_ended_ = false;   ///< the input, or all, has ended: the last read finds the end
  bool owner_waits_ = false; ///< for input
  bool owner_waits_for_room_ = false;
};

} // namespace troupe::transport
