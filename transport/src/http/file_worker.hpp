#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace troupe::transport {

/// Runs what may wait for a disk on threads of its own, so that no loop waits.
///
/// Work begins in the order given. Work that begins something new is refused while `most_waiting`
/// pieces wait, or `most_of_one` of the same client; what goes on with something is always taken,
/// and whoever asks has one such piece at a time. Thread: any.
class file_worker {
public:
  /// Throws nothing, and owns all that it uses: a disk that hangs may let it end after this object.
  using work = std::function<void()>;

  struct limits {
    std::size_t threads = 2;
    std::size_t most_waiting = 1024;
    std::size_t most_of_one = 256; ///< more than a page asks for at once
  };

  /// Starts the threads. Throws `std::system_error`.
  explicit file_worker(limits l);
  file_worker() : file_worker(limits{}) {}
  /// As `stop`.
  ~file_worker();
  file_worker(const file_worker&) = delete;
  file_worker& operator=(const file_worker&) = delete;

  /// Takes work that begins something for a client (empty: one that does not count). False if too
  /// much waits, of that client or in all, or after `stop`.
  [[nodiscard]] bool begin(work w, const std::string& client = {});
  /// Takes work that goes on with something. False after `stop`.
  [[nodiscard]] bool go_on(work w);

  /// Drops what waits, and waits a quarter of a second for what runs: threads that hang longer, on
  /// a disk, are left alone. Idempotent.
  void stop() noexcept;

private:
  struct state;
  std::shared_ptr<state> state_; ///< shared with the threads, which may outlive this
};

} // namespace troupe::transport
