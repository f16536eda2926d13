#pragma once

#include "http/http_message.hpp"
#include "net/guarded_handler.hpp"
#include "tls/http_stream.hpp"

#include <troupe/actors/event_loop.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::transport {

/// Sends answers on one stream, one after the other.
///
/// Its deadline counts the time without progress, however long the whole answer takes: progress is
/// that the kernel takes bytes, or that the peer's machine acknowledges some. It looks four times
/// within the deadline, so a stalled peer ends after the deadline, or a quarter more. Thread: the
/// loop's.
class answer_writer {
public:
  /// Whoever holds the writer.
  class owner {
  public:
    /// Returns what keeps the owner, and the writer with it, alive during an operation.
    [[nodiscard]] virtual std::shared_ptr<void> hold() = 0;
    /// The kernel has taken the whole answer.
    virtual void on_answer_sent() = 0;
    /// The answer cannot be sent whole: the connection has to end. If an exception is handled at
    /// the moment, it is why.
    virtual void on_answer_broken() noexcept = 0;

  protected:
    ~owner() = default;
  };

  /// `o` and `loop` outlive it.
  answer_writer(owner& o, actors::event_loop& loop) : owner_(o), loop_(loop) {}
  answer_writer(const answer_writer&) = delete;
  answer_writer& operator=(const answer_writer&) = delete;

  /// Sends `message` on `stream`, which has to stay until the owner is told. `deadline`: without
  /// progress. Precondition: no other answer is under way. Throws `std::bad_alloc`.
  void send(http_stream& stream, http_response_message message, std::chrono::milliseconds deadline);

  /// Stops the deadline: the owner has closed the stream, and is told so by the operation.
  void cancel() noexcept { watch_.cancel(); }

private:
  struct watch final : actors::timer_wheel::entry {
    explicit watch(answer_writer& w) : writer(w) {}
    void on_deadline() override { writer.look_for_progress(); }
    answer_writer& writer;
  };
  template <class Session, class F>
  friend class guarded_handler;

  template <class F>
  void contained(F&& f) noexcept;
  void lose_handler() noexcept;

  void write_some();
  void on_written(boost::system::error_code ec, std::size_t n);
  void look_for_progress();
  void note_progress() noexcept;
  void release() noexcept;

  owner& owner_;
  actors::event_loop& loop_;
  http_stream* stream_ = nullptr;
  std::string head_;
  std::string body_;
  std::string_view head_left_;
  std::string_view body_left_;
  std::chrono::milliseconds deadline_{};
  actors::steady_time progress_at_{};
  /// At the last look, unless something has been written since.
  std::optional<std::size_t> undelivered_;
  watch watch_{*this};
};

} // namespace troupe::transport
