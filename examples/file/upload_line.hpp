#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::examples {

/// A file that a client has sent.
struct upload {
  std::string address;      ///< whose share it counts against
  std::uint64_t client = 0; ///< whose part of that share it counts against
  std::string name;         ///< as the client wants it; may be empty
  std::string bytes;
  std::function<void(std::string_view)> answer; ///< tells the client the outcome
};

/// A queue of files that wait for the disk. It is bounded in files and bytes, and nobody can take
/// all of it.
///
/// An address may have twice as many places and bytes as are still free, a client as many as are
/// free. So an address alone gets 11 of 16 places and a client 8, and newcomers find free ones.
/// Addresses take turns, and so do the clients of each address.
///
/// Invariant: a file taken out with `next` holds its place until `finished`, so the file that is
/// being written counts. Cost: linear in the files that wait, of which there are few. Thread: one.
/// Source: Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet
/// Switches", 1998.
class upload_line {
public:
  struct limits {
    std::size_t files = 16;
    std::size_t bytes = 64 * 1024 * 1024; ///< an empty line takes any file
  };

  explicit upload_line(limits l) : limits_(l) {}

  /// Enqueues a file; returns false if there is no room. Moves from `u` only if there is.
  [[nodiscard]] bool offer(upload& u);

  /// Takes out the next file to write, if one waits. `finished` gives its place back.
  [[nodiscard]] std::optional<upload> next();
  void finished(const upload& u);

  [[nodiscard]] bool empty() const noexcept { return places_.total.files == 0; }
  [[nodiscard]] std::size_t files() const noexcept { return places_.total.files; }
  [[nodiscard]] std::size_t bytes() const noexcept { return places_.total.bytes; }

private:
  struct amount {
    std::size_t files = 0;
    std::size_t bytes = 0;
    std::uint64_t served = 0; ///< when it had its last turn
  };
  struct table {
    amount total;
    std::map<std::string, amount, std::less<>> by_address;
    std::map<std::uint64_t, amount> by_client;
  };

  [[nodiscard]] bool fits(const upload& u) const;
  [[nodiscard]] bool has_turn_before(const upload& a, const upload& b) const;

  limits limits_;
  table places_;
  std::deque<upload> waiting_;
  std::uint64_t turns_ = 0;
};

} // namespace troupe::examples
