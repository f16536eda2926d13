#pragma once

#include "http/file_part.hpp"
#include "http/file_worker.hpp"
#include "http/http_message.hpp"
#include "net/guarded_handler.hpp"
#include "tls/http_stream.hpp"

#include <troupe/actors/event_loop.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::transport {

/// Sends answers on one stream, one after the other. A body that is a part of a file is read window
/// by window, by a file worker, each once the one before has left: at most one is in memory. If the
/// file is not what it was any more, the answer is broken, and ends short of its length.
///
/// Its deadline counts the time without progress, however long the whole answer takes: progress is
/// that the kernel takes bytes, or that the peer's machine acknowledges some. It looks four times
/// within the deadline, so a stalled peer ends after the deadline, or a quarter more.
///
/// Who has taken some for a time may pause for a quarter of it longer. A system whose buffer is
/// full tells of room only once a sixteenth of it is free, and it enlarges the buffer as its
/// program reads on: the pauses of a slow, steady reader grow with what it has read. Thread: the
/// loop's.
class answer_writer {
public:
  /// Whoever holds the writer.
  class owner {
  public:
    /// Returns what keeps the owner, and the writer with it, alive during an operation.
    [[nodiscard]] virtual std::shared_ptr<void> hold() = 0;
    /// A window has left, and the next one follows.
    virtual void on_answer_progress() = 0;
    /// The kernel has taken the whole answer.
    virtual void on_answer_sent() = 0;
    /// The answer cannot be sent whole: the connection has to end. If an exception is handled at
    /// the moment, it is why.
    virtual void on_answer_broken() noexcept = 0;

  protected:
    ~owner() = default;
  };

  /// `o`, `loop` and `files` outlive it; without `files` no body is a part of a file.
  answer_writer(owner& o, actors::event_loop& loop, file_worker* files)
    : owner_(o), loop_(loop), files_(files) {}
  answer_writer(const answer_writer&) = delete;
  answer_writer& operator=(const answer_writer&) = delete;

  /// Sends `message` on `stream`, which has to stay until the owner is told. `file`: the whole
  /// body, whose first window is in the message; null if the message has all of it. `deadline`:
  /// without progress. Precondition: no other answer is under way. Throws `std::bad_alloc`.
  void send(http_stream& stream, http_response_message message,
            std::shared_ptr<const file_part> file, std::chrono::milliseconds deadline);

  /// Goes on with nothing: the owner has closed the stream, or its loop ends. What is being written
  /// still tells the owner that it is broken. Returns what may be the last that holds the owner.
  [[nodiscard]] std::shared_ptr<void> cancel() noexcept;

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
  void read_window();
  void on_window(bool is_read, std::string bytes);
  void look_for_progress();
  void note_progress() noexcept;
  void release() noexcept;

  owner& owner_;
  actors::event_loop& loop_;
  file_worker* files_;
  http_stream* stream_ = nullptr;
  std::string head_;
  std::string body_;
  std::string_view head_left_;
  std::string_view body_left_;
  std::shared_ptr<const file_part> file_; ///< what is to be read of it, or has been
  std::uint64_t read_ = 0;                ///< of it
  std::shared_ptr<void> held_;            ///< the owner, while a window is awaited
  std::chrono::milliseconds deadline_{};
  actors::steady_time begun_at_{};
  actors::steady_time progress_at_{};
  /// At the last look, unless something has been written since.
  std::optional<std::size_t> undelivered_;
  watch watch_{*this};
};

} // namespace troupe::transport
